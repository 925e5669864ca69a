import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach } from "vitest";
import type { Check } from "../../../src/cli/doctor/check.ts";
import { aws, click, run, startFunction } from "../installed.ts";
import type { Run } from "../run.ts";

/** An installation that is well, for the doctor to examine: the function is called, and somebody is told. */

/** What IAM says of the function's user, when it has the least that it needs. */
export const FUNCTION_USER = "arn:aws:iam::123456789012:user/function";
const NOT_NEEDED = ["ec2:TerminateInstances", "ec2:RunInstances", "iam:CreateUser"];

/** The folder of the operator, with the function's settings in .env; the URL of the function; what it runs with. */
export let folder: string;
export let url: string;
export let settings: Record<string, string>;

/** Gives each test of the file an installation of its own; the file uses the empty AWS too, before it. */
export function useInstallation(): void {
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "ec2-audit-doctor-"));
    ({ url, settings } = await startFunction());
    setUp(settings);
    for (const action of NOT_NEEDED) aws.deny(action, "*", { principal: FUNCTION_USER });
    await run(`setup --email team@example.com --url ${url}`);
    await click("team@example.com");
    await aws.idle();
  });
  afterEach(() => rmSync(folder, { recursive: true }));
}

/** Writes the function's settings for the operator to have. */
export function setUp(values: Readonly<Record<string, string>>): void {
  writeFileSync(
    join(folder, ".env"),
    Object.entries(values)
      .map(([key, value]) => `${key}=${value}\n`)
      .join(""),
  );
}

/** What the doctor says, as text. */
export function doctor(line = "", more: Run = {}) {
  return run(`doctor ${line}`.trim(), { folder, ...more });
}

/** How the doctor ended, and what it says is neither right nor left out, a line each. */
export async function diagnosis(line = "", more: Run = {}): Promise<readonly [code: number, ...findings: string[]]> {
  const { code, out } = await doctor(`--json ${line}`.trim(), more);
  const { checks }: { readonly checks: readonly Check[] } = JSON.parse(out);
  const findings = checks.filter(({ state }) => state !== "ok" && state !== "skipped");
  return [code, ...findings.map(({ state, group, name, message }) => `${state}: ${group}: ${name}: ${message}`)];
}
