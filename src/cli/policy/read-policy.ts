import { type Policy, type PolicyReading, parsePolicy, sayProblem } from "../../policy/policy.ts";
import type { PolicyProblem } from "../../policy/settings.ts";
import { escapeUnseen } from "../../util/json.ts";
import type { Cli } from "../cli.ts";
import { CliError } from "../cli-error.ts";
import { POLICY_HINT } from "../policy-file.ts";
import { readTextOf } from "../text-file.ts";

/** Returns the text of a policy's file, or of standard input for "-". Throws CliError if it cannot be read. */
export function readPolicyText(cli: Cli, file: string): Promise<string> {
  return readTextOf(cli, file, POLICY_HINT);
}

/** Returns the policy of a file. Throws CliError with all problems of the policy, and with what was found there. */
export async function readPolicy(cli: Cli, file: string): Promise<Policy> {
  return policyIn(file, parsePolicy(await readPolicyText(cli, file)));
}

/** Returns the policy of a reading. Throws CliError with all its problems. `name` is the source of the policy. */
export function policyIn(name: string, reading: PolicyReading): Policy {
  if ("policy" in reading) return reading.policy;
  const lines = problemLines(reading.problems);
  const list = lines.length === 1 ? ` ${lines.join("")}` : `\n${lines.map((line) => `  ${line}`).join("\n")}`;
  throw new CliError(
    `${name} is not a policy:${list}`,
    "ec2-audit policy docs describes each rule kind and its settings.",
  );
}

/** Returns problems of a policy for the operator: a line for each, with what was found there. */
export function problemLines(problems: readonly PolicyProblem[]): string[] {
  return problems.map((problem) => {
    const found = problem.found === null ? "" : ` (found: ${problem.found})`;
    return escapeUnseen(`${sayProblem(problem)}${found}`);
  });
}
