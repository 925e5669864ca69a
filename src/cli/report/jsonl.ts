import { createReadStream } from "node:fs";
import type { Report } from "./read-lines.ts";

/** Yields the lines of a report as they are. Throws CliError for a damaged line. */
export async function* renderJsonl(report: Report): AsyncGenerator<Uint8Array> {
  // A copy of a damaged report would hide that it is damaged.
  for await (const _ of report.verdicts());
  yield* createReadStream(report.file);
}
