import { isAccountId, isRegion } from "../../aws/regions.ts";
import { quote } from "../../util/json.ts";
import type { CommonOptions } from "../cli.ts";
import { CliError } from "../cli-error.ts";
import type { PolicyOptions } from "../policy-options.ts";

/** The options of `ec2-audit report`. */
export interface ReportOptions extends CommonOptions, PolicyOptions {
  readonly out?: readonly string[];
  readonly since?: string;
  readonly from?: string;
  readonly regions?: string;
  readonly accounts?: string;
  readonly organization?: true;
  readonly role?: string;
  readonly ownerTag?: string;
  readonly serviceTag?: string;
  readonly json?: true;
}

/** Returns the regions of `--regions`; null for all enabled regions. Throws CliError for text that is not the name of a region. */
export function regionsOf({ regions = "all" }: ReportOptions): readonly string[] | null {
  if (regions === "all") return null;
  return listOf(regions, "--regions", "all, or region names such as us-east-1,eu-west-1", isRegion);
}

/** Returns the accounts of `--accounts`; null without it. Throws CliError for text that is not an account id. */
export function accountsOf({ accounts }: ReportOptions): readonly string[] | null {
  if (accounts === undefined) return null;
  return listOf(accounts, "--accounts", "account ids of 12 digits, such as 123456789012,210987654321", isAccountId);
}

function listOf(text: string, option: string, shape: string, isValid: (entry: string) => boolean): readonly string[] {
  const entries = text.split(",").map((entry) => entry.trim());
  const invalid = entries.find((entry) => !isValid(entry));
  if (invalid === undefined) return [...new Set(entries)];
  throw new CliError(`${option} has an entry that is not valid: ${quote(invalid)}`, `Give ${option} ${shape}.`);
}
