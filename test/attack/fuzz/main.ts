import { parseArgs } from "node:util";
import { progress } from "@clack/prompts";
import type { FuzzCase } from "./arbitraries.ts";
import { fuzz, type Report } from "./fuzz.ts";

const HELP = `Sends deliveries and events with random changes to the function in this process, and checks each response: an
unverified delivery is refused without a call to AWS, a genuine one is accepted, and no secret is disclosed.

  npm run fuzz -- [--seed N] [--minutes M] [--cases N] [--path P]

  --seed N      seed of the run; the same seed gives the same cases (default: from the clock)
  --minutes M   time limit in minutes (default: 1)
  --cases N     limit of the number of cases (default: none)
  --path P      path to one case of the seed, as a failed run prints it

Exit codes: 0 no failure, 1 a failure, with the shrunk case, 2 usage error. The signing keys are new at each start.
`;

class UsageError extends Error {}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      seed: { type: "string" },
      minutes: { type: "string", default: "1" },
      cases: { type: "string" },
      path: { type: "string" },
      help: { type: "boolean", short: "h" },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const seed = values.seed === undefined ? Date.now() % 2 ** 31 : numberOf(values.seed, "--seed");
  const cases = values.cases === undefined ? Number.MAX_SAFE_INTEGER : numberOf(values.cases, "--cases");
  const minutes = numberOf(values.minutes, "--minutes");
  const startedAt = Date.now();
  const bar = process.stderr.isTTY ? progress({ max: 100, output: process.stderr }) : null;
  bar?.start(`seed ${seed}`);
  let shown = 0;
  const onCase = (done: number) => {
    const share = Math.max(done / cases, (Date.now() - startedAt) / (minutes * 60_000));
    const percent = Math.min(100, Math.floor(share * 100));
    if (percent > shown) bar?.advance(percent - shown, `${done.toLocaleString("en")} cases`);
    shown = percent;
  };
  const report = await fuzz({ seed, cases, minutes, path: values.path, onCase });
  bar?.stop(`${report.cases.toLocaleString("en")} cases`);
  print(seed, report);
  return report.failure === null ? 0 : 1;
}

function numberOf(text: string, option: string): number {
  if (!/^\d+(\.\d+)?$/.test(text)) throw new UsageError(`${option} must be a number`);
  return Number(text);
}

function print(seed: number, { cases, seconds, byClass, byResult, failure }: Report): void {
  const { log } = console;
  const rate = (cases / seconds).toFixed(0);
  log(`seed ${seed}: ${cases.toLocaleString("en")} cases in ${seconds.toFixed(0)} s, ${rate} per second`);
  for (const [title, counts] of Object.entries({ "by class": byClass, "by result": byResult })) {
    log(`\n${title}`);
    for (const [name, count] of [...counts].sort(([, one], [, other]) => other - one)) {
      log(`  ${count.toLocaleString("en").padStart(11)}  ${name}`);
    }
  }
  if (failure === null) {
    log("\nno failure");
    return;
  }
  const { fuzzCase, problems, path } = failure;
  log(`\nFAILURE: ${problems}\n\n${describe(fuzzCase)}\n\nReplay: npm run fuzz -- --seed ${seed} --path ${path}`);
}

function describe(fuzzCase: FuzzCase | undefined): string {
  if (fuzzCase === undefined || fuzzCase.class === "Lambda events") return JSON.stringify(fuzzCase);
  const { body, ...rest } = fuzzCase.delivery;
  return JSON.stringify({ ...fuzzCase, delivery: { ...rest, body: body.toString(), base64: body.toString("base64") } });
}

try {
  process.exitCode = await main();
} catch (error) {
  // parseArgs throws a TypeError with a code for an unknown option.
  const isUsage = error instanceof UsageError || (error instanceof Error && "code" in error);
  process.stderr.write(isUsage ? `${error.message}\n\n${HELP}` : `${error instanceof Error ? error.stack : error}\n`);
  process.exitCode = 2;
}
