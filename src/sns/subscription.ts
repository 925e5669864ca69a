import { ConfirmSubscriptionCommand, SubscribeCommand } from "@aws-sdk/client-sns";
import type { Clients } from "../aws/clients.ts";
import type { TopicArn } from "../aws/topic-arn.ts";
import type { Config } from "../config.ts";
import type { Outcome } from "../launches/outcome.ts";
import type { Log } from "../log.ts";
import { within } from "../util/deadline.ts";
import { describeError } from "../util/errors.ts";
import type { Confirmation } from "./envelope.ts";

/**
 * The delivery policy that we subscribe with. It has to outlast every grace that the configuration allows, whatever it
 * is now: SNS refuses to subscribe an endpoint again with other attributes, and changing them would take one more
 * permission. Every 15 s at first, so that a launch is looked at as soon as its grace is over; then every minute, up to
 * 3,540 s of the 3,600 s that SNS allows in all.
 * https://docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html#creating-delivery-policy
 */
export const DELIVERY_POLICY = {
  healthyRetryPolicy: {
    numRetries: 65,
    numNoDelayRetries: 0,
    minDelayTarget: 15,
    numMinDelayRetries: 8,
    maxDelayTarget: 60,
    numMaxDelayRetries: 57,
    backoffFunction: "linear",
  },
};

/** A subscription that failed, or waits for its confirmation, is asked for again by a run so much later, in milliseconds. */
const RETRY_AFTER_MS = 60_000;

/** What is left of a delivery's time for its answer when SNS does not answer us, in milliseconds. */
const ANSWER_MS = 1_000;

const OTHER_POLICY =
  "FUNCTION_URL is subscribed already, with other attributes than ours: SNS may call again for less long than GRACE_SECONDS";

/** SNS does not subscribe an endpoint again with other attributes; without any it answers the subscription there is.
 * https://docs.aws.amazon.com/sns/latest/api/API_Subscribe.html */
export function isOtherAttributes(error: unknown): boolean {
  return error instanceof Error && /already exists with different attributes/i.test(error.message);
}

/** SNS says this in place of an ARN. */
const PENDING = "pending confirmation";

/** Whether the function is subscribed, for the health document: in a word, or the name of the error. */
export type SubscriptionState =
  | "not configured"
  | "not yet"
  | "pending"
  | "confirmed"
  | "unsubscribed"
  | `failed: ${string}`;

/** Keeps this function subscribed to its launch topics. */
export interface Subscriber {
  /**
   * Subscribes `FUNCTION_URL` to the launch topics, once; does nothing without one. Ends some time before the deadline, in
   * milliseconds since 1970, whether AWS has answered or not: whoever calls has something better to answer. Never throws.
   */
  ensure(deadline: number): Promise<void>;
  /** Answers SNS's request to confirm a subscription; the envelope must be verified. */
  confirm(envelope: Confirmation, topic: TopicArn): Promise<Outcome>;
  /** Takes note of a verified notification: without a `FUNCTION_URL`, it is what shows that somebody has subscribed us. */
  seen(topic: TopicArn): void;
  /** Takes note that SNS says the subscription has ended. */
  ended(topic: TopicArn): void;
  state(): SubscriptionState;
}

/** The subscriber of one configuration. `now` is in milliseconds since 1970. */
export function createSubscriber(config: Config, clients: Clients, log: Log, now: () => number): Subscriber {
  const { functionUrl, launchTopics } = config;
  const states = new Map<string, SubscriptionState>();
  let running: Promise<void> | null = null;
  let tryAgainAt = 0;

  const subscribe = async (url: string, topic: TopicArn): Promise<void> => {
    const request = { TopicArn: topic.arn, Protocol: new URL(url).protocol.slice(0, -1), Endpoint: url };
    const Attributes = { DeliveryPolicy: JSON.stringify(DELIVERY_POLICY) };
    const sns = clients.sns(topic.region);
    try {
      const answer = await sns.send(new SubscribeCommand({ ...request, Attributes })).catch((error: unknown) => {
        if (!isOtherAttributes(error)) throw error;
        log.note("warn", OTHER_POLICY, { topic: topic.arn });
        return sns.send(new SubscribeCommand(request));
      });
      if (!answer.SubscriptionArn) throw new Error("Subscribe was answered by something that is not SNS");
      const state = answer.SubscriptionArn === PENDING ? "pending" : "confirmed";
      // SNS may have asked for the confirmation, and been answered, before this answer came.
      if (states.get(topic.arn) !== "confirmed") states.set(topic.arn, state);
      log.note("info", `subscription ${state}`, { topic: topic.arn });
    } catch (error) {
      // Anybody can read the state, and AWS's message names our principal: it is for the log alone.
      states.set(topic.arn, `failed: ${error instanceof Error ? error.name : "an unknown error"}`);
      log.note("error", `could not subscribe FUNCTION_URL: ${describeError(error)}`, { topic: topic.arn });
    }
  };

  const isDue = ({ arn }: TopicArn): boolean => {
    const state = states.get(arn);
    if (state === undefined) return true;
    return (state === "pending" || state.startsWith("failed")) && now() >= tryAgainAt;
  };

  return {
    async ensure(deadline) {
      if (functionUrl === null) return;
      const due = launchTopics.filter(isDue);
      if (due.length > 0 && running === null) {
        tryAgainAt = now() + RETRY_AFTER_MS;
        running = Promise.all(due.map((topic) => subscribe(functionUrl, topic))).then(() => {
          running = null;
        });
      }
      if (running !== null) await within(deadline - ANSWER_MS - now(), running, undefined);
    },

    async confirm(envelope, topic) {
      try {
        const { SubscriptionArn } = await clients.sns(topic.region).send(
          new ConfirmSubscriptionCommand({
            TopicArn: topic.arn,
            Token: envelope.Token,
            AuthenticateOnUnsubscribe: "true",
          }),
        );
        if (!SubscriptionArn) throw new Error("ConfirmSubscription was answered by something that is not SNS");
        states.set(topic.arn, "confirmed");
        return { kind: "confirmed", reason: `the subscription to ${topic.name} is confirmed` };
      } catch (error) {
        return { kind: "failed", reason: `the subscription could not be confirmed: ${describeError(error)}` };
      }
    },

    seen(topic) {
      if (functionUrl === null) states.set(topic.arn, "confirmed");
    },

    ended(topic) {
      states.set(topic.arn, "unsubscribed");
      log.note("warn", "SNS says that this function was unsubscribed", { topic: topic.arn });
    },

    state() {
      const all = launchTopics.map(({ arn }) => states.get(arn));
      const failure = all.find((state) => state?.startsWith("failed"));
      if (failure !== undefined) return failure;
      if (all.includes("unsubscribed")) return "unsubscribed";
      if (all.includes("pending")) return "pending";
      if (all.every((state) => state === "confirmed")) return "confirmed";
      return functionUrl === null ? "not configured" : "not yet";
    },
  };
}
