import { DeleteRuleCommand } from "@aws-sdk/client-eventbridge";
import { DeleteTopicCommand, UnsubscribeCommand } from "@aws-sdk/client-sns";
import { DeleteQueueCommand } from "@aws-sdk/client-sqs";
import type { Aws } from "../aws.ts";
import { type Place, RULE_KINDS, type RuleKind, ruleArn, ruleName, shownUrl } from "./plan.ts";
import { type QueueFacts, readDeadLetterQueue } from "./queue.ts";
import type { ResourceKind } from "./resource.ts";
import { type RuleFacts, readRule, removeTargets, TARGET_ID } from "./rules.ts";
import { attributesOf, deadLetterQueueOf, isConfirmed, subscriptionsOf } from "./subscriptions.ts";
import { readTopic } from "./topics.ts";

/** Something of an installation that is there, and what becomes of it. */
export type Leftover = {
  readonly kind: ResourceKind | "target";
  readonly name: string;
  readonly arn: string | null;
} & (
  | {
      readonly fate: "remove";
      /** What is lost with it, for the question; empty when nothing is. */
      readonly losses: readonly string[];
      remove(): Promise<void>;
    }
  | { readonly fate: "leave"; readonly why: string }
);

const NOT_OURS = "setup has not made it: it does not have the tag ec2-audit=setup";

/**
 * What there is of an installation, in the order in which it can be removed: nothing is left that points to what is gone.
 * Reads only. What setup has made has its tag; what it has added to things of others is known otherwise: a target by its id, a
 * subscription by its dead-letter queue.
 */
export async function leftovers(aws: Aws, place: Place): Promise<readonly Leftover[]> {
  const [queue, launch, alert, ...rules] = await Promise.all([
    readDeadLetterQueue(aws, place),
    topicLeftovers(aws, "launch topic", place.names.launchTopic, place.launchTopicArn, place),
    topicLeftovers(aws, "alert topic", place.names.alertTopic, place.alertTopicArn, place),
    ...RULE_KINDS.map(async (kind) => ruleLeftovers(aws, place, kind, await readRule(aws, place, kind))),
  ]);
  return [...rules.flat(), ...launch, ...alert, ...(queue ? [queueLeftover(aws, place, queue)] : [])];
}

function ruleLeftovers(aws: Aws, place: Place, kind: RuleKind, facts: RuleFacts | undefined): readonly Leftover[] {
  if (facts === undefined) return [];
  const Rule = ruleName(place.names, kind);
  const itself = { kind: "rule", name: Rule, arn: ruleArn(place, kind) } as const;
  if (facts.madeBySetup) {
    const others = facts.targets.filter(({ Arn }) => Arn !== place.launchTopicArn);
    const losses = others.map(({ Arn }) => `the rule ${Rule} sends to ${Arn} too, which gets nothing any more`);
    const remove = async () => {
      await removeTargets(aws, Rule, facts.targets);
      await aws.events.send(new DeleteRuleCommand({ Name: Rule }));
    };
    return [{ ...itself, fate: "remove", losses, remove }];
  }
  const ours = facts.targets.filter(({ Id, Arn }) => Id === TARGET_ID && Arn === place.launchTopicArn);
  return [
    ...(ours.length > 0
      ? [
          {
            kind: "target" as const,
            name: `${TARGET_ID} of the rule ${Rule}`,
            arn: null,
            fate: "remove" as const,
            losses: [],
            remove: () => removeTargets(aws, Rule, ours),
          },
        ]
      : []),
    { ...itself, fate: "leave", why: NOT_OURS },
  ];
}

async function topicLeftovers(
  aws: Aws,
  kind: "launch topic" | "alert topic",
  name: string,
  arn: string,
  place: Place,
): Promise<readonly Leftover[]> {
  const facts = await readTopic(aws, arn);
  if (facts === undefined) return [];
  const subscriptions = await subscriptionsOf(aws, arn);
  if (facts.madeBySetup) {
    // With a topic go its subscriptions, also those that nobody has confirmed.
    const remove = async () => {
      await aws.sns.send(new DeleteTopicCommand({ TopicArn: arn }));
    };
    const confirmed = subscriptions.filter(isConfirmed);
    const what = kind === "alert topic" ? "alerts" : "launches";
    const names = confirmed.map(({ Protocol, Endpoint = "" }) => `${shownUrl(Endpoint)} (${Protocol})`);
    const losses = names.length > 0 ? [`${names.join(", ")} will get no more ${what} from ${name}`] : [];
    return [{ kind, name, arn, fate: "remove", losses, remove }];
  }
  const ours: Leftover[] = [];
  // Setup subscribes a URL to launches only: one that gets alerts is somebody else's, whatever its dead-letter queue.
  if (kind === "launch topic") {
    for (const { SubscriptionArn, Protocol = "", Endpoint = "" } of subscriptions) {
      if (!Protocol.startsWith("http") || !isConfirmed({ SubscriptionArn })) continue;
      if (deadLetterQueueOf(await attributesOf(aws, SubscriptionArn)) !== place.deadLetterQueueArn) continue;
      const remove = async () => {
        await aws.sns.send(new UnsubscribeCommand({ SubscriptionArn }));
      };
      const losses = [`${shownUrl(Endpoint)} will get no more launches from ${name}`];
      ours.push({ kind: "function subscription", name: shownUrl(Endpoint), arn: null, fate: "remove", losses, remove });
    }
  }
  return [...ours, { kind, name, arn, fate: "leave", why: NOT_OURS }];
}

function queueLeftover(aws: Aws, { names, deadLetterQueueArn }: Place, facts: QueueFacts): Leftover {
  const itself = { kind: "dead-letter queue", name: names.deadLetterQueue, arn: deadLetterQueueArn } as const;
  if (!facts.madeBySetup) return { ...itself, fate: "leave", why: NOT_OURS };
  const { messages, url } = facts;
  const count = `${messages} dead letter${messages === 1 ? "" : "s"}`;
  const losses = messages > 0 ? [`${count} in ${names.deadLetterQueue}: launches that nobody has audited`] : [];
  const remove = async () => {
    await aws.sqs.send(new DeleteQueueCommand({ QueueUrl: url }));
  };
  return { ...itself, fate: "remove", losses, remove };
}
