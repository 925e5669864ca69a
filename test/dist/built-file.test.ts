import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import {
  AuthorizeSecurityGroupIngressCommand,
  CreateSecurityGroupCommand,
  EC2Client,
  RunInstancesCommand,
} from "@aws-sdk/client-ec2";
import { CreateTopicCommand, SNSClient, SubscribeCommand } from "@aws-sdk/client-sns";
import { CreateQueueCommand, ReceiveMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { buildMarkOf } from "../../src/cli/build-mark.ts";
import { type Clock, type EmbeddedAws, startEmbeddedAws } from "../../src/local/aws/index.ts";
import { RULE_KINDS } from "../../src/policy/rules/index.ts";
import { BUILT_FILE, loadBuilt, post, serve } from "../support/hosts.ts";
import { launchEnvelope, launchEvent } from "../support/launch.ts";
import type { Served } from "../support/loopback.ts";

/** The built file that is deployed. The gate runs these tests on each supported version of Node. */

const CLIENT = {
  region: "us-east-1",
  credentials: { accessKeyId: "AKIAIOSFODNN7EXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY" },
};

let aws: EmbeddedAws;
let secrets: Record<string, string>;
let ec2: EC2Client;
let sqs: SQSClient;
let queueUrl: string;
let served: Served | undefined;

beforeAll(async () => {
  aws = await startEmbeddedAws();
  const settings = { ...CLIENT, endpoint: aws.endpoint };
  ec2 = new EC2Client(settings);
  sqs = new SQSClient(settings);
  const sns = new SNSClient(settings);
  const topic = await sns.send(new CreateTopicCommand({ Name: "ec2_audit_alert" }));
  await sns.send(new CreateTopicCommand({ Name: "ec2_launches_check" }));
  queueUrl = (await sqs.send(new CreateQueueCommand({ QueueName: "alerts" }))).QueueUrl ?? "";
  const Endpoint = "arn:aws:sqs:us-east-1:123456789012:alerts";
  const Attributes = { RawMessageDelivery: "true" };
  await sns.send(new SubscribeCommand({ TopicArn: topic.TopicArn, Protocol: "sqs", Endpoint, Attributes }));
  secrets = {
    AWS_REGION: "us-east-1",
    AWS_ACCESS_KEY_ID: "AKIAIOSFODNN7EXAMPLE",
    AWS_SECRET_ACCESS_KEY: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    ALERT_TOPIC_ARN: topic.TopicArn ?? "",
    AWS_ENDPOINT_URL: aws.endpoint,
    SNS_SIGNING_CERT: aws.signingCert,
  };
});
afterAll(() => aws.close());

beforeEach(() => {
  vi.spyOn(process.stdout, "write").mockReturnValue(true);
});
afterEach(async () => {
  await served?.close();
  served = undefined;
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
});

async function launch(tags: Readonly<Record<string, string>>): Promise<string> {
  const Tags = Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
  const TagSpecifications = Tags.length > 0 ? [{ ResourceType: "instance" as const, Tags }] : [];
  const { Instances = [] } = await ec2.send(
    new RunInstancesCommand({ ImageId: "ami-0abcdef1234567890", MinCount: 1, MaxCount: 1, TagSpecifications }),
  );
  return Instances[0]?.InstanceId ?? "";
}

function delivery(instanceId: string, ageSeconds = 120): string {
  const now = Date.now();
  return JSON.stringify(aws.sign(launchEnvelope(instanceId, { at: now - ageSeconds * 1000, now })));
}

async function alerts(): Promise<Record<string, unknown>[]> {
  const { Messages = [] } = await sqs.send(
    new ReceiveMessageCommand({ QueueUrl: queueUrl, MaxNumberOfMessages: 10, VisibilityTimeout: 600 }),
  );
  return Messages.map(({ Body = "" }) => JSON.parse(Body));
}

/** The audit's calls after the first `from`. */
function callsSince(from: number): string[] {
  const actions = ["DescribeTags", "DescribeInstances", "Publish"];
  return aws.calls
    .slice(from)
    .map((call) => call.action)
    .filter((action) => actions.includes(action));
}

const LAMBDA = { getRemainingTimeInMillis: () => 30_000 };

describe("the built file", () => {
  it("is a webtask of three parameters, with a Lambda handler of two", () => {
    const built = loadBuilt();
    expect([typeof built, built.length, built.handler.length]).toEqual(["function", 3, 2]);
    expect(Object.prototype.toString.call(built.handler({}, LAMBDA).catch(() => {}))).toBe("[object Promise]");
  });

  it("requires only Node's own modules", () => {
    const required = [...readFileSync(BUILT_FILE, "utf8").matchAll(/\brequire\(["'`]([^"'`]+)["'`]\)/g)];
    expect(required.length).toBeGreaterThan(0);
    expect(required.map(([, name = ""]) => name).filter((name) => !name.startsWith("node:"))).toEqual([]);
  });

  it("is ASCII, so that V8 stores one byte per character", () => {
    expect([...readFileSync(BUILT_FILE)].filter((byte) => byte > 127)).toEqual([]);
  });

  it("has a build mark: the hash of its content", () => {
    const code = readFileSync(BUILT_FILE, "utf8");
    expect(buildMarkOf(code)).toMatch(/^[0-9a-f]{12}$/);
    expect(buildMarkOf(`${code} `)).toBe(null);
  });

  it("creates its clients without any output on stderr", () => {
    const event = launchEvent("i-1234567890abcdef0", Date.now());
    const script = `require(${JSON.stringify(BUILT_FILE)}).handler(${JSON.stringify(event)}, { getRemainingTimeInMillis: () => 5_000 }).catch(({ name }) => console.log(name));`;
    const env = { ...secrets, AWS_ENDPOINT_URL: "http://127.0.0.1:1", LOG_LEVEL: "error" };
    const { stdout, stderr } = spawnSync(process.execPath, ["-e", script], { encoding: "utf8", env });
    expect([stdout.split("\n").at(-2), stderr]).toEqual(["Audit_failed", ""]);
  });

  it("loads no module of Node at first, and those that a delivery needs when the process is idle", () => {
    const script = `const before = new Set(process.moduleLoadList);
      const loaded = () => process.moduleLoadList.filter((name) => name.startsWith("NativeModule") && !before.has(name));
      require(${JSON.stringify(BUILT_FILE)});
      const atOnce = loaded();
      setImmediate(() => console.log(JSON.stringify({ atOnce, soon: loaded() })));`;
    const { stdout } = spawnSync(process.execPath, ["-e", script], { encoding: "utf8" });
    const { atOnce, soon } = JSON.parse(stdout);
    expect(atOnce).toEqual([]);
    expect(soon).toEqual(expect.arrayContaining(["NativeModule crypto", "NativeModule http", "NativeModule https"]));
  });

  it.each(["superagent", "jsonwebtoken", "doctype html", "SSOTokenProvider", "169.254.169.254"])(
    "contains no unused code of its packages: %s",
    (trace) => {
      expect(readFileSync(BUILT_FILE, "utf8").toLowerCase()).not.toContain(trace.toLowerCase());
    },
  );
});

describe.each([
  { how: "required", load: () => loadBuilt() as unknown },
  { how: "compiled by the runtime from its source text", load: () => readFileSync(BUILT_FILE, "utf8") as unknown },
])("as a webtask, $how", ({ load }) => {
  it("responds to GET with its health and without secrets", async () => {
    served = await serve(load(), secrets);
    const response = await fetch(served.url);
    const text = await response.text();
    expect(response.status).toBe(200);
    expect(JSON.parse(text)).toEqual({
      name: "ec2-audit",
      version: "1.0.0",
      build: buildMarkOf(readFileSync(BUILT_FILE, "utf8")),
      configured: true,
      subscribed: "not configured",
      account: "123456789012",
    });
    for (const secret of Object.values(secrets)) expect(text).not.toContain(secret);
  });

  it("names every missing key when it has no secrets", async () => {
    served = await serve(load(), {});
    const response = await fetch(served.url);
    const { configured, problems } = (await response.json()) as { configured: boolean; problems: { key: string }[] };
    expect([response.status, configured]).toEqual([500, false]);
    expect(problems.map(({ key }) => key)).toEqual([
      "AWS_REGION",
      "AWS_ACCESS_KEY_ID",
      "AWS_SECRET_ACCESS_KEY",
      "ALERT_TOPIC_ARN",
    ]);
  });

  it("settles a tagged launch with one DescribeTags call", async () => {
    served = await serve(load(), secrets);
    const instanceId = await launch({ Name: "web-1", service: "shop" });
    const from = aws.calls.length;
    expect(await post(served.url, delivery(instanceId))).toMatchObject({ status: 200, body: { outcome: "compliant" } });
    expect(callsSince(from)).toEqual(["DescribeTags"]);
  });

  it("alerts an untagged launch once, after its grace", async () => {
    served = await serve(load(), secrets);
    const instanceId = await launch({});
    const early = await post(served.url, delivery(instanceId, 2));
    expect([early.status, early.body.outcome, await alerts()]).toEqual([503, "deferred", []]);
    expect(Number(early.headers.get("retry-after"))).toBeGreaterThan(0);
    expect(await post(served.url, delivery(instanceId))).toMatchObject({ status: 200, body: { outcome: "violating" } });
    const [alert, ...more] = await alerts();
    expect(more).toEqual([]);
    expect(alert).toMatchObject({ account: "123456789012", region: "us-east-1", findings: [{ instanceId }] });
  });

  it("refuses a delivery that SNS has not signed", async () => {
    served = await serve(load(), secrets);
    const forged = { ...JSON.parse(delivery("i-0123456789abcdef0")), Signature: "AAAA" };
    const from = aws.calls.length;
    expect(await post(served.url, JSON.stringify(forged))).toMatchObject({
      status: 403,
      body: { outcome: "rejected" },
    });
    expect(callsSince(from)).toEqual([]);
  });

  it.each([0, 1])("reads the body, whether or not the host has read it before (parseBody %s)", async (parseBody) => {
    served = await serve(load(), secrets, { parseBody });
    const instanceId = await launch({ Name: "web-1", service: "shop" });
    expect(await post(served.url, delivery(instanceId))).toMatchObject({ status: 200 });
  });
});

describe("as a Lambda handler", () => {
  beforeEach(() => {
    for (const [key, value] of Object.entries(secrets)) vi.stubEnv(key, value);
  });

  it("audits an EventBridge event", async () => {
    const instanceId = await launch({ Name: "web-1", service: "shop" });
    const result = await loadBuilt().handler(launchEvent(instanceId, Date.now() - 120_000), LAMBDA);
    expect(result).toEqual({ outcomes: [{ outcome: "compliant", reason: "complies with the policy" }] });
  });

  it("keeps characters beyond ASCII, its own and those of an event", async () => {
    const event = { ...launchEvent("i-0123456789abcdef0", Date.now()), "detail-type": "é漢😀".repeat(40) };
    const result = await loadBuilt().handler(event, LAMBDA);
    expect(result).toMatchObject({ outcomes: [{ reason: expect.stringMatching(/"(?:é漢😀){20}…"/u) }] });
  });

  it("throws for a violation within its grace, so that Lambda retries it", async () => {
    const instanceId = await launch({});
    await expect(loadBuilt().handler(launchEvent(instanceId, Date.now() - 2_000), LAMBDA)).rejects.toThrow(
      /within its grace/,
    );
  });

  it("audits a launch of another account with an assumed role", async () => {
    const other = "210987654321";
    vi.stubEnv("AUDIT_ROLE_NAME", "ec2-audit");
    const [instanceId = ""] = aws.launch({ account: other, count: 1 });
    const event = { ...launchEvent(instanceId, Date.now() - 120_000), account: other };
    const result = await loadBuilt().handler(event, LAMBDA);
    expect(result).toMatchObject({ outcomes: [{ outcome: "violating" }] });
    expect(await alerts()).toMatchObject([{ account: other, findings: [{ instanceId }] }]);
    const calls = aws.calls.filter(({ service }) => service === "ec2").slice(-2);
    expect(calls.map(({ account, action }) => [account, action])).toEqual([
      [other, "DescribeTags"],
      [other, "DescribeInstances"],
    ]);
  });

  it("judges an instance by all rule kinds as the sources do, although it contains only a part of EC2's schemas", async () => {
    const condition = { any: [{ imageOwner: "x" }, { tenancy: "x" }, { platform: "x" }, { architecture: "x" }] };
    const settings: Readonly<Record<string, object>> = {
      "required-tags": { tags: ["owner", { anyOf: ["team", { key: "Name", values: "/db-\\d+/" }] }] },
      "prohibited-tags": { keys: "Name" },
      "tag-limit": { max: 0 },
      "security-groups": { closed: [22], notAttached: ["*"] },
      "key-pair": { allowed: "ops-*" },
      image: { ids: "x", owners: "x", names: "x", maxAgeDays: 1, deprecated: false, public: false, allowedAmis: true },
      "instance-type": { allowed: "x" },
      imdsv2: { maxHops: 1 },
      "public-ip": { ipv6: true },
      "encrypted-volumes": { keys: "x" },
      "instance-profile": { allowed: "x" },
      network: { vpcs: "x", subnets: "x", zones: "x", defaultVpc: false },
      region: { forbidden: "*" },
      "launched-by": { allowed: "x" },
      condition: { require: condition, message: "It is none of these." },
    };
    expect(Object.keys(settings).sort()).toEqual(RULE_KINDS.map(({ name }) => name).sort());
    const rules = Object.entries(settings).map(([rule, own]) => ({ rule, ...own }));
    vi.stubEnv("AUDIT_POLICY", JSON.stringify({ rules }));
    const boots: (() => void)[] = [];
    const after: Clock["after"] = (_, run) => {
      boots.push(run);
      return () => {};
    };
    const other = await startEmbeddedAws({ clock: { now: Date.now, after } });
    vi.stubEnv("AWS_ENDPOINT_URL", other.endpoint);
    const client = { ...CLIENT, endpoint: other.endpoint };
    await new SNSClient(client).send(new CreateTopicCommand({ Name: "ec2_audit_alert" }));
    const otherEc2 = new EC2Client(client);
    const { GroupId = "" } = await otherEc2.send(
      new CreateSecurityGroupCommand({ GroupName: "web", Description: "web" }),
    );
    const [IpRanges, Ipv6Ranges] = [[{ CidrIp: "0.0.0.0/0" }], [{ CidrIpv6: "::/0" }]];
    const IpPermissions = [{ IpProtocol: "tcp", FromPort: 22, ToPort: 22, IpRanges, Ipv6Ranges }];
    await otherEc2.send(new AuthorizeSecurityGroupIngressCommand({ GroupId, IpPermissions }));
    const [instanceId = ""] = other.launch({
      count: 1,
      keyName: "laptop",
      tags: { Name: "web-1", owner: "" },
      interfaces: [{ publicIp: true, securityGroups: [GroupId] }],
    });
    for (const boot of boots) boot();

    const event = launchEvent(instanceId, Date.now() - 120_000);
    const { default: sources } = await import("../../src/audit.ts");
    for (const { handler } of [sources, loadBuilt()]) {
      expect(await handler(event, LAMBDA)).toMatchObject({ outcomes: [{ outcome: "violating" }] });
    }
    const alerts = other.calls.flatMap(({ action, params }) => (action === "Publish" ? [String(params.Message)] : []));
    await other.close();
    const [expected, got] = alerts.map((alert) => ({ ...JSON.parse(JSON.parse(alert).default), time: null }));
    expect(got).toEqual(expected);
    // The event does not name the launcher.
    expect([got.findings.length, got.notJudged.length]).toEqual([RULE_KINDS.length - 1, 1]);
  });

  it("names errors as the SDK does, though its error classes are shortened", async () => {
    const [untagged = ""] = aws.launch({ count: 1 });
    const allow = aws.deny("sns:Publish");
    const audit = loadBuilt().handler(launchEvent(untagged, Date.now() - 120_000), LAMBDA);
    await expect(audit).rejects.toThrow(
      /AuthorizationErrorException: User: \S+ is not authorized to perform: SNS:Publish/,
    );
    allow();
  });

  it("reports only the messages of an SQS batch that must be retried", async () => {
    const [tagged, young] = [await launch({ Name: "web-1", service: "shop" }), await launch({})];
    const record = (messageId: string, event: unknown) => ({
      messageId,
      eventSource: "aws:sqs",
      body: JSON.stringify(event),
    });
    const now = Date.now();
    const Records = [
      record("tagged", launchEvent(tagged, now - 120_000)),
      record("young", launchEvent(young, now - 2_000)),
      record("nonsense", "hello"),
    ];
    const from = aws.calls.length;
    expect(await loadBuilt().handler({ Records }, LAMBDA)).toEqual({
      batchItemFailures: [{ itemIdentifier: "young" }, { itemIdentifier: "nonsense" }],
    });
    expect(callsSince(from)).toEqual(["DescribeTags"]);
  });

  it("responds to a function URL as a webtask does", async () => {
    const instanceId = await launch({ Name: "web-1", service: "shop" });
    const event = {
      version: "2.0",
      headers: { "X-Amz-Sns-Message-Type": "Notification" },
      requestContext: { http: { method: "POST", path: "/" } },
      body: Buffer.from(delivery(instanceId)).toString("base64"),
      isBase64Encoded: true,
    };
    expect(await loadBuilt().handler(event, LAMBDA)).toMatchObject({ statusCode: 200 });
  });
});
