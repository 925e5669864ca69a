import { DEFAULT_RETRY_POLICY } from "../../../aws/retry-policy.ts";
import { arn } from "../arns.ts";
import { type Params, structure, structures, text, textMap } from "../params.ts";
import { statementsOf } from "../resource-policy.ts";
import type { Caller, XmlFields } from "../service.ts";
import { readTags, type Tags } from "../tags.ts";
import { invalidParameter } from "./errors.ts";
import { parseTopicPolicy } from "./retry-policy.ts";
import type { SnsStore, Topic } from "./store.ts";

const SETTABLE = ["DeliveryPolicy", "DisplayName", "Policy", "KmsMasterKeyId", "SignatureVersion", "TracingConfig"];
/** The actions that a topic's policy can allow; other actions have no existing topic as their resource. */
const POLICY_ACTIONS = [
  "GetTopicAttributes",
  "SetTopicAttributes",
  "AddPermission",
  "RemovePermission",
  "DeleteTopic",
  "Subscribe",
  "ListSubscriptionsByTopic",
  "Publish",
];
const PAGE = 100;

function checkAttribute(name: string, value: string, fifo: boolean): void {
  if (!SETTABLE.includes(name) && !(fifo && name === "ContentBasedDeduplication"))
    throw invalidParameter("AttributeName");
  if (name === "Policy" && value !== "") checkPolicy(value);
  if (name === "DeliveryPolicy" && value !== "") parseTopicPolicy(value);
  if (name === "SignatureVersion" && value !== "1" && value !== "2") {
    throw invalidParameter(`SignatureVersion Reason: Invalid value [${value}]. Valid values: [1, 2]`);
  }
}

function checkPolicy(value: string): void {
  const actions = statementsOf(value)?.flatMap(({ Action }) => Action);
  if (actions === undefined) throw invalidParameter("Policy Error: null");
  const known = (action: string) =>
    action.includes("*") || POLICY_ACTIONS.some((each) => `sns:${each}`.toLowerCase() === action.toLowerCase());
  if (!actions.every(known)) throw invalidParameter("Policy statement action out of service scope!");
}

/** Returns the topic actions of SNS. */
export function topicActions(store: SnsStore) {
  function createTopic(params: Params, caller: Caller): XmlFields {
    const name = text(params, "Name") ?? "";
    const attributes = textMap(params, "Attributes");
    const fifo = attributes.get("FifoTopic") === "true";
    if (fifo && !/^[\w-]{1,251}\.fifo$/.test(name)) {
      throw invalidParameter(
        "Fifo Topic names must end with .fifo and must be made up of only uppercase and lowercase ASCII letters, numbers, underscores, and hyphens, and must be between 1 and 256 characters long.",
      );
    }
    if (!fifo && !/^[\w-]{1,256}$/.test(name)) throw invalidParameter("Topic Name");
    attributes.delete("FifoTopic");
    for (const [key, value] of attributes) checkAttribute(key, value, fifo);
    const tags = readTags(structures(structure(params, "Tags"), "member"), invalidParameter);
    const topicArn = arn("sns", caller.region, caller.account, name);
    const present = store.topics.get(topicArn);
    if (present !== undefined) {
      if ([...attributes].some(([key, value]) => present.attributes.get(key) !== value)) {
        throw invalidParameter("Attributes Reason: Topic already exists with different attributes");
      }
      // Without tags, CreateTopic accepts an existing topic with any tags.
      if (tags.size > 0 && !sameTags(tags, present.tags)) {
        throw invalidParameter("Tags Reason: Topic already exists with different tags");
      }
      return { TopicArn: topicArn };
    }
    store.topics.set(topicArn, {
      arn: topicArn,
      account: caller.account,
      region: caller.region,
      fifo,
      attributes,
      tags,
      subscriptions: new Map(),
      published: new Map(),
      sequence: 0,
      deletedSubscriptions: 0,
    });
    return { TopicArn: topicArn };
  }

  function deleteTopic(params: Params): XmlFields {
    const topic = store.topics.get(text(params, "TopicArn") ?? "");
    if (topic === undefined) return {};
    for (const subscription of topic.subscriptions.values()) store.remove(subscription);
    store.topics.delete(topic.arn);
    return {};
  }

  function setTopicAttributes(params: Params): XmlFields {
    const topic = store.topic(params);
    const [name, value] = [text(params, "AttributeName") ?? "", text(params, "AttributeValue") ?? ""];
    checkAttribute(name, value, topic.fifo);
    if (value === "") topic.attributes.delete(name);
    else topic.attributes.set(name, value);
    return {};
  }

  return {
    CreateTopic: createTopic,
    DeleteTopic: deleteTopic,
    SetTopicAttributes: setTopicAttributes,
    GetTopicAttributes: (params: Params): XmlFields => ({ Attributes: attributesOf(store.topic(params)) }),
    ListTopics: (params: Params, caller: Caller): XmlFields => {
      const own = [...store.topics.values()].filter(
        ({ account, region }) => account === caller.account && region === caller.region,
      );
      const { items, next } = snsPage(params, own);
      return { Topics: items.map((topic) => ({ TopicArn: topic.arn })), NextToken: next };
    },
  };
}

/** Returns a page of 100 from `NextToken` on. @throws AwsError InvalidParameter */
export function snsPage<T>(params: Params, all: readonly T[]): { items: readonly T[]; next: string | undefined } {
  const start = Number(text(params, "NextToken") ?? 0);
  if (!Number.isInteger(start) || start < 0) throw invalidParameter("NextToken");
  const end = start + PAGE;
  return { items: all.slice(start, end), next: end < all.length ? String(end) : undefined };
}

function attributesOf(topic: Topic): Map<string, string> {
  const subscriptions = [...topic.subscriptions.values()];
  const pending = subscriptions.filter((each) => each.pending).length;
  const own = topic.attributes.get("DeliveryPolicy");
  const effective = {
    http: {
      defaultHealthyRetryPolicy: own === undefined ? DEFAULT_RETRY_POLICY : parseTopicPolicy(own).retry,
      disableSubscriptionOverrides: own !== undefined && parseTopicPolicy(own).disableSubscriptionOverrides,
      defaultRequestPolicy: { headerContentType: "text/plain; charset=UTF-8" },
    },
  };
  return new Map([
    ["TopicArn", topic.arn],
    ["Owner", topic.account],
    ["DisplayName", ""],
    ["Policy", topicPolicy(topic)],
    ["SubscriptionsConfirmed", String(subscriptions.length - pending)],
    ["SubscriptionsPending", String(pending)],
    ["SubscriptionsDeleted", String(topic.deletedSubscriptions)],
    ["EffectiveDeliveryPolicy", JSON.stringify(effective)],
    ...(topic.fifo ? [["FifoTopic", "true"] as const, ["ContentBasedDeduplication", "false"] as const] : []),
    ...topic.attributes,
  ]);
}

function sameTags(some: Tags, others: Tags): boolean {
  return some.size === others.size && [...some].every(([key, value]) => others.get(key) === value);
}

/** Returns the policy of a topic. By default it allows the owner every action that a topic's policy can allow. */
export function topicPolicy(topic: Topic): string {
  const own = topic.attributes.get("Policy");
  if (own !== undefined) return own;
  return JSON.stringify({
    Version: "2008-10-17",
    Id: "__default_policy_ID",
    Statement: [
      {
        Sid: "__default_statement_ID",
        Effect: "Allow",
        Principal: { AWS: "*" },
        Action: POLICY_ACTIONS.map((action) => `SNS:${action}`),
        Resource: topic.arn,
        Condition: { StringEquals: { "AWS:SourceOwner": topic.account } },
      },
    ],
  });
}
