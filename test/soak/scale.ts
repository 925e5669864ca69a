import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { account } from "./ledger.ts";
import type { Plan } from "./plan.ts";
import { oneOf, runProgram } from "./program.ts";
import { showProgress } from "./progress.ts";
import { callsOf, count, megabytes, percentile, seconds } from "./report.ts";
import { type Face, play, type Run } from "./run.ts";
import { cpuPerLaunch } from "./scale-cpu.ts";
import { BURST, ONE_WITHOUT_TAG_IN, PEAK, type Size, scalePlan } from "./scale-plan.ts";

const HELP = `npm run scale                      four sizes, from one account to a thousand, on each face
npm run scale -- --accounts 50 --launches-per-day 20000 --minutes 5
npm run scale -- --face lambda     one face only: webtask, lambda
npm run scale -- --file FILE       another build of the function
npm run scale -- --help            this

Plays the busiest minutes of a day: ${PEAK} times its mean rate, and ${BURST} instances of one Auto Scaling group at once; one launch
in ${ONE_WITHOUT_TAG_IN} is without a tag. What runs is the file that is deployed, dist/audit.js, between the parts of an embedded AWS that keeps
to the request limits of EC2 and STS, in virtual time. Nothing leaves this machine. Exit code 0: every launch is accounted
for; 1: not; 2: it could not be run.`;

/** The slices of the larger ones are shorter: what they tell is the same, and the run ends within some minutes. */
const SIZES: readonly Size[] = [
  { accounts: 1, launchesPerDay: 1_000, minutes: 10 },
  { accounts: 10, launchesPerDay: 10_000, minutes: 10 },
  { accounts: 100, launchesPerDay: 100_000, minutes: 3 },
  { accounts: 1_000, launchesPerDay: 1_000_000, minutes: 1 },
];
const FACES: readonly Face[] = ["lambda", "webtask"];

/** One run. */
interface Played {
  readonly face: Face;
  readonly size: Size;
  readonly run: Run;
  /** How long the run took on the wall, in ms. */
  readonly tookMs: number;
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      accounts: { type: "string" },
      "launches-per-day": { type: "string" },
      minutes: { type: "string" },
      face: { type: "string" },
      file: { type: "string", default: "dist/audit.js" },
      help: { type: "boolean", short: "h" },
    },
  });
  if (values.help) {
    console.log(HELP);
    return 0;
  }
  const faces = oneOf("face", FACES, values.face);
  const sizes = sizesOf(values);
  const file = resolve(values.file);
  const startedAt = performance.now();
  const all: Played[] = [];
  for (const face of faces) {
    for (const size of sizes) {
      const scene = { plan: scalePlan(size), face, file, subscribes: "itself", stage: "request limits" } as const;
      const since = performance.now();
      const run = await play(scene, showProgress(`${face}, ${nameOf(size)}`));
      all.push({ face, size, run, tookMs: performance.now() - since });
    }
  }
  console.log(`\n${table(all)}\n`);
  const cpu: string[] = [];
  for (const size of sizes) {
    const { batch, microsecondsPerLaunch } = await cpuPerLaunch(size, file);
    cpu.push(`| ${nameOf(size)} | ${batch} | ${Math.round(microsecondsPerLaunch)} µs |`);
  }
  console.log(
    ["| from a queue, at the mean rate | launches in a batch | CPU per launch |", "|---|---:|---:|", ...cpu].join("\n"),
  );
  console.log(`\nTook ${Math.round((performance.now() - startedAt) / 1000)} s.`);
  return all.every(({ run }) => account(run.records).closes) ? 0 : 1;
}

/** The sizes asked for; all of them when none is. Throws RangeError for what is no size. */
function sizesOf(values: Readonly<Record<string, unknown>>): readonly Size[] {
  const names = ["accounts", "launches-per-day", "minutes"];
  if (names.every((name) => values[name] === undefined)) return SIZES;
  const whole = (name: string, otherwise: number) => {
    const value = values[name] === undefined ? otherwise : Number(values[name]);
    if (Number.isInteger(value) && value >= 1 && value <= 10_000_000) return value;
    throw new RangeError(`--${name} is a whole number, from 1 to 10000000`);
  };
  const accounts = whole("accounts", 1);
  return [{ accounts, launchesPerDay: whole("launches-per-day", 1_000 * accounts), minutes: whole("minutes", 10) }];
}

const sum = (values: Iterable<number>) => [...values].reduce((total, value) => total + value, 0);

function nameOf({ accounts, launchesPerDay }: Size): string {
  return `${count(accounts)} account${accounts === 1 ? "" : "s"}, ${count(launchesPerDay)} a day`;
}

function mostInASecond({ records: { alerts } }: Run): number {
  const perSecond = new Map<number, number>();
  for (const { at } of alerts) {
    const second = Math.floor(at / 1000);
    perSecond.set(second, (perSecond.get(second) ?? 0) + 1);
  }
  return Math.max(0, ...perSecond.values());
}

function placesIn({ launches }: Plan): number {
  return new Set(launches.map(({ place }) => `${place.account}/${place.region}`)).size;
}

/** The figures of the runs as a Markdown table, a column each. */
function table(all: readonly Played[]): string {
  const told = all.map((played) => ({ ...played, account: account(played.run.records) }));
  type Told = (typeof told)[number];
  const perLaunch = ({ run, account: { launches } }: Told, prefix: string) =>
    (callsOf(run, prefix) / launches).toFixed(2);
  const largest = ({ run: { memory } }: Told, of: "rss" | "heapUsed" | "peak") =>
    megabytes(Math.max(...memory.map((each) => each.memory[of])));
  const lineOf = ({ run: { logged, outcomes } }: Told, outcome: string) =>
    Math.round((logged.get(outcome) ?? 0) / (outcomes.get(outcome) ?? 1));
  const rows: (readonly [string, (told: Told) => string])[] = [
    ["slice of the day", ({ size }) => `${size.minutes} min`],
    ["launches", ({ account: { launches } }) => count(launches)],
    ["accounts and regions with a launch", ({ size }) => count(placesIn(scalePlan(size)))],
    [
      "DescribeTags calls (per launch)",
      (t) => `${count(callsOf(t.run, "ec2:DescribeTags"))} (${perLaunch(t, "ec2:DescribeTags")})`,
    ],
    [
      "DescribeInstances calls (per launch)",
      (t) => `${count(callsOf(t.run, "ec2:DescribeI"))} (${perLaunch(t, "ec2:DescribeI")})`,
    ],
    ["AssumeRole calls", ({ run }) => count(callsOf(run, "sts:"))],
    ["Publish calls: alert messages", ({ run }) => count(callsOf(run, "sns:Publish"))],
    ["↳ the most in one second", ({ run }) => count(mostInASecond(run))],
    ["launches alerted", ({ account: { delays } }) => count(delays.length)],
    ["calls that AWS throttled", ({ run: { throttled } }) => count(throttled)],
    ["invocations, or deliveries", ({ run: { waits } }) => count(waits.length)],
    ["launches in each", ({ run: { waits }, account: { launches } }) => (launches / waits.length).toFixed(1)],
    ["time in them, waiting for AWS: in all", ({ run: { waits } }) => `${(sum(waits) / 1000).toFixed(1)} s`],
    ["↳ the longest", ({ run: { waits } }) => `${percentile(waits, 1)} ms`],
    ["launch to alert: median", ({ account: { delays } }) => seconds(percentile(delays, 0.5))],
    ["↳ 99 of 100 within", ({ account: { delays } }) => seconds(percentile(delays, 0.99))],
    [
      "memory of the largest process at the end: resident (heap)",
      (t) => `${largest(t, "rss")} (${largest(t, "heapUsed")})`,
    ],
    ["↳ peak of resident memory", (t) => largest(t, "peak")],
    [
      "log per launch",
      ({ run: { logged }, account: { launches } }) => `${Math.round(sum(logged.values()) / launches)} B`,
    ],
    ["↳ a line: compliant, violating", (t) => `${lineOf(t, "compliant")} B, ${lineOf(t, "violating")} B`],
    [
      "lost, false, unexplained, wrong dead letters",
      ({ account: a }) => count([a.lost, a.false, a.unexplained, a.wrongDeadLetters].flat().length),
    ],
    ["took on the wall", ({ tookMs }) => seconds(tookMs)],
  ];
  const lines = rows.map(([name, value]) => `| ${[name, ...told.map(value)].join(" | ")} |`);
  const heads = all.map(({ face, size }) => `${face}: ${nameOf(size)}`);
  return [`| ${["", ...heads].join(" | ")} |`, `|---|${all.map(() => "---:|").join("")}`, ...lines].join("\n");
}

runProgram(main);
