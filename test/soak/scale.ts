import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { oneOf, runProgram, wholeNumber } from "./program.ts";
import {
  callsOf,
  evaluate,
  markdown,
  megabytes,
  percentile,
  type Result,
  type Row,
  seconds,
  sum,
  tableOf,
} from "./report.ts";
import type { Run } from "./run.ts";
import { cpuPerLaunch } from "./scale-cpu.ts";
import { BURST, ONE_WITHOUT_TAG_IN, PEAK, type Size, scaleScenario } from "./scale-scenario.ts";
import { HOSTS } from "./soak-aws.ts";

const HELP = `npm run scale                      four sizes, from one account to a thousand, on each host
npm run scale -- --accounts 50 --launches-per-day 20000 --minutes 5
npm run scale -- --host lambda     one host only: lambda or webtask
npm run scale -- --file FILE       another build of the function
npm run scale -- --help            this help

Simulates the busiest minutes of a day: ${PEAK} times its mean rate, and ${BURST} instances of one Auto Scaling group at once. One
launch in ${ONE_WITHOUT_TAG_IN} lacks a tag. Runs the deployed file, dist/audit.js, against the embedded AWS with the request limits of EC2 and STS,
in virtual time. Makes no call outside this machine. Exit codes: 0 every launch is accounted for, 1 a launch is not, 2 usage
error or failure.`;

/** The larger ones simulate fewer minutes: their figures are the same, and the run ends within some minutes. */
const SIZES: readonly Size[] = [
  { accounts: 1, launchesPerDay: 1_000, minutes: 10 },
  { accounts: 10, launchesPerDay: 10_000, minutes: 10 },
  { accounts: 100, launchesPerDay: 100_000, minutes: 3 },
  { accounts: 1_000, launchesPerDay: 1_000_000, minutes: 1 },
];

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      accounts: { type: "string" },
      "launches-per-day": { type: "string" },
      minutes: { type: "string" },
      host: { type: "string" },
      file: { type: "string", default: "dist/audit.js" },
      help: { type: "boolean", short: "h" },
    },
  });
  if (values.help) {
    console.log(HELP);
    return 0;
  }
  const hosts = oneOf("host", HOSTS, values.host);
  const sizes = sizesOf(values);
  const file = resolve(values.file);
  const results: Result[] = [];
  for (const host of hosts) {
    for (const size of sizes) {
      const trial = {
        host,
        file,
        scenario: scaleScenario(size),
        subscribes: "itself",
        conditions: "request limits",
      } as const;
      results.push(await evaluate(`${host}: ${nameOf(size)}`, trial));
    }
  }
  console.log(`\n${tableOf(results, ROWS)}\n`);
  const cpu: (readonly (number | string)[])[] = [];
  for (const size of sizes) {
    const { batch, microsecondsPerLaunch } = await cpuPerLaunch(size, file);
    cpu.push([nameOf(size), batch, `${Math.round(microsecondsPerLaunch)} µs`]);
  }
  console.log(markdown(["from a queue, at the mean rate", "launches per batch", "CPU per launch"], cpu));
  return results.every(({ balance }) => balance.balanced) ? 0 : 1;
}

/** Returns the sizes from the options; all of them without one. Throws Error for an invalid size. */
function sizesOf(values: Readonly<Record<string, unknown>>): readonly Size[] {
  const names = ["accounts", "launches-per-day", "minutes"];
  if (names.every((name) => values[name] === undefined)) return SIZES;
  const whole = (name: string, otherwise: number) => wholeNumber(name, String(values[name] ?? otherwise), 1);
  const accounts = whole("accounts", 1);
  return [{ accounts, launchesPerDay: whole("launches-per-day", 1_000 * accounts), minutes: whole("minutes", 10) }];
}

function nameOf({ accounts, launchesPerDay, minutes }: Size): string {
  const count = (value: number) => value.toLocaleString("en");
  return `${count(accounts)} account${accounts === 1 ? "" : "s"}, ${count(launchesPerDay)} a day, ${minutes} min`;
}

function placesIn({ trial }: Result): number {
  return new Set(trial.scenario.launches.map(({ place }) => `${place.account}/${place.region}`)).size;
}

function mostInASecond({ records: { alerts } }: Run): number {
  const perSecond = new Map<number, number>();
  for (const { at } of alerts) {
    const second = Math.floor(at / 1000);
    perSecond.set(second, (perSecond.get(second) ?? 0) + 1);
  }
  return Math.max(0, ...perSecond.values());
}

/** Returns the size of a log line about an outcome, in bytes. */
function lineOf({ logged, outcomes }: Run, outcome: string): number {
  return Math.round((logged.get(outcome) ?? 0) / (outcomes.get(outcome) ?? 1));
}

const calls = (action: string): Row => [
  `${action} calls (per launch)`,
  ({ run, balance }) => {
    const many = callsOf(run, `ec2:${action}`);
    return `${many.toLocaleString("en")} (${(many / balance.launches).toFixed(2)})`;
  },
];
const largest = ({ run: { memory } }: Result, of: "rss" | "heapUsed" | "peak") =>
  megabytes(Math.max(...memory.map((each) => each.memory[of])));

const ROWS: readonly Row[] = [
  ["launches", ({ balance }) => balance.launches],
  ["accounts and regions with a launch", placesIn],
  calls("DescribeTags"),
  calls("DescribeInstances"),
  ["AssumeRole calls", ({ run }) => callsOf(run, "sts:")],
  ["Publish calls: alert messages", ({ run }) => callsOf(run, "sns:Publish")],
  ["↳ the most in one second", ({ run }) => mostInASecond(run)],
  ["alerted launches", ({ balance }) => balance.delays.length],
  ["throttled calls", ({ run }) => run.throttled],
  ["invocations or deliveries", ({ run }) => run.waits.length],
  ["launches in each", ({ run, balance }) => (balance.launches / run.waits.length).toFixed(1)],
  ["their wait for AWS: total", ({ run }) => `${(sum(run.waits) / 1000).toFixed(1)} s`],
  ["↳ maximum", ({ run }) => `${percentile(run.waits, 1)} ms`],
  ["launch to alert: median", ({ balance }) => seconds(percentile(balance.delays, 0.5))],
  ["↳ 99th percentile", ({ balance }) => seconds(percentile(balance.delays, 0.99))],
  [
    "resident memory (heap) of the largest process at the end",
    (result) => `${largest(result, "rss")} (${largest(result, "heapUsed")})`,
  ],
  ["↳ peak resident memory", (result) => largest(result, "peak")],
  ["log per launch", ({ run, balance }) => `${Math.round(sum(run.logged.values()) / balance.launches)} B`],
  ["↳ a line: compliant, violating", ({ run }) => `${lineOf(run, "compliant")} B, ${lineOf(run, "violating")} B`],
  [
    "lost, false or unexplained alerts, wrong dead-lettered messages",
    ({ balance: { lost, false: wrong, unexplained, wrongDeadLetters } }) =>
      [lost, wrong, unexplained, wrongDeadLetters].flat().length,
  ],
  ["real time", ({ tookMs }) => seconds(tookMs)],
];

runProgram(main);
