import { CloudFormationClient, CreateStackCommand, DescribeStacksCommand } from "@aws-sdk/client-cloudformation";
import { LambdaClient } from "@aws-sdk/client-lambda";
import {
  CreateBucketCommand,
  GetBucketEncryptionCommand,
  GetBucketLocationCommand,
  GetBucketTaggingCommand,
  GetObjectCommand,
  GetPublicAccessBlockCommand,
  ListObjectsV2Command,
  PutBucketPolicyCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { STSClient } from "@aws-sdk/client-sts";
import { unzipSync } from "fflate";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { deployLambdaCommand } from "../../../src/cli/commands/deploy-lambda.ts";
import { makePackage, type Package, runWith } from "../../deploy/operator.ts";
import { findMotoServer, motoTarget, type Target } from "../../local/targets.ts";
import type { Ran } from "../run.ts";

/**
 * moto carries out no SAM transform, and knows neither policies nor alarms nor aliases: of the template it makes the topics,
 * queues, rules, roles and the log group. So what is seen here is what the command hands over, and what it prints of what
 * CloudFormation says. What AWS makes of the template is in test/deploy.
 */
const moto = findMotoServer();
const missing = moto === undefined ? "moto_server is not on the PATH" : null;
if (missing !== null) console.info(`deploy lambda on moto_server is skipped: ${missing}.`);

describe.skipIf(missing !== null)(missing === null ? "deploy lambda" : `deploy lambda (skipped: ${missing})`, () => {
  let target: Target;
  let shipped: Package;
  let names = 0;
  let stack: string;

  beforeAll(async () => {
    target = await motoTarget(moto ?? "");
    await s3().send(new CreateBucketCommand({ Bucket: OWN_BUCKET }));
  }, 60_000);
  afterAll(() => target?.close());
  beforeEach(() => {
    shipped = makePackage();
    names += 1;
    stack = `audit-${names}`;
  });
  afterEach(() => {
    vi.restoreAllMocks();
    shipped.remove();
  });

  const deploy = (args: readonly string[]): Promise<Ran> =>
    runWith((cli) => deployLambdaCommand(cli, shipped.folder), ["--stack", stack, ...args], {
      endpoint: target.endpoint,
    });
  const settings = () => ({
    region: "us-east-1",
    endpoint: target.endpoint,
    credentials: { accessKeyId: "testing", secretAccessKey: "testing" },
  });
  const cloudformation = () => new CloudFormationClient(settings());
  const s3 = () => new S3Client({ ...settings(), forcePathStyle: true });
  const OWN_BUCKET = "ec2-audit-123456789012-us-east-1";
  const keysIn = async (Bucket: string) => {
    const { Contents = [] } = await s3().send(new ListObjectsV2Command({ Bucket }));
    return Contents.map(({ Key = "" }) => Key);
  };
  const stackNow = async () => {
    const { Stacks = [] } = await cloudformation().send(new DescribeStacksCommand({ StackName: stack }));
    const [{ Parameters = [], Tags = [] } = {}] = Stacks;
    return {
      parameters: Object.fromEntries(
        Parameters.map(({ ParameterKey, ParameterValue }) => [ParameterKey, ParameterValue]),
      ),
      tags: Object.fromEntries(Tags.map(({ Key, Value }) => [Key, Value])),
    };
  };
  /** The stack as an earlier deployment left it. */
  const stackWith = async (parameters: Readonly<Record<string, string>>) => {
    const declared = Object.keys(parameters).map((name) => [name, { Type: "String" }]);
    const template = { Parameters: Object.fromEntries(declared), Resources: { Topic: { Type: "AWS::SNS::Topic" } } };
    const Parameters = Object.entries(parameters).map(([ParameterKey, ParameterValue]) => ({
      ParameterKey,
      ParameterValue,
    }));
    await cloudformation().send(
      new CreateStackCommand({ StackName: stack, TemplateBody: JSON.stringify(template), Parameters }),
    );
  };
  const stackIsThere = () =>
    stackNow().then(
      () => true,
      () => false,
    );

  it("uploads the file, deploys the template, and says what is next; its help lists what it calls", async () => {
    const sent = [LambdaClient, CloudFormationClient, STSClient].map((client) => vi.spyOn(client.prototype, "send"));
    const { code, out, err } = await deploy(["--email", "team@example.com", "--parameter", "RequiredTags=name,owner"]);
    expect([code, err]).toEqual([
      0,
      expect.stringContaining(
        `Stack ${stack} in account 123456789012, region us-east-1, with the keys in the environment\n`,
      ),
    ]);
    expect(err).toContain("There are no sources here: the file is deployed as it was shipped.");
    expect(err).toContain("Deploying\n");
    expect(err).toContain("team@example.com must confirm by e-mail");
    expect((await stackNow()).parameters).toMatchObject({
      RequiredTags: "name,owner",
      AlertEmail: "team@example.com",
      GraceSeconds: "45",
      Release: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    expect(out).toContain(`Deployed the stack ${stack}.`);
    expect(out).toContain(`ec2-audit doctor --stack ${stack}`);
    expect(out).toContain(`ec2-audit rollback lambda --stack ${stack}`);
    const { out: help } = await deploy(["--help"]);
    const called = sent.flatMap(({ mock }) => mock.calls.map(([command]) => command.constructor.name));
    expect(called).toEqual(expect.arrayContaining(["DescribeStacksCommand", "ExecuteChangeSetCommand"]));
    expect(called.filter((name) => !help.includes(name.replace(/Command$/, "")))).toEqual([]);
  }, 90_000);

  it("makes a bucket that is private, encrypted and closed without TLS, and uploads only the file", async () => {
    // moto ignores the condition of a Deny and would refuse everything, so it does not get this policy.
    const policies: unknown[] = [];
    const send = S3Client.prototype.send;
    vi.spyOn(S3Client.prototype, "send").mockImplementation(function (this: S3Client, ...args: unknown[]) {
      const [command] = args;
      if (!(command instanceof PutBucketPolicyCommand)) return Reflect.apply(send, this, args);
      policies.push({ ...command.input, Policy: JSON.parse(command.input.Policy ?? "") });
      return Promise.resolve({});
    });
    const Bucket = "ec2-audit-123456789012-eu-west-3";
    expect((await deploy(["--region", "eu-west-3"])).code).toBe(0);
    const { LocationConstraint } = await s3().send(new GetBucketLocationCommand({ Bucket }));
    const { PublicAccessBlockConfiguration } = await s3().send(new GetPublicAccessBlockCommand({ Bucket }));
    const { ServerSideEncryptionConfiguration } = await s3().send(new GetBucketEncryptionCommand({ Bucket }));
    expect([LocationConstraint, PublicAccessBlockConfiguration]).toEqual([
      "eu-west-3",
      { BlockPublicAcls: true, IgnorePublicAcls: true, BlockPublicPolicy: true, RestrictPublicBuckets: true },
    ]);
    expect(ServerSideEncryptionConfiguration?.Rules).toMatchObject([
      { ApplyServerSideEncryptionByDefault: { SSEAlgorithm: "AES256" } },
    ]);
    const statement = {
      ...{ Sid: "RefuseWithoutTls", Effect: "Deny", Principal: "*", Action: "s3:*" },
      Resource: [`arn:aws:s3:::${Bucket}`, `arn:aws:s3:::${Bucket}/*`],
      Condition: { Bool: { "aws:SecureTransport": "false" } },
    };
    expect(policies).toEqual([
      {
        ...{ Bucket, ExpectedBucketOwner: "123456789012" },
        Policy: { Version: "2012-10-17", Statement: [statement] },
      },
    ]);
    const [Key = ""] = await keysIn(Bucket);
    const { Body } = await s3().send(new GetObjectCommand({ Bucket, Key }));
    const files = unzipSync((await Body?.transformToByteArray()) ?? new Uint8Array());
    expect(Object.keys(files)).toEqual(["audit.js"]);
    expect(Buffer.from(files["audit.js"] ?? []).toString()).toContain("exports.handler");
  }, 60_000);

  it("gives its tags to the stack and to its own bucket, and keeps those that are there", async () => {
    await deploy(["--tag", "owner=platform", "--tag", "cost=a=b"]);
    await deploy(["--tag", "owner=security"]);
    const { TagSet = [] } = await s3().send(new GetBucketTaggingCommand({ Bucket: OWN_BUCKET }));
    const tags = Object.fromEntries(TagSet.map(({ Key, Value }) => [Key, Value]));
    expect(tags).toEqual({ owner: "security", cost: "a=b" });
    const sent = vi.spyOn(CloudFormationClient.prototype, "send");
    await deploy(["--tag", "team=audit", "--parameter", "LogLevel=warn"]);
    const inputs = sent.mock.calls.map(([command]) => command.input).filter((input) => "TemplateBody" in input);
    expect(inputs).toMatchObject([{ Tags: expect.arrayContaining([{ Key: "team", Value: "audit" }]) }]);
  }, 60_000);

  it("uploads the same archive for the same file, whenever that was built", async () => {
    await s3().send(new CreateBucketCommand({ Bucket: "same" }));
    await deploy(["--bucket", "same"]);
    const first = await keysIn("same");
    shipped.write("dist/audit.js", "exports.handler = async () => ({ batchItemFailures: [] });\n");
    await deploy(["--bucket", "same"]);
    expect([first, await keysIn("same")]).toEqual([[expect.stringMatching(/^audit-[0-9a-f]{64}\.zip$/)], first]);
    shipped.write("dist/audit.js", "exports.handler = async () => ({});\n");
    await deploy(["--bucket", "same"]);
    expect(await keysIn("same")).toHaveLength(2);
  }, 90_000);

  it("sends the given parameters, a new release, and every other parameter unchanged", async () => {
    await stackWith({ GraceSeconds: "120", LogLevel: "info", Release: "01d", Dropped: "of an older template" });
    const sent = vi.spyOn(CloudFormationClient.prototype, "send");
    const { code, out } = await deploy(["--parameter", "LogLevel=warn", "--json"]);
    const [input] = sent.mock.calls.map(([command]) => command.input).filter((each) => "TemplateBody" in each);
    expect(input).toMatchObject({
      ChangeSetType: "UPDATE",
      Capabilities: ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
      TemplateBody: expect.stringMatching(
        /CodeUri: s3:\/\/ec2-audit-123456789012-us-east-1\/audit-[0-9a-f]{64}\.zip\n/,
      ),
      Parameters: [
        { ParameterKey: "GraceSeconds", ParameterValue: "120" },
        { ParameterKey: "LogLevel", ParameterValue: "warn" },
        { ParameterKey: "Release", ParameterValue: expect.stringMatching(/^[0-9a-f]{64}$/) },
      ],
    });
    expect([code, JSON.parse(out)]).toMatchObject([0, { stack, changed: true, parameters: { LogLevel: "warn" } }]);
  });

  it("names the way to get the alarms, as long as no one gets them", async () => {
    const next = `  ec2-audit deploy lambda --stack ${stack} --alarm-email you@example.com\n    No one gets the alarms yet.`;
    expect((await deploy([])).out).toContain(next);
    stack += "-told";
    const { out, err } = await deploy(["--alarm-email", "ops@example.com"]);
    expect(err).toContain("ops@example.com must confirm by e-mail before it gets any alarm.");
    expect(out).not.toContain("--alarm-email");
    expect((await stackNow()).parameters).toMatchObject({ AlarmEmail: "ops@example.com" });
  }, 60_000);

  it("makes nothing with --dry-run: without a bucket it says what it would do", async () => {
    // Another region has no bucket yet.
    const { code, out } = await deploy(["--dry-run", "--region", "eu-west-1"]);
    expect([code, out]).toEqual([0, expect.stringContaining("Would make the bucket ec2-audit-123456789012-eu-west-1")]);
    expect(out).toContain(`create the stack ${stack}`);
    await expect(keysIn("ec2-audit-123456789012-eu-west-1")).rejects.toThrow("does not exist");
  }, 60_000);

  it("prints each change with --dry-run in a table, and removes the change set", async () => {
    await s3().send(new CreateBucketCommand({ Bucket: "planned" }));
    const { code, out } = await deploy(["--dry-run", "--bucket", "planned"]);
    expect([code, out]).toEqual([
      0,
      expect.stringMatching(/^Would change in the stack audit-\d+:\n {2}Action {2}Resource +Type +Replacement\n/),
    ]);
    expect(out).toMatch(/\n {2}Add {5}LaunchQueue +AWS::SQS::Queue\n/);
    expect(out).toContain("Nothing was changed.");
    expect(await stackIsThere()).toBe(false);
    const { out: json } = await deploy(["--dry-run", "--bucket", "planned", "--json"]);
    expect(JSON.parse(json)).toMatchObject({
      ...{ dryRun: true, stack, account: "123456789012", bucketToMake: null },
      changes: expect.arrayContaining([
        { action: "Add", resource: "LaunchQueue", type: "AWS::SQS::Queue", replacement: "" },
      ]),
    });
  }, 60_000);
});
