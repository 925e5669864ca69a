import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { bundle } from "../bench/bundle.ts";
import { account } from "./ledger.ts";
import { burstPlan } from "./plan.ts";
import { runProgram } from "./program.ts";
import { showProgress } from "./progress.ts";
import { callsOf, count, percentile, seconds } from "./report.ts";
import { play, type Run, type Scene } from "./run.ts";

/** 10,000 launches in a minute, against the request limits that EC2 documents; beside the same burst audited call by call. */
const BURST = 10_000;

/** The figures of one run. */
interface Row {
  readonly name: string;
  readonly run: Run;
}

async function main(): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), "ec2-audit-burst-"));
  try {
    const plan = burstPlan(BURST);
    const ours = { plan, file: resolve("dist/audit.js"), subscribes: "itself", stage: "request limits" } as const;
    const plain = { ...ours, file: await bundle("plain-sdk", folder), subscribes: "by an operator" } as const;
    const scenes: readonly (readonly [string, Scene])[] = [
      ["ours, SQS to Lambda", { ...ours, face: "lambda" }],
      ["ours, SNS to webtask", { ...ours, face: "webtask" }],
      ["one call per event, SNS to webtask", { ...plain, face: "webtask" }],
    ];
    const rows: Row[] = [];
    for (const [name, scene] of scenes) rows.push({ name, run: await play(scene, showProgress(name)) });
    console.log(tableOf(rows));
    return rows.slice(0, 2).every(({ run }) => account(run.records).closes) ? 0 : 1;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function tableOf(rows: readonly Row[]): string {
  const lines = rows.map(({ name, run }) => {
    const { delays, lost, duplicates, unexplained } = account(run.records);
    const again = [...duplicates.values()].reduce((sum, many) => sum + many, unexplained.length);
    const cells = [
      name,
      count(callsOf(run, "ec2:")),
      count(run.throttled),
      count(run.records.alerts.length),
      seconds(percentile(delays, 0.5)),
      seconds(Math.max(...delays)),
      count(lost.length),
      count(again),
    ];
    return `| ${cells.join(" | ")} |`;
  });
  return [
    "| | EC2 calls | throttled | alert messages | launch to alert: median | the last | lost | again |",
    "|---|---:|---:|---:|---:|---:|---:|---:|",
    ...lines,
  ].join("\n");
}

runProgram(main);
