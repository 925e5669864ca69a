import type { Cli, CommonOptions } from "../../cli.ts";
import { readTextOf } from "../../text-file.ts";
import type { Imported, Remark } from "./imported.ts";
import { printPolicy } from "./print.ts";
import { importDocument } from "./recognise.ts";

/** The options of the command. */
interface ImportOptions extends CommonOptions {
  readonly json?: true;
}

const HINT = "Specify a file with a tag policy, AWS Config rules or Cloud Custodian policies.";

/**
 * Runs `ec2-audit policy import`: prints the policy of a document on standard output, and what of the document is not in it on
 * standard error. Throws CliError for a file that cannot be read or has no policy.
 */
export async function importPolicy(cli: Cli, file: string, { json }: ImportOptions): Promise<void> {
  const { terminal } = cli;
  const text = await readTextOf(cli, file, HINT);
  const imported = importDocument(file === "-" ? "standard input" : file, text);
  const { rules, notImported, notes } = imported;
  const policy = { version: 1, rules };
  terminal.out(json ? JSON.stringify({ policy, notImported, notes }, null, 2) : printPolicy(policy));
  if (!json) for (const line of remarkLines(imported, terminal.colours)) terminal.err(line);
  cli.finish(notImported.length > 0 ? 1 : 0);
}

function remarkLines({ rules, notImported, notes }: Imported, colours: Cli["terminal"]["colours"]): string[] {
  const lines = (remarks: readonly Remark[]) =>
    remarks.flatMap(({ path, line, what, why }) => {
      const place = [line === undefined ? "" : `line ${line}`, path].filter(Boolean).join(", ");
      return [`  ${place === "" ? what : `${place}: ${what}`}`, `      ${why}`];
    });
  const count = rules.length === 1 ? "1 rule" : `${rules.length} rules`;
  return [
    ...(notes.length > 0 ? [colours.yellow("Notes:"), ...lines(notes)] : []),
    ...(notImported.length > 0 ? [colours.red("Not imported:"), ...lines(notImported)] : []),
    `${rules.length === 0 ? "No rule" : count} imported; ${notImported.length} not imported.`,
  ];
}
