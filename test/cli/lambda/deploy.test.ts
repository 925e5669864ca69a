import { basename } from "node:path";
import { runInNewContext } from "node:vm";
import { DescribeChangeSetCommand } from "@aws-sdk/client-cloudformation";
import {
  GetBucketTaggingCommand,
  HeadBucketCommand,
  PutBucketTaggingCommand,
  PutObjectCommand,
  S3ServiceException,
} from "@aws-sdk/client-s3";
import { unzipSync } from "fflate";
import { describe, expect, it } from "vitest";
import { cloudformation, describeStacks, s3, stack, usePackage } from "./aws.ts";

const { deploy, write, changeSet } = usePackage();

/** Over the 3 KB that deploy allows in Lambda's environment. */
const LONG_POLICY = JSON.stringify({
  rules: [{ rule: "key-pair", allowed: Array.from({ length: 40 }, (_, index) => `${index}-${"k".repeat(80)}`) }],
});

describe("deploy lambda", () => {
  it("sends the given parameters, a new release, and the stack's other parameters that the template still has", async () => {
    const before = { GraceSeconds: "120", LogLevel: "info", Release: "01d", Dropped: "from an older template" };
    describeStacks(stack("UPDATE_COMPLETE", before));
    const { code, out } = await deploy("--parameter", "LogLevel=warn", "--json");
    expect(changeSet()).toMatchObject({
      ChangeSetType: "UPDATE",
      Capabilities: ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
      TemplateBody: expect.stringMatching(
        /CodeUri: s3:\/\/ec2-audit-123456789012-eu-west-1\/audit-[0-9a-f]{64}\.zip\n/,
      ),
      Parameters: [
        { ParameterKey: "GraceSeconds", ParameterValue: "120" },
        { ParameterKey: "LogLevel", ParameterValue: "warn" },
        { ParameterKey: "Release", ParameterValue: expect.stringMatching(/^[0-9a-f]{64}$/) },
        { ParameterKey: "ReadActions", ParameterValue: "ec2:DescribeTags,ec2:DescribeInstances,ec2:DescribeRegions" },
      ],
    });
    const document = { stack: "audits", changed: true, parameters: { LogLevel: "warn" } };
    expect([code, JSON.parse(out)]).toMatchObject([0, document]);
  });

  it("allows the role what a sweep needs, by the template's schedule or another, and nothing more without a schedule", async () => {
    const actions = async (kept: Record<string, string>, ...args: string[]) => {
      describeStacks(stack("UPDATE_COMPLETE", { Release: "01d", ...kept }));
      cloudformation.resetHistory();
      await deploy(...args);
      return changeSet()?.Parameters?.find(({ ParameterKey }) => ParameterKey === "ReadActions")?.ParameterValue;
    };
    const [without, swept] = ["ec2:DescribeTags,ec2:DescribeInstances", ",ec2:DescribeRegions"];
    expect(await actions({})).toBe(without + swept);
    expect(await actions({}, "--parameter", "SweepSchedule=")).toBe(without);
    expect(await actions({ SweepSchedule: "" })).toBe(without);
    expect(await actions({ SweepSchedule: "" }, "--parameter", "SweepSchedule=rate(1 day)")).toBe(without + swept);
  });

  it("sends the sweep's detail as it is given", async () => {
    describeStacks(stack("UPDATE_COMPLETE", { Release: "01d" }));
    expect((await deploy("--parameter", 'SweepDetail={"hours":168}')).code).toBe(0);
    expect(changeSet()?.Parameters).toContainEqual({ ParameterKey: "SweepDetail", ParameterValue: '{"hours":168}' });
  });

  it("allows the role to publish to the topics of the policy's routes, and no longer when the policy has none", async () => {
    const [a, b] = ["arn:aws:sns:eu-west-1:123456789012:a", "arn:aws:sns:us-east-1:123456789012:b.fifo"];
    const rules = [{ rule: "required-tags", tags: ["name"] }];
    const routes = [a, b, a].map((topic) => ({ topic }));
    const parameter = () =>
      changeSet()?.Parameters?.find(({ ParameterKey }) => ParameterKey === "RouteTopicArns")?.ParameterValue;
    describeStacks(stack("UPDATE_COMPLETE", { Release: "01d" }));
    expect((await deploy("--policy", write("routes.json", JSON.stringify({ rules, routes })))).code).toBe(0);
    expect(parameter()).toBe(`${a},${b}`);
    describeStacks(stack("UPDATE_COMPLETE", { Release: "01d", RouteTopicArns: a }));
    cloudformation.resetHistory();
    expect((await deploy("--policy", write("plain.json", JSON.stringify({ rules })))).code).toBe(0);
    expect([changeSet() === undefined, parameter()]).toEqual([false, undefined]);
  });

  it("puts a policy of any size into the code, and allows the role the EC2 actions that it needs", async () => {
    const rules = Array.from({ length: 40 }, (_, index) => ({
      ...{ rule: "key-pair", id: `keys-${index}`, allowed: ["ops-*", "a".repeat(100)] },
    }));
    const policy = write("policy.json", JSON.stringify({ rules }, null, 2));
    describeStacks(stack("UPDATE_COMPLETE", { RequiredTags: "name", Release: "01d" }));
    expect((await deploy("--policy", policy)).code).toBe(0);
    const { Parameters = [] } = changeSet() ?? {};
    const parameter = (name: string) => Parameters.find(({ ParameterKey }) => ParameterKey === name)?.ParameterValue;
    expect([parameter("RequiredTags"), parameter("AuditPolicy"), parameter("ReadActions")]).toEqual([
      ...["", ""],
      "ec2:DescribeTags,ec2:DescribeInstances,ec2:DescribeRegions",
    ]);
    expect(parameter("PolicyInCode")).toMatch(/^[0-9a-f]{12}$/);
    const [code] = Object.values(unzipSync(s3.commandCalls(PutObjectCommand)[0]?.args[0].input.Body as Uint8Array));
    const environment: Record<string, string> = {};
    runInNewContext(new TextDecoder().decode(code), { process: { env: environment }, exports: {}, module: {} });
    expect(JSON.parse(environment.AUDIT_POLICY ?? "")).toEqual({ rules });
  });

  it.each([
    [["--policy", "policy.json", "--parameter", "RequiredTags=name"], "--policy and RequiredTags are both given"],
    [["--policy", "missing.json"], "missing.json does not exist"],
    [["--policy", "bad.json"], "bad.json is not a policy: rules[0].rule must be one of"],
    [[], "the policy of this stack is in its deployed code, which this deployment replaces"],
    [
      ["--parameter", "PolicyInCode=", "--parameter", `AuditPolicy=${LONG_POLICY}`],
      "deploy the policy with --policy FILE",
    ],
    [["--parameter", "ReadActions=ec2:DescribeVpcs"], "--parameter cannot set ReadActions"],
    [["--parameter", "RouteTopicArns="], "--parameter cannot set RouteTopicArns"],
  ])("refuses %j, and uploads nothing", async (args, problem) => {
    const files = [
      write("policy.json", '{"rules": [{"rule": "required-tags", "tags": ["name"]}]}'),
      write("bad.json", '{"rules": [{"rule": "required-tag"}]}'),
    ];
    describeStacks(stack("UPDATE_COMPLETE", { PolicyInCode: "0123456789ab", Release: "01d" }));
    const { code, err } = await deploy(...args.map((arg) => files.find((file) => basename(file) === arg) ?? arg));
    expect([code, err]).toEqual([2, expect.stringContaining(problem)]);
    expect(s3.calls()).toEqual([]);
  });

  it("uploads the same code with the same key, and other code with another key", async () => {
    await deploy();
    write("dist/audit.js", "exports.handler = async () => ({ batchItemFailures: [] });\n");
    await deploy();
    write("dist/audit.js", "exports.handler = async () => ({});\n");
    await deploy();
    const [first = "", second, third] = s3.commandCalls(PutObjectCommand).map(({ args }) => args[0].input.Key);
    expect(first).toMatch(/^audit-[0-9a-f]{64}\.zip$/);
    expect([second, third === first]).toEqual([first, false]);
  });

  it("adds its tags to those of the stack and of the default bucket, and none to a bucket of the operator", async () => {
    const Tags = [{ Key: "cost", Value: "a=b" }];
    describeStacks({ ...stack("UPDATE_COMPLETE"), Tags });
    s3.on(GetBucketTaggingCommand).resolves({ TagSet: [...Tags, { Key: "owner", Value: "platform" }] });
    await deploy("--tag", "owner=security");
    const tags = [...Tags, { Key: "owner", Value: "security" }];
    expect(changeSet()?.Tags).toEqual(tags);
    const tagged = s3.commandCalls(PutBucketTaggingCommand).map(({ args }) => args[0].input.Tagging?.TagSet);
    expect(tagged).toEqual([tags]);
    await deploy("--tag", "owner=security", "--bucket", "own");
    expect(s3.commandCalls(PutBucketTaggingCommand)).toHaveLength(1);
  });

  it("prints how to set a recipient of the alarms until there is one", async () => {
    const next = "  ec2-audit deploy lambda --region eu-west-1 --stack audits --alarm-email you@example.com";
    expect((await deploy()).out).toContain(`${next}\n    The alarms have no recipient yet.`);
    const { out, err } = await deploy("--alarm-email", "ops@example.com");
    expect(err).toContain("ops@example.com must confirm by e-mail before it gets alarms.");
    expect(out).not.toContain("--alarm-email");
    expect(changeSet()?.Parameters).toContainEqual({ ParameterKey: "AlarmEmail", ParameterValue: "ops@example.com" });
  });

  it("creates no bucket with --dry-run, and prints what it would create", async () => {
    s3.on(HeadBucketCommand).rejects(
      new S3ServiceException({ name: "NotFound", $fault: "client", $metadata: { httpStatusCode: 404 } }),
    );
    const { code, out } = await deploy("--dry-run");
    expect([code, out]).toEqual([
      0,
      expect.stringContaining("Would create the bucket ec2-audit-123456789012-eu-west-1"),
    ]);
    expect(out).toContain("create the stack audits");
    expect(s3.calls()).toHaveLength(1);
  });

  it("prints each change with --dry-run, as a table or as JSON", async () => {
    const change = { LogicalResourceId: "LaunchQueue", ResourceType: "AWS::SQS::Queue" } as const;
    cloudformation
      .on(DescribeChangeSetCommand)
      .resolvesOnce({ Status: "CREATE_COMPLETE" })
      .resolvesOnce({ Changes: [{ ResourceChange: { ...change, Action: "Add" } }], NextToken: "more" })
      .resolves({
        Status: "CREATE_COMPLETE",
        Changes: [{ ResourceChange: { ...change, Action: "Modify", Replacement: "True" } }],
      });
    const { code, out } = await deploy("--dry-run");
    expect([code, out]).toEqual([
      0,
      `Changes to the stack audits:
  Action  Resource     Type             Replacement
  Add     LaunchQueue  AWS::SQS::Queue
  Modify  LaunchQueue  AWS::SQS::Queue  True
Nothing was changed.`,
    ]);
    expect(JSON.parse((await deploy("--dry-run", "--json")).out)).toMatchObject({
      ...{ dryRun: true, stack: "audits", account: "123456789012", bucketToMake: null },
      changes: [{ action: "Modify", resource: "LaunchQueue", type: "AWS::SQS::Queue", replacement: "True" }],
    });
  });
});
