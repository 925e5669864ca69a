import { hash } from "node:crypto";
import type { Instance } from "../facts/instances.ts";
import type { Violated } from "../policy/evaluate.ts";
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
  readonly violation: Violation;
  readonly instance: Instance;
}

/** At least one finding. */
export type Findings = readonly [Finding, ...Finding[]];

/** Returns a finding for each violation of an instance. */
export function findingsOf(violations: readonly Violated[], instance: Instance, origin: Origin): Finding[] {
  return violations.map(({ rule: { id: ruleId, name: rule, severity }, violation }) => {
    const key = [origin.account, origin.region, instance.instanceId, ruleId];
    const id = hashOf([...key, violation.details]);
    return { ...origin, id, dedupKey: hashOf(key), rule, ruleId, severity, violation, instance };
  });
}

function hashOf(parts: readonly unknown[]): string {
  return hash("sha256", JSON.stringify(parts), "hex").slice(0, 32);
}
