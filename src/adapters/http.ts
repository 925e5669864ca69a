import { name, version } from "../../package.json";
import type { App, Opening } from "../app.ts";
import { type Outcome, type Refusal, type Rejected, reasonOf, TOO_LONG, worstOf } from "../launches/outcome.ts";
import { readDelivery } from "../sns/envelope.ts";
import { receive } from "../sns/receive.ts";
import { BUILD } from "../util/build-mark.ts";
import { within } from "../util/deadline.ts";
import { describeError } from "../util/errors.ts";
import { escapeUnseen } from "../util/json.ts";

/** A request, as either engine brings it. */
export interface HttpRequest {
  readonly method: string;
  /** With names in lower case. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** The body, or why there is none: `TOO_LARGE` for one over `MAX_BODY_BYTES`. Asked for only when the method has one. */
  readonly body: () => Promise<string | Rejected>;
}

/** An answer, for either engine to send. */
export interface HttpResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What an adapter has to read of a body, in bytes: a message of SNS's 256 KiB grows when it is escaped into its
 * envelope, at the most to twice its size. Whether it is too large is for `parseBody` to say. */
export const MAX_BODY_BYTES = 2 * 256 * 1024 + 16 * 1024;

/** SNS waits 15 s for an answer. https://docs.aws.amazon.com/sns/latest/dg/SendMessageToHttp.prepare.html */
export const HTTP_DEADLINE_MS = 12_000;

/** What is kept back of the deadline, in milliseconds, so that a late audit can still say which launch was late. */
const RESERVE_MS = 500;

const STATUS: Readonly<Record<Exclude<Outcome["kind"], "rejected">, number>> = {
  compliant: 200,
  violating: 200,
  ignored: 200,
  unseen: 200,
  confirmed: 200,
  deferred: 503,
  failed: 503,
  // SNS retries a 5xx, and then uses its dead-letter queue. For 4xx, AWS documents both that it does and that it does not.
  malformed: 500,
  misconfigured: 500,
};

const REFUSED: Readonly<Record<Refusal, number>> = {
  foreign: 400,
  unverified: 403,
  raw: 403,
  method: 405,
  tooLarge: 413,
  incomplete: 503,
};

/**
 * Answers an HTTP request: the health document for GET, the outcome of an SNS delivery for POST. Takes the webtask's
 * secrets (none on Lambda), the deadline in milliseconds since 1970, and our own account where the engine tells it. Never
 * throws.
 */
export async function answerHttp(
  app: App,
  request: HttpRequest,
  secrets: Readonly<Record<string, unknown>>,
  deadline: number,
  account: string | null = null,
): Promise<HttpResponse> {
  const startedAt = app.now();
  const opening = app.open(secrets, account);
  const log = "service" in opening ? opening.service.log : app.log;
  let messageId = request.headers["x-amz-sns-message-id"];
  const answer = (outcomes: readonly Outcome[], reason?: string): HttpResponse => {
    for (const outcome of outcomes) log.outcome(outcome, app.now() - startedAt, messageId);
    const worst = worstOf(outcomes);
    const status = worst.kind === "rejected" ? REFUSED[worst.refusal] : STATUS[worst.kind];
    return json(status, { outcome: worst.kind, reason: reason ?? answeredReason(worst) }, headersFor(worst, outcomes));
  };
  try {
    switch (request.method) {
      case "GET":
      case "HEAD":
        if ("problems" in opening) app.noteProblems(opening.problems);
        return await health(opening, deadline);
      case "POST": {
        const body = await within<string | Rejected>(deadline - app.now(), request.body(), NO_BODY);
        const delivery = readDelivery(request.headers, body);
        if (delivery.kind === "rejected") return answer([delivery]);
        messageId ??= delivery.envelope.MessageId;
        if ("problems" in opening) return answer([{ kind: "misconfigured", problems: opening.problems }]);
        const received = receive(delivery, opening.service, app.now, deadline - RESERVE_MS);
        return answer(await within(deadline - app.now(), received, [{ kind: "failed", reason: TOO_LONG }]));
      }
      default:
        return answer([{ kind: "rejected", refusal: "method", reason: "only GET and POST are answered" }]);
    }
  } catch (error) {
    return answer([{ kind: "failed", reason: describeError(error) }], "an internal error: see the log");
  }
}

const NO_BODY: Rejected = { kind: "rejected", refusal: "incomplete", reason: "the body of the request did not arrive" };

/**
 * The reason that the caller is given. A delivery that is not verified always gets the same one, so that no one can find out
 * which topic is ours; the log has the real reason.
 */
function answeredReason(outcome: Outcome): string {
  const isSecret = outcome.kind === "rejected" && outcome.refusal === "unverified";
  return isSecret ? "the delivery could not be verified" : reasonOf(outcome);
}

function headersFor(worst: Outcome, outcomes: readonly Outcome[]): Readonly<Record<string, string>> {
  if (worst.kind === "deferred") return { "Retry-After": String(retryAfter(outcomes)) };
  return worst.kind === "rejected" && worst.refusal === "method" ? { Allow: "GET, HEAD, POST" } : {};
}

/** The health document: who this is, whether its configuration is whole, whether it is subscribed. No value is in it. */
async function health(opening: Opening, deadline: number): Promise<HttpResponse> {
  if ("problems" in opening) {
    return json(STATUS.misconfigured, { name, version, build: BUILD, configured: false, problems: opening.problems });
  }
  const { subscriber, own } = opening.service;
  await Promise.all([subscriber.ensure(deadline), own.ask(deadline)]);
  const warnings = opening.service.warnings();
  return json(200, {
    name,
    version,
    build: BUILD,
    configured: true,
    subscribed: subscriber.state(),
    account: own.known(),
    ...(warnings.length > 0 && { warnings }),
  });
}

/** When every launch that was put off is due, in seconds. SNS goes by its delivery policy; people read it. */
function retryAfter(outcomes: readonly Outcome[]): number {
  return Math.max(...outcomes.map((outcome) => (outcome.kind === "deferred" ? outcome.retryAfterSeconds : 0)));
}

/** An answer that is a JSON document. */
export function json(status: number, document: unknown, headers: Readonly<Record<string, string>> = {}): HttpResponse {
  const body = `${escapeUnseen(JSON.stringify(document))}\n`;
  return { status, headers: { "Content-Type": "application/json; charset=utf-8", ...headers }, body };
}
