import type { Aws } from "../aws.ts";
import { CliError } from "../cli-error.ts";
import type { NameOptions } from "../flags.ts";
import { type Installation, type InstallationNames, installationOf, namesOf } from "./plan.ts";

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

/** Checks that it can be an AUDIT_ROLE_NAME, with its path: of an ARN, the policy would be for no role. @throws CliError */
export function checkRoleName(name: string): void {
  if (/^[\w+=,.@/-]+$/.test(name)) return;
  throw new CliError("--audit-role is not the name of an IAM role", "A name, or path/name; not an ARN.");
}
