import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Line } from "../../src/cli/report/lines.ts";
import { openReport, type Report } from "../../src/cli/report/read-lines.ts";
import { type Sample, sampleLines } from "./report.ts";

/** Writes lines, given as text or values, to a report's file in a folder of its own. Returns the file's path. */
export function writeReport(lines: Iterable<Line | string>): string {
  const file = join(mkdtempSync(join(tmpdir(), "ec2-audit-report-")), "report.jsonl");
  const texts = [...lines].map((line) => (typeof line === "string" ? line : JSON.stringify(line)));
  writeFileSync(file, `${texts.join("\n")}\n`);
  return file;
}

/** Opens a made-up report. */
export function openSample(sample: Sample): Promise<Report> {
  return openReport({ folder: "." }, writeReport(sampleLines(sample)));
}

/** Collects what a stream yields. */
export async function collect<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const each of stream) all.push(each);
  return all;
}
