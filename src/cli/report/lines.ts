import type { AlertDocument } from "../../alerts/alert.ts";
import type { Place, PlaceResult } from "../../fleet/place.ts";
import type { Totals } from "../../fleet/totals.ts";
import type { Mode, Severity } from "../../policy/rule.ts";

/**
 * The lines of a report's file (`.jsonl`), which holds all of the report: every other format is made from it, and the next report
 * is compared with it. The first line is a `Header`. The `VerdictLine`s follow, in any order; then the `PlaceLine`s, together, so
 * that a reader finds them at the end; then `Sums`. A file without sums was interrupted.
 */
export type Line = Header | VerdictLine | PlaceLine | Sums;

/** A violation of a rule by an instance, now or in the previous report. */
export type VerdictLine = FindingLine | ExemptLine | ResolvedLine;

/** The value of the header's `schema`, and the `$id` of `report.schema.json`. */
export const REPORT_SCHEMA = "urn:ec2-audit:report:1";

export interface Header {
  readonly type: "report";
  readonly schema: typeof REPORT_SCHEMA;
  /** The start of the report, in ISO 8601. */
  readonly time: string;
  /** Such as `ec2-audit 1.0.0`. */
  readonly tool: string;
  readonly rules: readonly RuleLine[];
  readonly exemptions: readonly ExemptionLine[];
  /** The names of the accounts that have one, by id. */
  readonly accounts: Readonly<Record<string, string>>;
  /** The keys of the tags of `Totals.owners` and `Totals.services`. */
  readonly ownerTag: string;
  readonly serviceTag: string;
  /** The time of the report that this one is compared with; null without `--since`. */
  readonly since: string | null;
}

/** A rule of the policy. */
export interface RuleLine {
  readonly id: string;
  /** The kind. */
  readonly rule: string;
  readonly severity: Severity;
  readonly mode: Mode;
  /** What it demands, in words. */
  readonly demands: string;
  /** The scope, in words; null for all instances. */
  readonly when: string | null;
  readonly link: string | null;
}

/** An exemption of the policy. */
export interface ExemptionLine {
  readonly rules: readonly string[];
  /** The exempted instances, in words. */
  readonly when: string;
  readonly reason: string;
  /** The last day on which it holds, in UTC. */
  readonly until: string;
}

/** A violation of a rule by an instance: the finding of an alert, with its place. */
export interface FindingLine extends Place, Omit<AlertDocument["findings"][number], "event"> {
  readonly type: "finding";
  /**
   * `new`: not in the previous report. `open`: in the previous report too, or there is no previous report. `unknown`: in the previous
   * report, and its place was not read completely this time, or the rule was not judged; the other fields are those of that report.
   */
  readonly status: "new" | "open" | "unknown";
  /** The time of the first report that has it, in ISO 8601. */
  readonly firstSeen: string;
}

/** A violation that an exemption exempts. */
export interface ExemptLine extends Omit<FindingLine, "type" | "status" | "firstSeen"> {
  readonly type: "exempt";
  /** The index of the exemption in the header. */
  readonly exemption: number;
}

/** Why a finding of the previous report is not in this one. `policy`: the policy has changed. `scope`: the instance left the rule's scope. */
export type Resolution = "fixed" | "terminated" | "exempted" | "scope" | "policy";

/** A finding of the previous report that is resolved. */
export interface ResolvedLine extends Omit<FindingLine, "type" | "status"> {
  readonly type: "resolved";
  readonly resolution: Resolution;
}

/** A place, when its reading has ended. */
export interface PlaceLine extends PlaceResult {
  readonly type: "place";
}

/** The sums of the whole report. Findings with the status `unknown` do not count in `totals`. */
export interface Sums {
  readonly type: "sums";
  /** Whether the operator interrupted the report. */
  readonly interrupted: boolean;
  /** The duration in seconds. */
  readonly seconds: number;
  readonly calls: number;
  readonly totals: Totals;
  /** The comparison with the previous report; null without one. */
  readonly since: SinceSums | null;
}

export interface SinceSums {
  readonly new: number;
  /** In both reports. */
  readonly open: number;
  /** In the previous report, and not confirmed this time. */
  readonly unknown: number;
  readonly unknownSeverities: Totals["severities"];
  readonly resolved: Readonly<Record<Resolution, number>>;
  /** New and resolved findings by rule id. */
  readonly rules: Readonly<Record<string, { readonly new: number; readonly resolved: number }>>;
  /** The counts of the previous report. */
  readonly previous: Pick<Totals, "instances" | "compliant" | "violating" | "notJudged" | "findings">;
}
