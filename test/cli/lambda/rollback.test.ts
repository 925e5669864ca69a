import {
  GetAliasCommand,
  ListVersionsByFunctionCommand,
  ResourceNotFoundException,
  UpdateAliasCommand,
} from "@aws-sdk/client-lambda";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { rollbackLambdaCommand } from "../../../src/cli/commands/rollback-lambda.ts";
import { runWith } from "../../deploy/operator.ts";
import { cloudformation, describeStacks, interrupt, lambda, run, stack, sts, useMockedAws } from "./aws.ts";

const NOT_FOUND = new ResourceNotFoundException({ message: "Function not found", $metadata: {} });

useMockedAws();

/** The mocked function, with the versions 1 to 3, of which 3 is live. */
beforeEach(() => {
  const Outputs = [{ OutputKey: "FunctionName", OutputValue: "ec2-audit" }];
  describeStacks({ ...stack("UPDATE_COMPLETE"), Outputs });
  const Versions = ["one", "two", "three"].map((name, index) => ({
    ...{
      Version: String(index + 1),
      LastModified: `2026-11-0${index + 1}T00:00:00Z`,
      Description: `EC2 audit ${name}`,
    },
  }));
  lambda.on(ListVersionsByFunctionCommand).resolves({ Versions: [{ Version: "$LATEST" }, ...Versions] });
  lambda.on(GetAliasCommand).resolves({ FunctionVersion: "3", RevisionId: "revision" });
});

const rollback = (args: readonly string[], answer?: boolean) =>
  runWith(rollbackLambdaCommand, args, { ...run, ...(answer !== undefined && { answer }) });
const FUNCTION = ["--function", "ec2-audit", "--yes"];
/** The versions that the alias was moved to. */
const moved = () => lambda.commandCalls(UpdateAliasCommand).map(({ args }) => args[0].input.FunctionVersion);

describe("rollback lambda", () => {
  it("asks for confirmation, and moves the alias to the newest earlier version", async () => {
    const { code, out, err, asked } = await rollback(["--stack", "audits"], true);
    expect([code, asked]).toEqual([0, ["Roll back ec2-audit to version 2?"]]);
    expect(err).toContain(`Reading the versions
Function ec2-audit in account 123456789012, region us-east-1, with the credentials in the environment
  live now   version 3, created 2026-11-03T00:00:00Z (EC2 audit three)
  roll back  version 2, created 2026-11-02T00:00:00Z (EC2 audit two)`);
    expect(out).toContain("Rolled back ec2-audit to version 2");
    expect(out).toContain("ec2-audit rollback lambda --stack audits --to 3");
    expect(lambda.commandCalls(UpdateAliasCommand).map(({ args }) => args[0].input)).toEqual([
      {
        ...{ FunctionName: "ec2-audit", Name: "live", FunctionVersion: "2", RevisionId: "revision" },
        RoutingConfig: { AdditionalVersionWeights: {} },
      },
    ]);
  });

  it("changes nothing when the operator declines, or there is no terminal for the confirmation", async () => {
    expect((await rollback(["--stack", "audits"], false)).code).toBe(1);
    expect((await rollback(["--stack", "audits"])).code).toBe(2);
    expect(moved()).toEqual([]);
  });

  it("does not ask with --yes, and prints JSON with --json", async () => {
    const { code, out, asked } = await rollback([...FUNCTION, "--to", "1", "--json"]);
    expect([code, asked, moved()]).toEqual([0, [], ["1"]]);
    expect(JSON.parse(out)).toEqual({
      ...{ function: "ec2-audit", account: "123456789012", region: "us-east-1" },
      ...{ credentials: "the credentials in the environment", from: 3, to: 1, made: "2026-11-01T00:00:00Z" },
    });
  });

  it("changes nothing with --dry-run", async () => {
    const { code, out } = await rollback(["--function", "ec2-audit", "--dry-run", "--json"]);
    expect([code, JSON.parse(out)]).toMatchObject([0, { dryRun: true, from: 3, to: 2 }]);
    expect(moved()).toEqual([]);
  });

  it("ends a canary by giving every call to the version with most of them", async () => {
    const RoutingConfig = { AdditionalVersionWeights: { "3": 0.1 } };
    lambda.on(GetAliasCommand).resolves({ FunctionVersion: "2", RoutingConfig });
    const { code, err } = await rollback(FUNCTION);
    expect([code, err]).toEqual([0, expect.stringContaining("version 3 gets 10 % of the calls")]);
    expect(moved()).toEqual(["2"]);
  });

  it("lists the versions, and marks the live one", async () => {
    const { out } = await rollback(["--function", "ec2-audit", "--list"]);
    expect(out).toBe(`Versions of ec2-audit, newest first, failed deployments included:
  version 3, created 2026-11-03T00:00:00Z (EC2 audit three)  live
  version 2, created 2026-11-02T00:00:00Z (EC2 audit two)
  version 1, created 2026-11-01T00:00:00Z (EC2 audit one)`);
    const { out: json } = await rollback(["--function", "ec2-audit", "--list", "--json"]);
    const versions = [{ number: 3 }, { number: 2 }, { number: 1 }];
    expect(JSON.parse(json)).toMatchObject({ live: 3, canary: null, versions });
  });

  it.each([
    ["a version that does not exist", [...FUNCTION, "--to", "9"], "version 9 does not exist"],
    ["the live version", [...FUNCTION, "--to", "3"], "version 3 is live already"],
    [
      "a stack that does not exist",
      ["--stack", "audits", "--yes"],
      "the stack audits does not exist in us-east-1",
      () => describeStacks(null),
    ],
    [
      "a function that does not exist",
      FUNCTION,
      "the function ec2-audit does not exist in this account and region",
      () => lambda.on(ListVersionsByFunctionCommand).rejects(NOT_FOUND),
    ],
    ["a function without an alias", FUNCTION, "has no alias live", () => lambda.on(GetAliasCommand).rejects(NOT_FOUND)],
    [
      "to go back from the oldest version",
      FUNCTION,
      "version 1 is the oldest version",
      () => lambda.on(GetAliasCommand).resolves({ FunctionVersion: "1" }),
    ],
  ])("refuses %s", async (_, args, message, prepare: (() => unknown) | undefined = undefined) => {
    prepare?.();
    const { code, err } = await rollback(args);
    expect([code, err, moved()]).toEqual([2, expect.stringContaining(message), []]);
  });

  it.each([
    [
      "UPDATE_IN_PROGRESS",
      "or cancel it: aws cloudformation cancel-update-stack --stack-name audits --region us-east-1",
    ],
    ["REVIEW_IN_PROGRESS", "Wait until it ends."],
  ] as const)("refuses while the stack is in %s, and prints the fix", async (status, hint) => {
    describeStacks(stack(status));
    const { code, err } = await rollback(["--stack", "audits", "--yes"]);
    expect([code, err]).toEqual([2, expect.stringContaining(`a deployment is in progress (${status})`)]);
    expect(err).toContain(hint);
    expect(moved()).toEqual([]);
  });

  it("lists in its help exactly the calls that it makes", async () => {
    await rollback(["--stack", "audits", "--yes"]);
    const called = [sts, cloudformation, lambda].flatMap((client) =>
      client.calls().map(({ args }) => args[0].constructor.name.replace(/Command$/, "")),
    );
    const { out } = await rollback(["--help"]);
    const listed = out.slice(out.indexOf("Required permissions"), out.indexOf("Exit codes"));
    expect(new Set(listed.match(/\b[A-Z][a-z]+[A-Z]\w+/g))).toEqual(new Set(called));
  });

  it("prints on Ctrl-C that the alias may have moved, and how to check", async () => {
    vi.spyOn(process, "kill").mockReturnValue(true);
    const before = process.listeners("SIGINT");
    lambda.on(UpdateAliasCommand).callsFake(() => {
      interrupt(before);
      return {};
    });
    const { err } = await rollback(["--stack", "audits", "--yes"]);
    vi.restoreAllMocks();
    expect(err).toContain(
      "The alias may have moved already. To check: ec2-audit rollback lambda --stack audits --list",
    );
  });
});
