import type { Command } from "commander";
import type { Aws } from "../aws.ts";
import { CliError, type CommonOptions } from "../cli.ts";
import { NAMES } from "../names.ts";
import { type Installation, type InstallationNames, installationOf, namesOf } from "./plan.ts";

/** The options that say how the parts of an installation are called. */
export interface NameOptions extends CommonOptions {
  readonly launchTopic?: string;
  readonly alertTopic?: string;
  readonly rule?: string;
  readonly deadLetterQueue?: string;
}

/** Gives a command the options of `NameOptions`, which are the same for all that deals with an installation. */
export function withNameOptions(command: Command): Command {
  const named = (flag: string, what: string, usual: string) =>
    command.option(`${flag} <name>`, `name of ${what} (default: ${usual})`);
  named("--launch-topic", "the SNS topic that launches come by", NAMES.launchTopic);
  named("--alert-topic", "the SNS topic that alerts go to", NAMES.alertTopic);
  named("--rule", "the EventBridge rule", NAMES.rule);
  named("--dead-letter-queue", "the SQS queue of what could not be delivered", NAMES.deadLetterQueue);
  return command;
}

/** Adds the value of an option that may be given several times to those before it. */
export function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}

/** Asks AWS which account it is. @throws CliError for a name that AWS does not take */
export async function findInstallation(aws: Aws, options: NameOptions): Promise<Installation> {
  const names: InstallationNames = namesOf(options);
  return installationOf(aws.region, (await aws.identity()).account, names);
}

/**
 * Checks the function's URL as SNS does.
 * @throws CliError for one that SNS cannot call
 */
export function checkUrl(url: string, emulated: boolean): string {
  const { protocol, hash } = URL.canParse(url) ? new URL(url) : { protocol: "", hash: "" };
  if (protocol === "http:" && !emulated) {
    throw new CliError(
      "--url is not an https:// URL",
      "Launches are signed, not encrypted: http:// is for an emulator, with AWS_ENDPOINT_URL.",
    );
  }
  if (!["https:", "http:"].includes(protocol) || hash !== "") {
    throw new CliError(
      "--url is not the URL of a function",
      "Such as https://wt-0123.run.webtask.io/ec2-audit, as deploy webtask prints it.",
    );
  }
  return url;
}

/** Checks that a URL that `checkUrl` has passed holds no user and no password. @throws CliError */
export function checkNoPassword(url: string): void {
  const { username, password } = new URL(url);
  if (username === "" && password === "") return;
  throw new CliError(
    "--url has a user or a password in it",
    "Leave them out: the function needs none, it goes by the signature of SNS.",
  );
}

/** Checks that it looks like an e-mail address. @throws CliError */
export function checkEmail(address: string): string {
  if (/^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(address)) return address;
  throw new CliError(`"${address}" is not an e-mail address`, "For several people, give --email several times.");
}

/** Checks that it can be an AUDIT_ROLE_NAME, with its path: of an ARN, the policy would be for no role. @throws CliError */
export function checkRoleName(name: string): void {
  if (/^[\w+=,.@/-]+$/.test(name)) return;
  throw new CliError("--audit-role is not the name of an IAM role", "A name, or path/name; not an ARN.");
}

/** The options of this kind that were given, as they are to be given again in the next command; starts with a space. */
export function repeatedFlags(options: NameOptions): string {
  const { profile, region, launchTopic, alertTopic, rule, deadLetterQueue } = options;
  const given = {
    "--profile": profile,
    "--region": region,
    "--launch-topic": launchTopic,
    "--alert-topic": alertTopic,
    "--rule": rule,
    "--dead-letter-queue": deadLetterQueue,
  };
  return Object.entries(given)
    .flatMap(([flag, value]) => (value === undefined ? [] : ` ${flag} ${value}`))
    .join("");
}
