import {
  DisableRuleCommand,
  EnableRuleCommand,
  ListRuleNamesByTargetCommand,
  TagResourceCommand,
  UntagResourceCommand,
} from "@aws-sdk/client-eventbridge";
import type { Aws } from "../aws.ts";
import { ifExists } from "../if-exists.ts";
import { STATE_TAG } from "../names.ts";
import {
  EVENT_RULE_KINDS,
  type Installation,
  type OtherRule,
  ruleArn,
  ruleName,
  type Sent,
  type SetupPlan,
} from "./plan.ts";
import { inspected, type Resource } from "./resource.ts";
import { isEnabled, putTarget, type RuleFacts, readRule, targetDifferences } from "./rules.ts";

/** Returns the names of the rules of the default bus that have the launch topic as a target, without setup's own. */
export async function otherRuleNames({ events }: Aws, installation: Installation): Promise<readonly string[]> {
  const own = EVENT_RULE_KINDS.map((kind) => ruleName(installation.names, kind));
  const names: string[] = [];
  let NextToken: string | undefined;
  do {
    const request = { TargetArn: installation.launchTopicArn, ...(NextToken && { NextToken }) };
    const page = await ifExists(events.send(new ListRuleNamesByTargetCommand(request)));
    names.push(...(page?.RuleNames ?? []));
    NextToken = page?.NextToken;
  } while (NextToken);
  return names.filter((name) => !own.includes(name));
}

/** Returns a rule with another name: adopted, disabled or only reported. */
export function otherRule(aws: Aws, plan: SetupPlan, other: OtherRule): Resource {
  const { name, part } = other;
  const requested = part === "adopted" || part === "disable";
  const expected = part === "adopted" ? "ENABLED" : "DISABLED";
  const stateDiffers = ({ rule }: RuleFacts) => requested && isEnabled(rule) !== (expected === "ENABLED");
  return {
    kind: "rule",
    name,
    arn: ruleArn(plan, name),
    requested,
    async inspect() {
      const facts = await readRule(aws, plan, name);
      if (facts === undefined) return inspected(null, [], ["It was deleted in the meantime."]);
      const differences = [
        ...(stateDiffers(facts) ? [{ property: "state" as const, actual: facts.rule.State, expected }] : []),
        ...(part === "adopted" ? targetDifferences(facts.targets, plan) : []),
      ];
      return inspected(facts.madeBySetup, differences, notesOf(other, facts, plan));
    },
    async apply() {
      const facts = await readRule(aws, plan, name);
      if (facts === undefined) return;
      if (stateDiffers(facts)) await setState(aws, ruleArn(plan, name), facts, expected);
      if (part === "adopted") await putTarget(aws, plan, name, facts.targets);
    },
  };
}

function notesOf({ part, sends }: OtherRule, { tags, madeBySetup }: RuleFacts, plan: SetupPlan): readonly string[] {
  switch (part) {
    case "adopted":
      return [`It sends ${listed(sends)} to ${plan.names.launchTopic}, so setup creates no rule for them.`];
    case "disable":
      return madeBySetup ? [] : ["teardown enables it again."];
    case "off":
      return [`It is disabled.${tags[STATE_TAG] === undefined ? "" : " teardown enables it again."}`];
    case "left":
      return [
        sends.length === 0
          ? `It sends no launches of this account to ${plan.names.launchTopic}.`
          : `It sends ${listed(sends)} to ${plan.names.launchTopic}.`,
      ];
  }
}

/**
 * Enables or disables a rule. A tag records its former state for teardown, and is removed when the rule is in that state again.
 * Throws what AWS throws.
 */
export async function setState(
  { events }: Aws,
  ResourceARN: string,
  { rule, tags }: RuleFacts,
  state: "ENABLED" | "DISABLED",
): Promise<void> {
  const { Name } = rule;
  const before = tags[STATE_TAG];
  if (before === undefined) {
    const Tags = [{ Key: STATE_TAG, Value: rule.State ?? "" }];
    await events.send(new TagResourceCommand({ ResourceARN, Tags }));
  }
  await events.send(state === "ENABLED" ? new EnableRuleCommand({ Name }) : new DisableRuleCommand({ Name }));
  if (before !== undefined) await events.send(new UntagResourceCommand({ ResourceARN, TagKeys: [STATE_TAG] }));
}

const SENT_TEXT: Readonly<Record<Sent, string>> = {
  pending: "launches (pending)",
  running: "launches (running)",
  "CloudTrail calls": "CloudTrail's RunInstances calls",
  "Auto Scaling launches": "Auto Scaling's launches",
  "tag changes": "tag changes",
  terminations: "terminations",
};

function listed(sends: readonly Sent[]): string {
  return sends.map((each) => SENT_TEXT[each]).join(", ");
}

/** A rule with another name that causes duplicate alerts, and how to fix it. */
export interface Doubling {
  readonly name: string;
  /** A sentence without its full stop. */
  readonly message: string;
  /** Commands, each with its purpose. */
  readonly fixes: readonly string[];
}

/** Returns the rules with other names that cause duplicate alerts. `flags` name the installation in the commands. */
export function doublings({ otherRules }: SetupPlan, flags: string): readonly Doubling[] {
  const isReplaced = otherRules.some((each) => each.part === "adopted" && sendsStates(each.sends));
  const doubling = otherRules.filter(({ part, doubled }) => part !== "disable" && part !== "off" && doubled.length > 0);
  return doubling.map(({ name, part, sends, doubled }) => {
    const use = useOf(sends, isReplaced);
    const again = doubled.length < sends.length ? " also" : "";
    return {
      name,
      message: `it${again} sends ${listed(doubled)}, so alerts are sent twice`,
      fixes: [
        `To disable it: ec2-audit setup${flags} --disable-rule ${name}`,
        ...(part === "left" && use !== null ? [`${use}: ec2-audit setup${flags} --adopt-rule ${name}`] : []),
      ],
    };
  });
}

/**
 * Returns the purpose of --adopt-rule for a rule; null if it would not help. `isReplaced`: another rule is already adopted for
 * launches.
 */
function useOf(sends: readonly Sent[], isReplaced: boolean): string | null {
  if (sendsStates(sends)) return isReplaced ? null : "To use it instead of setup's own";
  return sends.includes("CloudTrail calls") ? "To keep it, because it names the launcher" : null;
}

function sendsStates(sends: readonly Sent[]): boolean {
  return sends.includes("pending") || sends.includes("running");
}
