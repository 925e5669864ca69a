import { SEVERITIES } from "../../policy/rule.ts";
import type { RuleLine } from "./lines.ts";
import type { Report } from "./read-lines.ts";

/** A rule with its results. */
export interface RuleResult {
  /** Its position in the policy. */
  readonly index: number;
  readonly rule: RuleLine;
  readonly violations: number;
  readonly compliant: number;
  readonly notJudged: number;
  readonly exempt: number;
  /** Since the previous report. */
  readonly new: number;
  readonly resolved: number;
}

/** Returns the rules with violations, the gravest first. */
export function violatedRules(about: Pick<Report, "header" | "sums">): RuleResult[] {
  return resultsOf(about).filter(({ violations }) => violations > 0);
}

const UNCHANGED = { new: 0, resolved: 0 };

/** Returns the results of every rule of the policy, the gravest first, and of those the ones with most violations. */
export function resultsOf({ header, sums }: Pick<Report, "header" | "sums">): RuleResult[] {
  return header.rules
    .map((rule, index): RuleResult => {
      const { violation = 0, compliant = 0, notJudged = 0, exempt = 0 } = sums.totals.rules[rule.id] ?? {};
      const changes = sums.since?.rules ?? {};
      // A rule can have the id "constructor".
      const { new: fresh, resolved } = (Object.hasOwn(changes, rule.id) && changes[rule.id]) || UNCHANGED;
      return { index, rule, violations: violation, compliant, notJudged, exempt, new: fresh, resolved };
    })
    .sort(
      (a, b) =>
        SEVERITIES.indexOf(b.rule.severity) - SEVERITIES.indexOf(a.rule.severity) || b.violations - a.violations,
    );
}
