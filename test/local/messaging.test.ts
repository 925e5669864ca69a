import { DescribeTagsCommand } from "@aws-sdk/client-ec2";
import {
  PutEventsCommand,
  PutRuleCommand,
  PutTargetsCommand,
  TestEventPatternCommand,
} from "@aws-sdk/client-eventbridge";
import {
  CreateTopicCommand,
  GetSubscriptionAttributesCommand,
  PublishCommand,
  SetTopicAttributesCommand,
  SubscribeCommand,
} from "@aws-sdk/client-sns";
import { ReceiveMessageCommand, SendMessageCommand } from "@aws-sdk/client-sqs";
import { AssumeRoleCommand } from "@aws-sdk/client-sts";
import { describe, expect, it } from "vitest";
import { aws, clock, launch, of, queue, START, useEmbeddedAws } from "./embedded-aws.ts";
import { ACCOUNT, clients, unique } from "./targets.ts";

/** Behaviour of SNS, EventBridge and time that moto_server lacks; each part gives the reason. */
useEmbeddedAws();

describe("SNS's checks (moto_server does not have these, or has other errors)", () => {
  const newTopic = async (input: object = {}) =>
    (await of().sns.send(new CreateTopicCommand({ Name: unique("topic"), ...input }))).TopicArn ?? "";

  it("subscribing a queue again succeeds with the same attributes and fails with others", async () => {
    const [TopicArn, { arn: Endpoint }] = [await newTopic(), await queue()];
    const subscribe = (policy: object) =>
      of().sns.send(
        new SubscribeCommand({
          TopicArn,
          Protocol: "sqs",
          Endpoint,
          Attributes: { FilterPolicy: JSON.stringify(policy) },
        }),
      );
    const { SubscriptionArn } = await subscribe({ a: ["1"], b: ["2"] });
    expect((await subscribe({ b: ["2"], a: ["1"] })).SubscriptionArn).toBe(SubscriptionArn);
    await expect(subscribe({ a: ["2"] })).rejects.toMatchObject({
      name: "InvalidParameterException",
      message: "Invalid parameter: Attributes Reason: Subscription already exists with different attributes",
    });
  });

  it.each([
    ["MessageStructure json without a default", { Message: '{"sqs":"x"}', MessageStructure: "json" }],
    ["MessageStructure json that is not JSON", { Message: "{", MessageStructure: "json" }],
    ["a subject with a line break", { Message: "x", Subject: "a\nb" }],
    ["a subject that is not ASCII", { Message: "x", Subject: "é" }],
    ["a subject of 100 characters", { Message: "x", Subject: "s".repeat(100) }],
    ["an empty message", { Message: "" }],
    [
      "attributes that make it too long",
      { Message: "x".repeat(262_144), MessageAttributes: { a: { DataType: "String", StringValue: "b" } } },
    ],
  ])("not published: %s", async (_what, input) => {
    await expect(of().sns.send(new PublishCommand({ TopicArn: await newTopic(), ...input }))).rejects.toMatchObject({
      name: "InvalidParameterException",
    });
  });

  it("a FIFO topic requires a group and a deduplication id, and drops duplicates for five minutes", async () => {
    const TopicArn = await newTopic({ Name: `${unique("topic")}.fifo`, Attributes: { FifoTopic: "true" } });
    const { arn: Endpoint, bodies } = await queue(`${unique("queue")}.fifo`, { FifoQueue: "true" });
    await of().sns.send(
      new SubscribeCommand({ TopicArn, Protocol: "sqs", Endpoint, Attributes: { RawMessageDelivery: "true" } }),
    );
    const publish = (input: object) => of().sns.send(new PublishCommand({ TopicArn, Message: "x", ...input }));
    await expect(publish({ MessageDeduplicationId: "1" })).rejects.toMatchObject({ name: "InvalidParameterException" });
    await expect(publish({ MessageGroupId: "g" })).rejects.toMatchObject({ name: "InvalidParameterException" });
    for (const wait of [0, 299_999, 1]) {
      await clock.advance(wait);
      await publish({ MessageGroupId: `g${wait}`, MessageDeduplicationId: "1" });
    }
    expect(await bodies()).toEqual(["x", "x"]);
  });

  it("creating a topic again with other tags fails; without tags the topic keeps its own", async () => {
    const Name = unique("topic");
    const create = (tags: Record<string, string> | undefined) =>
      newTopic({ Name, ...(tags && { Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })) }) });
    const TopicArn = await create({ team: "web", cost: "1" });
    expect([await create({ cost: "1", team: "web" }), await create(undefined)]).toEqual([TopicArn, TopicArn]);
    for (const other of [{ team: "shop", cost: "1" }, { team: "web" }, { team: "web", cost: "1", stage: "x" }]) {
      await expect(create(other)).rejects.toMatchObject({
        name: "InvalidParameterException",
        message: "Invalid parameter: Tags Reason: Topic already exists with different tags",
      });
    }
  });

  it.each([
    ["is not JSON", "{"],
    ["is about an action of no topic", '{"Statement":{"Effect":"Allow","Principal":"*","Action":"sns:CreateTopic"}}'],
  ])("a topic's policy that %s is refused", async (_what, AttributeValue) => {
    const TopicArn = await newTopic();
    await expect(
      of().sns.send(new SetTopicAttributesCommand({ TopicArn, AttributeName: "Policy", AttributeValue })),
    ).rejects.toMatchObject({ name: "InvalidParameterException" });
  });

  it("a subscription's delivery policy is returned with all its fields; those without a value are null", async () => {
    const TopicArn = await newTopic();
    const DeliveryPolicy = JSON.stringify({ healthyRetryPolicy: { numRetries: 5, minDelayTarget: 10 } });
    const RedrivePolicy = JSON.stringify({ deadLetterTargetArn: `arn:aws:sqs:eu-west-1:${ACCOUNT}:dead` });
    const { SubscriptionArn } = await of().sns.send(
      new SubscribeCommand({
        TopicArn,
        Protocol: "http",
        Endpoint: "http://127.0.0.1:1/",
        Attributes: { DeliveryPolicy, RedrivePolicy },
        ReturnSubscriptionArn: true,
      }),
    );
    const { Attributes = {} } = await of().sns.send(new GetSubscriptionAttributesCommand({ SubscriptionArn }));
    const shown = {
      healthyRetryPolicy: {
        minDelayTarget: 10,
        maxDelayTarget: 20,
        numRetries: 5,
        numMaxDelayRetries: 0,
        numNoDelayRetries: 0,
        numMinDelayRetries: 0,
        backoffFunction: "linear",
      },
      sicklyRetryPolicy: null,
      throttlePolicy: null,
      requestPolicy: null,
      guaranteed: false,
    };
    expect(JSON.parse(Attributes.DeliveryPolicy ?? "")).toEqual(shown);
    expect(JSON.parse(Attributes.EffectiveDeliveryPolicy ?? "")).toEqual(shown);
    expect(Attributes.RedrivePolicy).toBe(RedrivePolicy);
  });

  // https://docs.aws.amazon.com/sns/latest/dg/sns-message-attributes.html
  it("MessageStructure json sends no message attributes; filter policies for the body match each protocol's own text", async () => {
    const TopicArn = await newTopic();
    const subscriber = async (Attributes: Record<string, string>) => {
      const { arn: Endpoint, bodies } = await queue();
      await of().sns.send(new SubscribeCommand({ TopicArn, Protocol: "sqs", Endpoint, Attributes }));
      return bodies;
    };
    const FilterPolicy = '{"severity":["high"]}';
    const [all, byAttributes, byBody] = [
      await subscriber({}),
      await subscriber({ FilterPolicy }),
      await subscriber({ FilterPolicy, FilterPolicyScope: "MessageBody" }),
    ];
    await of().sns.send(
      new PublishCommand({
        TopicArn,
        Message: JSON.stringify({ default: '{"severity":"high"}', email: "text" }),
        MessageStructure: "json",
        MessageAttributes: { severity: { DataType: "String", StringValue: "high" } },
      }),
    );
    const [envelope] = (await all()).map((body) => JSON.parse(body));
    expect(envelope).not.toHaveProperty("MessageAttributes");
    expect([(await byAttributes()).length, (await byBody()).length]).toEqual([0, 1]);
  });

  it("a filter policy can match the body", async () => {
    const [TopicArn, { arn: Endpoint, bodies }] = [await newTopic(), await queue()];
    const Attributes = {
      FilterPolicyScope: "MessageBody",
      FilterPolicy: JSON.stringify({ detail: { state: ["running"] } }),
      RawMessageDelivery: "true",
    };
    await of().sns.send(new SubscribeCommand({ TopicArn, Protocol: "sqs", Endpoint, Attributes }));
    for (const Message of ['{"detail":{"state":"running"}}', '{"detail":{"state":"pending"}}', "text"])
      await of().sns.send(new PublishCommand({ TopicArn, Message }));
    expect(await bodies()).toEqual(['{"detail":{"state":"running"}}']);
  });
});

describe("EventBridge (moto_server fails to publish to topics, and accepts events in the name of AWS)", () => {
  it("the subscribers of a rule's topic get the event as their message, without a subject", async () => {
    const { TopicArn = "" } = await of().sns.send(new CreateTopicCommand({ Name: "ec2_launches_check" }));
    const { arn, bodies } = await queue();
    await of().sns.send(new SubscribeCommand({ TopicArn, Protocol: "sqs", Endpoint: arn }));
    await of().events.send(
      new PutRuleCommand({ Name: "r", EventPattern: '{"source":["aws.ec2"],"detail":{"state":["pending"]}}' }),
    );
    await of().events.send(new PutTargetsCommand({ Rule: "r", Targets: [{ Id: "t", Arn: TopicArn }] }));
    const id = await launch();
    const [envelope] = (await bodies()).map((body) => JSON.parse(body));
    expect(envelope).not.toHaveProperty("Subject");
    expect(JSON.parse(envelope.Message).detail).toEqual({ "instance-id": id, state: "pending" });
  });

  it("an entry that claims to be from AWS is refused", async () => {
    const Entries = [
      { Source: "aws.ec2", DetailType: "x", Detail: "{}" },
      { Source: "mine", DetailType: "x", Detail: "{}" },
    ];
    expect(await of().events.send(new PutEventsCommand({ Entries }))).toMatchObject({
      FailedEntryCount: 1,
      Entries: [{ ErrorCode: "NotAuthorizedForSourceException" }, { EventId: expect.any(String) }],
    });
  });

  it("TestEventPattern matches a pattern with an event, without a rule (moto_server does not have it)", async () => {
    const event = {
      id: "1",
      "detail-type": "x",
      source: "aws.ec2",
      account: ACCOUNT,
      region: "eu-west-1",
      resources: [],
    };
    const matches = async (source: string, time: object) =>
      (
        await of().events.send(
          new TestEventPatternCommand({
            EventPattern: JSON.stringify({ source: [source] }),
            Event: JSON.stringify({ ...event, ...time }),
          }),
        )
      ).Result;
    const time = { time: "2026-01-01T00:00:00Z" };
    expect([await matches("aws.ec2", time), await matches("aws.s3", time)]).toEqual([true, false]);
    await expect(matches("aws.ec2", {})).rejects.toMatchObject({ name: "ValidationException" });
  });

  it("a target's Input is refused, because the embedded AWS does not apply it", async () => {
    await of().events.send(new PutRuleCommand({ Name: "r", ScheduleExpression: "rate(1 day)" }));
    const call = of().events.send(
      new PutTargetsCommand({
        Rule: "r",
        Targets: [{ Id: "t", Arn: `arn:aws:sqs:eu-west-1:${ACCOUNT}:q`, Input: "{}" }],
      }),
    );
    await expect(call).rejects.toMatchObject({
      name: "ValidationException",
      message: expect.stringContaining("Input is not supported"),
    });
  });
});

describe("Time (moto_server's cannot be changed)", () => {
  it("a long poll waits for a message, and ends without one when its time is over", async () => {
    const { QueueUrl } = await queue();
    const { sqs } = of();
    const poll = () => sqs.send(new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 20 }));
    const waiting = poll();
    await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: "x", DelaySeconds: 10 }));
    await clock.advance(10_000);
    expect((await waiting).Messages).toMatchObject([{ Body: "x" }]);
    let over = false;
    const inVain = poll().finally(() => {
      over = true;
    });
    while (!over) await clock.advance(1_000);
    expect((await inVain).Messages).toBeUndefined();
    expect(clock.now()).toBeGreaterThanOrEqual(START + 30_000);
  });

  it("a message that was not deleted is received again after its visibility timeout", async () => {
    const { QueueUrl, bodies } = await queue();
    await of().sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: "x" }));
    expect(await bodies()).toEqual(["x"]);
    await clock.advance(29_999);
    expect(await bodies()).toEqual([]);
    await clock.advance(1);
    expect(await bodies()).toEqual(["x"]);
  });

  it("an assumed session ends at its expiration", async () => {
    const { Credentials } = await of().sts.send(
      new AssumeRoleCommand({
        RoleArn: "arn:aws:iam::222233334444:role/audit",
        RoleSessionName: "x1",
        DurationSeconds: 900,
      }),
    );
    expect(Credentials?.Expiration?.getTime()).toBe(START + 900_000);
    const other = clients(aws.endpoint, "eu-west-1", {
      accessKeyId: Credentials?.AccessKeyId ?? "",
      secretAccessKey: "s",
      sessionToken: "t",
    });
    await clock.advance(899_999);
    await other.ec2.send(new DescribeTagsCommand({}));
    await clock.advance(1);
    await expect(other.ec2.send(new DescribeTagsCommand({}))).rejects.toMatchObject({ name: "RequestExpired" });
    await expect(other.sns.send(new CreateTopicCommand({ Name: "x" }))).rejects.toMatchObject({ name: "ExpiredToken" });
  });

  it("a role's session name and duration are checked", async () => {
    const assume = (input: object) =>
      of().sts.send(
        new AssumeRoleCommand({ RoleArn: "arn:aws:iam::222233334444:role/audit", RoleSessionName: "fine", ...input }),
      );
    for (const bad of [
      { RoleSessionName: "a b" },
      { RoleSessionName: "x" },
      { DurationSeconds: 899 },
      { DurationSeconds: 43_201 },
      { RoleArn: "arn:aws:iam::222233334444:user/x" },
    ]) {
      await expect(assume(bad)).rejects.toMatchObject({ name: "ValidationError" });
    }
  });
});
