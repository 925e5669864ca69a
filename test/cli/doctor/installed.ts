import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach } from "vitest";
import { aws, click, run, startFunction, useEmptyAws, useSharedAws } from "../installed.ts";
import type { Run } from "../run.ts";
import { type Diagnosis, diagnosisIn } from "./findings.ts";

/** A healthy installation: the launch topic calls the function, and the alert topic has a confirmed recipient. */

/** The principal of the function's credentials. */
export const FUNCTION_USER = "arn:aws:iam::123456789012:user/function";
/** In the embedded AWS a user may call everything: these are denied, so that the function has no excess permissions. */
const NOT_NEEDED = ["ec2:TerminateInstances", "ec2:RunInstances", "iam:CreateUser"];

/** The operator's folder, with the function's settings in .env. */
export let folder: string;
/** The function's URL and the settings that it runs with. */
export let url: string;
export let settings: Record<string, string>;
let initial: Readonly<Record<string, string>>;
const undo: (() => void)[] = [];

/**
 * Sets up one installation for each test, or one for the file. In a file with one, a test may change the settings, and AWS with
 * `deny` and `aws.faults`; the rest of AWS it must leave as it is.
 */
export function useInstallation(scope: "test" | "file"): void {
  const [before, after] = scope === "test" ? [beforeEach, afterEach] : [beforeAll, afterAll];
  if (scope === "test") useEmptyAws();
  else useSharedAws();
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "ec2-audit-doctor-"));
    ({ url, settings } = await startFunction((line) => appendFileSync(functionLog(), `${line}\n`)));
    initial = { ...settings };
    for (const action of NOT_NEEDED) aws.deny(action, "*", { principal: FUNCTION_USER });
    await run(`setup --email team@example.com --url ${url}`);
    await click("team@example.com");
    await aws.idle();
  });
  after(() => rmSync(folder, { recursive: true }));
  beforeEach(() => setUp());
  afterEach(() => {
    aws.faults.clear();
    for (const each of undo.splice(0)) each();
    for (const key of Object.keys(settings)) delete settings[key];
    Object.assign(settings, initial);
  });
}

/** The file that the function writes its log to. */
export const functionLog = () => join(folder, "function.log");

/** Denies an action until the end of the test. */
export const deny: typeof aws.deny = (...args) => {
  const allow = aws.deny(...args);
  undo.push(allow);
  return allow;
};

/** Writes the operator's .env: the function's settings with these changes. */
export function setUp(changes: Readonly<Record<string, string>> = {}): void {
  const lines = Object.entries({ ...settings, ...changes }).map(([key, value]) => `${key}=${value}\n`);
  writeFileSync(join(folder, ".env"), lines.join(""));
}

/** Runs the doctor. */
export function doctor(line = "", more: Run = {}) {
  return run(`doctor ${line}`.trim(), { folder, ...more });
}

/** Runs the doctor and returns its diagnosis. */
export async function diagnosis(line = "", more: Run = {}): Promise<Diagnosis> {
  return diagnosisIn(await doctor(`--json ${line}`.trim(), more));
}
