import { ConfirmSubscriptionCommand, SubscribeCommand } from "@aws-sdk/client-sns";
import type { Clients } from "../aws/clients.ts";
import { DELIVERY_POLICY } from "../aws/retry-policy.ts";
import type { TopicArn } from "../aws/topic-arn.ts";
import { within } from "../util/deadline.ts";
import { describeError } from "../util/errors.ts";
import type { Note } from "../util/note.ts";
import type { Confirmation } from "./envelope.ts";

/** A failed or pending subscription is requested again after this time, in milliseconds. */
const RETRY_AFTER_MS = 60_000;

/** The part of the deadline that is kept for the response to the caller, in milliseconds. */
const RESERVE_MS = 1_000;

const OTHER_POLICY =
  "FUNCTION_URL is subscribed with other attributes: SNS may stop retrying within GRACE_SECONDS; run ec2-audit setup --url";

/** Returns whether SNS refused to subscribe an endpoint again with other attributes. Without attributes, SNS returns the
 * existing subscription. The error has no code of its own.
 * https://docs.aws.amazon.com/sns/latest/api/API_Subscribe.html */
export function isOtherAttributes(error: unknown): boolean {
  return error instanceof Error && /already exists with different attributes/i.test(error.message);
}

/** SNS returns this in place of an ARN. */
const PENDING = "pending confirmation";

/** Whether the function is subscribed, as the health document states it. A failure includes the name of the error. */
export type SubscriptionState = "not configured" | "not yet" | Known | `failed: ${string}`;

type Known = "pending" | "confirmed" | "unsubscribed";

/** The state of one topic's subscription. */
type TopicState = Known | { readonly errorName: string };

/** The result of confirming a subscription. SNS must retry a failed confirmation. */
interface Confirming {
  readonly kind: "confirmed" | "failed";
  readonly reason: string;
}

/** Keeps this function subscribed to its launch topics. */
export interface Subscriber {
  /**
   * Subscribes the function's URL to the launch topics, once; does nothing without a URL. Returns one second before the
   * deadline at the latest, in milliseconds since 1970, even if SNS has not responded. Never throws.
   */
  ensure(deadline: number): Promise<void>;
  /** Confirms a subscription. The envelope must be verified. Never throws. */
  confirm(envelope: Confirmation, topic: TopicArn): Promise<Confirming>;
  /** Records a verified notification. Without a URL of its own, the function has no other sign of its subscription. */
  seen(topic: TopicArn): void;
  /** Records that the subscription has ended. */
  ended(topic: TopicArn): void;
  state(): SubscriptionState;
}

/** Creates the subscriber. Takes the function's URL, or null if another tool subscribes it. `now` is in milliseconds since 1970. */
export function createSubscriber(
  functionUrl: string | null,
  launchTopics: readonly TopicArn[],
  clients: Pick<Clients, "sns">,
  note: Note,
  now: () => number,
): Subscriber {
  const states = new Map<string, TopicState>();
  let pending: Promise<void> | null = null;
  let tryAgainAt = 0;

  const subscribe = async (url: string, topic: TopicArn): Promise<void> => {
    const request = { TopicArn: topic.arn, Protocol: new URL(url).protocol.slice(0, -1), Endpoint: url };
    const Attributes = { DeliveryPolicy: JSON.stringify(DELIVERY_POLICY) };
    const sns = clients.sns(topic.region);
    try {
      const response = await sns.send(new SubscribeCommand({ ...request, Attributes })).catch((error: unknown) => {
        if (!isOtherAttributes(error)) throw error;
        note("warn", OTHER_POLICY, { topic: topic.arn });
        return sns.send(new SubscribeCommand(request));
      });
      if (!response.SubscriptionArn) throw new Error("the response to Subscribe is not from SNS");
      const state = response.SubscriptionArn === PENDING ? "pending" : "confirmed";
      // SNS may have requested the confirmation, and received it, before this response arrived.
      if (states.get(topic.arn) !== "confirmed") states.set(topic.arn, state);
      note("info", `subscription ${state}`, { topic: topic.arn });
    } catch (error) {
      // The state is public. AWS's message names our principal, so it goes to the log only.
      states.set(topic.arn, { errorName: error instanceof Error ? error.name : "an unknown error" });
      note("error", `could not subscribe FUNCTION_URL: ${describeError(error)}`, { topic: topic.arn });
    }
  };

  const isDue = ({ arn }: TopicArn): boolean => {
    const state = states.get(arn);
    if (state === undefined) return true;
    return (state === "pending" || typeof state === "object") && now() >= tryAgainAt;
  };

  return {
    async ensure(deadline) {
      if (functionUrl === null) return;
      const due = launchTopics.filter(isDue);
      if (due.length > 0 && pending === null) {
        tryAgainAt = now() + RETRY_AFTER_MS;
        pending = Promise.all(due.map((topic) => subscribe(functionUrl, topic))).then(() => {
          pending = null;
        });
      }
      if (pending !== null) await within(deadline - RESERVE_MS - now(), pending, undefined);
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
        if (!SubscriptionArn) throw new Error("the response to ConfirmSubscription is not from SNS");
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
      note("warn", "this function was unsubscribed; run ec2-audit setup --url", { topic: topic.arn });
    },

    state() {
      const all = launchTopics.map(({ arn }) => states.get(arn));
      const failure = all.find((state) => typeof state === "object");
      if (failure !== undefined) return `failed: ${failure.errorName}`;
      if (all.includes("unsubscribed")) return "unsubscribed";
      if (all.includes("pending")) return "pending";
      if (all.every((state) => state === "confirmed")) return "confirmed";
      return functionUrl === null ? "not configured" : "not yet";
    },
  };
}
