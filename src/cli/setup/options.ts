import type { Aws } from "../aws.ts";
import { CliError } from "../cli-error.ts";
import type { NameOptions } from "../flags.ts";
import { type Installation, type InstallationNames, installationOf, namesOf } from "./plan.ts";

/** Returns the installation of these names in the operator's account. Throws CliError for an invalid name, and what AWS throws. */
export async function findInstallation(aws: Aws, options: NameOptions): Promise<Installation> {
  const names: InstallationNames = namesOf(options);
  return installationOf(aws.region, (await aws.identity()).account, names);
}

/**
 * Returns the function's URL. `emulated`: AWS is an emulator, so http:// is allowed.
 * Throws CliError for a URL that SNS cannot call.
 */
export function checkUrl(url: string, emulated: boolean): string {
  const { protocol, hash } = URL.canParse(url) ? new URL(url) : { protocol: "", hash: "" };
  if (protocol === "http:" && !emulated) {
    throw new CliError(
      "--url must be an https:// URL",
      "http:// is allowed only with an emulator (AWS_ENDPOINT_URL): it does not encrypt launches.",
    );
  }
  if (!["https:", "http:"].includes(protocol) || hash !== "") {
    throw new CliError(
      "--url is not the URL of a function",
      "Example: https://wt-0123.run.webtask.io/ec2-audit, as deploy webtask prints it",
    );
  }
  return url;
}

/** Checks that a valid URL contains no user or password. Throws CliError if it does. */
export function checkNoPassword(url: string): void {
  const { username, password } = new URL(url);
  if (username === "" && password === "") return;
  throw new CliError(
    "--url must not contain a user or a password",
    "Omit them: the function verifies the signature of SNS instead.",
  );
}

/** Checks a value of AUDIT_ROLE_NAME: a role's name, with its path. Throws CliError for an ARN or an invalid name. */
export function checkRoleName(name: string): void {
  if (/^[\w+=,.@/-]+$/.test(name)) return;
  throw new CliError("--audit-role is not the name of an IAM role", "Use a name or path/name, not an ARN.");
}
