import type { StackEvent } from "@aws-sdk/client-cloudformation";
import { afterEach, describe, expect, it, vi } from "vitest";
import { zip } from "../../../src/cli/lambda/artefact.ts";
import { checkParameters, parseParameters, withRelease } from "../../../src/cli/lambda/parameters.ts";
import { failures } from "../../../src/cli/lambda/stack.ts";
import { runCommand } from "../run.ts";

describe("the archive of the function", () => {
  afterEach(() => {
    vi.unstubAllEnvs();
  });

  it("has the same bytes in every time zone, and can be read by Lambda's own user", () => {
    const archives = ["Pacific/Auckland", "America/Los_Angeles"].map((zone) => {
      vi.stubEnv("TZ", zone);
      return Buffer.from(zip({ code: Buffer.from("exports.handler = 1;") }));
    });
    const [one = Buffer.alloc(0), other] = archives;
    expect(one).toEqual(other);
    // https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT, 4.3.12: the external attributes of the one entry.
    const entry = one.indexOf("PK\u0001\u0002");
    expect(one.readUInt32LE(entry + 38) >>> 16).toBe(0o100644);
  });
});

describe("the parameters to deploy with", () => {
  const artefact = {
    template: "Parameters:\n  LogLevel:\n    Type: String\n  Release:\n    Type: String\n\nResources:\n",
    code: Buffer.from(""),
    sha256: "aa",
  };
  type Given = Parameters<typeof withRelease>;
  const releaseOf = (given: Given[0], kept: Given[1], from: Given[2], versions: Given[3] = []) =>
    withRelease(given, kept, from, versions).Release;

  it("get a new release when the code, the template or a setting changes, and keep it otherwise", () => {
    const release = releaseOf({}, { LogLevel: "info" }, artefact);
    expect(releaseOf({ LogLevel: "info" }, {}, artefact)).toBe(release);
    expect(releaseOf({}, { LogLevel: "info", Release: "old", AuditPolicy: "" }, artefact)).toBe(release);
    expect(releaseOf({ LogLevel: "warn" }, { LogLevel: "info" }, artefact)).not.toBe(release);
    expect(releaseOf({}, { LogLevel: "info" }, { ...artefact, sha256: "bb" })).not.toBe(release);
    expect(releaseOf({}, { LogLevel: "info" }, { ...artefact, template: "other" })).not.toBe(release);
  });

  it("have another release where one of that name has failed: its version stays, and Lambda would publish none", () => {
    const first = releaseOf({}, {}, artefact);
    const second = releaseOf({}, { Release: "of before" }, artefact, ["EC2 audit of before", `EC2 audit ${first}`]);
    expect(second).not.toBe(first);
    const failed = [`EC2 audit ${first}`, `EC2 audit ${second}`];
    expect([first, second]).not.toContain(releaseOf({}, { Release: "of before" }, artefact, failed));
    expect(releaseOf({}, { Release: second ?? "" }, artefact, failed)).toBe(second);
  });

  it("keep the release that is in force, though its version is there", () => {
    const first = releaseOf({}, {}, artefact) ?? "";
    expect(releaseOf({}, { Release: first }, artefact, [`EC2 audit ${first}`])).toBe(first);
  });

  it("are read from words: the last one wins, and a value may have an equals sign", () => {
    expect(parseParameters(["LogLevel=info", "LogLevel=a=b"], artefact.template)).toEqual({ LogLevel: "a=b" });
  });

  it("are right when there are none", () => {
    expect(() => checkParameters({}, artefact.template)).not.toThrow();
  });
});

describe("deploy lambda --help", () => {
  it("lists in 80 columns what it calls, and what it ends with", async () => {
    const { out } = await runCommand(["deploy", "lambda", "--help"]);
    expect(out).toMatch(/cloudformation {2}DescribeStacks, DescribeStackEvents, CreateChangeSet/);
    expect(out).toContain("Exit codes: 0 done, or nothing to do; 2 used wrongly or failed.");
    expect(out.split("\n").filter((line) => line.length > 80)).toEqual([]);
  });
});

describe("what failed in a stack", () => {
  const event = (
    EventId: string,
    ResourceStatus: NonNullable<StackEvent["ResourceStatus"]>,
    ResourceStatusReason?: string,
  ): StackEvent => ({
    ...{ EventId, ResourceStatus, StackId: "stack", StackName: "ec2-audit", Timestamp: new Date(0) },
    ...{ LogicalResourceId: `Resource${EventId}`, ResourceType: "AWS::SQS::Queue" },
    ...(ResourceStatusReason !== undefined && { ResourceStatusReason }),
  });

  it("is listed in the order in which it happened, without what was only cancelled", () => {
    const events = [
      event("2", "CREATE_FAILED", "name is taken"),
      event("3", "UPDATE_FAILED"),
      event("4", "CREATE_FAILED", "Resource creation cancelled"),
      event("5", "UPDATE_ROLLBACK_COMPLETE"),
    ];
    expect(failures(events)).toEqual([
      "Resource2 (AWS::SQS::Queue): name is taken",
      "Resource3 (AWS::SQS::Queue): no reason was given",
    ]);
  });
});
