import { SEVERITIES } from "../../policy/rule.ts";
import type { FindingLine, ResolvedLine, VerdictLine } from "./lines.ts";
import type { Report } from "./read-lines.ts";

/** What can be compared by its gravity. */
type Ranked = FindingLine | ResolvedLine;

/** The gravest of many findings. It holds at most twice as many as asked for. */
export interface Gravest<F extends Ranked> {
  add(finding: F): void;
  /** Returns them, the gravest first. */
  list(): readonly F[];
}

/** Returns an empty collection of the gravest findings: by severity, then new ones first, then by account, region, instance and rule. */
export function gravest<F extends Ranked>(count: number): Gravest<F> {
  let kept: F[] = [];
  const trim = () => {
    kept = kept.sort(byGravity).slice(0, count);
    return kept;
  };
  return {
    add(finding) {
      kept.push(finding);
      if (kept.length >= count * 2) trim();
    },
    list: trim,
  };
}

/** Returns the gravest findings of a report, in the order of `gravest`. Reads all findings. */
export async function gravestOf(report: Report, count: number): Promise<readonly FindingLine[]> {
  const found = gravest<FindingLine>(count);
  for await (const line of report.verdicts()) if (isFinding(line)) found.add(line);
  return found.list();
}

/** Compares two findings, the graver first. */
export function byGravity(a: Ranked, b: Ranked): number {
  return (
    SEVERITIES.indexOf(b.severity) - SEVERITIES.indexOf(a.severity) ||
    rankOf(a) - rankOf(b) ||
    compare(a.account, b.account) ||
    compare(a.region, b.region) ||
    compare(a.instanceId, b.instanceId) ||
    compare(a.ruleId, b.ruleId)
  );
}

const STATUSES: readonly FindingLine["status"][] = ["new", "open", "unknown"];

function rankOf(finding: Ranked): number {
  return finding.type === "finding" ? STATUSES.indexOf(finding.status) : 0;
}

function isFinding(line: VerdictLine): line is FindingLine {
  return line.type === "finding";
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
