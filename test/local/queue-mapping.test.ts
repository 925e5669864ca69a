import { GetQueueAttributesCommand, ReceiveMessageCommand } from "@aws-sdk/client-sqs";
import { describe, expect, it } from "vitest";
import type { QueueMapping } from "../../src/local/aws/index.ts";
import { clock, of, queue, START } from "./embedded-aws.ts";
import { calls, map, mapping, send, times, useMapping } from "./mapped-function.ts";
import { ACCOUNT, unique } from "./targets.ts";

useMapping();

describe("Lambda's event source mapping for SQS", () => {
  it("delivers a message at once, in the format that AWS documents", async () => {
    const { QueueUrl, arn } = await queue();
    map(arn, { functionArn: "arn:aws:lambda:eu-west-1:123456789012:function:audit" });
    const { MessageId } = await send(QueueUrl, "hello", {
      MessageAttributes: { kind: { DataType: "String", StringValue: "x" } },
    });
    await mapping.idle();
    expect(calls[0]?.event).toEqual({
      Records: [
        {
          messageId: MessageId,
          receiptHandle: expect.any(String),
          body: "hello",
          attributes: {
            ApproximateReceiveCount: "1",
            SentTimestamp: String(START),
            SenderId: expect.any(String),
            ApproximateFirstReceiveTimestamp: String(START),
          },
          messageAttributes: {
            kind: { stringValue: "x", stringListValues: [], binaryListValues: [], dataType: "String" },
          },
          md5OfBody: "5d41402abc4b2a76b9719d911017c592",
          eventSource: "aws:sqs",
          eventSourceARN: arn,
          awsRegion: "eu-west-1",
        },
      ],
    });
    expect(calls[0]?.context).toEqual({
      awsRequestId: expect.stringMatching(/^[0-9a-f-]{36}$/),
      invokedFunctionArn: "arn:aws:lambda:eu-west-1:123456789012:function:audit",
      deadline: START + 30_000,
    });
    await clock.advance(3_600_000);
    expect(mapping.invocations).toBe(1);
  });

  it("receives the messages in the queue, and a delayed message after its delay", async () => {
    const { QueueUrl, arn } = await queue();
    await send(QueueUrl, "before");
    await send(QueueUrl, "later", { DelaySeconds: 45 });
    map(arn);
    await clock.advance(44_999);
    expect(calls.map(({ bodies }) => bodies)).toEqual([["before"]]);
    await clock.advance(1);
    expect(calls.map(({ bodies }) => bodies)).toEqual([["before"], ["later"]]);
    expect(times()).toEqual([0, 45]);
  });

  it("makes batches of the available messages up to its size, without waiting for more", async () => {
    const { QueueUrl, arn } = await queue();
    for (let n = 0; n < 12; n += 1) await send(QueueUrl, String(n));
    map(arn, { batchSize: 5 });
    await mapping.idle();
    expect(calls.map(({ bodies }) => bodies.length)).toEqual([5, 5, 2]);
  });

  it("with a window, collects messages until the batch is full or the window after its first message is over", async () => {
    const { QueueUrl, arn } = await queue();
    map(arn, { batchSize: 30, maximumBatchingWindowSeconds: 5 });
    for (let n = 0; n < 33; n += 1) await send(QueueUrl, String(n));
    await clock.advance(4_000);
    await send(QueueUrl, "one more");
    await clock.advance(999);
    expect(calls.map(({ bodies }) => bodies.length)).toEqual([30]);
    await clock.advance(1);
    expect(calls.map(({ bodies }) => bodies.length)).toEqual([30, 4]);
    await send(QueueUrl, "next");
    await clock.advance(5_000);
    expect(times()).toEqual([0, 5, 10]);
  });

  it("with a window, keeps a batch below 6 MB", async () => {
    const { QueueUrl, arn } = await queue();
    map(arn, { batchSize: 100, maximumBatchingWindowSeconds: 5 });
    for (let n = 0; n < 8; n += 1) await send(QueueUrl, "x".repeat(1_000_000));
    await clock.advance(5_000);
    expect(calls.map(({ bodies }) => bodies.length)).toEqual([6, 2]);
    const bytes = calls.map(({ event }) => Buffer.byteLength(JSON.stringify(event)));
    expect(Math.max(...bytes)).toBeLessThanOrEqual(6 * 1024 * 1024);
  });

  it("limits concurrent invocations, and continues when one ends", async () => {
    const { QueueUrl, arn } = await queue();
    for (let n = 0; n < 4; n += 1) await send(QueueUrl, String(n));
    const release: (() => void)[] = [];
    map(arn, { batchSize: 1, maximumConcurrency: 2 }, () => new Promise<void>((resolve) => release.push(resolve)));
    await clock.advance(0);
    expect(calls.map(({ bodies }) => bodies)).toEqual([["0"], ["1"]]);
    const { Attributes } = await of().sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ["All"] }));
    expect(Attributes).toMatchObject({
      ApproximateNumberOfMessages: "2",
      ApproximateNumberOfMessagesNotVisible: "2",
    });
    release[1]?.();
    await clock.advance(0);
    expect(calls.map(({ bodies }) => bodies)).toEqual([["0"], ["1"], ["2"]]);
    for (const each of [0, 2, 3]) {
      release[each]?.();
      await clock.advance(0);
    }
    expect(mapping.invocations).toBe(4);
  });

  it("has 5 concurrent invocations by default", async () => {
    const { QueueUrl, arn } = await queue();
    for (let n = 0; n < 7; n += 1) await send(QueueUrl, String(n));
    map(arn, { batchSize: 1 }, () => new Promise(() => {}));
    await clock.advance(0);
    expect(calls).toHaveLength(5);
  });
});

describe("A mapping", () => {
  it("is idle when no invocation is pending", async () => {
    const { QueueUrl, arn } = await queue();
    let release = () => {};
    map(arn, {}, () => new Promise<void>((resolve) => (release = resolve)));
    await mapping.idle();
    await send(QueueUrl, "x");
    let idle = false;
    const waiting = mapping.idle().then(() => {
      idle = true;
    });
    while (calls.length === 0) await new Promise((resolve) => setImmediate(resolve));
    expect(idle).toBe(false);
    release();
    await waiting;
  });

  it("stops receiving when closed, and leaves the messages in the queue", async () => {
    const { QueueUrl, arn } = await queue(unique("queue"), { VisibilityTimeout: "60" });
    map(arn, { maximumBatchingWindowSeconds: 20 });
    await send(QueueUrl, "x");
    await clock.advance(1_000);
    mapping.close();
    await clock.advance(60_000);
    expect(calls).toEqual([]);
    const { Messages } = await of().sqs.send(new ReceiveMessageCommand({ QueueUrl }));
    expect(Messages?.[0]?.Body).toBe("x");
  });

  it("sets no timer while its queue is empty", async () => {
    const { QueueUrl, arn } = await queue();
    const asked: number[] = [];
    const after = clock.after.bind(clock);
    clock.after = (ms, run) => {
      asked.push(ms);
      return after(ms, run);
    };
    map(arn, { maximumBatchingWindowSeconds: 5 });
    await clock.advance(86_400_000);
    expect(asked).toEqual([]);
    await send(QueueUrl, "x");
    await clock.advance(86_400_000);
    expect(asked.sort((a, b) => a - b)).toEqual([5_000, 30_000, 30_000]);
  });

  it.each<[string, Partial<QueueMapping>]>([
    ["more than 10 without a window", { batchSize: 11 }],
    ["more than 10,000", { batchSize: 10_001, maximumBatchingWindowSeconds: 1 }],
    ["a batch of none", { batchSize: 0 }],
    ["a window of more than 300 s", { maximumBatchingWindowSeconds: 301 }],
    ["a timeout above the visibility timeout", { timeoutSeconds: 31 }],
    ["no concurrency", { maximumConcurrency: 0 }],
  ])("is refused with %s", async (_what, settings) => {
    const { arn } = await queue();
    expect(() => map(arn, settings)).toThrow(RangeError);
  });

  it("is refused for a queue that does not exist, and with a window for a FIFO queue", async () => {
    expect(() => map(`arn:aws:sqs:eu-west-1:${ACCOUNT}:nobody`)).toThrow(/no queue/);
    const { arn } = await queue(`${unique("queue")}.fifo`, { FifoQueue: "true" });
    expect(() => map(arn, { maximumBatchingWindowSeconds: 1 })).toThrow(RangeError);
  });
});
