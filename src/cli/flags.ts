import { type Command, Option } from "commander";
import type { Aws } from "./aws.ts";
import type { CommonOptions } from "./cli.ts";
import { NAMES } from "./names.ts";

/** The options that name the parts of an installation. */
export interface NameOptions extends CommonOptions {
  readonly launchTopic?: string;
  readonly alertTopic?: string;
  readonly rule?: string;
  readonly deadLetterQueue?: string;
}

/** Adds the options of `NameOptions` to a command, and returns the command. */
export function addNameOptions(command: Command): Command {
  return command
    .option("--launch-topic <name>", `launch topic (default: ${NAMES.launchTopic})`)
    .option("--alert-topic <name>", `alert topic (default: ${NAMES.alertTopic})`)
    .option("--rule <name>", `launch rule (default: ${NAMES.rule})`)
    .option("--dead-letter-queue <name>", `dead-letter queue (default: ${NAMES.deadLetterQueue})`);
}

/** Adds the options of `PolicyOptions` to a command, and returns the command. */
export function addPolicyOptions(command: Command): Command {
  const requiredTags = "comma-separated tag keys, instead of the function's policy";
  return command
    .addOption(new Option("--required-tags <keys>", requiredTags).conflicts("policy"))
    .option("--policy <file>", "file with a policy as JSON, instead of the function's policy")
    .option("--config <file>", "the wt.config.json that names the file of the function's settings")
    .option("--secrets-file <file>", "file with the function's settings, as KEY=value lines");
}

/** Parses an option that can be repeated: returns the values before this one, and this one. */
export function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}

/** Returns the given options as flags for the next command, such as " --region eu-west-1". */
export function flagsFrom(options: NameOptions): string {
  const given = [
    ["--profile", options.profile],
    ["--region", options.region],
    ["--launch-topic", options.launchTopic],
    ["--alert-topic", options.alertTopic],
    ["--rule", options.rule],
    ["--dead-letter-queue", options.deadLetterQueue],
  ];
  return given.map(([flag, value]) => (value === undefined ? "" : ` ${flag} ${value}`)).join("");
}

/** Returns the flags for region and profile of an AWS CLI command, such as " --region eu-west-1 --profile ops". */
export function regionFlags({ profile }: CommonOptions, { region }: Pick<Aws, "region">): string {
  return ` --region ${region}${profile ? ` --profile ${profile}` : ""}`;
}
