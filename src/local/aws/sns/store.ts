import { parseArn } from "../arns.ts";
import { AwsError } from "../errors.ts";
import { type Params, text } from "../params.ts";
import type { Tags } from "../tags.ts";
import { invalidParameter } from "./errors.ts";
import type { Filter } from "./filter-policy.ts";

/** A topic and its subscriptions. */
export interface Topic {
  readonly arn: string;
  readonly account: string;
  readonly region: string;
  readonly fifo: boolean;
  /** The attributes that were set. */
  readonly attributes: Map<string, string>;
  readonly tags: Tags;
  /** By protocol and endpoint: SNS has one subscription for each pair. */
  readonly subscriptions: Map<string, Subscription>;
  /** FIFO: the messages of the last five minutes, by deduplication id, oldest first. */
  readonly published: Map<string, { readonly at: number; readonly messageId: string; readonly sequence: string }>;
  sequence: number;
  deletedSubscriptions: number;
}

/** A subscription. */
export interface Subscription {
  readonly arn: string;
  readonly topic: Topic;
  readonly protocol: string;
  readonly endpoint: string;
  readonly owner: string;
  /** The attributes that were set. */
  readonly attributes: Map<string, string>;
  /** Returns whether a message matches its filter policy. */
  wants: Filter;
  pending: boolean;
  /** Whether only a signed Unsubscribe ends it. */
  authenticated: boolean;
  /** The earliest time of the next delivery, ms epoch (throttlePolicy). */
  nextFreeAt: number;
}

/** The number of tokens of confirmation messages that are kept. */
const TOKENS = 10_000;

/** All topics and subscriptions, of all accounts and regions, by ARN. */
export class SnsStore {
  readonly topics = new Map<string, Topic>();
  readonly subscriptions = new Map<string, Subscription>();
  readonly #tokens = new Map<string, { subscription: Subscription; expiresAt: number }>();

  /** Returns the topic whose ARN is the parameter `field`. @throws AwsError InvalidParameter, NotFound */
  topic(params: Params, field = "TopicArn"): Topic {
    const value = text(params, field) ?? "";
    requireArn(value, field);
    const topic = this.topics.get(value);
    if (topic === undefined) throw new AwsError("NotFound", "Topic does not exist", 404);
    return topic;
  }

  /** Returns the subscription whose ARN is SubscriptionArn. @throws AwsError InvalidParameter, NotFound */
  subscription(params: Params): Subscription {
    const value = text(params, "SubscriptionArn") ?? "";
    requireArn(value, "SubscriptionArn");
    const subscription = this.subscriptions.get(value);
    if (subscription === undefined) throw new AwsError("NotFound", "Subscription does not exist", 404);
    return subscription;
  }

  /** Adds a subscription, also one that was removed. */
  add(subscription: Subscription): void {
    this.subscriptions.set(subscription.arn, subscription);
    subscription.topic.subscriptions.set(`${subscription.protocol} ${subscription.endpoint}`, subscription);
  }

  /** Removes a subscription. */
  remove(subscription: Subscription): void {
    if (!this.subscriptions.delete(subscription.arn)) return;
    subscription.topic.subscriptions.delete(`${subscription.protocol} ${subscription.endpoint}`);
    subscription.topic.deletedSubscriptions += 1;
  }

  /** Stores the token of a confirmation message until `expiresAt` (ms epoch). */
  addToken(token: string, subscription: Subscription, expiresAt: number): void {
    this.#tokens.set(token, { subscription, expiresAt });
    const oldest = this.#tokens.keys().next();
    if (this.#tokens.size > TOKENS && !oldest.done) this.#tokens.delete(oldest.value);
  }

  /** Returns the subscription that a token confirms. @throws AwsError InvalidParameter */
  byToken(token: string, now: number): Subscription {
    const found = this.#tokens.get(token);
    if (found === undefined || found.expiresAt <= now) throw invalidParameter("Token");
    return found.subscription;
  }
}

function requireArn(value: string, field: string): void {
  const elements = value.split(":").length;
  if (elements < 6) throw invalidParameter(`${field} Reason: An ARN must have at least 6 elements, not ${elements}`);
  if (parseArn(value)?.service !== "sns") throw invalidParameter(field);
}
