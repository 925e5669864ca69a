/** The routes of a policy over real HTTP, from the launch to the subscribers of each topic, on both hosts. Only the time is virtual. */
import { EC2Client, RunInstancesCommand } from "@aws-sdk/client-ec2";
import { CreateTopicCommand, DeleteTopicCommand, SNSClient, SubscribeCommand } from "@aws-sdk/client-sns";
import { CreateQueueCommand, DeleteMessageCommand, ReceiveMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type EmbeddedAws, startEmbeddedAws, VirtualClock } from "../../src/local/aws/index.ts";
import { HOSTS, type OpenHost } from "./both-hosts.ts";

const credentials = {
  accessKeyId: "AKIAIOSFODNN7EXAMPLE",
  secretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
};
const ACCOUNT = "123456789012";
const topicIn = (region: string, name: string) => `arn:aws:sns:${region}:${ACCOUNT}:${name}`;
/** The topics of alerts, with their regions. */
const TOPICS = {
  ec2_audit_alert: "us-east-1",
  oncall: "us-east-1",
  payments: "eu-west-1",
  lab: "us-east-1",
  chat: "us-west-2",
};

const POLICY = {
  rules: [
    { rule: "required-tags", tags: ["name"] },
    { rule: "key-pair", id: "keys", severity: "critical", allowed: "ops-*" },
  ],
  routes: [
    { severity: "high", topic: topicIn("us-east-1", "oncall") },
    { when: { tag: "team", in: "payments" }, topic: topicIn("eu-west-1", "payments") },
    { when: { tag: "team", in: "lab" }, topic: topicIn("us-east-1", "lab"), instead: true },
    { rules: "keys", topic: topicIn("us-west-2", "chat"), format: "chat" },
  ],
};

let clock: VirtualClock;
let aws: EmbeddedAws;
let ec2: EC2Client;
let closing: (() => Promise<void>)[];

const clientSettings = (region: string) => ({ region, endpoint: aws.endpoint, credentials });

beforeEach(async () => {
  clock = new VirtualClock(Date.parse("2026-11-23T03:00:00Z"));
  aws = await startEmbeddedAws({ clock });
  closing = [() => aws.close()];
  ec2 = new EC2Client(clientSettings("us-east-1"));
  for (const name of Object.keys(TOPICS)) await createTopic(name);
});
afterEach(async () => {
  for (const close of closing.reverse()) await close();
});

/** Creates a topic of alerts, with a queue of the same name as its subscriber. */
async function createTopic(name: string): Promise<void> {
  const region = TOPICS[name as keyof typeof TOPICS];
  const sns = new SNSClient(clientSettings(region));
  const { TopicArn } = await sns.send(new CreateTopicCommand({ Name: name }));
  await new SQSClient(clientSettings(region)).send(new CreateQueueCommand({ QueueName: name }));
  const Endpoint = `arn:aws:sqs:${region}:${ACCOUNT}:${name}`;
  const Attributes = { RawMessageDelivery: "true" };
  await sns.send(new SubscribeCommand({ TopicArn, Protocol: "sqs", Endpoint, Attributes }));
}

const deleteTopic = (name: keyof typeof TOPICS) =>
  new SNSClient(clientSettings(TOPICS[name])).send(new DeleteTopicCommand({ TopicArn: topicIn(TOPICS[name], name) }));

/** Receives the new messages of a topic's subscriber. */
async function received(name: keyof typeof TOPICS): Promise<string[]> {
  const sqs = new SQSClient(clientSettings(TOPICS[name]));
  const QueueUrl = `${aws.endpoint}/${ACCOUNT}/${name}`;
  const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10 }));
  for (const { ReceiptHandle } of Messages) await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
  return Messages.map(({ Body = "" }) => Body);
}

/** The findings of the new messages of a topic's subscriber: rule and instance. */
async function findingsAt(name: keyof typeof TOPICS): Promise<string[]> {
  const documents = (await received(name)).map((body) => JSON.parse(body));
  return documents
    .flatMap(({ findings }) =>
      findings.map(({ ruleId, instanceId }: Record<string, string>) => `${ruleId} ${instanceId}`),
    )
    .sort();
}

/** Launches an instance whose key pair is not allowed and that lacks the tag "name", unless it is named. */
async function launch(team: string, name?: string): Promise<string> {
  const Tags = [{ Key: "team", Value: team }, ...(name ? [{ Key: "Name", Value: name }] : [])];
  const { Instances = [] } = await ec2.send(
    new RunInstancesCommand({
      ...{ ImageId: "ami-0abcdef1234567890", MinCount: 1, MaxCount: 1 },
      TagSpecifications: [{ ResourceType: "instance", Tags }],
      KeyName: name ? "laptop" : "ops-1",
    }),
  );
  return Instances[0]?.InstanceId ?? "";
}

const onHost = (open: OpenHost) => open({ aws, clock, closing, settings: { AUDIT_POLICY: JSON.stringify(POLICY) } });

describe.each(HOSTS)("the routes of a policy on $host", ({ open }) => {
  it("send to each subscriber exactly its findings, once", async () => {
    const pass = await onHost(open);
    const paid = await launch("payments");
    const lab = await launch("lab", "lab-1");
    const shop = await launch("shop", "shop-1");
    await pass(240);
    expect(await findingsAt("ec2_audit_alert")).toEqual([`keys ${shop}`, `required-tags ${paid}`].sort());
    expect(await findingsAt("oncall")).toEqual([`keys ${lab}`, `keys ${shop}`].sort());
    expect(await findingsAt("payments")).toEqual([`required-tags ${paid}`]);
    expect(await findingsAt("lab")).toEqual([`keys ${lab}`]);
    const chats = (await received("chat")).map((body) => JSON.parse(body));
    expect(chats.flatMap(({ metadata }) => metadata.relatedResources).sort()).toEqual(
      [lab, shop].map((id) => `arn:aws:ec2:us-east-1:${ACCOUNT}:instance/${id}`).sort(),
    );
    for (const chat of chats) expect(chat).toMatchObject({ version: "1.0", source: "custom" });
  });

  it("fail only the findings of a topic that is gone, which are retried, and repeat no others", async () => {
    const pass = await onHost(open);
    await deleteTopic("payments");
    const paid = await launch("payments", "paid-1");
    const shop = await launch("shop", "shop-1");
    await pass(800);
    const both = [`keys ${paid}`, `keys ${shop}`].sort();
    expect(await findingsAt("ec2_audit_alert")).toEqual(both);
    expect(await findingsAt("oncall")).toEqual(both);
    const toPayments = () =>
      aws.calls.filter(({ action, params }) => action === "Publish" && String(params.TopicArn).endsWith(":payments"));
    const attempts = toPayments().length;
    expect(attempts).toBeGreaterThan(1);
    await createTopic("payments");
    await pass(800);
    expect(await findingsAt("payments")).toEqual([`keys ${paid}`]);
    expect(await findingsAt("ec2_audit_alert")).toEqual([]);
    expect(await findingsAt("oncall")).toEqual([]);
    // It is settled: nothing is published any more.
    const after = toPayments().length;
    await pass(800);
    expect(toPayments()).toHaveLength(after);
  });
});
