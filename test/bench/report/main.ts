import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { timeUntilUsable } from "../../support/browser.ts";
import { expectedOf, FLEET_ACCOUNTS, FLEET_POLICY, FLEET_REGIONS } from "../../support/sized-fleet.ts";
import { bundle } from "../bundle.ts";
import { median } from "../processes.ts";
import { print, type Row } from "../table.ts";
import { type FleetServer, run, startFleet, type Usage } from "./processes.ts";

/**
 * The benchmark of `ec2-audit report` (npm run bench:report): fleets over 8 regions and 3 accounts in the embedded AWS, every tenth
 * instance violating, read by the built command into a file of each format, and by the plain SDK without judging. With `-- --million`
 * also a million instances, which takes minutes; with `-- --json` as JSON; `-- --sizes 1000,10000` chooses the fleets.
 */
const MILLION = 1_000_000;
/** The fleet that the targets are for. */
const TARGETED = 100_000;
const ROLE = "ec2-audit-read";
const FORMATS = ["fleet.jsonl", "fleet.csv", "fleet.ocsf.jsonl", "fleet.md", "fleet.html"];
const COMMAND = "dist/ec2-audit.mjs";

const note = (text: string) => console.error(text);

/** A fleet, as it was read: the median of the rounds. */
interface Measured {
  readonly instances: number;
  readonly pages: number;
  readonly ours: readonly Usage[];
  readonly plain: readonly Usage[];
  /** The calls of one round of ours. */
  readonly calls: Readonly<Record<string, number>>;
  /** The problems of the report's counts; none if they are exactly those of the fleet. */
  readonly problems: readonly string[];
  readonly htmlBytes: number;
  /** From the opening of the page in a browser until its table can be used; null without a browser. */
  readonly usableMs: number | null;
}

function sizesOf(args: readonly string[]): number[] {
  const chosen = args[args.indexOf("--sizes") + 1];
  if (args.includes("--sizes") && chosen !== undefined) return chosen.split(",").map(Number);
  return [1_000, 10_000, TARGETED, ...(args.includes("--million") ? [MILLION] : [])];
}

async function measure(instances: number, baseline: string, folder: string): Promise<Measured> {
  const fleet = await startFleet(instances);
  const env = {
    AWS_ENDPOINT_URL: fleet.endpoint,
    AWS_REGION: "us-east-1",
    AWS_ACCESS_KEY_ID: "operator",
    AWS_SECRET_ACCESS_KEY: "secret",
    ACCOUNTS: FLEET_ACCOUNTS.join(),
    REGIONS: FLEET_REGIONS.join(),
    ROLE,
    NODE_NO_WARNINGS: "1",
  };
  const report = [
    ...[COMMAND, "report", "--json", "--policy", join(folder, "policy.json"), "--role", ROLE],
    ...["--accounts", FLEET_ACCOUNTS.join(), "--regions", FLEET_REGIONS.join()],
    ...FORMATS.flatMap((file) => ["--out", join(folder, file)]),
  ];
  const measured = join(folder, "measured.json");
  const ours: Usage[] = [];
  const plain: Usage[] = [];
  let calls: Measured["calls"] = {};
  for (let round = 0; round < (instances < TARGETED ? 3 : 1); round += 1) {
    plain.push(await run([baseline], { env, measured, codes: [0] }));
    await fleet.calls();
    ours.push(await run(report, { env, measured, codes: [1] }));
    calls = await fleet.calls();
  }
  const expected = expectedOf(fleet.places);
  if (plain.some(({ out }) => Number(out) !== instances))
    throw new Error(`the baseline read ${plain[0]?.out} instances`);
  fleet.stop();
  return {
    instances,
    pages: fleet.places.reduce((sum, { pages }) => sum + pages, 0),
    ours,
    plain,
    calls,
    problems: problemsOf(ours.at(-1)?.out ?? "", expected, fleet.places),
    htmlBytes: statSync(join(folder, "fleet.html")).size,
    usableMs: await timeUntilUsable(join(folder, "fleet.html")),
  };
}

/** Compares the counts of the report with those of the fleet. */
function problemsOf(out: string, expected: ReturnType<typeof expectedOf>, places: FleetServer["places"]): string[] {
  const report = JSON.parse(out);
  const found: string[] = [];
  const compare = (what: string, actual: unknown, wanted: unknown) => {
    if (actual !== wanted) found.push(`${what}: ${actual} instead of ${wanted}`);
  };
  for (const key of ["instances", "violating", "findings"] as const) compare(key, report[key], expected[key]);
  compare("compliant", report.compliant, expected.instances - expected.violating);
  compare("notJudged", report.notJudged, 0);
  for (const { account, region, instances } of places) {
    const place = report.places.find(
      (each: { account: string; region: string }) => each.account === account && each.region === region,
    );
    compare(`${account} ${region} status`, place?.status, "complete");
    compare(`${account} ${region} instances`, place?.instances, instances);
  }
  return found;
}

/** Returns the rows of a fleet. Targets are set for 100,000 instances; the peak of memory also for a million. */
function rowsOf({ instances, pages, ours, plain, calls, problems, htmlBytes, usableMs }: Measured): Row[] {
  const isTarget = instances === TARGETED;
  const of = (usages: readonly Usage[], key: "seconds" | "cpuMs" | "peakMiB") =>
    median(usages.map((usage) => usage[key]));
  const ratio = (key: "seconds" | "cpuMs" | "peakMiB") => of(ours, key) / of(plain, key);
  const row = (what: string, key: "seconds" | "cpuMs" | "peakMiB", show: (value: number) => string) => ({
    what: `${instances.toLocaleString("en")} instances: ${what}`,
    ours: show(of(ours, key)),
    baseline: `${show(of(plain, key))} plain SDK v3`,
    ratio: ratio(key),
  });
  const seconds = (value: number) => `${value.toFixed(1)} s`;
  // DescribeRegions finds the places; the other calls of EC2 read them.
  const reading = Object.entries(calls)
    .filter(([action]) => action.startsWith("ec2:") && action !== "ec2:DescribeRegions")
    .reduce((sum, [, count]) => sum + count, 0);
  const excess = reading / pages - 1;
  const untargeted = { target: "", met: null };
  const target = (text: string, met: boolean, isSet = isTarget) => (isSet ? { target: text, met } : untargeted);
  const [peak, megabytes] = [of(ours, "peakMiB"), htmlBytes / 1e6];
  const others = Object.entries(calls).filter(
    ([action]) => !action.startsWith("ec2:Describe") || action === "ec2:DescribeRegions",
  );
  return [
    { ...row("time", "seconds", seconds), ...untargeted },
    { ...row("CPU", "cpuMs", (ms) => seconds(ms / 1000)), ...target("≤ 1.5 ×", ratio("cpuMs") <= 1.5) },
    {
      ...row("peak of memory", "peakMiB", (value) => `${value.toFixed(0)} MiB`),
      ...target("≤ 250 MiB", peak <= 250, instances >= TARGETED),
    },
    {
      what: `  calls that read instances (and ${others.map(([action, count]) => `${count} ${action}`).join(", ")})`,
      ours: reading.toLocaleString("en"),
      baseline: `${pages.toLocaleString("en")} pages`,
      ratio: reading / pages,
      ...target("≤ 1.01 ×", excess <= 0.01),
    },
    {
      what: "  size of the page",
      ours: `${megabytes.toFixed(2)} MB`,
      baseline: "",
      ratio: null,
      ...target("≤ 4 MB", megabytes <= 4),
    },
    ...(usableMs === null
      ? []
      : [
          {
            what: "  time until the page is usable, in Chromium",
            ours: `${(usableMs / 1000).toFixed(2)} s`,
            baseline: "",
            ratio: null,
            ...target("≤ 1.5 s", usableMs <= 1500),
          },
        ]),
    {
      what: `  counts are those of the fleet${problems.map((problem) => `; ${problem}`).join("")}`,
      ours: problems.length === 0 ? "yes" : "no",
      baseline: "",
      ratio: null,
      target: "yes",
      met: problems.length === 0,
    },
  ];
}

async function main(): Promise<void> {
  const args = process.argv.slice(2);
  const folder = mkdtempSync(join(tmpdir(), "ec2-audit-bench-report-"));
  try {
    writeFileSync(join(folder, "policy.json"), JSON.stringify(FLEET_POLICY));
    const baseline = await bundle("read-fleet", folder);
    const rows: Row[] = [];
    for (const size of sizesOf(args)) {
      note(`reading ${size.toLocaleString("en")} instances ...`);
      rows.push(...rowsOf(await measure(size, baseline, folder)));
    }
    if (args.includes("--json")) console.log(JSON.stringify({ node: process.version, rows }, null, 2));
    else print(rows);
    process.exitCode = rows.some(({ met }) => met === false) ? 1 : 0;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

main().catch((error: unknown) => {
  console.error(error);
  process.exit(2);
});
