import { partitionOf } from "../aws/regions.ts";
import { KEYS, type Key, readConfig, type Settings } from "../config.ts";
import { type Policy, parsePolicy, policyOfTags } from "../policy/policy.ts";
import type { Cli } from "./cli.ts";
import { CliError } from "./cli-error.ts";
import { gatherFunctionSettings, type SettingsOptions } from "./function-settings.ts";
import { policyIn } from "./policy/read-policy.ts";
import { readPolicyFile } from "./policy-file.ts";

/** The operator's options for the policy. */
export interface PolicyOptions extends SettingsOptions {
  readonly requiredTags?: string;
  readonly policy?: string;
}

/** Returns the policy of the options, else that of the function. Throws CliError with all problems of the policy. */
export function policyFor(cli: Cli, region: string, options: PolicyOptions): Policy {
  const { requiredTags, policy } = options;
  if (policy !== undefined) return policyIn(policy, parsePolicy(readPolicyFile(cli, policy)));
  if (requiredTags !== undefined) return policyIn("--required-tags", policyOfTags(requiredTags));
  const { settings, nameOf } = policySettings(cli, options);
  // The policy is read as the function reads it. The other settings are not used.
  const reading = readConfig({
    ...settings,
    AWS_REGION: region,
    AWS_ACCESS_KEY_ID: "unused",
    AWS_SECRET_ACCESS_KEY: "unused",
    ALERT_TOPIC_ARN: `arn:${partitionOf(region).name}:sns:${region}:000000000000:unused`,
  });
  if ("config" in reading) return reading.config.policy;
  const problems = reading.problems.map(({ key, problem }) => `${nameOf(key)} ${problem}`);
  throw new CliError(
    problems.join("\n"),
    "docs/configuration.md describes both forms: a list of tag keys, and a policy as JSON (--policy FILE).",
  );
}

/** The settings of the policy. */
interface PolicySettings {
  readonly settings: Settings;
  /** Returns how the operator gave a setting. */
  nameOf(key: Key): string;
}

function policySettings(cli: Cli, options: SettingsOptions): PolicySettings {
  const { settings, from } = gatherFunctionSettings(cli, options);
  const ofPolicy = KEYS.filter((key) => key === "REQUIRED_TAGS" || key === "AUDIT_POLICY");
  const own: Settings = Object.fromEntries(ofPolicy.flatMap((key) => (settings[key] ? [[key, settings[key]]] : [])));
  return { settings: own, nameOf: (key) => `${key} (from ${from[key]})` };
}
