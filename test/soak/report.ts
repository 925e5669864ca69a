import { type Balance, reconcile } from "./ledger.ts";
import { TOPICS } from "./policy.ts";
import { showProgress } from "./program.ts";
import { type Run, runTrial, type Trial } from "./run.ts";

/** A run and its balance. */
export interface Result {
  readonly name: string;
  readonly trial: Trial;
  readonly run: Run;
  readonly balance: Balance;
  /** The real time of the run, in ms. */
  readonly tookMs: number;
}

/** Runs a trial. Shows the progress on stderr unless given another callback, which gets the part that is done, from 0 to 1. */
export async function evaluate(name: string, trial: Trial, onProgress = showProgress(name)): Promise<Result> {
  const startedAt = performance.now();
  const run = await runTrial(trial, onProgress);
  return { name, trial, run, balance: reconcile(run.records), tookMs: performance.now() - startedAt };
}

/** Formats ms as seconds; "none" for NaN. */
export const seconds = (ms: number) => (Number.isNaN(ms) ? "none" : `${(ms / 1000).toFixed(0)} s`);
/** Formats bytes. */
export const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(0)} MB`;

/** Returns the value below which a share of the values lie, from 0 to 1; NaN without values. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}

/** Returns the number of the function's calls whose `service:Action` begins with a prefix. */
export function callsOf({ calls }: Run, prefix: string): number {
  return sum([...calls].filter(([name]) => name.startsWith(prefix)).map(([, many]) => many));
}

export function sum(values: Iterable<number>): number {
  return [...values].reduce((total, value) => total + value, 0);
}

/** A row of the table of results: its label, and the cell of a result. */
export type Row = readonly [label: string, cell: (result: Result) => number | string];

/** Returns a Markdown table with a column for each result. */
export function tableOf(results: readonly Result[], rows: readonly Row[]): string {
  const heads = ["", ...results.map(({ name }) => name)];
  return markdown(
    heads,
    rows.map(([label, cell]) => [label, ...results.map(cell)]),
  );
}

/** Returns a Markdown table; every column but the first is right-aligned. */
export function markdown(heads: readonly string[], rows: readonly (readonly (number | string)[])[]): string {
  const show = (cell: number | string) => (typeof cell === "number" ? cell.toLocaleString("en") : cell);
  const lines = [heads, heads.map((_, column) => (column === 0 ? "---" : "---:")), ...rows];
  return lines.map((cells) => `| ${cells.map(show).join(" | ")} |`).join("\n");
}

const medianAndTail = (label: string, delays: (balance: Balance) => readonly number[]): Row[] => [
  [`${label}: median`, ({ balance }) => seconds(percentile(delays(balance), 0.5))],
  ["↳ 99th percentile", ({ balance }) => seconds(percentile(delays(balance), 0.99))],
];

/** Returns the figures of the soak's results as a Markdown table. */
export function soakTable(results: readonly Result[]): string {
  const causes = new Set(results.flatMap(({ balance }) => [...balance.duplicates.keys()]));
  const reasons = new Set(results.flatMap(({ balance }) => [...balance.unknowable.keys()]));
  const times = (results[0]?.run.memory ?? []).map(({ when }) => when);
  return tableOf(results, [
    ["launches", ({ balance }) => balance.launches],
    ...TOPICS.map(
      (topic): Row => [`findings at the topic ${topic}`, ({ balance }) => balance.published.get(topic) ?? 0],
    ),
    ["resolved findings", ({ balance }) => balance.resolved],
    ["↳ never alerted, which the function cannot know", ({ balance }) => sum(balance.unknowable.values())],
    ...[...reasons]
      .sort()
      .map((reason): Row => [`↳ ↳ ${reason}`, ({ balance }) => balance.unknowable.get(reason) ?? 0]),
    ["not resolved, because EC2 had removed the tags of the terminated instance", ({ balance }) => balance.forgotten],
    ["lost alerts", ({ balance }) => balance.lost.length],
    ["false alerts", ({ balance }) => balance.false.length],
    ["duplicate alerts with a known cause", ({ balance }) => sum(balance.duplicates.values())],
    ...[...causes].sort().map((cause): Row => [`↳ ${cause}`, ({ balance }) => balance.duplicates.get(cause) ?? 0]),
    ["duplicate alerts without a known cause", ({ balance }) => balance.unexplained.length],
    ["violations settled more often than their event was delivered", ({ balance }) => balance.settledAgain.length],
    ["launches that were never settled", ({ balance }) => balance.unsettled.length],
    ["dead-lettered messages, each with its reason in the log", ({ balance }) => balance.deadLetters],
    ["dead-lettered messages that are wrong or missing", ({ balance }) => balance.wrongDeadLetters.length],
    ["sweeps", ({ balance }) => balance.nights.nights],
    ["↳ digests that name a place which a fault kept from being read", ({ balance }) => balance.nights.partial],
    ["↳ duplicate digests with a known cause", ({ balance }) => sum(balance.nights.duplicates.values())],
    [
      "↳ digests that are missing, wrong or repeated without a known cause",
      ({ balance }) => balance.nights.wrong.length,
    ],
    ["kills of the function's process", ({ run }) => run.kills],
    ...medianAndTail("launch to alert, without faults", ({ quietDelays }) => quietDelays),
    ...medianAndTail("launch to alert, all", ({ delays }) => delays),
    ["EC2 calls per launch", ({ run, balance }) => (callsOf(run, "ec2:") / balance.launches).toFixed(2)],
    ["Publish calls per launch", ({ run, balance }) => (callsOf(run, "sns:Publish") / balance.launches).toFixed(3)],
    ["AssumeRole calls", ({ run }) => callsOf(run, "sts:")],
    ...times.map(
      (when): Row => [
        `resident memory (heap) ${when}`,
        ({ run }) => {
          const memory = run.memory.find((each) => each.when === when)?.memory;
          return memory === undefined ? "" : `${megabytes(memory.rss)} (${(memory.heapUsed / 1e6).toFixed(1)} MB)`;
        },
      ],
    ),
    ["peak resident memory", ({ run }) => megabytes(Math.max(...run.memory.map(({ memory }) => memory.peak)))],
    ["crashes, thrown errors, late or missing responses", ({ run }) => run.failures.length],
    ["log lines that hold a secret or are not JSON", ({ run }) => run.badLines.length],
    ["real time", ({ tookMs }) => seconds(tookMs)],
  ]);
}

/** Returns how the launches of each lifecycle ended, as a Markdown table. */
export function lifecycleTable({ balance }: Result): string {
  const rows = [...balance.lifecycles].map(([lifecycle, ended]) => [lifecycle, ...Object.values(ended)]);
  return markdown(["launched", "alerted", "resolved", "silent", "dead-lettered"], rows.sort());
}

/** Returns the problems of a result, each with at most five examples; none when the run passes. */
export function problems({ run, balance }: Result): string[] {
  const lists: readonly (readonly [string, readonly string[]])[] = [
    ["lost alerts", balance.lost],
    ["false alerts", balance.false],
    ["duplicate alerts without a known cause", balance.unexplained],
    ["settled more often than delivered", balance.settledAgain],
    ["never settled", balance.unsettled],
    ["dead-lettered messages", balance.wrongDeadLetters],
    ["digests", balance.nights.wrong],
    ["failures", run.failures],
    ["log lines", run.badLines],
  ];
  return lists
    .filter(([, list]) => list.length > 0)
    .map(([what, list]) => {
      const more = list.length > 5 ? `, and ${list.length - 5} more` : "";
      return `${what}: ${list.slice(0, 5).join(", ")}${more}`;
    });
}
