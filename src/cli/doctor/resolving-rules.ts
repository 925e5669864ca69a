import type { StackResource } from "@aws-sdk/client-cloudformation";
import type { Aws } from "../aws.ts";
import { type EventRuleKind, ruleName, type SetupPlan } from "../setup/plan.ts";
import { isEnabled, readRule } from "../setup/rules.ts";
import { type Check, reporter } from "./check.ts";

const { warning, attempt } = reporter("rules and targets");
const NAME = "resolved alerts";

/** The events that end a violation, and the stack's rules for them. */
const RESOLVING = { "tag changes": "TagChangeRule", terminations: "TerminationRule" } as const;
const KINDS = ["tag changes", "terminations"] as const;

/**
 * Checks, for a function with RESOLVED_ALERTS, that setup's rules or others send the events that end a violation. Returns a
 * warning if not. `flags` name the installation in the command that fixes it.
 */
export async function checkResolvingRules(aws: Aws, plan: SetupPlan, flags: string): Promise<readonly Check[]> {
  return attempt(NAME, async () => {
    const others = plan.otherRules.filter(({ part }) => part === "adopted" || part === "left");
    const missing = KINDS.map(async (kind) => {
      if (others.some(({ sends }) => sends.includes(kind))) return [];
      const facts = await readRule(aws, plan, ruleName(plan.names, kind));
      return facts !== undefined && isEnabled(facts.rule) ? [] : [kind];
    });
    return missingEvents((await Promise.all(missing)).flat(), `ec2-audit setup${flags} --tag-changes`);
  });
}

/**
 * Checks the same in a stack's resources. A launch topic can send the events without a rule of the stack: nothing is returned.
 * `deploy` is the command that deploys the stack again.
 */
export function checkResolvingResources(resources: readonly StackResource[], deploy: string): readonly Check[] {
  const has = (id: string) => resources.some(({ LogicalResourceId }) => LogicalResourceId === id);
  if (has("LaunchTopicSubscription")) return [];
  const missing = KINDS.filter((kind) => !has(RESOLVING[kind]));
  return missingEvents(missing, `${deploy} --parameter TagChanges=true`);
}

function missingEvents(missing: readonly EventRuleKind[], fix: string): readonly Check[] {
  if (missing.length === 0) return [];
  const message = `RESOLVED_ALERTS is on, but no rule sends ${missing.join(" and ")}, so such a change resolves no alert`;
  return [warning(NAME, message, fix)];
}
