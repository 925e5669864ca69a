import {
  CloudFormationClient,
  CreateStackCommand,
  DescribeStacksCommand,
  type StackEvent,
} from "@aws-sdk/client-cloudformation";
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
import { deployLambdaCommand } from "../../src/cli/commands/deploy-lambda.ts";
import { zip } from "../../src/cli/lambda/artefact.ts";
import { checkParameters, parseParameters, withRelease } from "../../src/cli/lambda/parameters.ts";
import { failures } from "../../src/cli/lambda/stack.ts";
import { makePackage, type Package, runWith } from "../deploy/operator.ts";
import { findMotoServer, motoTarget, type Target } from "../local/targets.ts";
import { type Ran, runCommand } from "./run.ts";

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
    expect(err).toContain("team@example.com is asked by e-mail to confirm");
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

  it("makes a bucket that is private, encrypted, and open to nobody without TLS, and puts the file there alone", async () => {
    // moto refuses everything by a policy that denies, whatever its condition: it does not get this one.
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

  it("hands over what is given, a new release, and every other parameter as it is", async () => {
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

  it("names the way to be told of alarms, as long as they reach nobody", async () => {
    const next = `  ec2-audit deploy lambda --stack ${stack} --alarm-email you@example.com\n    The alarms reach nobody yet.`;
    expect((await deploy([])).out).toContain(next);
    stack += "-told";
    const { out, err } = await deploy(["--alarm-email", "ops@example.com"]);
    expect(err).toContain("ops@example.com is asked by e-mail to confirm, and gets no alarm before.");
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

  it("prints each change with --dry-run in a table, and takes the change set away again", async () => {
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

  describe("refuses, before anything is uploaded,", () => {
    const uploads = () => vi.spyOn(S3Client.prototype, "send");

    it.each([
      [
        "a misspelt parameter",
        ["--parameter", "RequierdTags=name"],
        "the template has no parameter RequierdTags",
        "Did you mean RequiredTags?",
      ],
      [
        "a parameter without a value",
        ["--parameter", "RequiredTags"],
        "--parameter takes Key=Value",
        "--parameter RequiredTags=name,owner",
      ],
      ["no address", ["--email", "nope"], "--email must be an e-mail address", "the address of a list"],
      ["no address for alarms", ["--alarm-email", "a b@c.d"], "--alarm-email must be an e-mail address", ""],
      ["no address as a parameter", ["--parameter", "AlertEmail=nope"], "AlertEmail must be an e-mail address", ""],
      ["what is no tag", ["--tag", "owner"], "--tag must have the form Key=Value", "--tag owner=platform"],
      [
        "a value that the template does not take",
        ["--parameter", "MaxReceiveCount=0", "--parameter", "LogLevel=loud", "--parameter", "MaximumConcurrency=1"],
        "LogLevel is not one of debug, info, warn, error\nMaximumConcurrency must be a number from 2 to 1000\n" +
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
        "less reserved concurrency than the queue may use",
        ["--parameter", "ReservedConcurrency=4"],
        "ReservedConcurrency is 4, below MaximumConcurrency (5)",
        "",
      ],
      ["a release", ["--parameter", "Release=1"], "Release cannot be given", ""],
      [
        "a wrong policy",
        ["--parameter", 'AuditPolicy={"rules":[]}'],
        'AuditPolicy is not a policy: "rules" must be a list',
        "--parameter",
      ],
      [
        "both kinds of policy",
        ["--parameter", "AuditPolicy={}", "--parameter", "RequiredTags=name"],
        "RequiredTags is set beside AUDIT_POLICY",
        "Key= takes away",
      ],
      [
        "too long a grace",
        ["--parameter", "GraceSeconds=901"],
        "GraceSeconds must be a whole number of seconds from 0 to 900",
        "",
      ],
      [
        "an organisation without a role",
        ["--parameter", "OrganizationId=o-abcdefghij"],
        "AuditRoleName is missing",
        "",
      ],
    ])("%s", async (_, args, told, hint) => {
      const uploaded = uploads();
      const { code, err } = await deploy(args);
      expect([code, err]).toEqual([2, expect.stringContaining(told)]);
      expect(err).toContain(hint);
      expect(uploaded).not.toHaveBeenCalled();
    });

    it("tags beside the policy that an earlier deployment gave, unless that is taken away", async () => {
      await stackWith({ AuditPolicy: '{"rules":[{"rule":"required-tags","tags":["name"]}]}', Release: "01d" });
      expect((await deploy(["--parameter", "RequiredTags=name"])).err).toContain(
        "RequiredTags is set beside AUDIT_POLICY",
      );
      const { err } = await deploy(["--parameter", "RequiredTags=name", "--parameter", "AuditPolicy="]);
      expect(err).not.toContain("RequiredTags is set beside");
    });

    it("less reserved concurrency than an earlier deployment lets the queue use", async () => {
      await stackWith({ MaximumConcurrency: "50", Release: "01d" });
      const { code, err } = await deploy(["--parameter", "ReservedConcurrency=20"]);
      expect([code, err]).toEqual([
        2,
        expect.stringContaining("ReservedConcurrency is 20, below MaximumConcurrency (50)"),
      ]);
    });

    it("a stack that is not of its template: CloudFormation would remove all that is in it", async () => {
      await stackWith({ VpcId: "vpc-1" });
      const uploaded = uploads();
      const { code, err } = await deploy(["--parameter", "LogLevel=warn"]);
      expect([code, err]).toEqual([2, expect.stringContaining(`the stack ${stack} is not of deploy/template.yaml`)]);
      expect(uploaded).not.toHaveBeenCalled();
    });

    it("a stack that is being changed just now", async () => {
      // moto leaves a stack as it is in the middle of when it cannot make a resource.
      const template = { Resources: { Mapping: { Type: "AWS::Lambda::EventSourceMapping", Properties: {} } } };
      const create = new CreateStackCommand({ StackName: stack, TemplateBody: JSON.stringify(template) });
      await cloudformation()
        .send(create)
        .catch(() => undefined);
      const { code, err } = await deploy([]);
      expect([code, err]).toEqual([2, expect.stringContaining("is being changed just now (CREATE_IN_PROGRESS)")]);
      expect(err).toContain("Wait for its end.");
    });

    it("a name that a function cannot have", async () => {
      const { code, err } = await deploy(["--stack", "x".repeat(65)]);
      expect([code, err]).toEqual([2, expect.stringContaining("--stack is not a name")]);
    });

    it("a clone whose types are wrong, and shows the compiler's text", async () => {
      shipped.write("tsconfig.json", "{}");
      shipped.write("src/audit.ts", "export const wrong: number = 'text';\n");
      shipped.write(
        "package.json",
        JSON.stringify({
          name: "clone",
          scripts: { typecheck: "echo src/audit.ts: not a number && exit 1", build: "exit 0" },
        }),
      );
      const uploaded = uploads();
      const { code, err } = await deploy([]);
      expect([code, err]).toEqual([
        2,
        expect.stringContaining("npm run typecheck failed, and nothing was uploaded:\nsrc/audit.ts: not a number"),
      ]);
      expect(uploaded).not.toHaveBeenCalled();
    });

    it("a bucket that is not there", async () => {
      const { code, err } = await deploy(["--bucket", "nowhere-to-be-found"]);
      expect([code, err]).toEqual([2, expect.stringContaining("there is no bucket nowhere-to-be-found")]);
      expect(err).toContain("Without --bucket one is made.");
    });
  });
});

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

  it("are named anew when the code, the template or a setting changes, and else keep their release", () => {
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

  it("is told in the order it happened, without what was only cancelled", () => {
    const events = [
      event("2", "CREATE_FAILED", "name is taken"),
      event("3", "UPDATE_FAILED"),
      event("4", "CREATE_FAILED", "Resource creation cancelled"),
      event("5", "UPDATE_ROLLBACK_COMPLETE"),
    ];
    expect(failures(events)).toEqual([
      "Resource2 (AWS::SQS::Queue): name is taken",
      "Resource3 (AWS::SQS::Queue): no reason was told",
    ]);
  });
});
