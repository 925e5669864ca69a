import type { Report } from "./read-lines.ts";

/** Yields a report. */
export async function* renderMarkdown(report: Report): AsyncGenerator<string> {
  yield report.header.tool;
}
