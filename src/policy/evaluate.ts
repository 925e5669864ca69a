import type { Facts } from "../facts/facts.ts";
import { isTerminated } from "../facts/terminated.ts";
import { TERMINATED } from "./condition.ts";
import { type Exemption, type ExemptionOf, exemptionsFor } from "./exemptions.ts";
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
      /** Whether tags that arrive within the grace could bring the instance into scope, without complying. */
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
export function evaluate(
  facts: Facts,
  { rules, exemptions }: Pick<Policy, "rules" | "exemptions">,
  now: number,
): Verdict[] {
  const exemptionOf = exemptionsFor(facts, exemptions, now);
  const judge = (rule: Rule) => withExemption(check(rule, facts, now), exemptionOf);
  return rules.map((rule) => verdictOf(rule, facts, judge));
}

function verdictOf(rule: Rule, facts: Facts, judge: (rule: Rule) => Verdict): Verdict {
  const scope = rule.when?.test(facts) ?? true;
  if (scope === true) return judge(rule);
  if (scope !== false) return { kind: "not-judged", rule, because: scope.unknown, late: scope.late };
  const mayChange = rule.when?.needs.includes("tags") === true && isOpen(judge(rule));
  return { kind: "out-of-scope", rule, because: `it applies when ${rule.when?.say()}`, mayChange };
}

function isOpen({ kind }: Verdict): boolean {
  return kind === "violation" || kind === "not-judged";
}

function withExemption(verdict: Verdict, exemptionOf: ExemptionOf): Verdict {
  if (verdict.kind !== "violation") return verdict;
  const { rule, violation } = verdict;
  const exempt = exemptionOf(rule);
  if (exempt === null) return verdict;
  if ("unknown" in exempt) return { kind: "not-judged", rule, because: exempt.unknown, late: exempt.late };
  return { kind: "exempt", rule, exemption: exempt.exemption, violation };
}

function check(rule: Rule, facts: Facts, now: number): Verdict {
  if (rule.settles === "when-running" && facts.instance !== null) {
    const { instance } = facts;
    if (instance.state === "pending") {
      return { kind: "not-judged", rule, because: "the instance is not running yet", late: true };
    }
    // EC2 removes the addresses and volumes of a terminated instance.
    if (isTerminated(instance)) return { kind: "not-judged", rule, because: TERMINATED.unknown, late: TERMINATED.late };
  }
  return { ...rule.check(facts, now), rule };
}
