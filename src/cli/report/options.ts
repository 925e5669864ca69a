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

/** The options whose value is a name. */
const NAMES = [
  ["from", "--from", "a .jsonl file"],
  ["since", "--since", "a .jsonl file"],
  ["ownerTag", "--owner-tag", "the key of a tag"],
  ["serviceTag", "--service-tag", "the key of a tag"],
] as const;

/** Throws CliError for an option that is empty, as an unset variable of a shell leaves it, and for a role without other accounts. */
export function checkOptions(options: ReportOptions): void {
  for (const [name, option, shape] of NAMES) {
    if (options[name]?.trim() === "") throw new CliError(`${option} is empty`, `Give ${option} ${shape}.`);
  }
  if (options.out?.some((name) => name.trim() === "")) throw new CliError("--out is empty", "Give --out a file.");
  if (options.role === undefined || options.accounts !== undefined || options.organization) return;
  throw new CliError(
    "--role is for other accounts, and none is given",
    "Give --accounts or --organization too. Your own account is read with your own credentials.",
  );
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
