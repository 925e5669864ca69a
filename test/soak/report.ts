import { type Account, account } from "./ledger.ts";
import type { Face, Run } from "./run.ts";

/** A run and its accounts. */
export interface Told {
  readonly face: Face;
  readonly run: Run;
  readonly account: Account;
  /** How long the run took on the wall, in ms. */
  readonly tookMs: number;
}

/** Closes the accounts of a run that took so many ms on the wall. */
export function tell(face: Face, run: Run, tookMs: number): Told {
  return { face, run, account: account(run.records), tookMs };
}

/** Whether everything is as it should be. */
export function isGood({ run, account: { closes } }: Told): boolean {
  return closes && run.badLines.length === 0 && run.accidents.length === 0;
}

/** A number with its thousands apart. */
export const count = (value: number) => value.toLocaleString("en");
/** Takes milliseconds. */
export const seconds = (ms: number) => (Number.isNaN(ms) ? "none" : `${(ms / 1000).toFixed(0)} s`);
/** Takes bytes. */
export const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(0)} MB`;

/** The value below which a share of the values are, from 0 to 1; NaN when there is none. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}

/** The figures of some runs as the rows of a Markdown table, a column each. */
export function table(all: readonly Told[]): string {
  const rows: (readonly [string, (told: Told) => string])[] = [
    ["launches", ({ account: { launches } }) => count(launches)],
    ["alerts lost", ({ account: { lost } }) => count(lost.length)],
    ["false alerts", (told) => count(told.account.false.length)],
    ["duplicate alerts, each with a cause", ({ account: { duplicates } }) => count(sum([...duplicates.values()]))],
    ...causes(all).map((cause): [string, (told: Told) => string] => [
      `↳ ${cause}`,
      ({ account: { duplicates } }) => count(duplicates.get(cause) ?? 0),
    ]),
    ["duplicate alerts without one", ({ account: { unexplained } }) => count(unexplained.length)],
    ["settled as violating more often than its event came", ({ account: a }) => count(a.settledAgain.length)],
    ["launches that the function was never done with", ({ account: { unsettled } }) => count(unsettled.length)],
    ["dead letters, each with its reason in the log", ({ account: { deadLetters } }) => count(deadLetters)],
    ["dead letters that should not be, or are missing", (told) => count(told.account.wrongDeadLetters.length)],
    ["the function killed at work", ({ run: { kills } }) => count(kills)],
    ["launch to alert, quiet times: median", (told) => seconds(percentile(told.account.quietDelays, 0.5))],
    ["↳ 99 of 100 within", (told) => seconds(percentile(told.account.quietDelays, 0.99))],
    ["launch to alert, all: median", ({ account: { delays } }) => seconds(percentile(delays, 0.5))],
    ["↳ 99 of 100 within", ({ account: { delays } }) => seconds(percentile(delays, 0.99))],
    ["EC2 calls per launch", ({ run, account: { launches } }) => (callsOf(run, "ec2:") / launches).toFixed(2)],
    [
      "Publish calls per launch",
      ({ run, account: { launches } }) => (callsOf(run, "sns:Publish") / launches).toFixed(3),
    ],
    ["AssumeRole calls", ({ run }) => count(callsOf(run, "sts:"))],
    ...(all[0]?.run.memory ?? []).map(({ when }): [string, (told: Told) => string] => [
      `memory ${when}: resident (heap)`,
      ({ run: { memory } }) => {
        const at = memory.find((each) => each.when === when)?.memory;
        return at === undefined ? "" : `${megabytes(at.rss)} (${(at.heapUsed / 1e6).toFixed(1)} MB)`;
      },
    ]),
    [
      "peak of resident memory, of the processes looked at",
      ({ run: { memory } }) => megabytes(Math.max(...memory.map((each) => each.memory.peak))),
    ],
    ["crashes, errors thrown, calls not answered in time", ({ run: { accidents } }) => count(accidents.length)],
    ["log lines with a secret, or no JSON", ({ run: { badLines } }) => count(badLines.length)],
    ["took on the wall", ({ tookMs }) => seconds(tookMs)],
  ];
  const lines = rows.map(([name, value]) => `| ${[name, ...all.map(value)].join(" | ")} |`);
  return [`| | ${all.map(({ face }) => face).join(" | ")} |`, `|---|${all.map(() => "---:|").join("")}`, ...lines].join(
    "\n",
  );
}

/** How the launches of each story ended, as a Markdown table. */
export function stories({ account: { stories: ended } }: Told): string {
  const lines = [...ended].map(
    ([story, ends]) => `| ${story} | ${count(ends.alerted)} | ${count(ends.silent)} | ${count(ends["dead letter"])} |`,
  );
  return ["| launched | alerted | silent | dead letter |", "|---|---:|---:|---:|", ...lines.sort()].join("\n");
}

/** What does not come out, by name; at most a few of each. */
export function complaints({ run, account: all }: Told): string[] {
  const few = (what: string, list: readonly string[]) =>
    list.length === 0
      ? []
      : [`${what}: ${list.slice(0, 5).join(", ")}${list.length > 5 ? `, and ${list.length - 5} more` : ""}`];
  return [
    ...few("lost", all.lost),
    ...few("false", all.false),
    ...few("alerted again without a cause", all.unexplained),
    ...few("settled again", all.settledAgain),
    ...few("never settled", all.unsettled),
    ...few("dead letters", all.wrongDeadLetters),
    ...few("accidents", run.accidents),
    ...few("log lines", run.badLines),
  ];
}

function causes(all: readonly Told[]) {
  return [...new Set(all.flatMap(({ account: { duplicates } }) => [...duplicates.keys()]))].sort();
}

/** How many calls of a run were of an action, or a service: those whose `service:Action` begins so. */
export function callsOf({ calls }: Run, prefix: string): number {
  return sum([...calls].filter(([name]) => name.startsWith(prefix)).map(([, many]) => many));
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
