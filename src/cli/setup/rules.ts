import {
  DescribeRuleCommand,
  type DescribeRuleCommandOutput,
  ListTagsForResourceCommand,
  ListTargetsByRuleCommand,
  PutRuleCommand,
  PutTargetsCommand,
  type PutTargetsResultEntry,
  RemoveTargetsCommand,
  TagResourceCommand,
  type Target,
} from "@aws-sdk/client-eventbridge";
import type { Aws } from "../aws.ts";
import { CliError } from "../cli-error.ts";
import { ifExists } from "../if-exists.ts";
import { type Tags, tagList, tagsIn } from "../tags.ts";
import type { Difference } from "./difference.ts";
import {
  type EventRuleKind,
  type Installation,
  PATTERNS,
  type PlannedRule,
  ruleArn,
  ruleName,
  type SetupPlan,
} from "./plan.ts";
import { ABSENT, inspected, isMadeBySetup, missingTags, newTags, type Resource, tagDifferences } from "./resource.ts";
import { sameJson } from "./statements.ts";

/** The id of the targets that setup creates. */
export const TARGET_ID = "launch-topic";

/** The state of a rule in AWS. */
export interface RuleFacts {
  readonly rule: DescribeRuleCommandOutput;
  readonly targets: readonly Target[];
  readonly tags: Tags;
  readonly madeBySetup: boolean;
}

/**
 * Returns a rule with its tags and its targets (AWS allows five, so all are on one page); undefined when it does not exist.
 * Throws what AWS throws.
 */
export async function readRule(
  { events }: Aws,
  installation: Installation,
  Name: string,
): Promise<RuleFacts | undefined> {
  const rule = await ifExists(events.send(new DescribeRuleCommand({ Name })));
  if (rule === undefined) return undefined;
  const [targets, tagged] = await Promise.all([
    ifExists(events.send(new ListTargetsByRuleCommand({ Rule: Name }))),
    ifExists(events.send(new ListTagsForResourceCommand({ ResourceARN: ruleArn(installation, Name) }))),
  ]);
  const tags = tagsIn(tagged?.Tags);
  return { rule, targets: targets?.Targets ?? [], tags, madeBySetup: isMadeBySetup(tags) };
}

/** Returns the rule that sends the events of a kind to the launch topic, and undelivered events to the dead-letter queue. */
export function rule(aws: Aws, plan: SetupPlan, { kind, requested }: PlannedRule): Resource {
  const Name = ruleName(plan.names, kind);
  return {
    kind: "rule",
    name: Name,
    arn: ruleArn(plan, Name),
    requested,
    async inspect() {
      const facts = await readRule(aws, plan, Name);
      if (facts === undefined) return ABSENT;
      const differences = [
        ...ruleDifferences(facts.rule, kind),
        ...targetDifferences(facts.targets, plan),
        ...tagDifferences(facts.tags, plan.tags),
      ];
      return inspected(facts.madeBySetup, differences, requested ? [] : notesOfUnrequested(facts, plan.region));
    },
    async apply(found) {
      if (found.state === "correct") return;
      const facts = await readRule(aws, plan, Name);
      const EventPattern = JSON.stringify(PATTERNS[kind]);
      if (facts === undefined) {
        const Description = `EC2 audit: ${kind}, to the topic ${plan.names.launchTopic}`;
        const Tags = tagList(newTags(plan.tags));
        await aws.events.send(new PutRuleCommand({ Name, EventPattern, Description, State: "ENABLED", Tags }));
      } else if (ruleDifferences(facts.rule, kind).length > 0) {
        // PutRule removes what it is not given.
        const { Description, RoleArn } = facts.rule;
        const State = isEnabled(facts.rule) ? facts.rule.State : "ENABLED";
        const kept = { ...(Description && { Description }), ...(RoleArn && { RoleArn }) };
        await aws.events.send(new PutRuleCommand({ Name, EventPattern, ...kept, State }));
      }
      await putTarget(aws, plan, Name, facts?.targets ?? []);
      const Tags = tagList(facts === undefined ? {} : missingTags(facts.tags, plan.tags));
      if (Tags.length > 0) {
        await aws.events.send(new TagResourceCommand({ ResourceARN: ruleArn(plan, Name), Tags }));
      }
    },
  };
}

function notesOfUnrequested({ rule, madeBySetup }: RuleFacts, region: string): readonly string[] {
  if (!isEnabled(rule)) return ["It is disabled."];
  if (!madeBySetup) return [];
  return [
    "An earlier setup created it.",
    `To disable it: aws events disable-rule --region ${region} --name ${rule.Name}`,
  ];
}

function ruleDifferences(rule: DescribeRuleCommandOutput, kind: EventRuleKind): readonly Difference[] {
  const { State, EventPattern, ScheduleExpression } = rule;
  const pattern = { property: "pattern", actual: EventPattern, expected: JSON.stringify(PATTERNS[kind]) } as const;
  return [
    ...(isEnabled(rule) ? [] : [{ property: "state" as const, actual: State, expected: "ENABLED" }]),
    ...(sameJson(EventPattern, PATTERNS[kind]) ? [] : [pattern]),
    ...(ScheduleExpression ? [{ property: "schedule" as const, actual: ScheduleExpression, expected: undefined }] : []),
  ];
}

/** Returns whether a rule is enabled, which it is in more than one state. */
export function isEnabled({ State }: Pick<DescribeRuleCommandOutput, "State">): boolean {
  return State?.startsWith("ENABLED") ?? false;
}

/** The fields of a target that change the event on its way to the topic. */
const TRANSFORMS = ["Input", "InputPath", "InputTransformer"] as const;

/** Returns the differences of a rule's target for the launch topic, whatever its id. */
export function targetDifferences(targets: readonly Target[], plan: SetupPlan): readonly Difference[] {
  const [target, ...more] = toTopic(targets, plan);
  if (target === undefined) {
    const present = targets.find(({ Id }) => Id === TARGET_ID);
    return [{ property: "target", actual: present?.Arn, expected: plan.launchTopicArn }];
  }
  const id = target.Id;
  const queue = { actual: target.DeadLetterConfig?.Arn, expected: plan.deadLetterQueueArn };
  const transforms = TRANSFORMS.filter((field) => target[field] !== undefined);
  return [
    ...more.map(({ Id }) => ({ property: "extra target" as const, id: Id })),
    ...transforms.map((field) => ({ property: "target input" as const, id, field })),
    ...(queue.actual === queue.expected ? [] : [{ property: "target queue" as const, id, ...queue }]),
  ];
}

/** By ARN, not by id, so that a target that someone else created does not cause duplicate events. */
function toTopic(targets: readonly Target[], plan: Installation): readonly Target[] {
  return targets.filter(({ Arn }) => Arn === plan.launchTopicArn);
}

/**
 * Creates or repairs a rule's target for the launch topic. Takes the rule's present targets.
 * Throws CliError when EventBridge rejects the target, and what AWS throws.
 */
export async function putTarget(aws: Aws, plan: SetupPlan, Rule: string, targets: readonly Target[]): Promise<void> {
  if (targetDifferences(targets, plan).length === 0) return;
  const [present = { Id: TARGET_ID, Arn: plan.launchTopicArn }, ...more] = toTopic(targets, plan);
  await removeTargets(aws, Rule, more);
  const { Input: _, InputPath: __, InputTransformer: ___, ...target } = present;
  const Targets = [{ ...target, DeadLetterConfig: { Arn: plan.deadLetterQueueArn } }];
  await putTargets(aws, Rule, Targets);
}

/**
 * Adds targets to a rule; they replace those with the same ids.
 * Throws CliError when EventBridge rejects one, and what AWS throws.
 */
export async function putTargets({ events }: Aws, Rule: string, Targets: Target[]): Promise<void> {
  const { FailedEntries = [] } = await events.send(new PutTargetsCommand({ Rule, Targets }));
  throwFailed(FailedEntries, `EventBridge rejected the target of the rule ${Rule}`);
}

/** Removes targets from a rule. Throws CliError when EventBridge does not remove one, and what AWS throws. */
export async function removeTargets({ events }: Aws, Rule: string, targets: readonly Target[]): Promise<void> {
  if (targets.length === 0) return;
  const Ids = targets.flatMap(({ Id }) => Id ?? []);
  const { FailedEntries = [] } = await events.send(new RemoveTargetsCommand({ Rule, Ids }));
  throwFailed(FailedEntries, `EventBridge did not remove a target of the rule ${Rule}`);
}

/** PutTargets and RemoveTargets return 200 even when they fail. */
function throwFailed([failed]: readonly PutTargetsResultEntry[], what: string): void {
  if (failed) throw new CliError(`${what}: ${failed.ErrorCode} ${failed.ErrorMessage}`);
}
