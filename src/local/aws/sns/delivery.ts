import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { retryDelays } from "../../../aws/retry-policy.ts";
import type { Clock } from "../clock.ts";
import { dueAt } from "../clock.ts";
import type { SendToQueue } from "../sqs/service.ts";
import { timeout } from "../timeout.ts";
import { type DeliveryPolicy, effectivePolicy, TOTAL_LIMIT } from "./retry-policy.ts";
import type { Subscription } from "./store.ts";
import { createWorkQueues } from "./work-queues.ts";

/** One attempt of SNS to deliver a message to a subscriber. */
export interface DeliveryAttempt {
  readonly topicArn: string;
  readonly subscriptionArn: string;
  readonly protocol: string;
  readonly endpoint: string;
  readonly messageId: string;
  /** `Notification`, `SubscriptionConfirmation` or `UnsubscribeConfirmation`. */
  readonly type: string;
  /** 1, 2, … */
  readonly attempt: number;
  /** When it began, in ms since the epoch. */
  readonly at: number;
  /** The HTTP status of the response; 200 for a queue. Undefined without a response. */
  readonly status: number | undefined;
  /** The error, without a response. */
  readonly error: string | undefined;
  /** At most 8 KiB of the response's body. */
  readonly responseBody: string;
  /** The clock's time of the next attempt; undefined if there is none. */
  readonly willRetryAtMs: number | undefined;
  /** The delay until then in AWS's time, in ms, whatever the speed of the clock. */
  readonly retryDelayMs: number | undefined;
  readonly deadLettered: boolean;
  /** The body of the request. */
  readonly body: string;
}

/** A message to deliver. */
export interface Parcel {
  readonly subscription: Subscription;
  readonly messageId: string;
  readonly type: string;
  readonly body: string;
  readonly raw: boolean;
}

/** How long SNS waits for a response, in ms. https://docs.aws.amazon.com/sns/latest/dg/SendMessageToHttp.prepare.html */
const RESPONSE_MS = 15_000;
/** Connections to one endpoint at a time. AWS publishes no figure; this keeps a burst from exhausting the machine's ports. */
const CONNECTIONS = 128;
const ANSWER_BYTES = 8_192;

type Plan = DeliveryPolicy & { readonly delays: readonly number[] };

/** A delivery attempt that is pending or waits for its turn. */
interface Attempt {
  readonly parcel: Parcel;
  readonly plan: Plan;
  readonly number: number;
  /** The times of the first attempt and of this one, in ms since the epoch. */
  readonly startedAt: number;
  readonly at: number;
}

type Outcome = { status: number | undefined; error: string | undefined; responseBody: string };

/**
 * Delivers to HTTP(S) endpoints by SNS's rules: 2xx is delivered; 5xx (and 1xx), no response within 15 s and a failed
 * connection are retried by the delivery policy, for at most 3,600 s, and then go to the subscription's dead-letter
 * queue, if it has one. All others (3xx, 4xx, also 429) are neither retried nor dead-lettered: the page of RESPONSE_MS
 * counts as failed only what is "outside the range of 200–4xx". Another page says that client errors are dead-lettered
 * (https://docs.aws.amazon.com/sns/latest/dg/sns-dead-letter-queues.html); code that relies on that may lose messages.
 */
export function createDelivery(clock: Clock, send: SendToQueue, onDelivery: (attempt: DeliveryAttempt) => void) {
  const http = new HttpAgent({ keepAlive: true, maxSockets: CONNECTIONS });
  const https = new HttpsAgent({ keepAlive: true, maxSockets: CONNECTIONS });
  const waiting = new Set<() => void>();
  const planFor = createPlanner();
  let inFlight = 0;
  let closed = false;

  const queues = createWorkQueues<Attempt>(CONNECTIONS, (attempt) => {
    const work = tryOnce(attempt).finally(ended);
    clock.busy?.(work);
    return work;
  });

  function begin(parcel: Parcel, plan: Plan, number: number, startedAt = clock.now()): void {
    inFlight += 1;
    queues.add(new URL(parcel.subscription.endpoint).origin, { parcel, plan, number, startedAt, at: clock.now() });
  }

  function deliver(parcel: Parcel): void {
    const { subscription } = parcel;
    const plan = planFor(subscription);
    const free = Math.max(clock.now(), subscription.nextFreeAt);
    if (plan.maxReceivesPerSecond !== undefined) {
      subscription.nextFreeAt = free + 1000 / plan.maxReceivesPerSecond / (clock.speed ?? 1);
    }
    if (free <= clock.now()) begin(parcel, plan, 1);
    else clock.after((free - clock.now()) * (clock.speed ?? 1), () => begin(parcel, plan, 1));
  }

  async function tryOnce({ parcel, plan, number, startedAt, at }: Attempt): Promise<void> {
    if (closed) return;
    const headers = headersOf(parcel, plan.contentType);
    const outcome = await post(parcel.subscription.endpoint, headers, parcel.body);
    if (closed) return;
    const { status } = outcome;
    const again = status === undefined || status < 200 || status >= 500;
    const delay = again ? plan.delays[number - 1] : undefined;
    const elapsed = (clock.now() - startedAt) * (clock.speed ?? 1);
    const retryDelayMs = delay === undefined || elapsed + delay * 1000 > TOTAL_LIMIT * 1000 ? undefined : delay * 1000;
    report(parcel, {
      ...outcome,
      attempt: number,
      at,
      retryDelayMs,
      willRetryAtMs: retryDelayMs === undefined ? undefined : dueAt(clock, retryDelayMs),
      deadLettered: again && retryDelayMs === undefined && deadLetter(parcel),
    });
    if (retryDelayMs !== undefined) clock.after(retryDelayMs, () => begin(parcel, plan, number + 1, startedAt));
  }

  function ended(): void {
    inFlight -= 1;
    if (inFlight > 0) return;
    for (const resolve of waiting) resolve();
    waiting.clear();
  }

  function report(
    parcel: Parcel,
    rest: Omit<
      DeliveryAttempt,
      "topicArn" | "subscriptionArn" | "protocol" | "endpoint" | "messageId" | "type" | "body"
    >,
  ): void {
    const { subscription, messageId, type, body } = parcel;
    const { arn, topic, protocol, endpoint } = subscription;
    onDelivery({ topicArn: topic.arn, subscriptionArn: arn, protocol, endpoint, messageId, type, body, ...rest });
  }

  /** Sends an undelivered message to the dead-letter queue; returns false without such a queue. */
  function deadLetter({ subscription, body, type }: Parcel): boolean {
    const policy = subscription.attributes.get("RedrivePolicy");
    if (policy === undefined || type !== "Notification") return false;
    const { deadLetterTargetArn } = JSON.parse(policy) as { deadLetterTargetArn: string };
    const { topic } = subscription;
    const source = { arn: topic.arn, account: topic.account };
    return send(deadLetterTargetArn, { body, sender: "sns.amazonaws.com", source });
  }

  function post(endpoint: string, headers: Record<string, string>, body: string): Promise<Outcome> {
    return new Promise((resolve) => {
      let cancel = () => {};
      const settle = (outcome: Outcome) => {
        cancel();
        resolve(outcome);
      };
      const secure = endpoint.startsWith("https:");
      const start = secure ? httpsRequest : httpRequest;
      const request = start(endpoint, { method: "POST", headers, agent: secure ? https : http });
      cancel = timeout(clock, RESPONSE_MS, () => {
        settle({ status: undefined, error: `no response within ${RESPONSE_MS / 1000} s`, responseBody: "" });
        request.destroy();
      });
      request.once("error", (error) =>
        settle({ status: undefined, error: error.message || error.name, responseBody: "" }),
      );
      request.once("response", (response) => {
        readAnswer(response).then(
          (responseBody) => settle({ status: response.statusCode, error: undefined, responseBody }),
          (error: Error) => settle({ status: undefined, error: error.message, responseBody: "" }),
        );
      });
      request.end(body);
    });
  }

  return {
    deliver,
    report,
    deadLetter,
    /** Resolves when no attempt is pending. An attempt that waits for its retry is not pending. */
    idle: (): Promise<void> => (inFlight === 0 ? Promise.resolve() : new Promise((resolve) => waiting.add(resolve))),
    /** Drops the connections; pending attempts are no longer reported. */
    close: (): void => {
      closed = true;
      http.destroy();
      https.destroy();
    },
  };
}

/** Returns how to deliver to a subscription; computed once for each pair of policies. */
function createPlanner(): (subscription: Subscription) => Plan {
  const plans = new Map<string, Plan>();
  return ({ attributes, topic }) => {
    const [own, general] = [attributes.get("DeliveryPolicy"), topic.attributes.get("DeliveryPolicy")];
    const key = JSON.stringify([own, general]);
    let plan = plans.get(key);
    if (plan === undefined) {
      const policy = effectivePolicy(own, general);
      plan = { ...policy, delays: retryDelays(policy.retry) };
      plans.set(key, plan);
    }
    return plan;
  };
}

/** https://docs.aws.amazon.com/sns/latest/dg/http-header.html */
function headersOf(
  { subscription, messageId, type, body, raw }: Parcel,
  contentType: string | undefined,
): Record<string, string> {
  return {
    "x-amz-sns-message-type": type,
    "x-amz-sns-message-id": messageId,
    "x-amz-sns-topic-arn": subscription.topic.arn,
    ...(type === "SubscriptionConfirmation" ? {} : { "x-amz-sns-subscription-arn": subscription.arn }),
    ...(raw ? { "x-amz-sns-rawdelivery": "true" } : {}),
    "Content-Type": contentType ?? "text/plain; charset=UTF-8",
    "Content-Length": String(Buffer.byteLength(body)),
    "User-Agent": "Amazon Simple Notification Service Agent",
    "Accept-Encoding": "gzip,deflate",
  };
}

async function readAnswer(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    if (size < ANSWER_BYTES) chunks.push(chunk);
    size += chunk.length;
  }
  return Buffer.concat(chunks).subarray(0, ANSWER_BYTES).toString();
}
