import {
  BucketAlreadyExists,
  CreateBucketCommand,
  HeadBucketCommand,
  PutObjectCommand,
  S3ServiceException,
} from "@aws-sdk/client-s3";
import { beforeEach, describe, expect, it } from "vitest";
import { describeStacks, s3, stack, usePackage } from "./aws.ts";

const { deploy, write } = usePackage();

describe("deploy lambda refuses, before it uploads anything,", () => {
  it.each([
    [
      "a misspelt parameter",
      ["--parameter", "RequierdTags=name"],
      "the template has no parameter RequierdTags",
      "Did you mean RequiredTags?",
    ],
    [
      "a parameter without an equals sign",
      ["--parameter", "RequiredTags"],
      "--parameter takes Key=Value",
      "--parameter RequiredTags=name,owner",
    ],
    ["an invalid address", ["--email", "nope"], "--email must be an e-mail address", "the address of a mailing list"],
    ["an invalid address for alarms", ["--alarm-email", "a b@c.d"], "--alarm-email must be an e-mail address", ""],
    [
      "an invalid address as a parameter",
      ["--parameter", "AlertEmail=nope"],
      "AlertEmail must be an e-mail address",
      "",
    ],
    ["a malformed tag", ["--tag", "owner"], "--tag must have the form Key=Value", "--tag owner=platform"],
    [
      "values that the template does not allow",
      ["--parameter", "MaxReceiveCount=0", "--parameter", "LogLevel=loud", "--parameter", "MaximumConcurrency=1"],
      "LogLevel must be one of debug, info, warn, error\nMaximumConcurrency must be a number from 2 to 1000\n" +
        "MaxReceiveCount must be a whole number from 1 to 1000\n",
      "",
    ],
    [
      "e-mail from a FIFO topic",
      ["--email", "a@example.com", "--parameter", "AlertTopicArn=arn:aws:sns:us-east-1:123456789012:alerts.fifo"],
      "AlertEmail is set, but AlertTopicArn is a FIFO topic, which sends no e-mail",
      "",
    ],
    [
      "resolved alerts without the events that resolve",
      ["--parameter", "ResolvedAlerts=on"],
      "ResolvedAlerts is on, but no event can end a violation: set TagChanges=true",
      "",
    ],
    [
      "less reserved concurrency than the queue may use",
      ["--parameter", "ReservedConcurrency=4"],
      "ReservedConcurrency is 4, below MaximumConcurrency (5)",
      "",
    ],
    ["a release", ["--parameter", "Release=1"], "--parameter cannot set Release", ""],
    [
      "an invalid policy",
      ["--parameter", 'AuditPolicy={"rules":[]}'],
      "AuditPolicy is not a policy: rules must be a list",
      "--parameter",
    ],
    [
      "both kinds of policy",
      ["--parameter", "AuditPolicy={}", "--parameter", "RequiredTags=name"],
      "RequiredTags is set together with AUDIT_POLICY",
      "Key= removes",
    ],
    [
      "a grace over SQS's limit",
      ["--parameter", "GraceSeconds=901"],
      "GraceSeconds must be a whole number of seconds from 0 to 900",
      "",
    ],
    [
      "a grace over the function's limit",
      ["--parameter", "GraceSeconds=5000"],
      "GraceSeconds must be a whole number of seconds from 0 to 900",
      "",
    ],
    ["a sweep's detail that is no object", ["--parameter", "SweepDetail=168"], "SweepDetail must be a JSON object", ""],
    [
      "a sweep's detail that is not JSON",
      ["--parameter", "SweepDetail={hours:168}"],
      "SweepDetail is not valid JSON",
      "",
    ],
    [
      "a sweep's detail that the function refuses",
      ["--parameter", 'SweepDetail={"hours":0}'],
      'SweepDetail is refused by the function: the event\'s "detail.hours" must be a number from 1 to 744',
      "",
    ],
    ["an organisation without a role", ["--parameter", "OrganizationId=o-abcdefghij"], "AuditRoleName is missing", ""],
  ])("%s", async (_, args, message, hint) => {
    const { code, err } = await deploy(...args);
    expect([code, err]).toEqual([2, expect.stringContaining(message)]);
    expect(err).toContain(hint);
    expect(s3.calls()).toEqual([]);
  });

  it("tags beside the policy of an earlier deployment, unless that is removed", async () => {
    describeStacks(
      stack("UPDATE_COMPLETE", { AuditPolicy: '{"rules":[{"rule":"required-tags","tags":["name"]}]}', Release: "01d" }),
    );
    expect((await deploy("--parameter", "RequiredTags=name")).err).toContain(
      "RequiredTags is set together with AUDIT_POLICY",
    );
    const { err } = await deploy("--parameter", "RequiredTags=name", "--parameter", "AuditPolicy=");
    expect(err).not.toContain("RequiredTags is set together");
  });

  it("less reserved concurrency than the queue may use since an earlier deployment", async () => {
    describeStacks(stack("UPDATE_COMPLETE", { MaximumConcurrency: "50", Release: "01d" }));
    const { code, err } = await deploy("--parameter", "ReservedConcurrency=20");
    expect([code, err]).toEqual([
      2,
      expect.stringContaining("ReservedConcurrency is 20, below MaximumConcurrency (50)"),
    ]);
  });

  it("a stack of another template, whose resources CloudFormation would remove", async () => {
    describeStacks(stack("UPDATE_COMPLETE", { VpcId: "vpc-1" }));
    const { code, err } = await deploy("--parameter", "LogLevel=warn");
    expect([code, err]).toEqual([
      2,
      expect.stringContaining("the stack audits was not created from deploy/template.yaml"),
    ]);
    expect(s3.calls()).toEqual([]);
  });

  it("a name that a function cannot have", async () => {
    const { code, err } = await deploy("--stack", "x".repeat(65));
    expect([code, err]).toEqual([2, expect.stringContaining("--stack is not a valid name")]);
  });

  it("a clone with a type error, and prints the compiler's output", async () => {
    write("tsconfig.json", "{}");
    write("src/audit.ts", "export const wrong: number = 'text';\n");
    write(
      "package.json",
      JSON.stringify({
        name: "clone",
        scripts: { typecheck: "echo src/audit.ts: not a number && exit 1", build: "exit 0" },
      }),
    );
    const { code, err } = await deploy();
    expect([code, err]).toEqual([
      2,
      expect.stringContaining("npm run typecheck failed, and nothing was uploaded:\nsrc/audit.ts: not a number"),
    ]);
    expect(s3.calls()).toEqual([]);
  });
});

describe("deploy lambda", () => {
  const s3Error = (httpStatusCode: number) =>
    new S3ServiceException({
      name: "Unknown",
      $fault: "client",
      $metadata: { httpStatusCode },
      message: "UnknownError",
    });
  beforeEach(() => describeStacks(null));

  it.each([
    [403, "the bucket taken does not belong to account 123456789012, or these credentials may not use it"],
    [301, "the bucket taken is not in eu-west-1"],
  ])("uploads nothing when HeadBucket returns %i", async (status, message) => {
    s3.on(HeadBucketCommand).rejects(s3Error(status));
    const { code, err } = await deploy("--bucket", "taken");
    expect([code, err]).toEqual([2, expect.stringContaining(message)]);
    const [head] = s3.commandCalls(HeadBucketCommand);
    expect(head?.args[0].input).toEqual({ Bucket: "taken", ExpectedBucketOwner: "123456789012" });
    expect(s3.calls()).toHaveLength(1);
  });

  it("creates no bucket with --bucket", async () => {
    s3.on(HeadBucketCommand).rejects(s3Error(404));
    const { code, err } = await deploy("--bucket", "nowhere");
    expect([code, err]).toEqual([
      2,
      expect.stringContaining("the bucket nowhere does not exist\n  Without --bucket, the command creates one."),
    ]);
    expect(s3.calls()).toHaveLength(1);
  });

  it("uploads nothing when another account takes the name in between", async () => {
    s3.on(HeadBucketCommand).rejects(s3Error(404));
    s3.on(CreateBucketCommand).rejects(new BucketAlreadyExists({ $metadata: {}, message: "taken" }));
    const { code, err } = await deploy();
    expect([code, err]).toEqual([
      2,
      expect.stringContaining("the bucket ec2-audit-123456789012-eu-west-1 does not belong to account 123456789012"),
    ]);
    expect(s3.commandCalls(PutObjectCommand)).toHaveLength(0);
  });

  it("uploads only to a bucket of its account", async () => {
    await deploy("--dry-run");
    const [put] = s3.commandCalls(PutObjectCommand);
    expect(put?.args[0].input).toMatchObject({ ExpectedBucketOwner: "123456789012" });
  });
});
