import type { Verdict } from "../policy/evaluate.ts";

/** How many instances have each outcome. An instance counts once in one of `compliant`, `violating` and `notJudged`. */
export interface Counts {
  readonly instances: number;
  /** Instances without a violation and without a rule that is not judged. */
  readonly compliant: number;
  /** Instances with at least one violation. */
  readonly violating: number;
  /** Instances without a violation, of which at least one rule is not judged. */
  readonly notJudged: number;
  /** Violations of rules by instances. */
  readonly findings: number;
}

/** Counts that change. */
export type Counting = { -readonly [Name in keyof Counts]: Counts[Name] };

export const NO_COUNTS: Counts = { instances: 0, compliant: 0, violating: 0, notJudged: 0, findings: 0 };

/** Adds an instance to counts, by its verdicts. */
export function count(counts: Counting, verdicts: readonly Verdict[]): void {
  const findings = verdicts.filter(({ kind }) => kind === "violation").length;
  counts.instances += 1;
  counts.findings += findings;
  if (findings > 0) counts.violating += 1;
  else if (verdicts.some(({ kind }) => kind === "not-judged")) counts.notJudged += 1;
  else counts.compliant += 1;
}
