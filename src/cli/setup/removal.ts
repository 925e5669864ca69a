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
const PENDING =
  "setup made it, but it is not confirmed: SNS does not delete it until then, and drops it after 48 hours";

/**
 * What there is of an installation, in the order in which it can be removed: nothing is left that points to what is gone.
 * Reads only. What setup has made has its tag; what it has added to things of others is known otherwise: a target by its id,
 * a subscription by its mark in a tag of its topic.
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
    // With a topic go its subscriptions, also those that nobody has confirmed.
    const undo = async () => {
      await aws.sns.send(new DeleteTopicCommand({ TopicArn: arn }));
    };
    const confirmed = subscriptions.filter(isConfirmed);
    const what = kind === "alert topic" ? "alerts" : "launches";
    const names = confirmed.map(({ Protocol, Endpoint = "" }) => `${shownUrl(Endpoint)} (${Protocol})`);
    const losses = [
      ...(names.length > 0 ? [`${names.join(", ")} will get no more ${what} from ${name}`] : []),
      ...senders.map((rule) => `the rule ${rule} stays, and sends to ${name}, which is gone`),
    ];
    return [{ kind, name, arn, fate: "remove", losses, undo }];
  }
  const parts = await Promise.all(
    subscriptions.map((each) => subscriptionLeftover(aws, kind, name, each, isMarked(facts.tags, each), lostQueueArn)),
  );
  const ours = parts.filter((part) => part !== null);
  const strange = subscriptions.filter((each) => !isMarked(facts.tags, each)).length;
  const unknown = `${strange === 1 ? "1 subscription stays" : `${strange} subscriptions stay`} with it that setup did not record`;
  const why =
    strange === 0 ? NOT_OURS : `${NOT_OURS}. ${unknown}: aws sns list-subscriptions-by-topic --topic-arn ${arn}`;
  return [...ours, ...tagLeftover(aws, name, arn, facts.tags, ours), { kind, name, arn, fate: "leave", why }];
}

/** What becomes of a subscription of a topic that stays; null when setup has not touched it. */
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
    return { ...itself, fate: "remove", losses: [`${itself.name} will get no more ${what} from ${topic}`], undo };
  }
  // Setup gives its dead-letter queue to subscriptions to launches only.
  if (topicKind === "alert topic" || kind !== "function subscription" || !isConfirmed(subscription)) return null;
  if (lostQueueArn === null || deadLetterQueueOf(await attributesOf(aws, SubscriptionArn)) !== lostQueueArn)
    return null;
  const undo = async () => {
    const change = { AttributeName: "RedrivePolicy", AttributeValue: "" };
    await aws.sns.send(new SetSubscriptionAttributesCommand({ SubscriptionArn, ...change }));
  };
  const what = "stays: there is no record that setup made it. It loses its dead-letter queue, which is removed";
  return { ...itself, fate: "restore", what, undo };
}

/** The record of setup's subscriptions goes with the last of them. */
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
  const count = `${messages} dead letter${messages === 1 ? "" : "s"}`;
  const losses = messages > 0 ? [`${count} in ${names.deadLetterQueue}: launches that nobody has audited`] : [];
  const undo = async () => {
    await aws.sqs.send(new DeleteQueueCommand({ QueueUrl: url }));
  };
  return { ...itself, fate: "remove", losses, undo };
}
