import { SendMessageCommand } from "@aws-sdk/client-sqs";
import type { SQSEvent } from "aws-lambda";
import { afterEach } from "vitest";
import type { InvocationContext, Mapping, QueueMapping } from "../../src/local/aws/index.ts";
import { aws, clock, of, START, useEmbeddedAws } from "./embedded-aws.ts";

/** The events of the current test's function, and their times in ms after the start. */
export let calls: {
  at: number;
  bodies: string[];
  counts: string[];
  event: SQSEvent;
  context: InvocationContext;
}[] = [];
export let mapping: Mapping;

/** Gives each test of the file its own embedded AWS, and ends its mapping. */
export function useMapping(): void {
  useEmbeddedAws();
  afterEach(() => {
    mapping?.close();
    calls = [];
  });
}

/** Maps a queue to a function that returns `answer` of each event. */
export function map(
  queueArn: string,
  settings: Partial<QueueMapping> = {},
  answer: (event: SQSEvent, call: number) => unknown = () => undefined,
): void {
  mapping = aws.mapQueue(
    { queueArn, batchSize: 10, maximumBatchingWindowSeconds: 0, timeoutSeconds: 30, ...settings },
    async (event, context) => {
      const bodies = event.Records.map(({ body }) => body);
      const counts = event.Records.map(({ attributes }) => attributes.ApproximateReceiveCount);
      calls.push({ at: clock.now() - START, bodies, counts, event, context });
      return answer(event, calls.length);
    },
  );
}

/** Sends a message. */
export const send = (QueueUrl: string | undefined, MessageBody: string, more: object = {}) =>
  of().sqs.send(new SendMessageCommand({ QueueUrl, MessageBody, ...more }));
/** The response that reports failed messages. */
export const failing = (...itemIdentifiers: unknown[]) => ({
  batchItemFailures: itemIdentifiers.map((itemIdentifier) => ({ itemIdentifier })),
});
/** When the function was called, in seconds after the start. */
export const times = () => calls.map(({ at }) => at / 1000);
