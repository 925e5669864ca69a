import { name, version } from "../../package.json";
import type { App, Opening, Service } from "../app.ts";
import type { Engine } from "../launches/dispatch.ts";
import { type Outcome, reasonOf, TOO_LONG, worstOf } from "../launches/outcome.ts";
import type { Logged } from "../log.ts";
import { type Delivery, type Refusal, type Rejected, readDelivery, TOO_LARGE } from "../sns/envelope.ts";
import { BUILD } from "../util/build-mark.ts";
import { within } from "../util/deadline.ts";
import { describeError } from "../util/errors.ts";
import { escapeUnseen } from "../util/json.ts";

/** A request, independent of the host. */
export interface HttpRequest {
  readonly method: string;
  /** With names in lower case. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** Returns the body, or the reason why there is none. Called only for a method with a body. */
  readonly body: () => Promise<string | Rejected>;
}

/** A response, independent of the host. */
export interface HttpResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** The maximum size of a body that an adapter reads, in bytes. The envelope escapes a message of up to 256 KiB, to at most
 * twice its size. `readDelivery` decides whether a body is too large for SNS. */
export const MAX_BODY_BYTES = 2 * 256 * 1024 + 16 * 1024;

/** SNS waits 15 s for a response. https://docs.aws.amazon.com/sns/latest/dg/SendMessageToHttp.prepare.html */
export const HTTP_DEADLINE_MS = 12_000;

/** The part of the deadline that is kept to report a launch that timed out, in milliseconds. */
const RESERVE_MS = 500;

/** SNS retries a delivery for at most an hour, with the delivery policy of our subscriptions. */
const SNS_HTTPS: Engine = { name: "SNS", retryWindowSeconds: 3_600 };

const STATUS: Readonly<Record<Exclude<Logged["kind"], "rejected">, number>> = {
  compliant: 200,
  resolved: 200,
  violating: 200,
  ignored: 200,
  continued: 200,
  swept: 200,
  unseen: 200,
  "not-judged": 200,
  confirmed: 200,
  deferred: 503,
  failed: 503,
  // SNS retries a 5xx status, and then uses its dead-letter queue. For 4xx, AWS's pages contradict each other.
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
 * Responds to an HTTP request: to GET with the health document, to POST with the outcome of an SNS delivery. Takes the
 * webtask's secrets (empty on Lambda), the deadline in milliseconds since 1970, and the function's own account if the host
 * reports it. Never throws.
 */
export async function handleHttp(
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
  const respond = (worst: Logged, outcomes: readonly Logged[] = [worst], reason = publicReason(worst)) => {
    for (const outcome of outcomes) log.outcome(outcome, app.now() - startedAt, messageId);
    const status = worst.kind === "rejected" ? REFUSED[worst.refusal] : STATUS[worst.kind];
    return json(status, { outcome: worst.kind, reason }, headersFor(worst, outcomes));
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
        if (delivery.kind === "rejected") return respond(delivery);
        messageId ??= delivery.envelope.MessageId;
        if ("problems" in opening) return respond({ kind: "misconfigured", problems: opening.problems });
        const received = receive(delivery, opening.service, deadline - RESERVE_MS);
        const outcome = await within(deadline - app.now(), received, { kind: "failed", reason: TOO_LONG });
        return "kind" in outcome ? respond(outcome) : respond(worstOf(outcome), outcome);
      }
      default:
        return respond({ kind: "rejected", refusal: "method", reason: "only GET, HEAD and POST are allowed" });
    }
  } catch (error) {
    const failed = { kind: "failed", reason: describeError(error) } as const;
    return respond(failed, [failed], "an internal error: see the log");
  }
}

const NO_BODY: Rejected = { kind: "rejected", refusal: "incomplete", reason: "the request body did not arrive" };

/** Verifies a delivery, and audits the launches in a notification. Returns their outcomes, or the one of another delivery. */
async function receive(delivery: Delivery, service: Service, deadline: number): Promise<Logged | readonly Outcome[]> {
  const received = await service.receive(delivery);
  if (received.kind !== "notification") return received;
  const { key, message } = received;
  const [outcomes = []] = await service.audit([message], SNS_HTTPS, deadline, (work) => service.once(key, work));
  return outcomes;
}

/**
 * Returns the reason for the response. It is the same for every unverified delivery, so that the sender cannot find out which
 * topics are accepted. The log has the actual reason.
 */
function publicReason(outcome: Logged): string {
  const isSecret = outcome.kind === "rejected" && outcome.refusal === "unverified";
  return isSecret ? "the delivery could not be verified" : reasonOf(outcome);
}

function headersFor(worst: Logged, outcomes: readonly Logged[]): Readonly<Record<string, string>> {
  if (worst.kind === "deferred") return { "Retry-After": String(retryAfter(outcomes)) };
  return worst.kind === "rejected" && worst.refusal === "method" ? { Allow: "GET, HEAD, POST" } : {};
}

/** Returns the health document: version, validity of the configuration, subscription. It contains no configured value. */
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

/** Returns the seconds until the last deferred launch is due. SNS follows its delivery policy instead; this is for readers. */
function retryAfter(outcomes: readonly Logged[]): number {
  return Math.max(...outcomes.map((outcome) => (outcome.kind === "deferred" ? outcome.retryAfterSeconds : 0)));
}

/** Returns a response with a JSON document. */
export function json(status: number, document: unknown, headers: Readonly<Record<string, string>> = {}): HttpResponse {
  const body = `${escapeUnseen(JSON.stringify(document))}\n`;
  return { status, headers: { "Content-Type": "application/json; charset=utf-8", ...headers }, body };
}

/** Returns a body up to `MAX_BODY_BYTES`, and rejects a longer one. */
export function limited(body: string): string | Rejected {
  return Buffer.byteLength(body) > MAX_BODY_BYTES ? TOO_LARGE : body;
}
