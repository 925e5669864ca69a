import type { FactName } from "../facts/facts.ts";
import { ACTIONS, factsFor } from "../facts/plan.ts";
import { forLaunches, needsOf, type Policy } from "../policy/policy.ts";
import { needImage } from "../policy/routes.ts";
import { escapeUnseen } from "../util/json.ts";
import { buildMarkOf, markBuild, UNMARKED } from "./build-mark.ts";
import type { Cli } from "./cli.ts";
import { readTextFile } from "./text-file.ts";

/** A policy file, and its text. */
export interface PolicyFile {
  readonly file: string;
  readonly text: string;
}

/** How to fix a policy file that cannot be read. */
export const POLICY_HINT = "Specify a file that contains a policy as JSON.";

/** Returns the text of a policy file, relative to the operator's folder. Throws CliError if it cannot be read. */
export function readPolicyFile(cli: Pick<Cli, "folder">, file: string): string {
  return readTextFile(cli, file, POLICY_HINT);
}

/**
 * Returns the function's file with a policy in it, and with the build mark of the result. The policy becomes the default of
 * AUDIT_POLICY, so that no limit of secrets or of Lambda's environment (4 KB) applies. Takes the policy as JSON.
 * https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
 */
export function withPolicy(code: string, policy: string): string {
  const text = JSON.stringify(JSON.parse(policy));
  const line = `\nprocess.env.AUDIT_POLICY ??= ${escapeUnseen(JSON.stringify(text))};\n`;
  const mark = buildMarkOf(code);
  return mark === null ? code + line : markBuild(code.replaceAll(mark, UNMARKED) + line);
}

/** Returns the facts that the function reads for a policy: for its rules, and for the routes of their findings. */
export function launchFacts(policy: Policy): readonly FactName[] {
  const facts = factsFor(needsOf(forLaunches(policy)));
  return needImage(policy.routes) && !facts.includes("image") ? [...facts, "image"] : facts;
}

/** Returns the EC2 actions that the function calls at launches for a policy. */
export function launchActions(policy: Policy): readonly string[] {
  return launchFacts(policy).map((name) => ACTIONS[name]);
}

/**
 * Returns the EC2 actions that the function calls for a policy. A sweep also judges the rules in report mode, reads the regions of
 * each account, and confirms with DescribeTags that the instances of a region have no tags at all.
 */
export function functionActions(policy: Policy, sweeps: boolean): readonly string[] {
  if (!sweeps) return launchActions(policy);
  const names = new Set<FactName>(["tags", ...launchFacts(policy), ...factsFor(needsOf(policy))]);
  return [...[...names].map((name) => ACTIONS[name]), "ec2:DescribeRegions"];
}

/** Returns the ARNs of the topics of a policy's routes, each once. */
export function routeTopics({ routes }: Pick<Policy, "routes">): readonly string[] {
  return [...new Set(routes.map(({ topic }) => topic.arn))];
}
