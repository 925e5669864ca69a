import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach } from "vitest";
import type { Line } from "../../../src/cli/report/lines.ts";
import { type EmbeddedAws, startEmbeddedAws } from "../../../src/local/aws/index.ts";
import { operatorAt, type Ran, type Run, runCommand } from "../run.ts";

/** A fleet in the embedded AWS, and a folder for the operator's files. */

export const OWN = "123456789012";
export const MEMBER = "210987654321";
export const REGIONS = ["us-east-1", "eu-west-1", "us-west-2"] as const;

/** A policy with a rule on a tag and one on the key pair. */
export const POLICY = {
  rules: [
    { rule: "required-tags", tags: ["owner"], severity: "high" },
    { rule: "key-pair", none: true, mode: "report" },
  ],
};

export let aws: EmbeddedAws;
export let folder: string;

/** Starts an AWS with an organization of two accounts for each test of the file or block. */
export function useFleet(): void {
  beforeEach(async () => {
    aws = await startEmbeddedAws({ organization: { id: "o-exampleorgid", accounts: [OWN, MEMBER] } });
    folder = mkdtempSync(join(tmpdir(), "ec2-audit-report-"));
    writePolicy(POLICY);
  });
  afterEach(async () => {
    await aws.close();
    rmSync(folder, { recursive: true });
  });
}

export function writePolicy(policy: object): void {
  writeFileSync(join(folder, "policy.json"), JSON.stringify(policy));
}

/** Runs `ec2-audit report` with the policy of the folder, by default over three regions of the operator's account. */
export function report(args: readonly string[] = [], { env, ...run }: Run = {}): Promise<Ran> {
  const regions = args.includes("--regions") ? [] : ["--regions", REGIONS.join()];
  const from = args.includes("--from") ? [] : ["--policy", "policy.json", ...regions];
  return runCommand(["report", ...from, ...args], { folder, env: { ...operatorAt(aws.endpoint), ...env }, ...run });
}

/** Returns the document of `--json`. */
export function documentOf({ out }: Ran) {
  return JSON.parse(out) as {
    instances: number;
    compliant: number;
    violating: number;
    notJudged: number;
    findings: number;
    places: { account: string; region: string; status: string; instances: number; calls: number }[];
    since?: { new: number; resolved: number; open: number };
  };
}

/** Returns the lines of a type of a file of lines. */
export function linesIn<T extends Line["type"]>(file: string, type: T): Extract<Line, { type: T }>[] {
  return readFileSync(join(folder, file), "utf8")
    .trimEnd()
    .split("\n")
    .map((text): Line => JSON.parse(text))
    .filter((line): line is Extract<Line, { type: T }> => line.type === type);
}

/** Returns the names of the files in the folder. */
export function files(): string[] {
  return readdirSync(folder).sort();
}
