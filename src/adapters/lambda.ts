import type { APIGatewayProxyEventV2, SQSBatchResponse } from "aws-lambda";
import type { App } from "../app.ts";
import type { Engine } from "../launches/dispatch.ts";
import { isUnsettled, type Outcome, reasonOf, worstOf } from "../launches/outcome.ts";
import type { Rejected } from "../sns/envelope.ts";
import { unwrapMessage, unwrapQueued } from "../sns/message.ts";
import { escapeUnseen, isObject } from "../util/json.ts";
import type { Message } from "../util/message.ts";
import { answerHttp, HTTP_DEADLINE_MS, json, limited } from "./http.ts";

/** The part of Lambda's context that is used here. */
export interface LambdaContext {
  readonly invokedFunctionArn?: string;
  getRemainingTimeInMillis(): number;
}

/** What the handler answers: to a URL a response, to a queue the messages to bring again, to the others a summary. */
export type LambdaAnswer =
  | { statusCode: number; headers: Readonly<Record<string, string>>; body: string }
  | SQSBatchResponse
  | { outcomes: readonly { outcome: Outcome["kind"]; reason: string }[] };

/** Lambda tries an asynchronous call again after a minute, and once more two minutes later; the last look must be after
 * the grace. https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html */
const ASYNCHRONOUS: Engine = { name: "an asynchronous Lambda call", retryWindowSeconds: 170 };

/** A queue brings a message as often as its owner set it to. */
const QUEUE: Engine = { name: "the queue", retryWindowSeconds: Number.POSITIVE_INFINITY };

/** What is kept back of the time that Lambda leaves us, in milliseconds: enough to answer. */
const RESERVE_MS = 500;

/**
 * The Lambda handler, for every shape that it can be given: records of SNS or SQS, an event of EventBridge, a request of
 * a function URL or HTTP API. It throws, as asynchronous calls need it, an error for what is to be tried again or to
 * reach the dead-letter queue. Takes the app.
 */
export function lambdaHandler(app: App): (event: unknown, context: LambdaContext) => Promise<LambdaAnswer> {
  return async (event, context) => {
    const invocation: Invocation = {
      account: context.invokedFunctionArn?.split(":")[4] ?? null,
      deadline: app.now() + context.getRemainingTimeInMillis() - RESERVE_MS,
    };
    if (isHttp(event)) return answerUrl(app, event, invocation);
    if (isOtherHttp(event)) return answerOtherHttp(app);
    const records = recordsOf(event);
    if (records[0]?.eventSource === "aws:sqs") return answerQueue(app, records, invocation);
    const brought =
      records[0]?.EventSource === "aws:sns"
        ? records.map(broughtBySns)
        : [{ id: isObject(event) ? event.id : null, message: { event } }];
    return answerAsynchronous(await auditMessages(app, brought, ASYNCHRONOUS, invocation));
  };
}

/** What Lambda tells of a call. */
interface Invocation {
  /** The function's account; null where the context does not say it. */
  readonly account: string | null;
  /** When we must have answered, in milliseconds since 1970. */
  readonly deadline: number;
}

/** A message, and the id that its engine names it by; anything for an event that somebody made up. */
interface Brought {
  readonly id: unknown;
  readonly message: Message;
}

/** A record of an event: anybody who may invoke the function can have made it up, so no field of it is sure to be there. */
type Fields = Readonly<Record<string, unknown>>;

/** The records of an event, one without fields for what is no object; none for an event that has none. */
function recordsOf(event: unknown): readonly Fields[] {
  if (!isObject(event) || !Array.isArray(event.Records)) return [];
  return event.Records.map((record: unknown) => (isObject(record) ? record : {}));
}

function broughtBySns({ Sns }: Fields): Brought {
  const { MessageId, Message }: Fields = isObject(Sns) ? Sns : {};
  const isText = typeof Message === "string";
  return { id: MessageId, message: isText ? unwrapMessage(Message) : { malformed: "the record has no SNS message" } };
}

function broughtBySqs({ messageId, body }: Fields): Brought {
  const isText = typeof body === "string";
  return { id: messageId, message: isText ? unwrapQueued(body) : { malformed: "the record has no SQS message" } };
}

/** The outcomes of each message, logged. Without a valid configuration every one is misconfigured. */
async function auditMessages(
  app: App,
  brought: readonly Brought[],
  engine: Engine,
  { account, deadline }: Invocation,
): Promise<Outcome[][]> {
  const startedAt = app.now();
  const opening = app.open({}, account);
  const outcomes =
    "service" in opening
      ? await opening.service.audit(
          brought.map(({ message }) => message),
          engine,
          deadline,
        )
      : brought.map((): Outcome[] => [{ kind: "misconfigured", problems: opening.problems }]);
  const log = "service" in opening ? opening.service.log : app.log;
  brought.forEach(({ id }, index) => {
    for (const outcome of outcomes[index] ?? []) log.outcome(outcome, app.now() - startedAt, id);
  });
  return outcomes;
}

function answerAsynchronous(outcomes: readonly Outcome[][]): LambdaAnswer {
  const all = outcomes.flat();
  const worst = worstOf(all);
  if (isUnsettled(worst)) throw new UnsettledError(worst);
  return { outcomes: all.map((outcome) => ({ outcome: outcome.kind, reason: escapeUnseen(reasonOf(outcome)) })) };
}

/** Says to Lambda that the event is not done: it is tried again, and reaches the dead-letter queue in the end. */
class UnsettledError extends Error {
  constructor(outcome: Outcome) {
    super(escapeUnseen(reasonOf(outcome)));
    this.name = `Audit_${outcome.kind}`;
  }
}

/** An empty id brings the whole batch again: a message without an id cannot be named.
 * https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html */
async function answerQueue(app: App, records: readonly Fields[], invocation: Invocation): Promise<SQSBatchResponse> {
  const brought = records.map(broughtBySqs);
  const outcomes = await auditMessages(app, brought, QUEUE, invocation);
  const failures = brought.filter((_, index) => (outcomes[index] ?? []).some(isUnsettled));
  return { batchItemFailures: failures.map(({ id }) => ({ itemIdentifier: typeof id === "string" ? id : "" })) };
}

async function answerUrl(app: App, event: APIGatewayProxyEventV2, invocation: Invocation): Promise<LambdaAnswer> {
  const { method } = event.requestContext.http;
  const { status, headers, body } = await answerHttp(
    app,
    { method, headers: lowerCased(event.headers), body: async () => readBody(event) },
    {},
    Math.min(invocation.deadline, app.now() + HTTP_DEADLINE_MS),
    invocation.account,
  );
  return { statusCode: status, headers, body: method === "HEAD" ? "" : body };
}

/** The request's body. Anyone who may invoke the function can put anything there: a body that is not text counts as empty. */
function readBody(event: APIGatewayProxyEventV2): string | Rejected {
  const body: unknown = event.body;
  if (typeof body !== "string") return "";
  const text = event.isBase64Encoded ? Buffer.from(body, "base64").toString("utf8") : body;
  return limited(text);
}

function lowerCased(headers: APIGatewayProxyEventV2["headers"] | null): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(headers ?? {}).map(([name, value]) => [name.toLowerCase(), value]));
}

/** The request of a function URL or HTTP API, payload format 2.0. */
function isHttp(event: unknown): event is APIGatewayProxyEventV2 {
  return isObject(event) && isObject(event.requestContext) && isObject(event.requestContext.http);
}

/** The request of an API Gateway that speaks payload format 1.0, or of an Application Load Balancer.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
 * https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html */
function isOtherHttp(event: unknown): boolean {
  return isObject(event) && typeof event.httpMethod === "string" && isObject(event.requestContext);
}

/** Both pass this answer on to their caller; they would not pass on an error that is thrown. */
function answerOtherHttp(app: App): LambdaAnswer {
  const outcome = { kind: "malformed", reason: OTHER_HTTP } as const;
  app.log.outcome(outcome, 0, null);
  const { status, headers, body } = json(500, { outcome: outcome.kind, reason: outcome.reason });
  return { statusCode: status, headers, body };
}

const OTHER_HTTP =
  "the request is from an Application Load Balancer, or in API Gateway's payload format 1.0: use a function URL, or an HTTP API with payload format 2.0";
