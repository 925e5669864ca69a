import type { Report } from "./read-lines.ts";

/** Yields a report. */
export async function* renderCsv(report: Report): AsyncGenerator<string> {
  yield report.header.tool;
}
