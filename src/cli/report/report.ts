import { createWriteStream } from "node:fs";
import { stat } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import type { Cli } from "../cli.ts";
import { CliError } from "../cli-error.ts";
import { stoppable } from "../interruption.ts";
import type { Terminal } from "../terminal.ts";
import { contentOf, formatOf } from "./formats.ts";
import { checkOptions, type ReportOptions } from "./options.ts";
import { type Outputs, openOutputs, written } from "./output.ts";
import { createProgress, type Progress } from "./progress.ts";
import { readFleet } from "./read-fleet.ts";
import { openGivenReport, openReport, type Report } from "./read-lines.ts";
import { reportJson } from "./report-json.ts";
import { type NextStep, summaryText } from "./terminal.ts";

/**
 * Runs `ec2-audit report`: reads the fleet, or the file of `--from`, writes the report in each format of `--out`, and prints its
 * summary. Throws CliError for a usage error, and what AWS throws when the places to read cannot be found.
 */
export async function report(cli: Cli, options: ReportOptions): Promise<void> {
  const { terminal } = cli;
  checkOptions(options);
  const names = options.out ?? [];
  for (const name of names) checkFormat(name);
  const outputs = openOutputs(cli.folder, names);
  const progress = createProgress(terminal, cli.now);
  const onStop = () => terminal.err("Stopping, and writing what has been read. Ctrl-C again stops at once.");
  try {
    await stoppable({ onStop, onEnd: outputs.discard }, async (stopped) => {
      const { made, text } = await terminal.live(progress.text, async () => {
        const made = await makeReport(cli, options, outputs, progress, stopped);
        const text = options.json ? reportJson(made) : await resultText(made, options, outputs, terminal);
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
  const { since, ...withoutSince } = options;
  const isFirst = since !== undefined && outputs.isNew(since);
  if (isFirst) cli.terminal.err(`${since} does not exist yet, so this is the first report. It is compared with none.`);
  const own = options.from === undefined ? outputs.files.find(({ name }) => isLines(name)) : undefined;
  const file = options.from ?? own?.temporary ?? outputs.scratch();
  if (options.from === undefined) await readFleet(cli, isFirst ? withoutSince : options, file, progress, stopped);
  const report = await (options.from === undefined ? openReport : openGivenReport)(cli, file);
  for (const { name, temporary } of outputs.files.filter((each) => each !== own)) {
    const format = formatOf(name);
    if ("problem" in format) continue;
    progress.doing(`Writing ${name}`);
    await written(name, pipeline(contentOf(report, format), createWriteStream(temporary, { flags: "r+" })));
  }
  return report;
}

function isLines(name: string): boolean {
  const format = formatOf(name);
  return "ending" in format && format.ending === ".jsonl";
}

/** Returns the text of the result: the summary, and a line for each file. */
async function resultText(
  report: Report,
  options: ReportOptions,
  { files }: Outputs,
  { colours, columns }: Terminal,
): Promise<string> {
  const written = await Promise.all(
    files.map(async ({ name, temporary }) => `${colours.green("✓")} ${name}  ${sizeOf((await stat(temporary)).size)}`),
  );
  const summary = await summaryText(report, { colours, columns }, nextSteps(options));
  return [summary, ...(written.length > 0 ? [written.join("\n")] : [])].join("\n\n");
}

/** Returns the commands that make more of a report. */
function nextSteps({ out = [], from, since }: ReportOptions): NextStep[] {
  const lines = from ?? out.find(isLines);
  const kept = lines === undefined ? undefined : shellWord(lines);
  if (kept === undefined) {
    const both = "ec2-audit report … --out fleet.jsonl --out fleet.html";
    return [{ command: both, does: "write all findings as a page, and keep them for --from and --since" }];
  }
  const page = { command: `ec2-audit report --from ${kept} --out fleet.html`, does: "write all findings as a page" };
  const next = {
    command: `ec2-audit report … --since ${kept}`,
    does: "tell next time what is new and what is resolved",
  };
  return [...(out.some((name) => name.endsWith(".html")) ? [] : [page]), ...(from || since ? [] : [next])];
}

/** Returns a file's name as a word of a shell. */
function shellWord(name: string): string {
  return /^[\w./-]+$/.test(name) ? name : `'${name.replaceAll("'", "'\\''")}'`;
}

function sizeOf(bytes: number): string {
  return bytes < 1_000_000 ? `${Math.ceil(bytes / 1000)} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`;
}

function exitCodeOf({ places, sums }: Report): 0 | 1 | 2 {
  if (sums.interrupted || places.some(({ status }) => status !== "complete")) return 2;
  return sums.totals.violating > 0 ? 1 : 0;
}
