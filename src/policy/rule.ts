import type { FactName, Facts } from "../facts/facts.ts";

/** How much a broken rule matters, from the least to the most. Subscribers can filter alerts by it. */
export const SEVERITIES = ["low", "medium", "high", "critical"] as const;
export type Severity = (typeof SEVERITIES)[number];

/** In what way an instance breaks a rule. */
export interface Violation {
  /** One sentence without its full stop, for people: what is wrong. */
  readonly message: string;
  /**
   * The same in a few words, to follow the name of an instance or a number of instances: "lacks tag owner", "lack tag
   * owner".
   */
  readonly summary: (instances: number) => string;
  /** How to fix it for all of these instances of a region: commands or sentences for people, in lines of at most 66 columns
   * where possible. Instances whose remedies differ only in the instance share one. */
  readonly remedy: (instanceIds: readonly string[], region: string) => readonly string[];
  /** What is wrong, for programs: goes into the alert's finding as it is. */
  readonly details: Readonly<Record<string, readonly string[]>>;
}

/** A rule in force: one that a policy names, with its settings. */
export interface Rule {
  /** Unique in its policy. */
  readonly id: string;
  /** Its kind. */
  readonly name: string;
  readonly severity: Severity;
  /** The facts that `check` reads. Only facts that some rule in force needs are read from AWS. */
  readonly needs: readonly FactName[];
  /** Answers how the instance breaks the rule, or null when it keeps it. */
  check(facts: Facts): Violation | null;
}

/** The settings of one rule as a policy states them, without the keys that all rules share. */
export type RuleSettings = Readonly<Record<string, unknown>>;

/**
 * A kind of rule: how its settings become a rule in force. Each kind is a file in this folder and an entry of
 * `RULE_KINDS` in `index.ts`.
 */
export interface RuleKind {
  readonly name: string;
  /** The names of its settings, for the error that names a wrong one. */
  readonly settings: readonly string[];
  /** Makes the rule's check, or says everything that is wrong with the settings, one sentence each. */
  configure(settings: RuleSettings): Pick<Rule, "needs" | "check"> | { readonly problems: readonly string[] };
}
