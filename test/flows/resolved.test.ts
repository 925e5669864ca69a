/** Resolved alerts over real HTTP, from the change to the subscribers, on both hosts. Only the time is virtual. */
import {
  CreateTagsCommand,
  DeleteTagsCommand,
  EC2Client,
  RunInstancesCommand,
  TerminateInstancesCommand,
} from "@aws-sdk/client-ec2";
import { CreateTopicCommand, PublishCommand, SNSClient, SubscribeCommand } from "@aws-sdk/client-sns";
import {
  CreateQueueCommand,
  DeleteMessageCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
} from "@aws-sdk/client-sqs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type EmbeddedAws, startEmbeddedAws, VirtualClock } from "../../src/local/aws/index.ts";
import { tagChange } from "../support/events.ts";
import { HOSTS, LAUNCH_PATTERN, type OpenHost } from "./both-hosts.ts";

const ACCOUNT = "123456789012";
const topicOf = (name: string) => `arn:aws:sns:us-east-1:${ACCOUNT}:${name}`;
const TOPICS = ["ec2_audit_alert", "payments", "chat"];

const TAG_CHANGE_PATTERN = {
  source: ["aws.tag"],
  "detail-type": ["Tag Change on Resource"],
  detail: { service: ["ec2"], "resource-type": ["instance"] },
};
const TERMINATION_PATTERN = { ...LAUNCH_PATTERN, detail: { state: ["terminated"] } };

const TAG_RULE = { rule: "required-tags", tags: ["owner"] };
const KEY_RULE = { rule: "key-pair", id: "keys", severity: "high", allowed: "ops-*" };

/** A finding as a subscriber gets it. */
interface Told {
  readonly status: string;
  readonly ruleId: string;
  readonly instanceId: string;
  readonly dedupKey: string;
  readonly message: string;
  readonly alertId: string;
}

let clock: VirtualClock;
let aws: EmbeddedAws;
let closing: (() => Promise<void>)[];
let outcomes: string[];

const clientSettings = () => ({
  region: "us-east-1",
  endpoint: aws.endpoint,
  credentials: { accessKeyId: "AKIAIOSFODNN7EXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY" },
});

beforeEach(async () => {
  clock = new VirtualClock(Date.parse("2026-11-23T03:00:00Z"));
  aws = await startEmbeddedAws({ clock });
  closing = [() => aws.close()];
  outcomes = [];
  const [sns, sqs] = [new SNSClient(clientSettings()), new SQSClient(clientSettings())];
  for (const name of TOPICS) {
    await sns.send(new CreateTopicCommand({ Name: name }));
    await sqs.send(new CreateQueueCommand({ QueueName: name }));
    const Endpoint = `arn:aws:sqs:us-east-1:${ACCOUNT}:${name}`;
    const Attributes = { RawMessageDelivery: "true" };
    await sns.send(new SubscribeCommand({ TopicArn: topicOf(name), Protocol: "sqs", Endpoint, Attributes }));
  }
});
afterEach(async () => {
  for (const close of closing.reverse()) await close();
});

/** Receives the new messages of a topic's subscriber, as JSON. */
async function received(name = "ec2_audit_alert") {
  const sqs = new SQSClient(clientSettings());
  const QueueUrl = `${aws.endpoint}/${ACCOUNT}/${name}`;
  const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10 }));
  for (const { ReceiptHandle } of Messages) await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
  return Messages.map(({ Body = "" }) => JSON.parse(Body));
}

/** The new findings of a topic's subscriber, and the id of the alert of each. */
async function told(name?: string): Promise<Told[]> {
  return (await received(name)).flatMap(({ id: alertId, status, findings }) =>
    findings.map(({ ruleId, instanceId, dedupKey, message }: Told) => ({
      ...{ status, ruleId, instanceId, dedupKey, message, alertId },
    })),
  );
}
const brief = (all: readonly Told[]) => all.map(({ status, ruleId }) => `${status} ${ruleId}`).sort();

/** Opens a host with rules for launches, tag changes and terminations. */
function onHost(open: OpenHost, policy: object = { rules: [TAG_RULE] }, settings: Record<string, string> = {}) {
  return open({
    ...{ aws, clock, closing, patterns: [LAUNCH_PATTERN, TAG_CHANGE_PATTERN, TERMINATION_PATTERN] },
    settings: { AUDIT_POLICY: JSON.stringify(policy), RESOLVED_ALERTS: "on", ...settings },
    write: (line) => outcomes.push(JSON.parse(line).outcome),
  });
}

async function launch(tags: Record<string, string> = {}): Promise<string> {
  const { Instances = [] } = await new EC2Client(clientSettings()).send(
    new RunInstancesCommand({
      ...{ ImageId: "ami-0abcdef1234567890", MinCount: 1, MaxCount: 1, KeyName: "laptop" },
      TagSpecifications: [{ ResourceType: "instance", Tags: tagsOf({ Name: "web-1", ...tags }) }],
    }),
  );
  return Instances[0]?.InstanceId ?? "";
}
const tagsOf = (tags: Record<string, string>) => Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
const tag = (id: string, tags: Record<string, string>) =>
  new EC2Client(clientSettings()).send(new CreateTagsCommand({ Resources: [id], Tags: tagsOf(tags) }));
const untag = (id: string, ...keys: readonly string[]) =>
  new EC2Client(clientSettings()).send(new DeleteTagsCommand({ Resources: [id], Tags: keys.map((Key) => ({ Key })) }));
const terminate = (id: string) =>
  new EC2Client(clientSettings()).send(new TerminateInstancesCommand({ InstanceIds: [id] }));

/** Delivers an event that EventBridge has delivered before, or that is late. */
function deliver(event: object, host: string) {
  const body = JSON.stringify(event);
  if (host === "Lambda") {
    const QueueUrl = `${aws.endpoint}/${ACCOUNT}/ec2_launches`;
    return new SQSClient(clientSettings()).send(new SendMessageCommand({ QueueUrl, MessageBody: body }));
  }
  const TopicArn = topicOf("ec2_launches_check");
  return new SNSClient(clientSettings()).send(new PublishCommand({ TopicArn, Message: body }));
}

/** The event of a tag change a number of seconds ago. */
function changeOf(id: string, keys: readonly string[], tags: Record<string, string>, secondsAgo = 0) {
  const event = tagChange({ id, time: new Date(clock.now() - secondsAgo * 1000).toISOString() });
  return { ...event, detail: { ...event.detail, "changed-tag-keys": keys, tags } };
}

describe.each(HOSTS)("a resolved alert on $host", ({ host, open }) => {
  it("has the dedupKey of the alert when the missing tag is set", async () => {
    const pass = await onHost(open);
    const id = await launch();
    await pass(240);
    const [alerted] = await told();
    expect(alerted).toMatchObject({ status: "violating", ruleId: "required-tags", instanceId: id });
    await tag(id, { owner: "ada" });
    await pass(240);
    const resolved = await told();
    expect(resolved).toMatchObject([
      { status: "resolved", ruleId: "required-tags", dedupKey: alerted?.dedupKey, message: "it has the tags" },
    ]);
    expect(outcomes.filter((kind) => kind === "resolved")).toHaveLength(1);
    await untag(id, "owner");
    await pass(240);
    expect(await told()).toMatchObject([{ status: "violating", dedupKey: alerted?.dedupKey }]);
  });

  it("has the dedupKeys of the alert when the instance is terminated, and comes once", async () => {
    const pass = await onHost(open, { rules: [TAG_RULE, KEY_RULE] });
    const id = await launch();
    await pass(240);
    const alerted = await told();
    expect(brief(alerted)).toEqual(["violating keys", "violating required-tags"]);
    await terminate(id);
    await pass(240);
    const resolved = await told();
    expect(brief(resolved)).toEqual(["resolved keys", "resolved required-tags"]);
    expect(resolved.map(({ dedupKey }) => dedupKey).sort()).toEqual(alerted.map(({ dedupKey }) => dedupKey).sort());
    expect(new Set(resolved.map(({ message }) => message))).toEqual(new Set(["the instance is terminated"]));
    await pass(600);
    expect(await told()).toEqual([]);
  });

  it("closes a finding whose facts EC2 removes from a terminated instance, if the container has alerted it", async () => {
    const pass = await onHost(open, { rules: [{ rule: "network", defaultVpc: false }] });
    const id = await launch();
    await pass(240);
    expect(brief(await told())).toEqual(["violating network"]);
    await terminate(id);
    await pass(240);
    expect(brief(await told())).toEqual(["resolved network"]);
  });

  it("is not sent for an instance that complies throughout", async () => {
    const pass = await onHost(open);
    const id = await launch({ owner: "ada" });
    await pass(240);
    await tag(id, { team: "web" });
    await untag(id, "team");
    await tag(id, { note: "x", Name: "web-2" });
    await pass(240);
    await terminate(id);
    await pass(240);
    expect(await told()).toEqual([]);
    expect(outcomes).not.toContain("resolved");
  });

  it("is not sent for a violation that ends within the grace of the launch", async () => {
    const pass = await onHost(open);
    const [fixed, ended] = [await launch(), await launch()];
    await pass(15);
    await tag(fixed, { owner: "ada" });
    await terminate(ended);
    await pass(400);
    expect(await told()).toEqual([]);
  });

  it("is not sent when a tag is set and deleted again within a minute, and the violation is alerted", async () => {
    const pass = await onHost(open);
    const id = await launch();
    await pass(240);
    expect(brief(await told())).toEqual(["violating required-tags"]);
    await tag(id, { owner: "ada" });
    await pass(15);
    await untag(id, "owner");
    await pass(240);
    const after = await told();
    expect(new Set(brief(after))).toEqual(new Set(["violating required-tags"]));
  });

  it("is sent needlessly, without an alert before, when a tag is deleted and set again within a minute", async () => {
    const pass = await onHost(open);
    const id = await launch({ owner: "ada" });
    await pass(240);
    await untag(id, "owner");
    await pass(15);
    await tag(id, { owner: "bob" });
    await pass(240);
    expect(brief(await told())).toEqual(["resolved required-tags"]);
  });

  it("is sent for the last of several changes only, in whichever order their events arrive", async () => {
    const pass = await onHost(open);
    const id = await launch();
    await pass(240);
    const [alerted] = await told();
    await tag(id, { owner: "ada" });
    await pass(240);
    expect(await told()).toMatchObject([{ status: "resolved", dedupKey: alerted?.dedupKey }]);
    // The event of an earlier change arrives last.
    await deliver(changeOf(id, ["owner"], { Name: "web-1", owner: " " }, 300), host);
    await pass(240);
    expect(await told()).toEqual([]);
  });

  it("has the same alert id when its event is delivered twice", async () => {
    const pass = await onHost(open);
    const id = await launch();
    await pass(240);
    await told();
    await tag(id, { owner: "ada" });
    const event = changeOf(id, ["owner"], { Name: "web-1", owner: "ada" });
    await deliver(event, host);
    await deliver(event, host);
    await pass(240);
    const resolved = await told();
    expect(resolved.length).toBeGreaterThan(0);
    expect(new Set(resolved.map(({ alertId, status }) => `${status} ${alertId}`)).size).toBe(1);
  });

  it("is not sent without RESOLVED_ALERTS", async () => {
    const pass = await onHost(open, undefined, { RESOLVED_ALERTS: "off" });
    const [fixed, ended] = [await launch(), await launch()];
    await pass(240);
    expect(brief(await told())).toEqual(["violating required-tags", "violating required-tags"]);
    await tag(fixed, { owner: "ada" });
    await terminate(ended);
    await pass(240);
    expect(await told()).toEqual([]);
  });

  it("closes the fixed rule, and repeats no alert of the rules that are still violated", async () => {
    const pass = await onHost(open, { rules: [TAG_RULE, { ...TAG_RULE, id: "team", tags: ["team"] }, KEY_RULE] });
    const id = await launch();
    await pass(240);
    expect(brief(await told())).toEqual(["violating keys", "violating required-tags", "violating team"]);
    await tag(id, { owner: "ada" });
    await pass(240);
    expect(brief(await told())).toEqual(["resolved required-tags"]);
    await tag(id, { note: "a tool writes this every hour" });
    await pass(240);
    expect(brief(await told())).toEqual([]);
  });

  it("closes the findings that a tag exempts, or takes out of the rule's scope", async () => {
    const exemption = {
      rules: "required-tags",
      when: { tag: "env", in: "lab" },
      reason: "A trial.",
      until: "2027-03-31",
    };
    const scoped = { ...KEY_RULE, when: { tag: "env", in: "prod" } };
    const pass = await onHost(open, { rules: [TAG_RULE, scoped], exemptions: [exemption] });
    const id = await launch({ env: "prod" });
    await pass(240);
    expect(brief(await told())).toEqual(["violating keys", "violating required-tags"]);
    await tag(id, { env: "lab" });
    await pass(240);
    const resolved = await told();
    expect(resolved.map(({ status, ruleId, message }) => [status, ruleId, message]).sort()).toEqual([
      ["resolved", "keys", 'the rule no longer applies: it applies when the tag "env" is "prod"'],
      ["resolved", "required-tags", "it is exempt until 2027-03-31: A trial"],
    ]);
  });

  it("goes also to the topics that got the violation before a tag moved the instance", async () => {
    const payments = { when: { tag: "team", in: "payments" }, topic: topicOf("payments"), instead: true };
    const pass = await onHost(open, { rules: [TAG_RULE], routes: [payments] });
    const id = await launch();
    await pass(240);
    expect(brief(await told())).toEqual(["violating required-tags"]);
    await tag(id, { team: "payments" });
    await pass(240);
    expect(brief(await told("payments"))).toEqual(["violating required-tags"]);
    expect(await told()).toEqual([]);
    await tag(id, { owner: "ada" });
    await pass(240);
    for (const name of ["payments", "ec2_audit_alert"]) {
      expect(brief(await told(name))).toEqual(["resolved required-tags"]);
    }
  });

  it("goes to every topic that may have got the violation, and to its thread in chat", async () => {
    const pass = await onHost(open, {
      rules: [TAG_RULE],
      routes: [
        { when: { tag: "team", in: "payments" }, topic: topicOf("payments"), instead: true },
        { rules: "required-tags", topic: topicOf("chat"), format: "chat" },
      ],
    });
    const id = await launch({ team: "payments" });
    await pass(240);
    expect(brief(await told())).toEqual([]);
    const [alerted] = await told("payments");
    const [thread] = await received("chat");
    await tag(id, { team: "shop", owner: "ada" });
    await pass(240);
    for (const name of ["payments", "ec2_audit_alert"]) {
      expect(await told(name)).toMatchObject([{ status: "resolved", dedupKey: alerted?.dedupKey }]);
    }
    expect(await received("chat")).toMatchObject([
      {
        content: { title: expect.stringMatching(/^RESOLVED web-1 fixed: required-tags/) },
        metadata: { threadId: thread.metadata.threadId, additionalContext: { status: "resolved" } },
      },
    ]);
  });
});
