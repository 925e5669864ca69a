import { CloudFormationClient, CreateChangeSetCommand, CreateStackCommand } from "@aws-sdk/client-cloudformation";
import { CreateRoleCommand, IAMClient } from "@aws-sdk/client-iam";
import {
  CreateAliasCommand,
  CreateFunctionCommand,
  GetAliasCommand,
  LambdaClient,
  PublishVersionCommand,
  UpdateAliasCommand,
  UpdateFunctionConfigurationCommand,
} from "@aws-sdk/client-lambda";
import { STSClient } from "@aws-sdk/client-sts";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { rollbackLambdaCommand } from "../../../src/cli/commands/rollback-lambda.ts";
import { runWith } from "../../deploy/operator.ts";
import { findMotoServer, motoTarget, type Target } from "../../local/targets.ts";

/** rollback lambda on moto's versions and aliases: its question, its output, and the version that the alias calls. */
const moto = findMotoServer();

/** An empty ZIP archive: moto never runs it. */
const EMPTY_ZIP = Buffer.from(`504b0506${"00".repeat(18)}`, "hex");

describe.skipIf(moto === undefined)(
  moto === undefined ? "rollback lambda (skipped: moto_server is not on the PATH)" : "rollback lambda",
  () => {
    let target: Target;
    let lambda: LambdaClient;
    let cloudformation: CloudFormationClient;
    let revision = 0;

    beforeAll(async () => {
      target = await motoTarget(moto ?? "");
      const settings = {
        region: "us-east-1",
        endpoint: target.endpoint,
        credentials: { accessKeyId: "testing", secretAccessKey: "testing" },
      };
      lambda = new LambdaClient(settings);
      const trust = { Version: "2012-10-17", Statement: [] };
      const { Role } = await new IAMClient(settings).send(
        new CreateRoleCommand({ RoleName: "audit", AssumeRolePolicyDocument: JSON.stringify(trust) }),
      );
      for (const FunctionName of ["ec2-audit", "by-hand"]) {
        await lambda.send(
          new CreateFunctionCommand({
            FunctionName,
            Role: Role?.Arn,
            Runtime: "nodejs22.x",
            Handler: "audit.handler",
            Code: { ZipFile: EMPTY_ZIP },
          }),
        );
      }
      for (const Description of ["EC2 audit one", "EC2 audit two", "EC2 audit three"]) {
        await lambda.send(new UpdateFunctionConfigurationCommand({ FunctionName: "ec2-audit", Description }));
        await lambda.send(new PublishVersionCommand({ FunctionName: "ec2-audit" }));
      }
      await lambda.send(new CreateAliasCommand({ FunctionName: "ec2-audit", Name: "live", FunctionVersion: "3" }));
      const template = {
        Resources: { Topic: { Type: "AWS::SNS::Topic" } },
        Outputs: { FunctionName: { Value: "ec2-audit" } },
      };
      cloudformation = new CloudFormationClient(settings);
      await cloudformation.send(
        new CreateStackCommand({ StackName: "audits", TemplateBody: JSON.stringify(template) }),
      );
    }, 60_000);
    afterAll(() => target?.close());
    beforeEach(() => liveIs("3"));

    async function liveIs(FunctionVersion: string, AdditionalVersionWeights: Record<string, number> = {}) {
      revision += 1;
      await lambda.send(
        new UpdateAliasCommand({
          FunctionName: "ec2-audit",
          Name: "live",
          FunctionVersion,
          Description: `${revision}`,
          RoutingConfig: { AdditionalVersionWeights },
        }),
      );
    }
    const alias = async () => {
      const { FunctionVersion, RoutingConfig } = await lambda.send(
        new GetAliasCommand({ FunctionName: "ec2-audit", Name: "live" }),
      );
      return [FunctionVersion, RoutingConfig?.AdditionalVersionWeights ?? {}];
    };
    const rollback = (args: readonly string[], answer?: boolean) =>
      runWith(rollbackLambdaCommand, args, { endpoint: target.endpoint, ...(answer !== undefined && { answer }) });

    it("asks, and moves the alias to the previous version", async () => {
      const { code, out, err, asked } = await rollback(["--stack", "audits"], true);
      expect([code, asked]).toEqual([0, ["Roll ec2-audit back to version 2?"]]);
      expect(err).toContain(
        "Function ec2-audit in account 123456789012, region us-east-1, with the keys in the environment\n",
      );
      expect(err).toMatch(
        /live now {3}version 3, made \d{4}-.*\(EC2 audit three\)\n {2}roll back {2}version 2, made \d{4}-.*\(EC2 audit two\)/,
      );
      expect(out).toContain("Rolled back ec2-audit to version 2");
      expect(out).toContain("ec2-audit rollback lambda --stack audits --to 3");
      expect(await alias()).toEqual(["2", {}]);
    });

    it("changes nothing when the operator declines, or cannot be asked", async () => {
      expect((await rollback(["--stack", "audits"], false)).code).toBe(1);
      expect((await rollback(["--stack", "audits"])).code).toBe(2);
      expect(await alias()).toEqual(["3", {}]);
    });

    it("does not ask with --yes, and prints JSON with --json", async () => {
      const { code, out, asked } = await rollback(["--function", "ec2-audit", "--to", "1", "--yes", "--json"]);
      expect([code, asked]).toEqual([0, []]);
      expect(JSON.parse(out)).toMatchObject({
        function: "ec2-audit",
        account: "123456789012",
        credentials: "the keys in the environment",
        from: 3,
        to: 1,
        made: expect.stringMatching(/^\d{4}-/),
      });
      expect(await alias()).toEqual(["1", {}]);
    });

    it("changes nothing with --dry-run", async () => {
      const { code, out } = await rollback(["--function", "ec2-audit", "--dry-run", "--json"]);
      expect([code, JSON.parse(out)]).toMatchObject([0, { dryRun: true, from: 3, to: 2 }]);
      expect(await alias()).toEqual(["3", {}]);
    });

    it("ends a canary by giving every call to the version with most of them", async () => {
      await liveIs("2", { "3": 0.1 });
      const { code, err } = await rollback(["--function", "ec2-audit", "--yes"]);
      expect([code, err]).toEqual([0, expect.stringContaining("version 3 gets 10 % of the calls")]);
      expect(await alias()).toEqual(["2", {}]);
    });

    it("lists the versions, and which is live", async () => {
      const { out } = await rollback(["--function", "ec2-audit", "--list"]);
      expect(
        out
          .split("\n")
          .slice(1)
          .map((line) => line.replace(/, made \S+/, "")),
      ).toEqual(["  version 3 (EC2 audit three)  live", "  version 2 (EC2 audit two)", "  version 1 (EC2 audit one)"]);
      const { out: json } = await rollback(["--function", "ec2-audit", "--list", "--json"]);
      expect(JSON.parse(json)).toMatchObject({
        live: 3,
        canary: null,
        versions: [{ number: 3 }, { number: 2 }, { number: 1 }],
      });
    });

    it.each([
      ["a version that does not exist", ["--function", "ec2-audit", "--to", "9", "--yes"], "version 9 does not exist"],
      ["the live version", ["--function", "ec2-audit", "--to", "3", "--yes"], "version 3 is live already"],
      ["a stack that does not exist", ["--stack", "nobody", "--yes"], "the stack nobody does not exist in us-east-1"],
      // AWS has an error for that; moto returns an empty list of versions.
      ["a function that does not exist", ["--function", "nobody", "--yes"], "the function nobody has no alias live"],
      ["a function made by hand", ["--function", "by-hand", "--yes"], "has no alias live"],
    ])("refuses %s", async (_, args, message) => {
      const { code, err } = await rollback(args);
      expect([code, err]).toEqual([2, expect.stringContaining(message)]);
      expect(await alias()).toEqual(["3", {}]);
    });

    it("refuses while a deployment is in progress", async () => {
      const template = { Resources: { Topic: { Type: "AWS::SNS::Topic" } } };
      await cloudformation.send(
        new CreateChangeSetCommand({
          StackName: "ec2-audit",
          ChangeSetName: "in-progress",
          ChangeSetType: "CREATE",
          TemplateBody: JSON.stringify(template),
        }),
      );
      const { code, err } = await rollback(["--yes"]);
      expect([code, err]).toEqual([2, expect.stringContaining("a deployment is in progress")]);
      expect(err).toContain("Wait until it ends.");
      expect(await alias()).toEqual(["3", {}]);
    });

    it("calls exactly what its help lists, and prints its progress", async () => {
      const sent = [LambdaClient, CloudFormationClient, STSClient].map((client) => vi.spyOn(client.prototype, "send"));
      const { code, err } = await rollback(["--stack", "audits", "--yes"]);
      const called = sent.flatMap(({ mock }) => mock.calls.map(([command]) => command.constructor.name));
      vi.restoreAllMocks();
      expect([code, err]).toEqual([0, expect.stringContaining("Reading the versions\nFunction ec2-audit")]);
      const { out } = await rollback(["--help"]);
      const listed = out.slice(out.indexOf("Required permissions"), out.indexOf("Exit codes"));
      const named = listed.match(/\b[A-Z][a-z]+[A-Z]\w+/g);
      expect(new Set(named)).toEqual(new Set(called.map((name) => name.replace(/Command$/, ""))));
    });

    it("refuses when there is no previous version", async () => {
      await liveIs("1");
      const { code, err } = await rollback(["--function", "ec2-audit", "--yes"]);
      expect([code, err]).toEqual([2, expect.stringContaining("version 1 is the oldest version")]);
    });
  },
);
