import { guardFormulas } from "../../formulas.ts";
import type { Findings } from "./findings.ts";

/** The columns that the page has of those of a report's `.csv` file, in their order. */
const COLUMNS = [
  "severity",
  "status",
  "account",
  "accountName",
  "region",
  "instanceId",
  "name",
  "ruleId",
  "message",
  "remedy",
  "owner",
  "service",
  "launchedBy",
  "launchTime",
  "firstSeen",
  "instanceType",
] as const;

/** Excel reads a file without this mark in the system's old code page. */
const BYTE_ORDER_MARK = "\uFEFF";

/** Yields rows as CSV (RFC 4180), a line at a time. No cell is a formula. */
export function* csvOf(findings: Findings, rows: Iterable<number>): Generator<string> {
  yield BYTE_ORDER_MARK + lineOf(COLUMNS);
  for (const row of rows) {
    const cells = COLUMNS.map((column) => {
      return column === "accountName"
        ? findings.accountName(findings.text("account", row))
        : findings.text(column, row);
    });
    yield lineOf(cells.map(guardFormulas));
  }
}

function lineOf(cells: readonly string[]): string {
  return `${cells.map((cell) => (/[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell)).join()}\r\n`;
}
