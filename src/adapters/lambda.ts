import type { APIGatewayProxyEventV2, SQSBatchResponse } from "aws-lambda";
import type { App } from "../app.ts";
import type { Engine } from "../launches/dispatch.ts";
import { isUnsettled, type Outcome, reasonOf, worstOf } from "../launches/outcome.ts";
import type { Rejected } from "../sns/envelope.ts";
import { unwrapMessage, unwrapQueued } from "../sns/message.ts";
import { escapeUnseen, isObject } from "../util/json.ts";
import type { Message } from "../util/message.ts";
import { HTTP_DEADLINE_MS, handleHttp, json, limited } from "./http.ts";

/** The part of Lambda's context that the adapter uses. */
export interface LambdaContext {
  readonly invokedFunctionArn?: string;
  getRemainingTimeInMillis(): number;
}

/** The handler's result: an HTTP response, the messages that SQS must deliver again, or a summary for the log. */
export type LambdaResult =
  | { statusCode: number; headers: Readonly<Record<string, string>>; body: string }
  | SQSBatchResponse
  | { outcomes: readonly { outcome: Outcome["kind"]; reason: string }[] };

/** Lambda retries an asynchronous call after one minute, and again two minutes later. The last retry must be after the grace.
 * https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html */
const ASYNCHRONOUS: Engine = { name: "an asynchronous Lambda call", retryWindowSeconds: 170 };

/** How often a queue delivers a message is up to its owner. */
const QUEUE: Engine = { name: "the queue", retryWindowSeconds: Number.POSITIVE_INFINITY };

/** The part of Lambda's remaining time that is kept for the response, in milliseconds. */
const RESERVE_MS = 500;

/**
 * Creates the Lambda handler for all supported events: records of SNS or SQS, an event of EventBridge, a request of a function
 * URL or HTTP API. For an asynchronous call, it throws if Lambda must retry the event, or move it to the dead-letter queue.
 */
export function lambdaHandler(app: App): (event: unknown, context: LambdaContext) => Promise<LambdaResult> {
  return async (event, context) => {
    const invocation: Invocation = {
      account: context.invokedFunctionArn?.split(":")[4] ?? null,
      deadline: app.now() + context.getRemainingTimeInMillis() - RESERVE_MS,
    };
    if (isHttp(event)) return handleUrl(app, event, invocation);
    if (isOtherHttp(event)) return refuseOtherHttp(app);
    const records = recordsOf(event);
    if (records[0]?.eventSource === "aws:sqs") return handleQueue(app, records, invocation);
    const messages =
      records[0]?.EventSource === "aws:sns"
        ? records.map(fromSns)
        : [{ id: isObject(event) ? event.id : null, message: { event } }];
    return resultOf(await auditMessages(app, messages, ASYNCHRONOUS, invocation));
  };
}

/** The data of one call. */
interface Invocation {
  /** The function's account; null if the context does not have it. */
  readonly account: string | null;
  /** The time by which the handler must return, in milliseconds since 1970. */
  readonly deadline: number;
}

/** A message, with the id that its engine gave it. Anyone who may invoke the function can choose the id. */
interface Identified {
  readonly id: unknown;
  readonly message: Message;
}

/** A record of an event. Anyone who may invoke the function can send one, so every field may be missing. */
type Fields = Readonly<Record<string, unknown>>;

/** Returns the records of an event; none for an event without records. A record that is not an object has no fields. */
function recordsOf(event: unknown): readonly Fields[] {
  if (!isObject(event) || !Array.isArray(event.Records)) return [];
  return event.Records.map((record: unknown) => (isObject(record) ? record : {}));
}

function fromSns({ Sns }: Fields): Identified {
  const { MessageId, Message, TopicArn }: Fields = isObject(Sns) ? Sns : {};
  if (typeof Message !== "string") return { id: MessageId, message: { malformed: "the record has no SNS message" } };
  const from = typeof TopicArn === "string" && { from: TopicArn };
  return { id: MessageId, message: { ...unwrapMessage(Message), ...from } };
}

function fromSqs({ messageId, body, eventSourceARN, attributes }: Fields): Identified {
  if (typeof body !== "string") return { id: messageId, message: { malformed: "the record has no SQS message" } };
  const from = typeof eventSourceARN === "string" && { from: eventSourceARN };
  return { id: messageId, message: { ...unwrapQueued(body), ...from, delayedSeconds: secondsInQueue(attributes) } };
}

/** Returns how long the queue kept a message before it delivered it the first time, in seconds. */
function secondsInQueue(attributes: unknown): number {
  const { SentTimestamp, ApproximateFirstReceiveTimestamp }: Fields = isObject(attributes) ? attributes : {};
  // Anyone who may invoke the function can send other values, of which some cannot be converted.
  if (typeof SentTimestamp !== "string" || typeof ApproximateFirstReceiveTimestamp !== "string") return 0;
  const milliseconds = Number(ApproximateFirstReceiveTimestamp) - Number(SentTimestamp);
  return milliseconds > 0 ? milliseconds / 1000 : 0;
}

/** Audits messages. Logs and returns the outcomes of each. Without a valid configuration, each message is misconfigured. */
async function auditMessages(
  app: App,
  messages: readonly Identified[],
  engine: Engine,
  { account, deadline }: Invocation,
): Promise<Outcome[][]> {
  const startedAt = app.now();
  const opening = app.open({}, account);
  const outcomes =
    "service" in opening
      ? await opening.service.audit(
          messages.map(({ message }) => message),
          engine,
          deadline,
        )
      : messages.map((): Outcome[] => [{ kind: "misconfigured", problems: opening.problems }]);
  const log = "service" in opening ? opening.service.log : app.log;
  messages.forEach(({ id }, index) => {
    for (const outcome of outcomes[index] ?? []) log.outcome(outcome, app.now() - startedAt, id);
  });
  return outcomes;
}

function resultOf(outcomes: readonly Outcome[][]): LambdaResult {
  const all = outcomes.flat();
  const worst = worstOf(all);
  if (isUnsettled(worst)) throw new UnsettledError(worst);
  return { outcomes: all.map((outcome) => ({ outcome: outcome.kind, reason: escapeUnseen(reasonOf(outcome)) })) };
}

/** Tells Lambda to retry the event, and in the end to move it to the dead-letter queue. */
class UnsettledError extends Error {
  constructor(outcome: Outcome) {
    super(escapeUnseen(reasonOf(outcome)));
    this.name = `Audit_${outcome.kind}`;
  }
}

/** A message without an id gets an empty one, for which SQS delivers the whole batch again.
 * https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html */
async function handleQueue(app: App, records: readonly Fields[], invocation: Invocation): Promise<SQSBatchResponse> {
  const messages = records.map(fromSqs);
  const outcomes = await auditMessages(app, messages, QUEUE, invocation);
  const failures = messages.filter((_, index) => (outcomes[index] ?? []).some(isUnsettled));
  return { batchItemFailures: failures.map(({ id }) => ({ itemIdentifier: typeof id === "string" ? id : "" })) };
}

async function handleUrl(app: App, event: APIGatewayProxyEventV2, invocation: Invocation): Promise<LambdaResult> {
  const { method } = event.requestContext.http;
  const { status, headers, body } = await handleHttp(
    app,
    { method, headers: lowerCased(event.headers), body: async () => readBody(event) },
    {},
    Math.min(invocation.deadline, app.now() + HTTP_DEADLINE_MS),
    invocation.account,
  );
  return { statusCode: status, headers, body: method === "HEAD" ? "" : body };
}

/** Returns the body. Anyone who may invoke the function can send any value, so a body that is not text counts as empty. */
function readBody(event: APIGatewayProxyEventV2): string | Rejected {
  const body: unknown = event.body;
  if (typeof body !== "string") return "";
  const text = event.isBase64Encoded ? Buffer.from(body, "base64").toString("utf8") : body;
  return limited(text);
}

function lowerCased(headers: APIGatewayProxyEventV2["headers"] | null): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(headers ?? {}).map(([name, value]) => [name.toLowerCase(), value]));
}

/** Returns whether the event is a request of a function URL or HTTP API, in payload format 2.0. */
function isHttp(event: unknown): event is APIGatewayProxyEventV2 {
  return isObject(event) && isObject(event.requestContext) && isObject(event.requestContext.http);
}

/** Returns whether the event is a request of an API Gateway with payload format 1.0, or of an Application Load Balancer.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
 * https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html */
function isOtherHttp(event: unknown): boolean {
  return isObject(event) && typeof event.httpMethod === "string" && isObject(event.requestContext);
}

/** Returns a response, because these hosts do not pass a thrown error on to their caller. */
function refuseOtherHttp(app: App): LambdaResult {
  const outcome = { kind: "malformed", reason: OTHER_HTTP } as const;
  app.log.outcome(outcome, 0, null);
  const { status, headers, body } = json(500, { outcome: outcome.kind, reason: outcome.reason });
  return { statusCode: status, headers, body };
}

const OTHER_HTTP =
  "the request is from an Application Load Balancer, or in API Gateway's payload format 1.0: use a function URL, or an HTTP API with payload format 2.0";
