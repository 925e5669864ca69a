import { hash } from "node:crypto";
import type { Instance } from "../facts/instances.ts";
import type { NotJudged, Violated } from "../policy/evaluate.ts";
import type { Severity, Violation } from "../policy/rule.ts";

/** Where and how an instance that violates a rule was found. */
export interface Origin {
  readonly account: string;
  readonly region: string;
  readonly launchedBy: string | null;
  /** The `detail-type` of the event that reported the instance. */
  readonly event: string;
  /** The time of the launch or tag change, in ISO 8601. It distinguishes the same violation at another time. */
  readonly occasion: string;
}

/** One rule that one instance violates. */
export interface Finding extends Origin {
  /** Identifies the rule, the instance and the details of the violation. */
  readonly id: string;
  /** Identifies the rule and the instance. Incident tools open and close an incident by it. */
  readonly dedupKey: string;
  /** The rule's kind. */
  readonly rule: string;
  readonly ruleId: string;
  readonly severity: Severity;
  /** The team's own page about the rule. */
  readonly link: string | null;
  readonly violation: Violation;
  readonly instance: Instance;
}

/** A rule that could not be judged on an instance. */
export interface Unjudged extends Pick<Origin, "account" | "region"> {
  readonly instanceId: string;
  readonly ruleId: string;
  /** The reason, in one sentence without a full stop. */
  readonly because: string;
}

/** A rule that could not be judged on some instances, for one reason. */
export interface UnjudgedRule extends Pick<Unjudged, "ruleId" | "because"> {
  readonly instances: number;
}

/** At least one finding. */
export type Findings = readonly [Finding, ...Finding[]];

/** Returns a finding for each violation of an instance, exempt ones included. */
export function findingsOf(
  violations: readonly Pick<Violated, "rule" | "violation">[],
  instance: Instance,
  origin: Origin,
): Finding[] {
  return violations.map(({ rule: { id: ruleId, name: rule, severity, link }, violation }) => {
    const key = [origin.account, origin.region, instance.instanceId, ruleId];
    const id = hashOf([...key, violation.details]);
    return { ...origin, id, dedupKey: hashOf(key), rule, ruleId, severity, link, violation, instance };
  });
}

/** Returns the rules that could not be judged on an instance. */
export function unjudgedOf(
  unjudged: readonly NotJudged[],
  { instanceId }: Instance,
  { account, region }: Pick<Origin, "account" | "region">,
): Unjudged[] {
  return unjudged.map(({ rule: { id: ruleId }, because }) => ({ account, region, instanceId, ruleId, because }));
}

function hashOf(parts: readonly unknown[]): string {
  return hash("sha256", JSON.stringify(parts), "hex").slice(0, 32);
}
