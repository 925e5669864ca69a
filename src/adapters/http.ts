import { name, version } from "../../package.json";
import type { App, Opening } from "../app.ts";
import { within } from "../deadline.ts";
import { describeError } from "../errors.ts";
import { escapeUnseen } from "../json.ts";
import { type Outcome, reasonOf, TOO_LONG, worstOf } from "../outcome.ts";
import { parseBody, RAW_DELIVERY } from "../sns/envelope.ts";
import { receive } from "../sns/receive.ts";

/** A request, as either engine brings it. */
export interface HttpRequest {
  readonly method: string;
  /** With names in lower case. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** The body, or null for one over `MAX_BODY_BYTES`. Asked for only when the method has one. */
  readonly body: () => Promise<string | null>;
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

const STATUS: Readonly<Record<Outcome["kind"], number>> = {
  compliant: 200,
  violating: 200,
  ignored: 200,
  unseen: 200,
  confirmed: 200,
  deferred: 503,
  failed: 503,
  malformed: 400,
  rejected: 403,
  misconfigured: 500,
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
  const messageId = request.headers["x-amz-sns-message-id"];
  const answer = (outcomes: readonly Outcome[], status?: number, headers?: Record<string, string>): HttpResponse => {
    for (const outcome of outcomes) log.outcome(outcome, app.now() - startedAt, messageId);
    const worst = worstOf(outcomes);
    const retry = worst.kind === "deferred" ? { "Retry-After": String(retryAfter(outcomes)) } : {};
    const reason = worst.kind === "rejected" && status === undefined ? refusalOf(worst.reason) : reasonOf(worst);
    return json(status ?? STATUS[worst.kind], { outcome: worst.kind, reason }, { ...retry, ...headers });
  };
  try {
    switch (request.method) {
      case "GET":
      case "HEAD":
        return await health(opening, deadline);
      case "POST": {
        const body = await within(deadline - app.now(), request.body(), undefined);
        if (body === undefined) return answer([{ kind: "failed", reason: "the body of the request did not arrive" }]);
        const parsed = body === null ? null : parseBody(body);
        if (parsed === null || parsed.kind === "tooLarge") {
          return answer([{ kind: "rejected", reason: "the body is over 256 KiB" }], 413);
        }
        if ("problems" in opening) return answer([{ kind: "misconfigured", problems: opening.problems }]);
        const delivery = { headers: request.headers, body: parsed };
        const received = receive(delivery, opening.service, app.now, deadline - RESERVE_MS);
        return answer(await within(deadline - app.now(), received, [{ kind: "failed", reason: TOO_LONG }]));
      }
      default:
        return answer([{ kind: "rejected", reason: "only GET and POST are answered" }], 405, {
          Allow: "GET, HEAD, POST",
        });
    }
  } catch (error) {
    return answer([{ kind: "failed", reason: describeError(error) }]);
  }
}

/**
 * What is answered to a delivery that is not verified: the same whatever it lacks, for anybody can try which topic is ours.
 * The log has the reason. A raw delivery is known by its shape alone, and is told what to do.
 */
function refusalOf(reason: string): string {
  return reason === RAW_DELIVERY ? reason : NOT_VERIFIED;
}

const NOT_VERIFIED = "the delivery could not be verified";

/** The health document: who this is, whether its configuration is whole, whether it is subscribed. No value is in it. */
async function health(opening: Opening, deadline: number): Promise<HttpResponse> {
  if ("problems" in opening) {
    return json(STATUS.misconfigured, { name, version, configured: false, problems: opening.problems });
  }
  const { subscriber } = opening.service;
  await subscriber.ensure(deadline);
  return json(200, { name, version, configured: true, subscribed: subscriber.state() });
}

/** When every launch that was put off is due, in seconds. SNS goes by its delivery policy; people read it. */
function retryAfter(outcomes: readonly Outcome[]): number {
  return Math.max(...outcomes.map((outcome) => (outcome.kind === "deferred" ? outcome.retryAfterSeconds : 0)));
}

function json(status: number, document: unknown, headers: Readonly<Record<string, string>> = {}): HttpResponse {
  const body = `${escapeUnseen(JSON.stringify(document))}\n`;
  return { status, headers: { "Content-Type": "application/json; charset=utf-8", ...headers }, body };
}
