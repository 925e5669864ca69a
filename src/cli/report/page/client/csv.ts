import type { Name } from "../packed.ts";
import type { Findings } from "./findings.ts";

const COLUMNS: readonly Name[] = [
  "status",
  "severity",
  "ruleId",
  "account",
  "region",
  "instanceId",
  "name",
  "message",
  "owner",
  "service",
  "launchedBy",
  "instanceType",
  "launchTime",
  "firstSeen",
  "remedy",
];

/** Returns rows as CSV (RFC 4180), with a header. Yields a line at a time. */
export function* csvOf(findings: Findings, rows: Iterable<number>): Generator<string> {
  yield lineOf(COLUMNS);
  for (const row of rows) yield lineOf(COLUMNS.map((column) => findings.text(column, row)));
}

function lineOf(cells: readonly string[]): string {
  return `${cells.map(cellOf).join()}\r\n`;
}

/** A spreadsheet executes a cell that begins like a formula. An apostrophe makes it text. */
function cellOf(text: string): string {
  const safe = /^[=+\-@\t\r\uFF1D\uFF0B\uFF0D\uFF20]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
