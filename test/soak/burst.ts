import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { bundle } from "../bench/bundle.ts";
import { runProgram } from "./program.ts";
import { callsOf, evaluate, percentile, type Result, seconds, sum, tableOf } from "./report.ts";
import type { Trial } from "./run.ts";
import { burstScenario } from "./scenario.ts";

/** 10,000 launches in a minute, under the request limits that EC2 documents; compared with one call for each launch. */
const BURST = 10_000;

async function main(): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), "ec2-audit-burst-"));
  try {
    const common = { scenario: burstScenario(BURST), conditions: "request limits" } as const;
    const ours = { ...common, file: resolve("dist/audit.js"), subscribes: "itself" } as const;
    const plain = { ...common, file: await bundle("plain-sdk", folder), subscribes: "by an operator" } as const;
    const trials: readonly (readonly [string, Trial])[] = [
      ["ours, SQS to Lambda", { ...ours, host: "lambda" }],
      ["ours, SNS to webtask", { ...ours, host: "webtask" }],
      ["one call per launch, SNS to webtask", { ...plain, host: "webtask" }],
    ];
    const results: Result[] = [];
    for (const [name, trial] of trials) results.push(await evaluate(name, trial));
    console.log(
      tableOf(results, [
        ["EC2 calls", ({ run }) => callsOf(run, "ec2:")],
        ["throttled calls", ({ run }) => run.throttled],
        ["alert messages", ({ run }) => run.records.alerts.length],
        ["launch to alert: median", ({ balance }) => seconds(percentile(balance.delays, 0.5))],
        ["↳ maximum", ({ balance }) => seconds(Math.max(...balance.delays))],
        ["lost alerts", ({ balance }) => balance.lost.length],
        ["duplicate alerts", ({ balance }) => sum(balance.duplicates.values()) + balance.unexplained.length],
      ]),
    );
    return results.slice(0, 2).every(({ balance }) => balance.balanced) ? 0 : 1;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

runProgram(main);
