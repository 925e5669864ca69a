import type { Facts } from "../facts/facts.ts";
import { type Exemption, exemptionOf } from "./exemptions.ts";
import type { Policy } from "./policy.ts";
import type { Rule, Violation } from "./rule.ts";

/** The verdict of one rule on one instance. `because` is one sentence without a full stop. */
export type Verdict =
  | { readonly kind: "compliant"; readonly rule: Rule; readonly because: string }
  | Violated
  | NotJudged
  | { readonly kind: "exempt"; readonly rule: Rule; readonly exemption: Exemption; readonly violation: Violation }
  | {
      readonly kind: "out-of-scope";
      readonly rule: Rule;
      readonly because: string;
      /** Whether tags that arrive within the grace could bring the instance into scope, as a violation. */
      readonly mayChange: boolean;
    };

/** The verdict on an instance that violates a rule. */
export interface Violated {
  readonly kind: "violation";
  readonly rule: Rule;
  readonly violation: Violation;
}

/** The verdict on an instance whose facts are not known. It is neither compliant nor a violation. */
export interface NotJudged {
  readonly kind: "not-judged";
  readonly rule: Rule;
  readonly because: string;
  /** Whether the facts may still become known. */
  readonly late: boolean;
}

/**
 * Evaluates a policy against the facts of one instance. Returns a verdict for each rule, in the order of the policy. `now` is in
 * milliseconds since 1970; it decides which exemptions hold, and the age of an image.
 */
export function evaluate(facts: Facts, { rules, exemptions }: Policy, now: number): Verdict[] {
  return rules.map((rule) => verdictOf(rule, facts, exemptions, now));
}

function verdictOf(rule: Rule, facts: Facts, exemptions: readonly Exemption[], now: number): Verdict {
  const scope = rule.when?.test(facts) ?? true;
  if (typeof scope !== "boolean") return { kind: "not-judged", rule, because: scope.unknown, late: scope.late };
  const verdict = check(rule, facts, now);
  if (!scope) {
    const mayChange = (rule.when?.needs.includes("tags") ?? false) && verdict.kind !== "compliant";
    return { kind: "out-of-scope", rule, because: `it applies when ${rule.when?.say()}`, mayChange };
  }
  if (verdict.kind !== "violation") return verdict;
  const exempt = exemptionOf(rule, facts, exemptions, now);
  if (exempt === null) return verdict;
  if ("unknown" in exempt) return { kind: "not-judged", rule, because: exempt.unknown, late: exempt.late };
  return { kind: "exempt", rule, exemption: exempt.exemption, violation: verdict.violation };
}

function check(rule: Rule, facts: Facts, now: number): Extract<Verdict, { kind: "compliant" }> | Violated | NotJudged {
  if (rule.settles === "when-running" && facts.instance?.state === "pending") {
    return { kind: "not-judged", rule, because: "the instance is not running yet", late: true };
  }
  return { ...rule.check(facts, now), rule };
}
