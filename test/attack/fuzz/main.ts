import { parseArgs } from "node:util";
import { progress } from "@clack/prompts";
import { fuzz, type Report } from "./run.ts";

const HELP = `Mutates valid deliveries and events, gives them to the function in this process, and checks what must hold of
every one: nothing is thrown but what Lambda is to try again, what is not verified costs no call to AWS and is never
accepted, what SNS has signed and nobody has changed is not refused, no secret is told.

  npm run fuzz -- [--seed N] [--minutes M] [--cases N]
  npm run fuzz -- --replay <seed>:<case>

  --seed N      the run's seed, a whole number; the same cases for the same seed (default: from the clock)
  --minutes M   ends after so many minutes (default: 1)
  --cases N     ends after so many cases, if that is sooner
  --replay S:N  runs the one case N of seed S, and prints it

Ends with 0 when all held, with 1 on a violation, which is printed, and with 2 on a wrong option. The signing key is made
anew at each start: in a replay the signatures are others, all else is the same.
`;

class OptionError extends Error {}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      seed: { type: "string" },
      minutes: { type: "string", default: "1" },
      cases: { type: "string" },
      replay: { type: "string" },
      help: { type: "boolean", short: "h" },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  if (values.replay !== undefined) {
    const [, seed, number] = /^(\d+):(\d+)$/.exec(values.replay) ?? [];
    if (seed === undefined || number === undefined) throw new OptionError("--replay takes <seed>:<case>");
    return replay(Number(seed), Number(number));
  }
  const seed = values.seed === undefined ? Date.now() % 2 ** 31 : numberOf(values.seed, "--seed");
  const cases = values.cases === undefined ? Number.POSITIVE_INFINITY : numberOf(values.cases, "--cases");
  return run(seed, cases, numberOf(values.minutes, "--minutes"));
}

function numberOf(text: string, option: string): number {
  const number = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isNaN(number)) throw new OptionError(`${option} takes a number`);
  return number;
}

async function run(seed: number, cases: number, minutes: number): Promise<number> {
  const startedAt = Date.now();
  const bar = process.stderr.isTTY ? progress({ max: 100, output: process.stderr }) : null;
  bar?.start(`seed ${seed}`);
  let shown = 0;
  const report = await fuzz(
    seed,
    { cases, minutes },
    {
      progress(done) {
        const share = Math.max(done / cases, (Date.now() - startedAt) / (minutes * 60_000));
        const percent = Math.min(100, Math.floor(share * 100));
        bar?.advance(percent - shown, `${done.toLocaleString("en")} cases`);
        shown = percent;
      },
    },
  );
  bar?.stop(`${report.cases.toLocaleString("en")} cases`);
  print(seed, report);
  return report.violations.length > 0 ? 1 : 0;
}

function print(seed: number, { cases, seconds, byClass, byOutcome, slowest, violations }: Report): void {
  const { log } = console;
  log(
    `seed ${seed}: ${cases.toLocaleString("en")} cases in ${seconds.toFixed(0)} s, ${(cases / seconds).toFixed(0)} a second`,
  );
  for (const [title, counts] of [
    ["by class", byClass],
    ["by outcome", byOutcome],
  ] as const) {
    log(`\n${title}`);
    for (const [name, count] of [...counts].sort(([, one], [, other]) => other - one)) {
      log(`  ${count.toLocaleString("en").padStart(11)}  ${name}`);
    }
  }
  log(`\nslowest: ${slowest.milliseconds.toFixed(1)} ms; --replay ${seed}:${slowest.number}`);
  for (const { number, what, fuzzCase } of violations) {
    log(`\nVIOLATION, --replay ${seed}:${number}\n${what}\n${describe(fuzzCase)}`);
  }
  log(violations.length === 0 ? "no violation" : `${violations.length} violations`);
}

function describe(fuzzCase: Report["violations"][number]["fuzzCase"]): string {
  if (fuzzCase.kind === "lambda") return JSON.stringify(fuzzCase);
  return JSON.stringify({ ...fuzzCase, body: fuzzCase.body.toString(), bytes: fuzzCase.body.toString("base64") });
}

async function replay(seed: number, number: number): Promise<number> {
  const { caseOf } = await import("./cases.ts");
  const { createTarget } = await import("./target.ts");
  const target = await createTarget();
  const fuzzCase = caseOf(seed, number, target.world);
  const result = await target.run(fuzzCase);
  target.close();
  console.log(`${describe(fuzzCase)}\n${JSON.stringify(result, null, 2)}`);
  return result.violation === null ? 0 : 1;
}

try {
  process.exitCode = await main();
} catch (error) {
  // parseArgs throws a TypeError with a code for an option that it does not know.
  const isOption = error instanceof OptionError || (error instanceof Error && "code" in error);
  process.stderr.write(isOption ? `${error.message}\n\n${HELP}` : `${error instanceof Error ? error.stack : error}\n`);
  process.exitCode = 2;
}
