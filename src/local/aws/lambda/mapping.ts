import { randomUUID } from "node:crypto";
import type { SQSEvent, SQSRecord } from "aws-lambda";
import { arn, parseArn } from "../arns.ts";
import { type Clock, dueAt } from "../clock.ts";
import { numberOf } from "../sqs/attributes.ts";
import type { Sqs } from "../sqs/service.ts";
import { timeout } from "../timeout.ts";
import { failedIn } from "./batch-response.ts";
import { sqsRecord } from "./event.ts";

/** The settings of an event source mapping. https://docs.aws.amazon.com/lambda/latest/api/API_CreateEventSourceMapping.html */
export interface QueueMapping {
  readonly queueArn: string;
  /** 1 to 10; with a window up to 10,000. */
  readonly batchSize: number;
  /** 0 to 300; a FIFO queue has no window. */
  readonly maximumBatchingWindowSeconds: number;
  /** Concurrent batches. Default 5. AWS accepts 2 to 1,000; the embedded AWS accepts 1 too. */
  readonly maximumConcurrency?: number;
  /** The function's timeout: 1 to 900, and not more than the queue's visibility timeout. */
  readonly timeoutSeconds: number;
  /** Default: a function of the queue's account and region. */
  readonly functionArn?: string;
}

/** The context of an invocation. */
export interface InvocationContext {
  readonly awsRequestId: string;
  readonly invokedFunctionArn: string;
  /** Its deadline, in ms since the epoch, by the clock. */
  readonly deadline: number;
}

/** A function. Its promise resolves with its response. */
export type Invoke = (event: SQSEvent, context: InvocationContext) => Promise<unknown>;

/** A running event source mapping. */
export interface Mapping {
  /** Stops reading; pending invocations end normally. */
  close(): void;
  /** Resolves when no invocation is pending. A batch that waits for its window does not count. */
  idle(): Promise<void>;
  /** The number of invocations so far. */
  readonly invocations: number;
}

const DEFAULT_CONCURRENCY = 5;
/** The maximum of messages of one ReceiveMessage call. */
const MAX_RECEIVED = 10;
/** https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html: the payload of a synchronous invocation. */
const MAX_EVENT_BYTES = 6 * 1024 * 1024;
const ENVELOPE_BYTES = Buffer.byteLength(JSON.stringify({ Records: [] }));

/**
 * Starts Lambda's event source mapping for SQS, with ReportBatchItemFailures. It receives messages as soon as some are
 * visible; invokes the function when a batch is full, when its window is over or when another message would make it more than 6 MB
 * (https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html#sqs-polling-behavior); and deletes the messages that did not fail.
 * Failed ones, which are all when the function throws or does not respond in time, are visible again after their visibility
 * timeout. Unlike AWS's it collects one batch after the other, keeps its concurrency instead of starting at 5 and adding up
 * to 300 a minute (https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html), and does not slow down after
 * errors.
 * @throws RangeError for a mapping that AWS refuses, Error if the queue does not exist
 */
export function mapQueue(clock: Clock, sqs: Sqs, mapping: QueueMapping, invoke: Invoke): Mapping {
  const { queueArn, batchSize, maximumBatchingWindowSeconds: window, timeoutSeconds } = mapping;
  const concurrency = mapping.maximumConcurrency ?? DEFAULT_CONCURRENCY;
  const found = sqs.queue(queueArn);
  if (found === undefined) throw new Error(`there is no queue ${queueArn}`);
  const queue = found;
  check(mapping, concurrency, queue.fifo, numberOf(queue, "VisibilityTimeout"));
  const { region = "", account = "" } = parseArn(queueArn) ?? {};
  const invokedFunctionArn = mapping.functionArn ?? arn("lambda", region, account, "function:mapped");

  let gathered = newBatch();
  /** Complete batches that wait for a pending invocation to end. */
  const complete: SQSRecord[][] = [];
  let running = 0;
  let invocations = 0;
  let polling = false;
  let closed = false;
  let cancelWindow = () => {};
  let alarm: { at: number; cancel(): void } | undefined;
  const waiting = new Set<() => void>();

  /** Reads a moment later, so that messages that are sent together are read together. */
  function wake(): void {
    if (polling || closed) return;
    polling = true;
    queueMicrotask(() => {
      polling = false;
      if (!closed) poll();
      tellWhenIdle();
    });
  }

  function poll(): void {
    while (running + complete.length < concurrency) {
      const room = batchSize - gathered.records.length;
      const received = sqs.receive(queue, Math.min(room, MAX_RECEIVED));
      for (const message of received) gather(sqsRecord(queue, message));
      if (gathered.records.length >= batchSize) finish();
      else if (received.length === 0) break;
    }
    if (window === 0) finish();
    setAlarm(running + complete.length < concurrency ? queue.nextVisibleAt : undefined);
  }

  function gather(record: SQSRecord): void {
    const bytes = Buffer.byteLength(JSON.stringify(record)) + 1;
    if (gathered.bytes + bytes > MAX_EVENT_BYTES) finish();
    if (gathered.records.length === 0 && window > 0) cancelWindow = clock.after(window * 1000, finish);
    gathered.records.push(record);
    gathered.bytes += bytes;
  }

  /** The batch is complete; the next message begins another. */
  function finish(): void {
    cancelWindow();
    if (gathered.records.length === 0) return;
    complete.push(gathered.records);
    gathered = newBatch();
    invokeNext();
  }

  /** Reads again when a message can be seen again; undefined: only when something is sent or an invocation ends. */
  function setAlarm(at: number | undefined): void {
    if (at === alarm?.at) return;
    alarm?.cancel();
    alarm = undefined;
    if (at === undefined) return;
    const cancel = clock.after(Math.max(0, at - clock.now()) * (clock.speed ?? 1), () => {
      alarm = undefined;
      wake();
    });
    alarm = { at, cancel };
  }

  function invokeNext(): void {
    if (running >= concurrency) return;
    const records = complete.shift();
    if (records === undefined) return;
    running += 1;
    invocations += 1;
    const work = run(records).finally(() => {
      running -= 1;
      if (!closed) invokeNext();
      wake();
      tellWhenIdle();
    });
    clock.busy?.(work);
  }

  async function run(records: SQSRecord[]): Promise<void> {
    const ids = new Set(records.map(({ messageId }) => messageId));
    const failed = await failures(records, ids);
    for (const id of ids) if (!failed.has(id)) queue.remove(id);
  }

  async function failures(records: SQSRecord[], ids: ReadonlySet<string>): Promise<ReadonlySet<string>> {
    const ms = timeoutSeconds * 1000;
    const context = { awsRequestId: randomUUID(), invokedFunctionArn, deadline: dueAt(clock, ms) };
    let cancel = () => {};
    const late = new Promise<ReadonlySet<string>>((resolve) => {
      cancel = timeout(clock, ms, () => resolve(ids));
    });
    const answered = Promise.resolve()
      .then(() => invoke({ Records: records }, context))
      .then(
        (answer) => failedIn(answer, ids),
        () => ids,
      );
    return Promise.race([answered, late]).finally(() => cancel());
  }

  function tellWhenIdle(): void {
    if (running > 0 || polling) return;
    for (const resolve of waiting) resolve();
    waiting.clear();
  }

  const forget = queue.onSend(wake);
  wake();
  return {
    get invocations() {
      return invocations;
    },
    idle: () => (running === 0 && !polling ? Promise.resolve() : new Promise((resolve) => waiting.add(resolve))),
    close: () => {
      closed = true;
      forget();
      cancelWindow();
      alarm?.cancel();
    },
  };
}

function newBatch(): { records: SQSRecord[]; bytes: number } {
  return { records: [], bytes: ENVELOPE_BYTES };
}

function check(mapping: QueueMapping, concurrency: number, fifo: boolean, visibilitySeconds: number): void {
  const { batchSize, maximumBatchingWindowSeconds: window, timeoutSeconds } = mapping;
  const within = (name: string, value: number, least: number, most: number) => {
    if (Number.isInteger(value) && value >= least && value <= most) return;
    throw new RangeError(`${name} must be an integer from ${least} to ${most}, not ${value}`);
  };
  within("maximumBatchingWindowSeconds", window, 0, fifo ? 0 : 300);
  within("batchSize", batchSize, 1, window === 0 ? 10 : 10_000);
  within("maximumConcurrency", concurrency, 1, 1_000);
  within("timeoutSeconds", timeoutSeconds, 1, Math.min(900, visibilitySeconds));
}
