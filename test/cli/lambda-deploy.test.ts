import {
  CloudFormationClient,
  CreateStackCommand,
  DescribeStacksCommand,
  type StackEvent,
} from "@aws-sdk/client-cloudformation";
import { LambdaClient } from "@aws-sdk/client-lambda";
import { STSClient } from "@aws-sdk/client-sts";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { deployLambdaCommand } from "../../src/cli/commands/deploy-lambda.ts";
import { checkParameters, parseParameters, withRelease } from "../../src/cli/lambda/parameters.ts";
import { eventsAfter, failures } from "../../src/cli/lambda/stack.ts";
import { AWS_CLI, awsCli, MOTO_AND_CLI } from "../deploy/aws-cli.ts";
import { makePackage, type Package, pathOf, runWith } from "../deploy/operator.ts";
import { motoTarget, type Target } from "../local/targets.ts";
import { type Ran, runCommand } from "./run.ts";

/** Passes everything on to the real AWS CLI, and notes each call. */
const REAL_AWS = `record(args); process.exit(spawnSync(${JSON.stringify(AWS_CLI)}, args, { stdio: "inherit" }).status ?? 1);`;

/**
 * moto carries out no SAM transform, and knows neither policies nor alarms nor aliases: of the template it makes the topics,
 * queues, rules, roles and the log group. So what is seen here is what the command hands over, and what it prints of what
 * CloudFormation says. What AWS makes of the template is in test/deploy.
 */
const { moto, missing } = MOTO_AND_CLI;
if (missing !== null) console.info(`deploy lambda on moto_server is skipped: ${missing}.`);

describe.skipIf(missing !== null)(missing === null ? "deploy lambda" : `deploy lambda (skipped: ${missing})`, () => {
  let target: Target;
  let shipped: Package;
  let names = 0;
  let stack: string;
  /** Where env and python are, which the AWS CLI is started by; neither sam nor aws is there by these names. */
  const system = () => process.env.PATH ?? "";

  beforeAll(async () => {
    target = await motoTarget(moto ?? "");
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

  const deploy = (args: readonly string[], path = pathOf(shipped.bin, system())): Promise<Ran> =>
    runWith((cli) => deployLambdaCommand(cli, shipped.folder), ["--stack", stack, ...args], {
      endpoint: target.endpoint,
      path,
    });
  const cloudformation = () =>
    new CloudFormationClient({
      region: "us-east-1",
      endpoint: target.endpoint,
      credentials: { accessKeyId: "testing", secretAccessKey: "testing" },
    });
  const parametersNow = async () => {
    const { Stacks = [] } = await cloudformation().send(new DescribeStacksCommand({ StackName: stack }));
    return Object.fromEntries(
      (Stacks[0]?.Parameters ?? []).map(({ ParameterKey, ParameterValue }) => [ParameterKey, ParameterValue]),
    );
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
    parametersNow().then(
      () => true,
      () => false,
    );

  describe("with the AWS CLI", () => {
    beforeEach(() => shipped.program("aws", REAL_AWS));

    it("makes a bucket, uploads the file, deploys the template, and says what is next; its help lists what it calls", async () => {
      const sent = [LambdaClient, CloudFormationClient, STSClient].map((client) => vi.spyOn(client.prototype, "send"));
      const { code, out, err } = await deploy([
        "--email",
        "team@example.com",
        "--parameter",
        "RequiredTags=name,owner",
      ]);
      expect([code, err]).toEqual([
        0,
        expect.stringContaining(`Stack ${stack} in account 123456789012, region us-east-1, with aws`),
      ]);
      expect(err).toContain("There are no sources here: the file is deployed as it was shipped.");
      expect(err).toContain("team@example.com is asked by e-mail to confirm");
      expect(await parametersNow()).toMatchObject({
        RequiredTags: "name,owner",
        AlertEmail: "team@example.com",
        GraceSeconds: "45",
        Release: expect.stringMatching(/^[0-9a-f]{64}$/),
      });
      expect(out).toContain(`Deployed the stack ${stack}.`);
      expect(out).toContain(`ec2-audit doctor --stack ${stack}`);
      expect(out).toContain(`ec2-audit rollback lambda --stack ${stack}`);
      const { Contents } = JSON.parse(
        await awsCli(target.endpoint, "s3api", "list-objects-v2", "--bucket", "ec2-audit-123456789012-us-east-1"),
      );
      expect(Contents).toHaveLength(1);
      const { out: help } = await deploy(["--help"]);
      const called = sent.flatMap(({ mock }) => mock.calls.map(([command]) => command.constructor.name));
      expect(called).toContain("DescribeStacksCommand");
      expect(called.filter((name) => !help.includes(name.replace(/Command$/, "")))).toEqual([]);
    }, 90_000);

    it("uploads the same archive for the same file, whenever that was built", async () => {
      const packagedKeys = async () => {
        const { Contents = [] } = JSON.parse(
          await awsCli(target.endpoint, "s3api", "list-objects-v2", "--bucket", "same"),
        );
        return Contents.map(({ Key }: { Key: string }) => Key);
      };
      await awsCli(target.endpoint, "s3api", "create-bucket", "--bucket", "same");
      shipped.program("aws", `if (args[1] === "deploy") process.exit(0); ${REAL_AWS}`);
      await deploy(["--bucket", "same"]);
      const first = await packagedKeys();
      shipped.write("dist/audit.js", "exports.handler = async () => ({ batchItemFailures: [] });\n");
      await deploy(["--bucket", "same"]);
      expect([first.length, await packagedKeys()]).toEqual([1, first]);
    }, 90_000);

    it("hands over what is given, and a new release: the AWS CLI keeps the value of every other parameter", async () => {
      await stackWith({ GraceSeconds: "120", LogLevel: "info", Release: "0ld" });
      // moto cannot do what the AWS CLI asks then: to use the previous value.
      shipped.program("aws", "record(args);");
      const { code, out } = await deploy(["--parameter", "LogLevel=warn", "--json"]);
      const [, , args = []] = shipped.recorded();
      const given = args.slice(args.indexOf("--parameter-overrides") + 1);
      expect(args.slice(0, 2)).toEqual(["cloudformation", "deploy"]);
      expect(given).toEqual([
        "LogLevel=warn",
        expect.stringMatching(/^Release=[0-9a-f]{64}$/),
        "--region",
        "us-east-1",
      ]);
      expect([code, JSON.parse(out)]).toMatchObject([0, { stack, changed: true, parameters: { LogLevel: "warn" } }]);
    });

    it("makes nothing with --dry-run: without a bucket it says what it would do", async () => {
      // Another region has no bucket yet.
      const { code, out } = await deploy(["--dry-run", "--region", "eu-west-1"]);
      expect([code, out]).toEqual([
        0,
        expect.stringContaining("Would make the bucket ec2-audit-123456789012-eu-west-1"),
      ]);
      expect(out).toContain(`create the stack ${stack}`);
      expect(shipped.recorded().map((args) => args.slice(0, 2).join(" "))).toEqual(["s3api head-bucket"]);
    }, 60_000);

    it("prints each change with --dry-run, and takes the change set away again", async () => {
      await awsCli(target.endpoint, "s3api", "create-bucket", "--bucket", "planned");
      const { code, out } = await deploy(["--dry-run", "--bucket", "planned"]);
      expect([code, out]).toEqual([0, expect.stringContaining("  Add LaunchQueue (AWS::SQS::Queue)")]);
      expect(out).toContain("Nothing was changed.");
      expect(await stackIsThere()).toBe(false);
    }, 60_000);

    it("asks S3 whose bucket it is", async () => {
      await awsCli(target.endpoint, "s3api", "create-bucket", "--bucket", "owned");
      await deploy(["--bucket", "owned", "--dry-run"]);
      const [first] = shipped.recorded();
      expect(first?.slice(0, 6)).toEqual([
        "s3api",
        "head-bucket",
        "--bucket",
        "owned",
        "--expected-bucket-owner",
        "123456789012",
      ]);
    }, 60_000);
  });

  describe("refuses, before anything is uploaded,", () => {
    beforeEach(() => shipped.program("aws", "record(args);"));

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
      ["no address, before AWS is asked", ["--email", "nope"], '"nope" is not an e-mail address', "takes one address"],
      ["no address", ["--parameter", "AlertEmail=nope"], "AlertEmail is not an e-mail address", ""],
      ["no address for alarms", ["--parameter", "AlarmEmail=nope"], "AlarmEmail is not an e-mail address", ""],
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
      ["too long a grace", ["--parameter", "GraceSeconds=901"], "GraceSeconds is over 900", ""],
      [
        "an organisation without a role",
        ["--parameter", "OrganizationId=o-abcdefghij"],
        "AuditRoleName is missing",
        "",
      ],
    ])("%s", async (_, args, told, hint) => {
      const { code, err } = await deploy(args);
      expect([code, err]).toEqual([2, expect.stringContaining(told)]);
      expect(err).toContain(hint);
      expect(shipped.recorded()).toEqual([]);
    });

    it("tags beside the policy that an earlier deployment gave, unless that is taken away", async () => {
      await stackWith({ AuditPolicy: '{"rules":[{"rule":"required-tags","tags":["name"]}]}', Release: "0ld" });
      expect((await deploy(["--parameter", "RequiredTags=name"])).err).toContain(
        "RequiredTags is set beside AUDIT_POLICY",
      );
      const { err } = await deploy(["--parameter", "RequiredTags=name", "--parameter", "AuditPolicy="]);
      expect(err).not.toContain("RequiredTags is set beside");
    });

    it("a stack that is not of its template: CloudFormation would remove all that is in it", async () => {
      await stackWith({ VpcId: "vpc-1" });
      const { code, err } = await deploy(["--parameter", "LogLevel=warn"]);
      expect([code, err]).toEqual([2, expect.stringContaining(`the stack ${stack} is not of deploy/template.yaml`)]);
      expect(shipped.recorded()).toEqual([]);
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
      const { code, err } = await deploy([]);
      expect([code, err]).toEqual([
        2,
        expect.stringContaining("npm run typecheck failed, and nothing was uploaded:\nsrc/audit.ts: not a number"),
      ]);
      expect(shipped.recorded()).toEqual([]);
    });

    it("a machine with neither sam nor the AWS CLI, and says where they are to be had", async () => {
      const { code, err } = await deploy([], shipped.folder);
      expect([code, err]).toEqual([2, expect.stringContaining("neither sam nor aws is on the PATH")]);
      expect(err).toContain("https://docs.aws.amazon.com/");
    });
  });

  it("tells of a bucket that is a stranger's, and uploads nothing there", async () => {
    shipped.program(
      "aws",
      'record(args); console.error("An error occurred (403) when calling the HeadBucket operation: Forbidden"); process.exit(254);',
    );
    const { code, err } = await deploy(["--bucket", "taken"]);
    expect([code, err]).toEqual([2, expect.stringContaining("the bucket taken is not account 123456789012's")]);
    expect(shipped.recorded()).toHaveLength(1);
  });

  it("tells what CloudFormation says when it refuses", async () => {
    shipped.program(
      "aws",
      'if (args[1] === "deploy") { console.error("An error occurred (ValidationError): Parameter MaxReceiveCount failed to satisfy constraint"); process.exit(254); }',
    );
    const { code, err } = await deploy(["--parameter", "MaxReceiveCount=0"]);
    expect([code, err]).toEqual([2, expect.stringContaining("Parameter MaxReceiveCount failed to satisfy constraint")]);
    expect(err).toContain("Nothing was changed.");
  });

  it("prints the stack's outputs, also when nothing is to be changed", async () => {
    const template = {
      Parameters: { Release: { Type: "String", Default: "" } },
      Resources: { Topic: { Type: "AWS::SNS::Topic" } },
      Outputs: { FunctionName: { Value: stack } },
    };
    await cloudformation().send(new CreateStackCommand({ StackName: stack, TemplateBody: JSON.stringify(template) }));
    shipped.program("sam", "console.log(`No changes to deploy. Stack is up to date`);");
    const { code, out } = await deploy([]);
    expect([code, out]).toEqual([
      0,
      expect.stringContaining(`The stack ${stack} is as it should be.\n  FunctionName  ${stack}\nNext:`),
    ]);
    expect(JSON.parse((await deploy(["--json"])).out)).toMatchObject({
      stack,
      changed: false,
      outputs: { FunctionName: stack },
    });
  });

  it("takes sam where it is on the PATH, and gives it what it can read", async () => {
    shipped.program("sam", "record(args);");
    const policy = '{"rules":[{"rule":"required-tags","tags":["cost \\"centre\\""]}]}';
    const { code, err } = await deploy(["--parameter", `AuditPolicy=${policy}`, "--parameter", "AuditRoleName="]);
    expect([code, err]).toEqual([0, expect.stringContaining("with sam")]);
    const [args = []] = shipped.recorded();
    const at = args.indexOf("--parameter-overrides");
    expect(args.slice(0, at)).toEqual([
      ...["deploy", "--template-file", "deploy/template.yaml", "--stack-name", stack, "--resolve-s3"],
      ...["--capabilities", "CAPABILITY_IAM", "--no-confirm-changeset", "--no-fail-on-empty-changeset"],
    ]);
    expect(args.slice(at + 1)).toEqual([
      String.raw`AuditPolicy="{\"rules\":[{\"rule\":\"required-tags\",\"tags\":[\"cost \u0022centre\u0022\"]}]}"`,
      'AuditRoleName=""',
      expect.stringMatching(/^Release="[0-9a-f]{64}"$/),
      ...["--region", "us-east-1"],
    ]);
  }, 60_000);
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
    expect(() => checkParameters({})).not.toThrow();
  });
});

describe("deploy lambda --help", () => {
  it("lists in 80 columns what it calls, and what it ends with", async () => {
    const { out } = await runCommand(["deploy", "lambda", "--help"]);
    expect(out).toMatch(/cloudformation {2}DescribeStacks, DescribeStackEvents\n/);
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

  it("is told in the order it happened, without what was only cancelled, and without earlier deployments", () => {
    const events = [
      event("5", "UPDATE_ROLLBACK_COMPLETE"),
      event("4", "CREATE_FAILED", "Resource creation cancelled"),
      event("3", "UPDATE_FAILED"),
      event("2", "CREATE_FAILED", "name is taken"),
      event("1", "CREATE_FAILED", "an old story"),
    ];
    expect(failures(eventsAfter(events, "1"))).toEqual([
      "Resource2 (AWS::SQS::Queue): name is taken",
      "Resource3 (AWS::SQS::Queue): no reason was told",
    ]);
    expect(failures(eventsAfter(events, undefined))).toHaveLength(3);
  });
});
