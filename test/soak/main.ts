import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { soakPlan } from "./plan.ts";
import { oneOf, runProgram, wholeNumber } from "./program.ts";
import { showProgress } from "./progress.ts";
import { complaints, isGood, stories, type Told, table, tell } from "./report.ts";
import { type Face, play } from "./run.ts";

const HELP = `npm run soak                       50,000 launches on each face, with all that can go wrong
npm run soak -- --seed 7           another plan; the same seed plans the same
npm run soak -- --launches 5000    fewer
npm run soak -- --face lambda      one face only: webtask, lambda
npm run soak -- --help             this

What runs is the file that is deployed, dist/audit.js, between the parts of an embedded AWS. Three and a half hours of a
virtual clock take some minutes. Nothing leaves this machine. Exit code 0: the accounts close; 1: they do not; 2: it
could not be run.`;

const FACES: readonly Face[] = ["webtask", "lambda"];

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      seed: { type: "string", default: "1" },
      launches: { type: "string", default: "50000" },
      face: { type: "string" },
      help: { type: "boolean", short: "h" },
    },
  });
  if (values.help) {
    console.log(HELP);
    return 0;
  }
  const faces = oneOf("face", FACES, values.face);
  const plan = soakPlan(wholeNumber("seed", values.seed), wholeNumber("launches", values.launches));
  const all: Told[] = [];
  for (const face of faces) {
    const startedAt = performance.now();
    const scene = {
      plan,
      face,
      file: resolve("dist/audit.js"),
      subscribes: "itself" as const,
      stage: "bad day" as const,
    };
    const run = await play(scene, showProgress(face));
    all.push(tell(face, run, performance.now() - startedAt));
  }
  console.log(`\nSeed ${plan.seed}.\n\n${table(all)}`);
  for (const told of all) {
    console.log(`\nHow they ended (${told.face}):\n\n${stories(told)}`);
    for (const complaint of complaints(told)) console.error(`${told.face}: ${complaint}`);
  }
  return all.every(isGood) ? 0 : 1;
}

runProgram(main);
