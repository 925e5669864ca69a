import { PutEventsCommand, PutRuleCommand, PutTargetsCommand } from "@aws-sdk/client-eventbridge";
import {
  CreateTopicCommand,
  DeleteTopicCommand,
  PublishCommand,
  SetTopicAttributesCommand,
  SubscribeCommand,
} from "@aws-sdk/client-sns";
import { ReceiveMessageCommand, SetQueueAttributesCommand } from "@aws-sdk/client-sqs";
import { describe, expect, it } from "vitest";
import { aws, of, queue, useEmbeddedAws } from "./embedded-aws.ts";
import { ACCOUNT, unique } from "./targets.ts";

/** Undelivered messages of AWS services, with policies checked: moto_server checks none and has no dead-letter queues of rules. */
useEmbeddedAws({ cloudTrail: false, topicPolicies: "checked", queuePolicies: "checked" });

const region = "eu-west-1";
type Queue = Awaited<ReturnType<typeof queue>>;

const allow = (service: string, Action: string, Resource: string, Condition?: object) =>
  JSON.stringify({
    Version: "2012-10-17",
    Statement: [{ Effect: "Allow", Principal: { Service: `${service}.amazonaws.com` }, Action, Resource, Condition }],
  });

async function topic(policy?: (arn: string) => string): Promise<string> {
  const { TopicArn = "" } = await of().sns.send(new CreateTopicCommand({ Name: unique("topic") }));
  if (policy !== undefined) {
    const AttributeValue = policy(TopicArn);
    await of().sns.send(new SetTopicAttributesCommand({ TopicArn, AttributeName: "Policy", AttributeValue }));
  }
  return TopicArn;
}

/** Creates a queue whose policy allows `services`. */
async function openQueue(...services: string[]): Promise<Queue> {
  const made = await queue();
  const Policy = JSON.stringify({
    Statement: services.map((service) => JSON.parse(allow(service, "sqs:SendMessage", made.arn)).Statement[0]),
  });
  await of().sqs.send(new SetQueueAttributesCommand({ QueueUrl: made.QueueUrl, Attributes: { Policy } }));
  return made;
}

/** Creates a rule for launches whose only target is `Arn`; returns its ARN. */
async function rule(Arn: string, dead?: Queue): Promise<string> {
  const Name = unique("rule");
  const EventPattern = '{"source":["aws.ec2"],"detail":{"state":["pending"]}}';
  const { RuleArn = "" } = await of().events.send(new PutRuleCommand({ Name, EventPattern }));
  const DeadLetterConfig = dead && { Arn: dead.arn };
  await of().events.send(new PutTargetsCommand({ Rule: Name, Targets: [{ Id: "t", Arn, DeadLetterConfig }] }));
  return RuleArn;
}

async function deadLetters({ QueueUrl }: Queue) {
  const { Messages = [] } = await of().sqs.send(
    new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10, MessageAttributeNames: ["All"] }),
  );
  return Messages.map(({ Body = "", MessageAttributes = {} }) => ({
    body: JSON.parse(Body),
    attributes: Object.fromEntries(Object.entries(MessageAttributes).map(([key, value]) => [key, value.StringValue])),
  }));
}

async function subscribed(TopicArn: string): Promise<Queue> {
  const subscriber = await openQueue("sns");
  await of().sns.send(new SubscribeCommand({ TopicArn, Protocol: "sqs", Endpoint: subscriber.arn }));
  return subscriber;
}

describe("EventBridge, to a topic", () => {
  it("delivers if the topic's policy allows it, and sends nothing to the dead-letter queue", async () => {
    const TopicArn = await topic((arn) => allow("events", "sns:Publish", arn));
    const [subscriber, dead] = [await subscribed(TopicArn), await openQueue("events")];
    await rule(TopicArn, dead);
    aws.launch({ region, count: 1 });
    expect(await subscriber.bodies()).toHaveLength(1);
    expect(await deadLetters(dead)).toEqual([]);
  });

  it.each([
    ["whose policy is the one it was made with", undefined],
    ["whose policy allows another service", (arn: string) => allow("cloudwatch", "sns:Publish", arn)],
    // EventBridge sends SNS no values for conditions.
    [
      "whose policy allows some rules only",
      (arn: string) =>
        allow("events", "sns:Publish", arn, { ArnLike: { "aws:SourceArn": "arn:aws:events:*:*:rule/*" } }),
    ],
    [
      "whose policy allows this account only",
      (arn: string) => allow("events", "sns:Publish", arn, { StringEquals: { "aws:SourceAccount": ACCOUNT } }),
    ],
  ])("does not deliver to one %s: the event goes to the dead-letter queue, with the reason", async (_what, policy) => {
    const TopicArn = await topic(policy);
    const [subscriber, dead] = [await subscribed(TopicArn), await openQueue("events")];
    const RuleArn = await rule(TopicArn, dead);
    const [id] = aws.launch({ region, count: 1 });
    expect(await subscriber.bodies()).toEqual([]);
    expect(await deadLetters(dead)).toMatchObject([
      {
        body: { source: "aws.ec2", detail: { "instance-id": id } },
        attributes: {
          RULE_ARN: RuleArn,
          TARGET_ARN: TopicArn,
          ERROR_CODE: "NO_PERMISSIONS",
          ERROR_MESSAGE: expect.stringContaining("sns:Publish"),
        },
      },
    ]);
  });

  it("that was deleted: NO_RESOURCE; without a dead-letter queue the event is lost", async () => {
    const [TopicArn, dead] = [await topic(), await openQueue("events")];
    await rule(TopicArn, dead);
    await rule(TopicArn);
    await of().sns.send(new DeleteTopicCommand({ TopicArn }));
    aws.launch({ region, count: 1 });
    expect(await deadLetters(dead)).toMatchObject([{ attributes: { ERROR_CODE: "NO_RESOURCE" } }]);
  });

  it("with an event that is too long for it: the event goes to the dead-letter queue", async () => {
    const [TopicArn, dead] = [await topic((arn) => allow("events", "sns:Publish", arn)), await openQueue("events")];
    const Name = unique("rule");
    await of().events.send(new PutRuleCommand({ Name, EventPattern: '{"source":["mine"]}' }));
    const Targets = [{ Id: "t", Arn: TopicArn, DeadLetterConfig: { Arn: dead.arn } }];
    await of().events.send(new PutTargetsCommand({ Rule: Name, Targets }));
    const Detail = JSON.stringify({ text: "x".repeat(262_144 - 20) });
    await of().events.send(new PutEventsCommand({ Entries: [{ Source: "mine", DetailType: "x", Detail }] }));
    expect(await deadLetters(dead)).toMatchObject([{ attributes: { ERROR_CODE: "ERROR_FROM_TARGET" } }]);
  });
});

describe("EventBridge, to a queue", () => {
  it("delivers if the queue's policy allows it", async () => {
    const open = await openQueue("events");
    await rule(open.arn);
    aws.launch({ region, count: 1 });
    expect(await open.bodies()).toHaveLength(1);
  });

  it("does not deliver to a queue without a policy, nor to a dead-letter queue without one", async () => {
    const [shut, dead, shutDead] = [await queue(), await openQueue("events"), await queue()];
    await rule(shut.arn, dead);
    await rule(shut.arn, shutDead);
    aws.launch({ region, count: 1 });
    expect([await shut.bodies(), await shutDead.bodies()]).toEqual([[], []]);
    expect(await deadLetters(dead)).toMatchObject([{ attributes: { ERROR_CODE: "NO_PERMISSIONS" } }]);
  });

  it("whose own dead-letter queue needs no policy", async () => {
    const [open, dead] = [await openQueue("events"), await queue()];
    const RedrivePolicy = JSON.stringify({ deadLetterTargetArn: dead.arn, maxReceiveCount: 1 });
    await of().sqs.send(
      new SetQueueAttributesCommand({
        QueueUrl: open.QueueUrl,
        Attributes: { RedrivePolicy, VisibilityTimeout: "0" },
      }),
    );
    await rule(open.arn);
    aws.launch({ region, count: 1 });
    expect(await open.bodies()).toHaveLength(1);
    expect(await dead.bodies()).toHaveLength(1);
  });

  it("that does not exist: NO_RESOURCE", async () => {
    const dead = await openQueue("events");
    await rule(`arn:aws:sqs:${region}:${ACCOUNT}:${unique("none")}`, dead);
    aws.launch({ region, count: 1 });
    expect(await deadLetters(dead)).toMatchObject([{ attributes: { ERROR_CODE: "NO_RESOURCE" } }]);
  });

  it.each([
    ["a FIFO queue", `arn:aws:sqs:${region}:${ACCOUNT}:dead.fifo`],
    ["a queue of another region", `arn:aws:sqs:us-east-1:${ACCOUNT}:dead`],
    ["no queue", `arn:aws:sns:${region}:${ACCOUNT}:dead`],
  ])("%s is refused as a dead-letter queue", async (_what, arn) => {
    const { arn: target } = await queue();
    await expect(rule(target, { ...(await queue()), arn })).rejects.toMatchObject({ name: "ValidationException" });
  });
});

describe("SNS, to a queue", () => {
  it("delivers if the queue's policy allows it, otherwise to the subscription's dead-letter queue", async () => {
    const [TopicArn, open, shut, dead] = [await topic(), await openQueue("sns"), await queue(), await openQueue("sns")];
    const Attributes = { RedrivePolicy: JSON.stringify({ deadLetterTargetArn: dead.arn }) };
    for (const { arn: Endpoint } of [open, shut]) {
      await of().sns.send(new SubscribeCommand({ TopicArn, Protocol: "sqs", Endpoint, Attributes }));
    }
    await of().sns.send(new PublishCommand({ TopicArn, Message: "x" }));
    const counts = [await open.bodies(), await shut.bodies(), await dead.bodies()].map(({ length }) => length);
    expect(counts).toEqual([1, 0, 1]);
  });

  it("sends nothing to a dead-letter queue whose policy does not allow it", async () => {
    const [TopicArn, shut, shutDead] = [await topic(), await queue(), await queue()];
    const Attributes = { RedrivePolicy: JSON.stringify({ deadLetterTargetArn: shutDead.arn }) };
    await of().sns.send(new SubscribeCommand({ TopicArn, Protocol: "sqs", Endpoint: shut.arn, Attributes }));
    await of().sns.send(new PublishCommand({ TopicArn, Message: "x" }));
    expect(await shutDead.bodies()).toEqual([]);
  });
});

describe("The key that AWS manages allows no service", () => {
  // https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
  it("to send to an encrypted topic or queue, even if its policy allows it; a customer key does", async () => {
    const encryptTopic = (TopicArn: string, AttributeValue: string) =>
      of().sns.send(new SetTopicAttributesCommand({ TopicArn, AttributeName: "KmsMasterKeyId", AttributeValue }));
    const encryptQueue = ({ QueueUrl }: Queue, KmsMasterKeyId: string) =>
      of().sqs.send(new SetQueueAttributesCommand({ QueueUrl, Attributes: { KmsMasterKeyId } }));
    const TopicArn = await topic((arn) => allow("events", "sns:Publish", arn));
    const [target, dead] = [await openQueue("events"), await openQueue("events")];
    await rule(TopicArn, dead);
    await rule(target.arn, dead);
    await encryptTopic(TopicArn, "alias/aws/sns");
    await encryptQueue(target, "alias/aws/sqs");
    aws.launch({ region, count: 1 });
    const codes = (await deadLetters(dead)).map(({ attributes }) => attributes.ERROR_CODE);
    expect(codes).toEqual(["NO_PERMISSIONS", "NO_PERMISSIONS"]);
    await encryptTopic(TopicArn, "alias/own");
    await encryptQueue(target, "alias/own");
    aws.launch({ region, count: 1 });
    expect([(await deadLetters(dead)).length, (await deadLetters(target)).length]).toEqual([0, 1]);
  });
});
