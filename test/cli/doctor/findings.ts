import type { Check } from "../../../src/cli/doctor/check.ts";
import type { Ran } from "../run.ts";

/** The exit code of `doctor --json`, and one line for each check that is neither ok nor skipped. */
export type Diagnosis = readonly [code: number, ...findings: string[]];

/** Reads the diagnosis from the output of `doctor --json`. */
export function diagnosisIn({ code, out }: Ran): Diagnosis {
  const { checks }: { readonly checks: readonly Check[] } = JSON.parse(out);
  const findings = checks.filter(({ state }) => state !== "ok" && state !== "skipped");
  return [code, ...findings.map(({ state, group, name, message }) => `${state}: ${group}: ${name}: ${message}`)];
}
