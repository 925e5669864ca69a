import { DeleteRuleCommand, type Target } from "@aws-sdk/client-eventbridge";
import type { Aws } from "../aws.ts";
import { STATE_TAG } from "../names.ts";
import { type Leftover, NOT_OURS } from "./leftover.ts";
import { setState } from "./other-rules.ts";
import { type Installation, ruleArn } from "./plan.ts";
import { putTargets, type RuleFacts, readRule, removeTargets, TARGET_ID } from "./rules.ts";

/**
 * Returns what teardown does with a rule that has one of setup's names. `lostQueueArn` is the dead-letter queue that is
 * removed; null when it is kept. Changes nothing; throws what AWS throws.
 */
export async function ruleLeftovers(
  aws: Aws,
  installation: Installation,
  Rule: string,
  lostQueueArn: string | null,
): Promise<readonly Leftover[]> {
  const facts = await readRule(aws, installation, Rule);
  if (facts === undefined) return [];
  if (!facts.madeBySetup) {
    const ours = facts.targets.filter(({ Id, Arn }) => Id === TARGET_ID && Arn === installation.launchTopicArn);
    const kept = facts.targets.filter((target) => !ours.includes(target));
    const name = `${TARGET_ID} of the rule ${Rule}`;
    const undo = () => removeTargets(aws, Rule, ours);
    return [
      ...(ours.length > 0 ? [{ kind: "target", name, arn: null, fate: "remove", losses: [], undo } as const] : []),
      keptRule(aws, installation, Rule, { ...facts, targets: kept }, lostQueueArn),
    ];
  }
  const others = facts.targets.filter(({ Arn }) => Arn !== installation.launchTopicArn);
  const losses = others.map(({ Arn }) => `${Arn} will no longer receive events from the rule ${Rule}`);
  const undo = async () => {
    await removeTargets(aws, Rule, facts.targets);
    await aws.events.send(new DeleteRuleCommand({ Name: Rule }));
  };
  return [{ kind: "rule", name: Rule, arn: ruleArn(installation, Rule), fate: "remove", losses, undo }];
}

/** Returns what teardown does with a rule with another name: it is kept, in its state before setup. The same parameters. */
export async function otherRuleLeftovers(
  aws: Aws,
  installation: Installation,
  Rule: string,
  lostQueueArn: string | null,
): Promise<readonly Leftover[]> {
  const facts = await readRule(aws, installation, Rule);
  return facts === undefined ? [] : [keptRule(aws, installation, Rule, facts, lostQueueArn)];
}

function keptRule(
  aws: Aws,
  installation: Installation,
  Rule: string,
  facts: RuleFacts,
  lostQueueArn: string | null,
): Leftover {
  const arn = ruleArn(installation, Rule);
  const itself = { kind: "rule", name: Rule, arn } as const;
  const before = facts.tags[STATE_TAG];
  const state = before?.startsWith("ENABLED") ? "ENABLED" : "DISABLED";
  const dangling = facts.targets.filter(
    ({ DeadLetterConfig }) => lostQueueArn !== null && DeadLetterConfig?.Arn === lostQueueArn,
  );
  const changes = [
    ...(before === undefined ? [] : [`${state === "ENABLED" ? "enabled" : "disabled"} again`]),
    ...(dangling.length === 0 ? [] : ["without the dead-letter queue, which is removed"]),
  ];
  if (changes.length === 0) {
    const why = facts.madeBySetup ? "created by setup with another --rule" : NOT_OURS;
    return { ...itself, fate: "leave", why };
  }
  const undo = async () => {
    if (dangling.length > 0) await putTargets(aws, Rule, dangling.map(withoutQueue));
    if (before !== undefined) await setState(aws, arn, facts, state);
  };
  return { ...itself, fate: "restore", what: `kept, ${changes.join(", ")}`, undo };
}

function withoutQueue({ DeadLetterConfig: _, ...target }: Target): Target {
  return target;
}
