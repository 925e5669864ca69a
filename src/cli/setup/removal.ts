import {
  DeleteTopicCommand,
  SetSubscriptionAttributesCommand,
  type Subscription,
  UnsubscribeCommand,
  UntagResourceCommand,
} from "@aws-sdk/client-sns";
import { DeleteQueueCommand } from "@aws-sdk/client-sqs";
import type { Aws } from "../aws.ts";
import { SUBSCRIPTIONS_TAG } from "../names.ts";
import { shownUrl } from "../shown-url.ts";
import type { Tags } from "../tags.ts";
import { type Leftover, NOT_OURS } from "./leftover.ts";
import { isMarked } from "./marks.ts";
import { otherRuleNames } from "./other-rules.ts";
import { EVENT_RULE_KINDS, type Installation, ruleName } from "./plan.ts";
import { type QueueFacts, readDeadLetterQueue } from "./queue.ts";
import { otherRuleLeftovers, ruleLeftovers } from "./rule-removal.ts";
import { attributesOf, deadLetterQueueOf, isConfirmed, subscriptionsOf } from "./subscriptions.ts";
import { readTopic } from "./topics.ts";

/** https://docs.aws.amazon.com/sns/latest/dg/sns-delete-subscription-topic.html */
const PENDING = "created by setup, but not confirmed: it cannot be deleted, and SNS removes it after 48 hours";

/**
 * Returns the existing parts of an installation in the order of their removal: nothing refers to a removed resource. Changes
 * nothing. Resources that setup created have its tag; a target of setup has its id, and a subscription a mark in a tag of its
 * topic. Throws what AWS throws.
 */
export async function leftovers(aws: Aws, installation: Installation): Promise<readonly Leftover[]> {
  const queue = await readDeadLetterQueue(aws, installation);
  const lostQueueArn = queue?.madeBySetup ? installation.deadLetterQueueArn : null;
  const others = await otherRuleNames(aws, installation);
  const [launch, alert, ...rules] = await Promise.all([
    topicLeftovers(
      aws,
      "launch topic",
      installation.names.launchTopic,
      installation.launchTopicArn,
      lostQueueArn,
      others,
    ),
    topicLeftovers(aws, "alert topic", installation.names.alertTopic, installation.alertTopicArn, lostQueueArn, []),
    ...EVENT_RULE_KINDS.map((kind) =>
      ruleLeftovers(aws, installation, ruleName(installation.names, kind), lostQueueArn),
    ),
    ...others.map((name) => otherRuleLeftovers(aws, installation, name, lostQueueArn)),
  ]);
  return [...rules.flat(), ...launch, ...alert, ...(queue ? [queueLeftover(aws, installation, queue)] : [])];
}

async function topicLeftovers(
  aws: Aws,
  kind: "launch topic" | "alert topic",
  name: string,
  arn: string,
  lostQueueArn: string | null,
  senders: readonly string[],
): Promise<readonly Leftover[]> {
  const facts = await readTopic(aws, arn);
  if (facts === undefined) return [];
  const subscriptions = await subscriptionsOf(aws, arn);
  if (facts.madeBySetup) {
    // SNS deletes a topic with its subscriptions, including unconfirmed ones.
    const undo = async () => {
      await aws.sns.send(new DeleteTopicCommand({ TopicArn: arn }));
    };
    const confirmed = subscriptions.filter(isConfirmed);
    const what = kind === "alert topic" ? "alerts" : "launches";
    const names = confirmed.map(({ Protocol, Endpoint = "" }) => `${shownUrl(Endpoint)} (${Protocol})`);
    const losses = [
      ...(names.length > 0 ? [`${names.join(", ")} will no longer receive ${what} from ${name}`] : []),
      ...senders.map((rule) => `the rule ${rule} is kept, and its target ${name} will not exist`),
    ];
    return [{ kind, name, arn, fate: "remove", losses, undo }];
  }
  const parts = await Promise.all(
    subscriptions.map((each) => subscriptionLeftover(aws, kind, name, each, isMarked(facts.tags, each), lostQueueArn)),
  );
  const ours = parts.filter((part) => part !== null);
  const unrecorded = subscriptions.filter((each) => !isMarked(facts.tags, each)).length;
  const unknown = `It keeps ${unrecorded} subscription${unrecorded === 1 ? "" : "s"} that setup did not create`;
  const why =
    unrecorded === 0 ? NOT_OURS : `${NOT_OURS}. ${unknown}: aws sns list-subscriptions-by-topic --topic-arn ${arn}`;
  return [...ours, ...tagLeftover(aws, name, arn, facts.tags, ours), { kind, name, arn, fate: "leave", why }];
}

/** Returns what teardown does with a subscription of a topic that is kept; null when setup has not changed it. */
async function subscriptionLeftover(
  aws: Aws,
  topicKind: "launch topic" | "alert topic",
  topic: string,
  subscription: Subscription,
  madeBySetup: boolean,
  lostQueueArn: string | null,
): Promise<Leftover | null> {
  const { SubscriptionArn, Protocol = "", Endpoint = "" } = subscription;
  const kind = Protocol.startsWith("http") ? "function subscription" : "e-mail subscription";
  const itself = { kind, name: shownUrl(Endpoint), arn: null } as const;
  if (madeBySetup && !isConfirmed(subscription)) return { ...itself, fate: "wait", why: PENDING };
  if (madeBySetup) {
    const undo = async () => {
      await aws.sns.send(new UnsubscribeCommand({ SubscriptionArn }));
    };
    const what = topicKind === "alert topic" ? "alerts" : "launches";
    return { ...itself, fate: "remove", losses: [`${itself.name} will no longer receive ${what} from ${topic}`], undo };
  }
  // Setup adds its dead-letter queue only to subscriptions of the launch topic.
  if (topicKind === "alert topic" || kind !== "function subscription" || !isConfirmed(subscription)) return null;
  if (lostQueueArn === null || deadLetterQueueOf(await attributesOf(aws, SubscriptionArn)) !== lostQueueArn)
    return null;
  const undo = async () => {
    const change = { AttributeName: "RedrivePolicy", AttributeValue: "" };
    await aws.sns.send(new SetSubscriptionAttributesCommand({ SubscriptionArn, ...change }));
  };
  const what = "kept: not created by setup. Its dead-letter queue is removed";
  return { ...itself, fate: "restore", what, undo };
}

/** The tag that records setup's subscriptions is removed with the last of them. */
function tagLeftover(
  aws: Aws,
  topic: string,
  ResourceArn: string,
  tags: Tags,
  parts: readonly Leftover[],
): readonly Leftover[] {
  if (tags[SUBSCRIPTIONS_TAG] === undefined || parts.some(({ fate }) => fate === "wait")) return [];
  const undo = async () => {
    await aws.sns.send(new UntagResourceCommand({ ResourceArn, TagKeys: [SUBSCRIPTIONS_TAG] }));
  };
  return [{ kind: "tag", name: `${SUBSCRIPTIONS_TAG} of ${topic}`, arn: null, fate: "remove", losses: [], undo }];
}

function queueLeftover(aws: Aws, { names, deadLetterQueueArn }: Installation, facts: QueueFacts): Leftover {
  const itself = { kind: "dead-letter queue", name: names.deadLetterQueue, arn: deadLetterQueueArn } as const;
  if (!facts.madeBySetup) return { ...itself, fate: "leave", why: NOT_OURS };
  const { messages, url } = facts;
  const count = `${messages} undelivered message${messages === 1 ? "" : "s"}`;
  const losses =
    messages > 0 ? [`${count} in ${names.deadLetterQueue} will be lost: launches that were not audited`] : [];
  const undo = async () => {
    await aws.sqs.send(new DeleteQueueCommand({ QueueUrl: url }));
  };
  return { ...itself, fate: "remove", losses, undo };
}
