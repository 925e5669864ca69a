import { CreateTagsCommand, EC2Client, RunInstancesCommand } from "@aws-sdk/client-ec2";
import { EventBridgeClient, PutRuleCommand, PutTargetsCommand } from "@aws-sdk/client-eventbridge";
import { CreateTopicCommand, SNSClient, SubscribeCommand } from "@aws-sdk/client-sns";
import {
  CreateQueueCommand,
  DeleteMessageCommand,
  type Message,
  ReceiveMessageCommand,
  SQSClient,
} from "@aws-sdk/client-sqs";
import type { SQSBatchResponse } from "aws-lambda";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type EmbeddedAws, startEmbeddedAws, VirtualClock } from "../../src/local/aws/index.ts";
import { FOUR_SECRETS } from "../support/config.ts";
import type { AuditFunction } from "../support/hosts.ts";
import { sourceFor } from "../support/test-stack.ts";

/**
 * The installation with a queue, over real HTTP: EC2 emits events, EventBridge sends them to a queue whose DelaySeconds is
 * the grace, the function gets a batch, and the messages that it does not report as failed are deleted. The test acts as
 * Lambda's event source.
 */
const QUEUE = "arn:aws:sqs:us-east-1:123456789012:ec2_launches";

let clock: VirtualClock;
let aws: EmbeddedAws;
let ec2: EC2Client;
let sqs: SQSClient;
let handler: AuditFunction["handler"];

beforeEach(async () => {
  clock = new VirtualClock(Date.parse("2026-11-23T03:00:00Z"));
  aws = await startEmbeddedAws({ clock });
  const settings = {
    region: "us-east-1",
    endpoint: aws.endpoint,
    credentials: { accessKeyId: "AKIAIOSFODNN7EXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY" },
  };
  [ec2, sqs] = [new EC2Client(settings), new SQSClient(settings)];
  const [sns, events] = [new SNSClient(settings), new EventBridgeClient(settings)];
  const { TopicArn } = await sns.send(new CreateTopicCommand({ Name: "ec2_audit_alert" }));
  await sqs.send(new CreateQueueCommand({ QueueName: "alerts" }));
  await sqs.send(
    new CreateQueueCommand({ QueueName: "ec2_launches", Attributes: { DelaySeconds: "45", VisibilityTimeout: "180" } }),
  );
  const Endpoint = "arn:aws:sqs:us-east-1:123456789012:alerts";
  const Attributes = { RawMessageDelivery: "true" };
  await sns.send(new SubscribeCommand({ TopicArn, Protocol: "sqs", Endpoint, Attributes }));
  const pattern = {
    source: ["aws.ec2"],
    "detail-type": ["EC2 Instance State-change Notification"],
    detail: { state: ["pending"] },
  };
  await events.send(new PutRuleCommand({ Name: "ec2_launches", EventPattern: JSON.stringify(pattern) }));
  await events.send(new PutTargetsCommand({ Rule: "ec2_launches", Targets: [{ Id: "queue", Arn: QUEUE }] }));
  const env = { ...FOUR_SECRETS, AWS_ENDPOINT_URL: aws.endpoint };
  ({ handler } = sourceFor(aws, { env, now: () => clock.now() }));
});
afterEach(() => aws.close());

async function receive(queue: string): Promise<Message[]> {
  const QueueUrl = `${aws.endpoint}/123456789012/${queue}`;
  return (await sqs.send(new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10 }))).Messages ?? [];
}

/** Polls the queue once, as Lambda does. Returns how many messages it received, and how many failed. */
async function poll(): Promise<{ taken: number; failed: number }> {
  const messages = await receive("ec2_launches");
  const Records = messages.map(({ MessageId: messageId, Body: body }) => ({ messageId, body, eventSource: "aws:sqs" }));
  const result = await handler({ Records }, { getRemainingTimeInMillis: () => 30_000 });
  const failed = new Set((result as SQSBatchResponse).batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
  for (const { MessageId = "", ReceiptHandle } of messages) {
    if (failed.has(MessageId)) continue;
    await sqs.send(new DeleteMessageCommand({ QueueUrl: `${aws.endpoint}/123456789012/ec2_launches`, ReceiptHandle }));
  }
  return { taken: messages.length, failed: failed.size };
}

async function launch(count: number): Promise<string[]> {
  const { Instances = [] } = await ec2.send(
    new RunInstancesCommand({ ImageId: "ami-0abcdef1234567890", MinCount: count, MaxCount: count }),
  );
  return Instances.map(({ InstanceId = "" }) => InstanceId);
}

async function alertedInstances(): Promise<string[][]> {
  return (await receive("alerts")).map(({ Body = "" }) =>
    JSON.parse(Body).findings.map(({ instanceId }: { instanceId: string }) => instanceId),
  );
}

describe("launches in a queue", () => {
  it("are audited once, after the grace, and alerted in one message", async () => {
    const ids = await launch(5);
    await clock.advance(44_000);
    expect(await receive("ec2_launches")).toEqual([]);
    await clock.advance(2_000);
    expect(await poll()).toEqual({ taken: 5, failed: 0 });
    expect((await alertedInstances()).map((alerted) => alerted.sort())).toEqual([ids.sort()]);
    expect(aws.callCounts.get("ec2:DescribeTags")).toBe(1);
    expect(aws.callCounts.get("ec2:DescribeInstances")).toBe(1);
  });

  it("are not alerted when their tags arrive within the grace", async () => {
    const ids = await launch(2);
    const Tags = [
      { Key: "Name", Value: "web" },
      { Key: "service", Value: "shop" },
    ];
    await ec2.send(new CreateTagsCommand({ Resources: ids, Tags }));
    await clock.advance(46_000);
    expect(await poll()).toEqual({ taken: 2, failed: 0 });
    expect(await alertedInstances()).toEqual([]);
  });

  it("are retried when EC2 fails, and alerted then", async () => {
    aws.faults.add({ service: "ec2", action: "DescribeTags", kind: "deny" });
    const [id] = await launch(1);
    await clock.advance(46_000);
    expect(await poll()).toEqual({ taken: 1, failed: 1 });
    aws.faults.clear();
    await clock.advance(180_000);
    expect(await poll()).toEqual({ taken: 1, failed: 0 });
    expect(await alertedInstances()).toEqual([[id]]);
  });
});
