import { randomUUID } from "node:crypto";
import { parseArn } from "../arns.ts";
import { AwsError } from "../errors.ts";
import { type Params, text, textMap } from "../params.ts";
import type { Caller, XmlFields } from "../service.ts";
import { confirmation } from "./envelope.ts";
import { invalidParameter } from "./errors.ts";
import { compileFilter } from "./filter-policy.ts";
import { byMail } from "./mail.ts";
import type { PublishContext } from "./publish.ts";
import { effectivePolicy, parseSubscriptionPolicy, shownPolicy } from "./retry-policy.ts";
import type { Subscription, Topic } from "./store.ts";
import { snsPage } from "./topics.ts";

/** https://docs.aws.amazon.com/sns/latest/api/API_ConfirmSubscription.html: a token is valid for two days, in ms. */
const TOKEN_MS = 172_800_000;
const SETTABLE = ["DeliveryPolicy", "FilterPolicy", "FilterPolicyScope", "RawMessageDelivery", "RedrivePolicy"];

/** Returns the subscription actions of SNS. */
export function subscriptionActions({ clock, store, signer, endpoint, delivery, mailbox }: PublishContext) {
  function sendConfirmation(
    type: "SubscriptionConfirmation" | "UnsubscribeConfirmation",
    subscription: Subscription,
  ): void {
    const confirming = confirmation(type, subscription, signer, endpoint(), clock.now());
    store.addToken(confirming.token, subscription, clock.now() + TOKEN_MS);
    if (byMail(subscription.protocol)) mailbox.confirm(subscription, confirming, clock.now());
    else delivery.deliver({ subscription, messageId: confirming.messageId, type, body: confirming.body, raw: false });
  }

  /**
   * A repeated Subscribe returns the existing ARN; with other attributes it fails. A subscription that still
   * waits for its confirmation gets another confirmation message, and the new attributes.
   */
  function subscribe(params: Params, caller: Caller): XmlFields {
    const topic = store.topic(params);
    const [protocol, target] = [text(params, "Protocol") ?? "", text(params, "Endpoint") ?? ""];
    checkEndpoint(topic, protocol, target);
    const attributes = textMap(params, "Attributes");
    for (const [name, value] of attributes) checkAttribute(name, value, topic, protocol);
    const wants = compileFilter(attributes.get("FilterPolicy"), attributes.get("FilterPolicyScope"));
    const present = topic.subscriptions.get(`${protocol} ${target}`);
    if (present !== undefined && !present.pending) {
      if ([...attributes].some(([name, value]) => !sameValue(present.attributes.get(name), value))) {
        throw invalidParameter("Attributes Reason: Subscription already exists with different attributes");
      }
      return { SubscriptionArn: present.arn };
    }
    const subscription: Subscription = {
      arn: present?.arn ?? `${topic.arn}:${randomUUID()}`,
      topic,
      protocol,
      endpoint: target,
      owner: caller.account,
      attributes,
      wants,
      pending: protocol !== "sqs",
      authenticated: protocol === "sqs",
      nextFreeAt: 0,
    };
    store.add(subscription);
    if (!subscription.pending) return { SubscriptionArn: subscription.arn };
    sendConfirmation("SubscriptionConfirmation", subscription);
    const shown = text(params, "ReturnSubscriptionArn") === "true";
    return { SubscriptionArn: shown ? subscription.arn : "pending confirmation" };
  }

  function confirmSubscription(params: Params, caller: Caller): XmlFields {
    const topic = store.topic(params);
    const subscription = store.byToken(text(params, "Token") ?? "", clock.now());
    if (subscription.topic !== topic) throw invalidParameter("Token");
    const current = topic.subscriptions.get(`${subscription.protocol} ${subscription.endpoint}`);
    const confirmed = current ?? subscription;
    if (current === undefined) store.add(subscription);
    confirmed.pending = false;
    if (text(params, "AuthenticateOnUnsubscribe") === "true" && caller.signed) confirmed.authenticated = true;
    return { SubscriptionArn: confirmed.arn };
  }

  function unsubscribe(params: Params, caller: Caller): XmlFields {
    const value = text(params, "SubscriptionArn") ?? "";
    const subscription = store.subscriptions.get(value);
    if (subscription === undefined) {
      if (value.split(":").length < 6) store.subscription(params);
      return {};
    }
    if (subscription.pending)
      throw invalidParameter("SubscriptionArn Reason: cannot delete a subscription that is pending confirmation");
    if (subscription.authenticated && !caller.signed) {
      throw new AwsError("AuthorizationError", "The subscription requires authentication to unsubscribe.", 403);
    }
    store.remove(subscription);
    // An Unsubscribe without a signature causes an UnsubscribeConfirmation: https://docs.aws.amazon.com/sns/latest/api/API_Unsubscribe.html
    if (!caller.signed && subscription.protocol !== "sqs") sendConfirmation("UnsubscribeConfirmation", subscription);
    return {};
  }

  function setSubscriptionAttributes(params: Params): XmlFields {
    const subscription = store.subscription(params);
    const [name, value] = [text(params, "AttributeName") ?? "", text(params, "AttributeValue") ?? ""];
    checkAttribute(name, value, subscription.topic, subscription.protocol);
    const next = new Map(subscription.attributes);
    if (value === "") next.delete(name);
    else next.set(name, value);
    subscription.wants = compileFilter(next.get("FilterPolicy"), next.get("FilterPolicyScope"));
    if (value === "") subscription.attributes.delete(name);
    else subscription.attributes.set(name, value);
    return {};
  }

  return {
    Subscribe: subscribe,
    ConfirmSubscription: confirmSubscription,
    Unsubscribe: unsubscribe,
    SetSubscriptionAttributes: setSubscriptionAttributes,
    GetSubscriptionAttributes: (params: Params): XmlFields => ({
      Attributes: attributesOf(store.subscription(params)),
    }),
    ListSubscriptionsByTopic: (params: Params): XmlFields => {
      const { items, next } = snsPage(params, [...store.topic(params).subscriptions.values()]);
      return { Subscriptions: items.map(listed), NextToken: next };
    },
    ListSubscriptions: (params: Params, caller: Caller): XmlFields => {
      const own = [...store.subscriptions.values()].filter(
        ({ owner, topic }) => owner === caller.account && topic.region === caller.region,
      );
      const { items, next } = snsPage(params, own);
      return { Subscriptions: items.map(listed), NextToken: next };
    },
  };
}

function listed({ pending, arn, owner, protocol, endpoint, topic }: Subscription): XmlFields {
  const SubscriptionArn = pending ? "PendingConfirmation" : arn;
  return { SubscriptionArn, Owner: owner, Protocol: protocol, Endpoint: endpoint, TopicArn: topic.arn };
}

function checkEndpoint(topic: Topic, protocol: string, target: string): void {
  if (protocol !== "http" && protocol !== "https" && protocol !== "sqs" && !byMail(protocol)) {
    throw invalidParameter(
      `Protocol Reason: the embedded AWS delivers by http, https, sqs, email and email-json only, not by ${protocol}`,
    );
  }
  if (protocol === "sqs") {
    const queue = parseArn(target);
    if (queue?.service !== "sqs") throw invalidParameter("SQS endpoint ARN");
    if (!topic.fifo && queue.resource.endsWith(".fifo")) {
      throw invalidParameter("Endpoint Reason: FIFO SQS Queues can not be subscribed to standard SNS topics");
    }
    return;
  }
  if (topic.fifo) throw invalidParameter("Endpoint Reason: a FIFO topic delivers to SQS queues only");
  if (byMail(protocol)) {
    if (!/^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(target)) throw invalidParameter("Email address");
    return;
  }
  if (!target.startsWith(`${protocol}://`)) throw invalidParameter("Endpoint must match the specified protocol");
  if (!URL.canParse(target)) throw invalidParameter("Endpoint");
}

function checkAttribute(name: string, value: string, topic: Topic, protocol: string): void {
  if (!SETTABLE.includes(name)) throw invalidParameter("AttributeName");
  if (value === "") return;
  if (name === "DeliveryPolicy") parseSubscriptionPolicy(value);
  if (name === "RawMessageDelivery" && !/^(true|false)$/i.test(value)) {
    throw invalidParameter(`RawMessageDelivery: Invalid value [${value}]. Must be true or false.`);
  }
  if (name === "RawMessageDelivery" && /^true$/i.test(value) && byMail(protocol)) {
    throw invalidParameter(`Attributes Reason: Delivery protocol [${protocol}] does not support raw message delivery.`);
  }
  if (name === "RedrivePolicy") checkRedrivePolicy(value, topic);
}

function checkRedrivePolicy(value: string, topic: Topic): void {
  let target: string | undefined;
  try {
    target = String((JSON.parse(value) as { deadLetterTargetArn?: unknown })?.deadLetterTargetArn);
  } catch {
    throw invalidParameter("RedrivePolicy: failed to parse JSON.");
  }
  const queue = parseArn(target);
  if (queue?.service !== "sqs") throw invalidParameter("RedrivePolicy: deadLetterTargetArn is an invalid arn");
  if (queue.account !== topic.account || queue.region !== topic.region) {
    throw invalidParameter("RedrivePolicy: must use a queue of the same account and region");
  }
}

/** Returns whether two values are equal as texts or as JSON documents. */
function sameValue(present: string | undefined, asked: string): boolean {
  if (present === undefined) return asked === "";
  const canonical = (value: string): string => {
    try {
      return JSON.stringify(sortKeys(JSON.parse(value)));
    } catch {
      return value;
    }
  };
  return present === asked || canonical(present) === canonical(asked);
}

function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, each]) => [key, sortKeys(each)]),
  );
}

function attributesOf(subscription: Subscription): Map<string, string> {
  const { topic, attributes } = subscription;
  const effective = effectivePolicy(attributes.get("DeliveryPolicy"), topic.attributes.get("DeliveryPolicy"));
  const http = subscription.protocol.startsWith("http");
  const own = attributes.get("DeliveryPolicy");
  return new Map([
    ["SubscriptionArn", subscription.arn],
    ["TopicArn", topic.arn],
    ["Protocol", subscription.protocol],
    ["Endpoint", subscription.endpoint],
    ["Owner", subscription.owner],
    ["PendingConfirmation", String(subscription.pending)],
    ["ConfirmationWasAuthenticated", String(subscription.authenticated)],
    ["RawMessageDelivery", "false"],
    ...(http ? [["EffectiveDeliveryPolicy", shownPolicy(effective)] as const] : []),
    ...(attributes.has("FilterPolicy") ? [["FilterPolicyScope", "MessageAttributes"] as const] : []),
    ...attributes,
    ...(own === undefined ? [] : [["DeliveryPolicy", shownPolicy(parseSubscriptionPolicy(own))] as const]),
  ]);
}
