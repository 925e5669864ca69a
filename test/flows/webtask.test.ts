import {
  CreateTagsCommand,
  DeleteTagsCommand,
  EC2Client,
  ModifyManagedResourceVisibilityCommand,
  RunInstancesCommand,
  StartInstancesCommand,
  StopInstancesCommand,
  TerminateInstancesCommand,
} from "@aws-sdk/client-ec2";
import { EventBridgeClient, PutRuleCommand, PutTargetsCommand } from "@aws-sdk/client-eventbridge";
import {
  CreateTopicCommand,
  ListSubscriptionsByTopicCommand,
  PublishCommand,
  SNSClient,
  SubscribeCommand,
} from "@aws-sdk/client-sns";
import { CreateQueueCommand, ReceiveMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  type Clock,
  type DeliveryAttempt,
  type EmbeddedAws,
  startEmbeddedAws,
  systemClock,
  VirtualClock,
} from "../../src/local/aws/index.ts";
import { stateChange } from "../support/events.ts";
import { serve } from "../support/hosts.ts";
import type { Served } from "../support/loopback.ts";
import { sourceFor } from "../support/test-stack.ts";

/**
 * The article's installation over real HTTP: EC2 emits events, EventBridge forwards them, SNS signs, delivers and retries
 * them, the webtask audits, and SNS sends the alert to a queue. Only the time is virtual.
 */

const START = Date.parse("2026-11-23T03:00:00Z");
const LAUNCH_TOPIC = "arn:aws:sns:us-east-1:123456789012:ec2_launches_check";

let clock: Clock;
let aws: EmbeddedAws;
let served: Served;
let ec2: EC2Client;
let sqs: SQSClient;
let sns: SNSClient;
let attempts: DeliveryAttempt[];
let log: string[];
/** The host reads them again at each request. */
let secrets: Record<string, string>;

/** Creates the installation, and lets the function subscribe itself. */
async function begin(at: Clock, more: Readonly<Record<string, string>> = {}): Promise<void> {
  clock = at;
  attempts = [];
  log = [];
  aws = await startEmbeddedAws({ clock, onDelivery: (attempt) => attempts.push(attempt) });
  const settings = {
    region: "us-east-1",
    endpoint: aws.endpoint,
    credentials: { accessKeyId: "AKIAIOSFODNN7EXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY" },
  };
  ec2 = new EC2Client(settings);
  sqs = new SQSClient(settings);
  sns = new SNSClient(settings);
  await sns.send(new CreateTopicCommand({ Name: "ec2_launches_check" }));
  await alertTopic("ec2_audit_alert");
  const events = new EventBridgeClient(settings);
  const rules = {
    launches: {
      source: ["aws.ec2"],
      "detail-type": ["EC2 Instance State-change Notification"],
      detail: { state: ["pending"] },
    },
    tags: { source: ["aws.tag"], "detail-type": ["Tag Change on Resource"] },
  };
  for (const [Name, pattern] of Object.entries(rules)) {
    await events.send(new PutRuleCommand({ Name, EventPattern: JSON.stringify(pattern) }));
    await events.send(new PutTargetsCommand({ Rule: Name, Targets: [{ Id: "1", Arn: LAUNCH_TOPIC }] }));
  }
  secrets = {
    AWS_REGION: "us-east-1",
    AWS_ACCESS_KEY_ID: "AKIAIOSFODNN7EXAMPLE",
    AWS_SECRET_ACCESS_KEY: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    ALERT_TOPIC_ARN: "arn:aws:sns:us-east-1:123456789012:ec2_audit_alert",
    AWS_ENDPOINT_URL: aws.endpoint,
    ...more,
  };
  served = await serve(sourceFor(aws, { now: () => clock.now(), write: (line) => log.push(line) }), secrets);
  secrets.FUNCTION_URL = served.url;
  await fetch(served.url);
  await aws.idle();
}

afterEach(async () => {
  await served.close();
  await aws.close();
});

/** Creates an alert topic, with a queue of the same name as subscriber. */
async function alertTopic(Name: string): Promise<void> {
  const { TopicArn } = await sns.send(new CreateTopicCommand({ Name }));
  await sqs.send(new CreateQueueCommand({ QueueName: Name }));
  const Endpoint = `arn:aws:sqs:us-east-1:123456789012:${Name}`;
  await sns.send(
    new SubscribeCommand({ TopicArn, Protocol: "sqs", Endpoint, Attributes: { RawMessageDelivery: "true" } }),
  );
}

async function launch(tags: Readonly<Record<string, string>> = {}): Promise<string> {
  const Tags = Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
  const TagSpecifications = Tags.length > 0 ? [{ ResourceType: "instance" as const, Tags }] : [];
  const { Instances = [] } = await ec2.send(
    new RunInstancesCommand({ ImageId: "ami-0abcdef1234567890", MinCount: 1, MaxCount: 1, TagSpecifications }),
  );
  return Instances[0]?.InstanceId ?? "";
}

async function alerts(
  queue = "ec2_audit_alert",
): Promise<{ launchedBy: string | null; findings: { instanceId: string }[] }[]> {
  const QueueUrl = `${aws.endpoint}/123456789012/${queue}`;
  const { Messages = [] } = await sqs.send(
    new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10, VisibilityTimeout: 3_600 }),
  );
  return Messages.map(({ Body = "" }) => JSON.parse(Body));
}

/** The responses of the function to SNS's notifications, with their seconds after the start. */
function responses(): string[] {
  return attempts
    .filter(({ protocol, type }) => protocol === "http" && type === "Notification")
    .map(
      ({ at, status, responseBody }) =>
        `${Math.round((at - START) / 1000)} s: ${status} ${JSON.parse(responseBody).outcome}`,
    );
}

async function seconds(count: number): Promise<void> {
  if (clock instanceof VirtualClock) await clock.advance(count * 1000);
}

const beginVirtual = () => begin(new VirtualClock(START));

describe("the function's first run", () => {
  beforeEach(beginVirtual);

  it("subscribes itself, and confirms the subscription", async () => {
    const { Subscriptions = [] } = await sns.send(new ListSubscriptionsByTopicCommand({ TopicArn: LAUNCH_TOPIC }));
    expect(Subscriptions).toHaveLength(1);
    expect(Subscriptions[0]).toMatchObject({ Endpoint: served.url, Protocol: "http" });
    expect(Subscriptions[0]?.SubscriptionArn).toMatch(/^arn:aws:sns:/);
    expect(await (await fetch(served.url)).json()).toMatchObject({ subscribed: "confirmed" });
  });

  it("subscribes once, and a cold container finds the subscription", async () => {
    await fetch(served.url);
    expect(aws.callCounts.get("sns:Subscribe")).toBe(2);
    const cold = await serve(sourceFor(aws, { now: () => clock.now() }), secrets);
    expect(await (await fetch(cold.url)).json()).toMatchObject({ subscribed: "confirmed" });
    await cold.close();
  });
});

describe("a launch", () => {
  beforeEach(beginVirtual);

  it("costs one call and no alert when it is tagged", async () => {
    await launch({ Name: "web-1", service: "shop" });
    await seconds(1);
    expect(responses()[0]).toBe("0 s: 200 compliant");
    expect(aws.callCounts.get("ec2:DescribeTags")).toBe(1);
    await seconds(3_600);
    expect(await alerts()).toEqual([]);
  });

  it("is alerted once after its grace, within a minute, when it is untagged", async () => {
    const instanceId = await launch();
    await seconds(44);
    expect(await alerts()).toEqual([]);
    await seconds(16);
    const found = await alerts();
    expect(found).toHaveLength(1);
    expect(found[0]?.findings).toMatchObject([{ instanceId, rule: "required-tags", missing: ["name", "service"] }]);
    expect(responses().filter((response) => !response.includes("ignored"))[3]).toBe("45 s: 200 violating");
  });

  it("is not alerted when its tags arrive within its grace", async () => {
    const instanceId = await launch();
    await seconds(20);
    const Tags = [
      { Key: "name", Value: "web-1" },
      { Key: "SERVICE", Value: "shop" },
    ];
    await ec2.send(new CreateTagsCommand({ Resources: [instanceId], Tags }));
    await seconds(3_600);
    expect(await alerts()).toEqual([]);
    expect(responses().at(-1)).toMatch(/200 compliant$/);
  });

  it("is audited when it is of a service whose instances the account hides", async () => {
    await ec2.send(new ModifyManagedResourceVisibilityCommand({ DefaultVisibility: "hidden" }));
    const [untagged] = aws.launch({ count: 1, operator: "eks.amazonaws.com" });
    aws.launch({ count: 1, operator: "eks.amazonaws.com", tags: { Name: "node-1", service: "shop" } });
    await seconds(60);
    const found = await alerts();
    expect(found.flatMap(({ findings }) => findings.map(({ instanceId }) => instanceId))).toEqual([untagged]);
  });

  it("is not alerted when it is terminated within its grace", async () => {
    const instanceId = await launch();
    await seconds(20);
    await ec2.send(new TerminateInstancesCommand({ InstanceIds: [instanceId] }));
    await seconds(3_600);
    expect(await alerts()).toEqual([]);
  });

  it("is alerted once when it is stopped every night and started every morning", async () => {
    const instanceId = await launch();
    await seconds(600);
    for (let day = 0; day < 2; day += 1) {
      await ec2.send(new StopInstancesCommand({ InstanceIds: [instanceId] }));
      await seconds(36_000);
      await ec2.send(new StartInstancesCommand({ InstanceIds: [instanceId] }));
      await seconds(3_600);
    }
    expect(await alerts()).toMatchObject([{ findings: [{ instanceId }] }]);
    expect(responses().filter((response) => response.includes("ignored"))).toHaveLength(2);
  });

  it("is alerted again at each start with AUDIT_RESTARTS", async () => {
    secrets.AUDIT_RESTARTS = "true";
    const instanceId = await launch();
    await seconds(600);
    await ec2.send(new StopInstancesCommand({ InstanceIds: [instanceId] }));
    await seconds(36_000);
    await ec2.send(new StartInstancesCommand({ InstanceIds: [instanceId] }));
    await seconds(3_600);
    expect(await alerts()).toHaveLength(2);
  });

  it("is retried for five minutes and then reported as unseen when EC2 never shows its instance", async () => {
    const event = stateChange({ id: "i-0123456789abcdef0", time: new Date(START).toISOString() });
    await sns.send(new PublishCommand({ TopicArn: LAUNCH_TOPIC, Message: JSON.stringify(event) }));
    await seconds(3_600);
    expect(responses().slice(-2)).toEqual(["240 s: 503 deferred", "300 s: 200 unseen"]);
    expect(log.map((line) => JSON.parse(line)).at(-1)).toMatchObject({ level: "warn", outcome: "unseen", unseen: 1 });
    expect(await alerts()).toEqual([]);
  });

  it("is alerted when a tag is removed later", async () => {
    const instanceId = await launch({ Name: "web-1", service: "shop" });
    await seconds(600);
    await ec2.send(new DeleteTagsCommand({ Resources: [instanceId], Tags: [{ Key: "service" }] }));
    await seconds(60);
    expect(await alerts()).toMatchObject([{ findings: [{ instanceId, missing: ["service"] }] }]);
  });

  it("is alerted after EC2 has denied all calls for ten minutes", async () => {
    aws.faults.add({ service: "ec2", action: "DescribeTags", kind: "deny" });
    const instanceId = await launch();
    await seconds(600);
    expect(await alerts()).toEqual([]);
    aws.faults.clear();
    await seconds(61);
    expect(await alerts()).toMatchObject([{ findings: [{ instanceId }] }]);
  });

  it("is alerted when Publish succeeds only at the second attempt", async () => {
    aws.faults.add({ service: "sns", action: "Publish", kind: "error", times: 2 });
    const instanceId = await launch();
    await seconds(120);
    expect(await alerts()).toMatchObject([{ findings: [{ instanceId }] }]);
  });
});

describe("an Auto Scaling burst", () => {
  beforeEach(() => begin(systemClock(), { GRACE_SECONDS: "0" }));

  it("takes few calls and few alerts, which name every instance once", async () => {
    aws.faults.add({ service: "ec2", kind: "slow", ms: 50 });
    const ids = aws.launchAutoScaling({ group: "web-asg", count: 40 });
    await aws.idle();
    const found = await alerts();
    expect(new Set(found.map(({ launchedBy }) => launchedBy))).toEqual(new Set(["Auto Scaling group web-asg"]));
    const alerted = found.flatMap(({ findings }) => findings.map(({ instanceId }) => instanceId));
    expect(alerted.sort()).toEqual([...ids].sort());
    expect(found.length).toBeLessThan(10);
    expect(aws.callCounts.get("ec2:DescribeTags")).toBe(found.length);
  });
});

describe("secrets that change between two deliveries to a warm webtask", () => {
  beforeEach(beginVirtual);

  it("apply to the next delivery", async () => {
    await alertTopic("other_alerts");
    secrets.ALERT_TOPIC_ARN = "arn:aws:sns:us-east-1:123456789012:other_alerts";
    secrets.REQUIRED_TAGS = "owner";
    const instanceId = await launch({ Name: "web-1", service: "shop" });
    await seconds(60);
    expect(await alerts()).toEqual([]);
    expect(await alerts("other_alerts")).toMatchObject([{ findings: [{ instanceId, missing: ["owner"] }] }]);
  });
});
