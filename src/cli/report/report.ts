import { createWriteStream } from "node:fs";
import { stat } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import type { Cli } from "../cli.ts";
import { CliError } from "../cli-error.ts";
import { stoppable } from "../interruption.ts";
import { contentOf, formatOf } from "./formats.ts";
import type { ReportOptions } from "./options.ts";
import { type Outputs, openOutputs } from "./output.ts";
import { createProgress, type Progress } from "./progress.ts";
import { readFleet } from "./read-fleet.ts";
import { openReport, type Report } from "./read-lines.ts";
import { reportJson } from "./report-json.ts";

/**
 * Runs `ec2-audit report`: reads the fleet, or the file of `--from`, writes the report in each format of `--out`, and prints its
 * summary. Throws CliError for a usage error, and what AWS throws when the places to read cannot be found.
 */
export async function report(cli: Cli, options: ReportOptions): Promise<void> {
  const { terminal } = cli;
  const names = options.out ?? [];
  for (const name of names) checkFormat(name);
  const outputs = openOutputs(cli.folder, names);
  const progress = createProgress(terminal, cli.now);
  const onStop = () => terminal.err("Stopping, and writing what has been read. Ctrl-C again stops at once.");
  try {
    await stoppable({ onStop, onEnd: outputs.discard }, async (stopped) => {
      const { made, text } = await terminal.live(progress.text, async () => {
        const made = await makeReport(cli, options, outputs, progress, stopped);
        const text = options.json ? reportJson(made) : await resultText(made, outputs);
        await outputs.commit();
        return { made, text };
      });
      terminal.out(text);
      cli.finish(exitCodeOf(made));
    });
  } finally {
    outputs.discard();
  }
}

function checkFormat(name: string): void {
  const format = formatOf(name);
  if ("problem" in format) throw new CliError(format.problem, "ec2-audit report --help lists the formats of --out.");
}

/** Reads the fleet into a file of lines, unless `--from` names one, and writes the other files from it. */
async function makeReport(
  cli: Cli,
  options: ReportOptions,
  outputs: Outputs,
  progress: Progress,
  stopped: AbortSignal,
): Promise<Report> {
  const own = options.from === undefined ? outputs.files.find(({ name }) => isLines(name)) : undefined;
  const file = options.from ?? own?.temporary ?? outputs.scratch();
  if (options.from === undefined) await readFleet(cli, options, file, progress, stopped);
  const report = await openReport(cli, file);
  for (const { name, temporary } of outputs.files.filter((each) => each !== own)) {
    const format = formatOf(name);
    if ("problem" in format) continue;
    progress.doing(`Writing ${name}`);
    await pipeline(contentOf(report, format), createWriteStream(temporary, { flags: "r+" }));
  }
  return report;
}

function isLines(name: string): boolean {
  const format = formatOf(name);
  return "ending" in format && format.ending === ".jsonl";
}

/** Returns the text of the result: the summary, and a line for each file. */
async function resultText(report: Report, { files }: Outputs): Promise<string> {
  const { totals } = report.sums;
  const written = await Promise.all(
    files.map(async ({ name, temporary }) => `${name}  ${sizeOf((await stat(temporary)).size)}`),
  );
  return [`${totals.instances} instances, ${totals.findings} findings`, ...written].join("\n");
}

function sizeOf(bytes: number): string {
  return bytes < 1_000_000 ? `${Math.ceil(bytes / 1000)} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`;
}

function exitCodeOf({ places, sums }: Report): 0 | 1 | 2 {
  if (sums.interrupted || places.some(({ status }) => status !== "complete")) return 2;
  return sums.totals.violating > 0 ? 1 : 0;
}
