import type { Facts } from "../facts/facts.ts";
import type { Policy } from "./policy.ts";
import type { Rule, Violation } from "./rule.ts";

/** The verdict of one rule on one instance. */
export type Verdict = { readonly kind: "compliant"; readonly rule: Rule } | Violated;

/** The verdict on an instance that violates a rule. */
export interface Violated {
  readonly kind: "violation";
  readonly rule: Rule;
  readonly violation: Violation;
}

/** Evaluates a policy against the facts of one instance. Returns a verdict for each rule, in the order of the policy. */
export function evaluate(facts: Facts, { rules }: Policy): Verdict[] {
  return rules.map((rule) => {
    const violation = rule.check(facts);
    return violation === null ? { kind: "compliant", rule } : { kind: "violation", rule, violation };
  });
}

/** Returns the violations of a policy by one instance, in the order of the rules. */
export function violationsOf(facts: Facts, policy: Policy): Violated[] {
  return evaluate(facts, policy).filter((verdict) => verdict.kind === "violation");
}
