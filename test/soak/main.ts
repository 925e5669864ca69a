import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { histories } from "./history.ts";
import { oneOf, runProgram, wholeNumber } from "./program.ts";
import { evaluate, lifecycleTable, problems, type Result, soakTable } from "./report.ts";
import { soakScenario } from "./scenario.ts";
import { HOSTS } from "./soak-aws.ts";

const HELP = `npm run soak                       50,000 launches on each host, with every fault
npm run soak -- --seed 7           another scenario; the same seed gives the same scenario
npm run soak -- --launches 5000    fewer launches
npm run soak -- --host lambda      one host only: webtask or lambda
npm run soak -- --help             this help

Runs the deployed file, dist/audit.js, against the embedded AWS. Four hours of virtual time take some minutes.
Makes no call outside this machine. Exit codes: 0 every launch is accounted for, 1 a launch is not, 2 usage error or failure.`;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      seed: { type: "string", default: "1" },
      launches: { type: "string", default: "50000" },
      host: { type: "string" },
      help: { type: "boolean", short: "h" },
    },
  });
  if (values.help) {
    console.log(HELP);
    return 0;
  }
  const scenario = soakScenario(wholeNumber("seed", values.seed), wholeNumber("launches", values.launches));
  const results: Result[] = [];
  for (const host of oneOf("host", HOSTS, values.host)) {
    const file = resolve("dist/audit.js");
    results.push(await evaluate(host, { scenario, host, file, subscribes: "itself", conditions: "faults" }));
  }
  console.log(`\nSeed ${scenario.seed}.\n\n${soakTable(results)}`);
  for (const result of results) {
    console.log(`\nEndings (${result.name}):\n\n${lifecycleTable(result)}`);
    for (const problem of problems(result)) console.error(`${result.name}: ${problem}`);
    for (const history of histories(result.run, result.balance)) console.error(`\n${history}`);
  }
  return results.some((result) => problems(result).length > 0) ? 1 : 0;
}

runProgram(main);
