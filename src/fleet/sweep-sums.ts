import type { Severity } from "../policy/rule.ts";
import type { Counts } from "./counts.ts";
import type { Groups } from "./groups.ts";
import type { PlaceResult } from "./place.ts";

/** When a sweep was scheduled, and what it covers. */
export interface SweepTime {
  /** The same for every delivery and every step of one sweep. */
  readonly id: string;
  /** The scheduled time, in ISO 8601. */
  readonly scheduledAt: string;
  /** The hours since the sweep before: instances that were launched within them are new. */
  readonly hours: number;
}

/** The sums of a sweep, as plain JSON: its steps hand them on, and its digest is made of them. */
export interface SweepSums {
  /** Equal to those of `ec2-audit report --json` for the same instances. */
  readonly counts: Counts;
  readonly places: {
    /** The number of places whose instances were all read. */
    readonly complete: number;
    /** The first places that were not, at most 50; those that are `off` are not among them. */
    readonly unread: readonly Pick<PlaceResult, "account" | "region" | "status" | "reason">[];
    /** How many there are in all. */
    readonly unreadCount: number;
  };
  /** The number of violating instances by rule id. */
  readonly rules: Readonly<Record<string, number>>;
  /** The number of instances on which a rule was not judged, and the first reason, by rule id. Without facts that EC2 shows later. */
  readonly notJudged: Readonly<Record<string, { readonly instances: number; readonly reason: string }>>;
  /** By the value of the owner tag, and by account. */
  readonly owners: Groups;
  readonly accounts: Groups;
  /** The violating instances by the severity of their most severe finding: those launched since the sweep before, and older ones. */
  readonly fresh: Readonly<Record<Severity, number>>;
  readonly older: Readonly<Record<Severity, number>>;
  /** The older violating instances by their age: up to 7 days, 8 to 30 days, more, and of unknown launch time. */
  readonly ages: { readonly week: number; readonly month: number; readonly more: number; readonly unknown: number };
  /** The violating instances that were launched minutes ago, and whose violations may still be corrected. */
  readonly settling: number;
  /** The number of exempt violations, by the exemption's index in the policy. */
  readonly exemptions: Readonly<Record<number, number>>;
  /** The most severe findings on instances that were launched since the sweep before, at most 10. */
  readonly worst: readonly WorstFinding[];
}

/** One of the most severe new findings. Its texts contain no control characters. */
export interface WorstFinding {
  readonly account: string;
  readonly region: string;
  readonly instanceId: string;
  readonly name: string | null;
  readonly ruleId: string;
  readonly severity: Severity;
  /** The problem, in one sentence without a full stop. */
  readonly message: string;
  readonly dedupKey: string;
}
