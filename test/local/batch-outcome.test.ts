import { CreateQueueCommand, ReceiveMessageCommand } from "@aws-sdk/client-sqs";
import type { SQSEvent } from "aws-lambda";
import { describe, expect, it } from "vitest";
import type { QueueMapping } from "../../src/local/aws/index.ts";
import { clock, of, queue, START } from "./embedded-aws.ts";
import { calls, failing, map, send, times, useMapping } from "./mapped-function.ts";
import { ACCOUNT, unique } from "./targets.ts";

useMapping();

describe("The outcome of a batch", () => {
  /** Sends three messages, and returns the messages of each invocation after an hour. */
  async function threeMessages(
    answer: (event: SQSEvent, call: number) => unknown,
    settings: Partial<QueueMapping> = {},
  ) {
    const { QueueUrl, arn } = await queue(unique("queue"), { VisibilityTimeout: "60" });
    for (const body of ["a", "b", "c"]) await send(QueueUrl, body);
    map(arn, settings, answer);
    await clock.advance(3_600_000);
    return calls.map(({ at, bodies, counts }) => [at / 1000, bodies.join(""), counts.join("")]);
  }

  it("failed messages are visible again after their visibility timeout; the others are deleted", async () => {
    const seen = await threeMessages((event, call) => (call === 1 ? failing(event.Records[1]?.messageId) : undefined));
    expect(seen).toEqual([
      [0, "abc", "111"],
      [60, "b", "2"],
    ]);
  });

  it.each<[string, unknown]>([
    ["nothing", undefined],
    ["null", null],
    ["an empty response", {}],
    ["a null list", { batchItemFailures: null }],
    ["an empty list", { batchItemFailures: [] }],
  ])("%s: all messages are deleted", async (_what, answer) => {
    expect(await threeMessages(() => answer)).toEqual([[0, "abc", "111"]]);
  });

  it.each<[string, (event: SQSEvent) => unknown]>([
    ["an identifier that is unknown", (event) => failing(event.Records[0]?.messageId, "nonsense")],
    ["an empty identifier", () => failing("")],
    ["a null identifier", () => failing(null)],
    ["another key", (event) => ({ batchItemFailures: [{ messageId: event.Records[0]?.messageId }] })],
    ["items that are no objects", (event) => ({ batchItemFailures: [event.Records[0]?.messageId] })],
    ["no list", () => ({ batchItemFailures: "all" })],
    ["a response that is not an object", () => "done"],
    ["a rejection", () => Promise.reject(new Error("no"))],
  ])("%s: all messages have failed", async (_what, answer) => {
    const seen = await threeMessages((event, call) => (call === 1 ? answer(event) : undefined));
    expect(seen).toEqual([
      [0, "abc", "111"],
      [60, "abc", "222"],
    ]);
  });

  it("no response within the timeout: all messages have failed, and a late response changes nothing", async () => {
    let late = (_response: unknown) => {};
    const seen = threeMessages(
      (_event, call) => (call === 1 ? new Promise((resolve) => (late = resolve)) : undefined),
      { timeoutSeconds: 30, maximumConcurrency: 1 },
    );
    while (calls.length === 0) await new Promise((resolve) => setImmediate(resolve));
    clock.after(31_000, () => late({}));
    expect(await seen).toEqual([
      [0, "abc", "111"],
      [60, "abc", "222"],
    ]);
  });

  it("a message over its maxReceiveCount goes to the dead-letter queue", async () => {
    const dead = await queue();
    const RedrivePolicy = JSON.stringify({ deadLetterTargetArn: dead.arn, maxReceiveCount: "3" });
    const { QueueUrl, arn } = await queue(unique("queue"), { VisibilityTimeout: "60", RedrivePolicy });
    const { MessageId } = await send(QueueUrl, "poison");
    map(arn, {}, (event) => failing(event.Records[0]?.messageId));
    await clock.advance(3_600_000);
    expect(times()).toEqual([0, 60, 120]);
    const { Messages } = await of().sqs.send(
      new ReceiveMessageCommand({ QueueUrl: dead.QueueUrl, MessageSystemAttributeNames: ["SentTimestamp"] }),
    );
    expect(Messages).toMatchObject([{ Body: "poison", MessageId, Attributes: { SentTimestamp: String(START) } }]);
  });

  it("a FIFO queue delivers the next message of a group when the previous one is deleted", async () => {
    const name = `${unique("queue")}.fifo`;
    const { QueueUrl } = await of().sqs.send(
      new CreateQueueCommand({
        QueueName: name,
        Attributes: { FifoQueue: "true", ContentBasedDeduplication: "true", VisibilityTimeout: "60" },
      }),
    );
    for (const body of ["first", "second"]) await send(QueueUrl, body, { MessageGroupId: "g" });
    map(`arn:aws:sqs:eu-west-1:${ACCOUNT}:${name}`, { batchSize: 1 }, (event, call) =>
      call === 1 ? failing(event.Records[0]?.messageId) : undefined,
    );
    await clock.advance(3_600_000);
    expect(calls.map(({ at, bodies }) => [at / 1000, ...bodies])).toEqual([
      [0, "first"],
      [60, "first"],
      [60, "second"],
    ]);
    expect(calls[0]?.event.Records[0]?.attributes).toMatchObject({
      MessageGroupId: "g",
      SequenceNumber: expect.stringMatching(/^\d{20}$/),
    });
  });
});
