import type { FactName, Facts } from "../facts/facts.ts";

/** The severities, in ascending order. Subscribers can filter alerts by them. */
export const SEVERITIES = ["low", "medium", "high", "critical"] as const;
export type Severity = (typeof SEVERITIES)[number];

/** How an instance violates a rule. */
export interface Violation {
  /** The problem, in one sentence without a full stop. */
  readonly message: string;
  /** The problem in a few words, to follow an instance's name or a number of instances: "lacks tag owner". */
  readonly summary: (instances: number) => string;
  /**
   * How to fix these instances of a region: commands or sentences, in lines of at most 66 columns where possible. Violations
   * whose remedies differ only in the instance ids share one remedy.
   */
  readonly remedy: (instanceIds: readonly string[], region: string) => readonly string[];
  /** The problem for programs. These become fields of the alert's finding. */
  readonly details: Readonly<Record<string, readonly string[]>>;
}

/** A rule of a policy. */
export interface Rule {
  /** Unique in its policy. */
  readonly id: string;
  /** The name of its kind. */
  readonly name: string;
  readonly severity: Severity;
  /** The facts that `check` uses. Only facts that a rule of the policy needs are read from AWS. */
  readonly needs: readonly FactName[];
  /** Returns how the instance violates the rule; null if it complies. */
  check(facts: Facts): Violation | null;
}

/** The settings of one rule of a policy, without the keys that all rules share. */
export type RuleSettings = Readonly<Record<string, unknown>>;

/** A kind of rule. Each kind is a file in `rules/` and an entry of `RULE_KINDS` in `rules/index.ts`. */
export interface RuleKind {
  readonly name: string;
  /** The names of its settings. The error for an unknown setting lists them. */
  readonly settings: readonly string[];
  /** Returns the rule's check, or the problems of its settings: one sentence each, without a full stop. */
  configure(settings: RuleSettings): Pick<Rule, "needs" | "check"> | { readonly problems: readonly string[] };
}
