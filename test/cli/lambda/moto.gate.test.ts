import { CloudFormationClient, DescribeStacksCommand } from "@aws-sdk/client-cloudformation";
import { LambdaClient } from "@aws-sdk/client-lambda";
import {
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
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { deployLambdaCommand } from "../../../src/cli/commands/deploy-lambda.ts";
import { makePackage, type Package, runWith } from "../../deploy/operator.ts";
import { findMotoServer, motoTarget, type Target } from "../../local/targets.ts";
import type { Ran } from "../run.ts";

/**
 * moto has no SAM transform, policies, alarms or aliases: from the template it creates the topics, queues, rules, roles and log
 * group. test/deploy tests what AWS creates from the template.
 */
const moto = findMotoServer();
const missing = moto === undefined ? "moto_server is not on the PATH" : null;
if (missing !== null) console.info(`deploy lambda on moto_server is skipped: ${missing}.`);

describe.skipIf(missing !== null)(missing === null ? "deploy lambda" : `deploy lambda (skipped: ${missing})`, () => {
  const region = "eu-west-3";
  const Bucket = `ec2-audit-123456789012-${region}`;
  let target: Target;
  let shipped: Package;
  let s3: S3Client;
  let cloudformation: CloudFormationClient;
  const policies: unknown[] = [];

  beforeAll(async () => {
    target = await motoTarget(moto ?? "");
    shipped = makePackage();
    const credentials = { accessKeyId: "testing", secretAccessKey: "testing" };
    const settings = { region, endpoint: target.endpoint, credentials };
    s3 = new S3Client({ ...settings, forcePathStyle: true });
    cloudformation = new CloudFormationClient(settings);
    // moto ignores the condition of a Deny and would refuse every call, so it does not get this policy.
    const send = S3Client.prototype.send;
    vi.spyOn(S3Client.prototype, "send").mockImplementation(function (this: S3Client, ...args: unknown[]) {
      const [command] = args;
      if (!(command instanceof PutBucketPolicyCommand)) return Reflect.apply(send, this, args);
      policies.push({ ...command.input, Policy: JSON.parse(command.input.Policy ?? "") });
      return Promise.resolve({});
    });
  }, 60_000);
  afterAll(async () => {
    vi.restoreAllMocks();
    shipped?.remove();
    await target?.close();
  });

  const deploy = (...args: readonly string[]): Promise<Ran> =>
    runWith(
      (cli) => deployLambdaCommand(cli, shipped.folder),
      ["--stack", "audits", "--region", region, ...args],
      target,
    );
  const readStack = async () => {
    const { Stacks = [] } = await cloudformation.send(new DescribeStacksCommand({ StackName: "audits" }));
    const parameters = (Stacks[0]?.Parameters ?? []).map(({ ParameterKey, ParameterValue }) => [
      ParameterKey,
      ParameterValue,
    ]);
    return Object.fromEntries(parameters);
  };

  it("uploads the file and deploys the template, by calls that its help lists", async () => {
    const sent = [LambdaClient, CloudFormationClient, STSClient].map((client) => vi.spyOn(client.prototype, "send"));
    const { code, out, err } = await deploy("--email", "team@example.com", "--tag", "owner=platform");
    expect([code, err]).toEqual([
      0,
      expect.stringContaining(
        `Stack audits in account 123456789012, region ${region}, with the credentials in the environment\n`,
      ),
    ]);
    expect(err).toContain("This is an installed package: the shipped file is deployed.");
    expect(err).toContain("Deploying\n");
    expect(err).toContain("team@example.com must confirm by e-mail");
    expect(out).toContain("Deployed the stack audits.");
    expect(out).toContain(`ec2-audit doctor --region ${region} --stack audits`);
    expect(out).toContain(`ec2-audit rollback lambda --region ${region} --stack audits`);
    const release = expect.stringMatching(/^[0-9a-f]{64}$/);
    expect(await readStack()).toMatchObject({ AlertEmail: "team@example.com", GraceSeconds: "45", Release: release });
    const { out: help } = await deploy("--help");
    const called = sent.flatMap(({ mock }) => mock.calls.map(([command]) => command.constructor.name));
    expect(called).toEqual(expect.arrayContaining(["DescribeStacksCommand", "ExecuteChangeSetCommand"]));
    expect(called.filter((name) => !help.includes(name.replace(/Command$/, "")))).toEqual([]);
  }, 60_000);

  it("has created a bucket that is private, encrypted and closed without TLS, with only the file in it", async () => {
    const { LocationConstraint } = await s3.send(new GetBucketLocationCommand({ Bucket }));
    const { PublicAccessBlockConfiguration } = await s3.send(new GetPublicAccessBlockCommand({ Bucket }));
    const { ServerSideEncryptionConfiguration } = await s3.send(new GetBucketEncryptionCommand({ Bucket }));
    expect([LocationConstraint, PublicAccessBlockConfiguration]).toEqual([
      region,
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
    const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket }));
    const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key: Contents[0]?.Key }));
    const files = unzipSync((await Body?.transformToByteArray()) ?? new Uint8Array());
    expect([Contents.length, Object.keys(files)]).toEqual([1, ["audit.js"]]);
    expect(Buffer.from(files["audit.js"] ?? []).toString()).toContain("exports.handler");
  });

  it("keeps parameters and tags when it deploys again", async () => {
    expect((await deploy("--tag", "cost=a=b", "--parameter", "LogLevel=warn")).code).toBe(0);
    expect(await readStack()).toMatchObject({ AlertEmail: "team@example.com", LogLevel: "warn" });
    const { TagSet = [] } = await s3.send(new GetBucketTaggingCommand({ Bucket }));
    const tags = Object.fromEntries(TagSet.map(({ Key, Value }) => [Key, Value]));
    expect(tags).toEqual({ owner: "platform", cost: "a=b" });
  }, 60_000);
});
