import type { Report } from "./read-lines.ts";

/** Yields a report. */
export async function* renderOcsf(report: Report): AsyncGenerator<string> {
  yield report.header.tool;
}
