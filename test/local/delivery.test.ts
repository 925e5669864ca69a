import {
  GetSubscriptionAttributesCommand,
  PublishBatchCommand,
  PublishCommand,
  SetSubscriptionAttributesCommand,
  SetTopicAttributesCommand,
  SubscribeCommand,
} from "@aws-sdk/client-sns";
import { describe, expect, it } from "vitest";
import {
  attempts,
  aws,
  clock,
  closedPort,
  confirmed,
  deadLetterQueue,
  newTopic,
  START,
  seconds,
  sns,
  useSns,
} from "./sns-over-http.ts";

useSns();

describe("Retries", () => {
  it("by default SNS retries 503 three times, 20 s apart", async () => {
    const TopicArn = await newTopic();
    const subscriber = await confirmed(TopicArn, {}, 503);
    await sns().send(new PublishCommand({ TopicArn, Message: "x" }));
    await clock.advance(3_600_000);
    expect(seconds()).toEqual([0, 20, 40, 60]);
    expect(attempts.map(({ willRetryAtMs }) => willRetryAtMs)).toEqual([
      START + 20_000,
      START + 40_000,
      START + 60_000,
      undefined,
    ]);
    expect(new Set(subscriber.received.slice(1).map(({ headers }) => headers["x-amz-sns-message-id"])).size).toBe(1);
    expect(new Set(subscriber.received.slice(1).map(({ body }) => body)).size).toBe(1);
    expect(attempts.at(-1)).toMatchObject({ status: 503, responseBody: "response 503", deadLettered: false });
  });

  it("end with the first response of 200", async () => {
    const TopicArn = await newTopic();
    await confirmed(TopicArn, {}, 503, 200);
    await sns().send(new PublishCommand({ TopicArn, Message: "x" }));
    await clock.advance(3_600_000);
    expect(attempts).toMatchObject([{ status: 503 }, { status: 200, willRetryAtMs: undefined }]);
  });

  it("a policy has four phases: immediate, minimum delay, backoff, maximum delay", async () => {
    const TopicArn = await newTopic();
    const healthyRetryPolicy = {
      minDelayTarget: 10,
      maxDelayTarget: 40,
      numRetries: 9,
      numNoDelayRetries: 2,
      numMinDelayRetries: 1,
      numMaxDelayRetries: 2,
      backoffFunction: "linear",
    };
    await confirmed(TopicArn, { DeliveryPolicy: JSON.stringify({ healthyRetryPolicy }) }, 500);
    await sns().send(new PublishCommand({ TopicArn, Message: "x" }));
    await clock.advance(3_600_000);
    expect(seconds()).toEqual([0, 0, 0, 10, 20, 40, 70, 110, 150, 190]);
  });

  it.each([
    ["linear", [0, 20, 113.333, 280, 520]],
    ["arithmetic", [0, 20, 76.667, 206.667, 446.667]],
    ["geometric", [0, 20, 65.789, 170.618, 410.618]],
    ["exponential", [0, 20, 71.429, 185.714, 425.714]],
  ])(
    "the delays of backoff function %s begin at the minimum and end at the maximum",
    async (backoffFunction, expected) => {
      const TopicArn = await newTopic();
      const healthyRetryPolicy = { minDelayTarget: 20, maxDelayTarget: 240, numRetries: 4, backoffFunction };
      await confirmed(TopicArn, { DeliveryPolicy: JSON.stringify({ healthyRetryPolicy }) }, 500);
      await sns().send(new PublishCommand({ TopicArn, Message: "x" }));
      await clock.advance(3_600_000);
      for (const [index, second] of expected.entries()) expect(seconds()[index]).toBeCloseTo(second, 2);
    },
  );

  it("no retry is later than 3,600 s after the first attempt, even if the responses are slow", async () => {
    const TopicArn = await newTopic();
    const healthyRetryPolicy = { minDelayTarget: 1790, maxDelayTarget: 1790, numRetries: 2 };
    await confirmed(TopicArn, { DeliveryPolicy: JSON.stringify({ healthyRetryPolicy }) }, "silence");
    await sns().send(new PublishCommand({ TopicArn, Message: "x" }));
    await clock.advance(7_200_000);
    expect(seconds()).toEqual([0, 1805]);
  });

  it.each([400, 403, 404, 413, 429, 301])(
    "%i is final: the message is not tried again, and is in no dead-letter queue",
    async (status) => {
      const TopicArn = await newTopic();
      const dead = await deadLetterQueue();
      await confirmed(TopicArn, { RedrivePolicy: dead.policy }, status);
      await sns().send(new PublishCommand({ TopicArn, Message: "x" }));
      await clock.advance(3_600_000);
      expect(attempts).toMatchObject([{ status, attempt: 1, willRetryAtMs: undefined, deadLettered: false }]);
      expect(await dead.bodies()).toEqual([]);
    },
  );

  it("an undelivered message goes to the dead-letter queue after the last retry", async () => {
    const TopicArn = await newTopic();
    const dead = await deadLetterQueue();
    await confirmed(TopicArn, { RedrivePolicy: dead.policy }, 503);
    await sns().send(new PublishCommand({ TopicArn, Message: "x" }));
    await clock.advance(59_999);
    expect(await dead.bodies()).toEqual([]);
    await clock.advance(1);
    expect(await dead.bodies()).toHaveLength(1);
    expect(attempts.map(({ deadLettered }) => deadLettered)).toEqual([false, false, false, true]);
  });

  it("a response after more than 15 s is a failure, and the retry comes 20 s later", async () => {
    const TopicArn = await newTopic();
    await confirmed(TopicArn, {}, "silence", 200);
    await sns().send(new PublishCommand({ TopicArn, Message: "x" }));
    await clock.advance(14_999);
    expect(attempts).toEqual([]);
    await clock.advance(1);
    expect(attempts).toMatchObject([{ status: undefined, error: "no response within 15 s" }]);
    await clock.advance(20_000);
    expect(seconds()).toEqual([0, 35]);
    expect(attempts[1]).toMatchObject({ status: 200 });
  });

  it("SNS retries after a dropped connection", async () => {
    const TopicArn = await newTopic();
    await confirmed(TopicArn, {}, "hang up", 200);
    await sns().send(new PublishCommand({ TopicArn, Message: "x" }));
    await clock.advance(20_000);
    expect(attempts).toMatchObject([{ status: undefined, error: expect.any(String) }, { status: 200 }]);
  });

  it("SNS delivers nothing after close", async () => {
    const TopicArn = await newTopic();
    const subscriber = await confirmed(TopicArn, {}, 503, "silence");
    await sns().send(new PublishCommand({ TopicArn, Message: "x" }));
    await aws.idle();
    await sns().send(new PublishCommand({ TopicArn, Message: "y" }));
    await clock.advance(0);
    expect(attempts).toHaveLength(1);
    const sent = subscriber.received.length;
    await aws.close();
    await clock.advance(3_600_000);
    expect(attempts).toHaveLength(1);
    expect(subscriber.received).toHaveLength(sent);
  });

  it("SNS retries after a refused connection", async () => {
    const TopicArn = await newTopic();
    const url = `http://127.0.0.1:${await closedPort()}/`;
    await sns().send(new SubscribeCommand({ TopicArn, Protocol: "http", Endpoint: url }));
    await clock.advance(60_000);
    expect(seconds()).toEqual([0, 20, 40, 60]);
    expect(attempts[0]?.error).toContain("ECONNREFUSED");
  });
});

describe("Delivery policies", () => {
  const subscribe = async (policy: object) =>
    sns().send(
      new SubscribeCommand({
        TopicArn: await newTopic(),
        Protocol: "http",
        Endpoint: `http://127.0.0.1:${await closedPort()}/`,
        Attributes: { DeliveryPolicy: JSON.stringify({ healthyRetryPolicy: policy }) },
      }),
    );

  it.each([
    ["more than 100 retries", { numRetries: 101 }],
    ["a least delay above the greatest", { minDelayTarget: 30, maxDelayTarget: 20 }],
    ["a delay of no seconds", { minDelayTarget: 0 }],
    ["more than 3,600 s in all", { minDelayTarget: 60, maxDelayTarget: 60, numRetries: 61 }],
    ["phases with more retries than there are", { numRetries: 2, numNoDelayRetries: 3 }],
    ["an unknown backoff function", { backoffFunction: "random" }],
    ["a number as text", { numRetries: "3" }],
    ["an unknown key", { retries: 3 }],
  ])("refused: %s", async (_what, policy) => {
    await expect(subscribe(policy)).rejects.toMatchObject({
      name: "InvalidParameterException",
      message: expect.stringContaining("DeliveryPolicy: healthyRetryPolicy"),
    });
  });

  it("a total of exactly 3,600 s is allowed", async () => {
    expect((await subscribe({ minDelayTarget: 60, maxDelayTarget: 60, numRetries: 60 })).SubscriptionArn).toBe(
      "pending confirmation",
    );
  });

  it("a topic's policy applies to its subscriptions without their own", async () => {
    const TopicArn = await newTopic();
    const AttributeValue = JSON.stringify({
      http: { defaultHealthyRetryPolicy: { minDelayTarget: 5, maxDelayTarget: 5, numRetries: 1 } },
    });
    await sns().send(new SetTopicAttributesCommand({ TopicArn, AttributeName: "DeliveryPolicy", AttributeValue }));
    const { SubscriptionArn } = await confirmed(TopicArn, {}, 503);
    await sns().send(new PublishCommand({ TopicArn, Message: "x" }));
    await clock.advance(60_000);
    expect(seconds()).toEqual([0, 5]);
    const { Attributes } = await sns().send(new GetSubscriptionAttributesCommand({ SubscriptionArn }));
    expect(JSON.parse(Attributes?.EffectiveDeliveryPolicy ?? "")).toMatchObject({
      healthyRetryPolicy: { numRetries: 1 },
    });
  });

  it("maxReceivesPerSecond spreads deliveries", async () => {
    const TopicArn = await newTopic();
    await confirmed(TopicArn, { DeliveryPolicy: JSON.stringify({ throttlePolicy: { maxReceivesPerSecond: 2 } }) }, 200);
    for (const Message of ["a", "b", "c"]) await sns().send(new PublishCommand({ TopicArn, Message }));
    await clock.advance(5_000);
    expect(seconds()).toEqual([0, 0.5, 1]);
  });

  it("raw delivery sends the message itself, with a header for raw delivery", async () => {
    const TopicArn = await newTopic();
    const subscriber = await confirmed(TopicArn, {}, 200);
    const { SubscriptionArn } = subscriber;
    await sns().send(
      new SetSubscriptionAttributesCommand({
        SubscriptionArn,
        AttributeName: "RawMessageDelivery",
        AttributeValue: "true",
      }),
    );
    await sns().send(new PublishCommand({ TopicArn, Message: "raw" }));
    await aws.idle();
    expect(subscriber.received.at(-1)).toMatchObject({
      body: "raw",
      headers: { "x-amz-sns-rawdelivery": "true", "x-amz-sns-subscription-arn": SubscriptionArn },
    });
  });

  it("a burst has 128 connections at a time, and waiting deliveries do not start after close", async () => {
    const TopicArn = await newTopic();
    const subscriber = await confirmed(TopicArn, {}, "silence");
    const before = subscriber.received.length;
    for (let n = 0; n < 150; n += 10) {
      const PublishBatchRequestEntries = Array.from({ length: 10 }, (_, index) => ({ Id: `${index}`, Message: "x" }));
      await sns().send(new PublishBatchCommand({ TopicArn, PublishBatchRequestEntries }));
    }
    const turn = () => new Promise((resolve) => setImmediate(resolve));
    while (subscriber.received.length < before + 128) await turn();
    await aws.close();
    for (let n = 0; n < 50; n += 1) await turn();
    expect(subscriber.received).toHaveLength(before + 128);
    expect(attempts).toEqual([]);
  });
});
