import { hash } from "node:crypto";
import type { Instance } from "../facts/instances.ts";
import type { NotJudged, Violated } from "../policy/evaluate.ts";
import type { Rule, Severity, Violation } from "../policy/rule.ts";

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

/** The status of a finding, and of an alert, whose findings all have the same. */
export type Status = "violating" | "resolved";

/** One rule and one instance that violates it, or violated it. */
export interface Judged extends Origin {
  /** Identifies the rule, the instance, the status, and the details of the violation or the reason of its end. */
  readonly id: string;
  /** Identifies the rule and the instance. Incident tools open and close an incident by it. */
  readonly dedupKey: string;
  /** The rule's kind. */
  readonly rule: string;
  readonly ruleId: string;
  readonly severity: Severity;
  /** The team's own page about the rule. */
  readonly link: string | null;
  readonly instance: Instance;
}

/** One rule that one instance violates. */
export interface Finding extends Judged {
  readonly violation: Violation;
}

/** A rule that an instance no longer violates. */
export interface Resolution {
  readonly rule: Pick<Rule, "id" | "name" | "severity" | "link">;
  readonly how: "complies" | "exempt" | "out-of-scope" | "terminated";
  /** The reason, in one sentence without a full stop. */
  readonly because: string;
}

/** One rule that one instance violated, as far as its events show. */
export interface Resolved extends Judged, Omit<Resolution, "rule"> {
  /** The keys of the tags that may have been others when the violation was alerted. `all`: EC2 may have removed the tags. */
  readonly changedTags: readonly string[] | "all";
}

/** Returns whether a finding is resolved. */
export function isResolved(finding: Finding | Resolved): finding is Resolved {
  return "how" in finding;
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
    const key = keyOf(instance, ruleId, origin);
    const id = hashOf([...key, violation.details]);
    return { ...origin, id, dedupKey: hashOf(key), rule, ruleId, severity, link, violation, instance };
  });
}

/** Returns a resolved finding for each resolution of an instance. */
export function resolvedOf(
  resolutions: readonly Resolution[],
  changedTags: Resolved["changedTags"],
  instance: Instance,
  origin: Origin,
): Resolved[] {
  return resolutions.map(({ rule: { id: ruleId, name: rule, severity, link }, how, because }) => {
    const id = hashOf([...keyOf(instance, ruleId, origin), "resolved", because]);
    const dedupKey = dedupKeyOf(instance, ruleId, origin);
    return { ...origin, id, dedupKey, rule, ruleId, severity, link, how, because, changedTags, instance };
  });
}

/** Returns the key of a rule's finding on an instance. */
export function dedupKeyOf(instance: Pick<Instance, "instanceId">, ruleId: string, place: Place): string {
  return hashOf(keyOf(instance, ruleId, place));
}

type Place = Pick<Origin, "account" | "region">;

function keyOf({ instanceId }: Pick<Instance, "instanceId">, ruleId: string, { account, region }: Place): string[] {
  return [account, region, instanceId, ruleId];
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
