import type { Severity } from "../policy/rule.ts";

/** The sums over all instances of a fleet. They can be added up over places, and are plain JSON. */
export interface Totals {
  readonly instances: number;
  readonly compliant: number;
  readonly violating: number;
  readonly notJudged: number;
  /** Violations of rules by instances. */
  readonly findings: number;
  readonly exempt: number;
  readonly severities: Readonly<Record<Severity, number>>;
  /** How many instances have each verdict, by rule id. */
  readonly rules: Readonly<Record<string, RuleTotals>>;
  /** By the value of the owner tag; by the service tag; by the month of the launch (`2026-11`); by the launcher. */
  readonly owners: Groups;
  readonly services: Groups;
  readonly months: Groups;
  readonly launchers: Groups;
  /** How many violations each exemption exempted, by its index in the policy. */
  readonly exemptions: Readonly<Record<number, number>>;
}

export interface RuleTotals {
  readonly compliant: number;
  readonly violation: number;
  readonly notJudged: number;
  readonly exempt: number;
  readonly outOfScope: number;
}

/** Sums by a value. The values beyond a maximum number are summed up in `others`. */
export interface Groups {
  readonly groups: readonly Group[];
  readonly others: Omit<Group, "value"> & { readonly values: number };
}

export interface Group {
  /** Null for instances without a value. */
  readonly value: string | null;
  readonly instances: number;
  readonly violating: number;
  readonly severities: Readonly<Record<Severity, number>>;
}
