import { SEVERITIES } from "../../policy/rule.ts";
import type { FindingLine, VerdictLine } from "./lines.ts";
import type { Report } from "./read-lines.ts";

/**
 * Returns the gravest findings of a report: by severity, then new ones first, then by account, region, instance and rule. Reads all
 * findings, and holds twice as many as asked for.
 */
export async function gravestOf(report: Report, count: number): Promise<FindingLine[]> {
  let gravest: FindingLine[] = [];
  for await (const line of report.verdicts()) {
    if (!isFinding(line)) continue;
    gravest.push(line);
    if (gravest.length >= count * 2) gravest = gravest.sort(byGravity).slice(0, count);
  }
  return gravest.sort(byGravity).slice(0, count);
}

/** Compares two findings, the graver first. */
export function byGravity(a: FindingLine, b: FindingLine): number {
  return (
    SEVERITIES.indexOf(b.severity) - SEVERITIES.indexOf(a.severity) ||
    STATUSES.indexOf(a.status) - STATUSES.indexOf(b.status) ||
    compare(a.account, b.account) ||
    compare(a.region, b.region) ||
    compare(a.instanceId, b.instanceId) ||
    compare(a.ruleId, b.ruleId)
  );
}

const STATUSES: readonly FindingLine["status"][] = ["new", "open", "unknown"];

function isFinding(line: VerdictLine): line is FindingLine {
  return line.type === "finding";
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
