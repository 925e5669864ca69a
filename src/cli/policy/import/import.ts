import type { Cli, CommonOptions } from "../../cli.ts";
import { CliError } from "../../cli-error.ts";
import { readTextOf } from "../../text-file.ts";
import type { Imported, Remark } from "./imported.ts";
import { printPolicy } from "./print.ts";
import { importDocument } from "./recognise.ts";

/** The options of the command. */
interface ImportOptions extends CommonOptions {
  readonly effective?: true;
  readonly json?: true;
}

const HINT = "Specify a file with a tag policy, AWS Config rules or Cloud Custodian policies.";

/**
 * Runs `ec2-audit policy import`: prints the policy of a document on standard output, and what of the document is not in it on
 * standard error. Throws CliError for a usage error, a file that cannot be read, and a document without a policy.
 */
export async function importPolicy(cli: Cli, file: string | undefined, options: ImportOptions): Promise<void> {
  const { terminal } = cli;
  const { json } = options;
  const { name, text } = await readSource(cli, file, options);
  const imported = importDocument(name, text);
  const { rules, notImported, notes } = imported;
  const policy = { version: 1, rules };
  terminal.out(json ? JSON.stringify({ policy, notImported, notes }, null, 2) : printPolicy(policy));
  if (!json) for (const line of remarkLines(imported, terminal.colours)) terminal.err(line);
  cli.finish(notImported.length > 0 ? 1 : 0);
}

/** Returns the document of the file, or the effective tag policy from AWS. */
async function readSource(cli: Cli, file: string | undefined, options: ImportOptions) {
  if (options.effective) {
    if (file !== undefined) throw new CliError("--effective takes no file", "Specify a file or --effective, not both.");
    const [{ connect }, { readEffectiveTagPolicy }] = await Promise.all([
      import("../../aws.ts"),
      import("./effective-tag-policy.ts"),
    ]);
    const { organizations } = await connect(cli, options);
    return { name: "the effective tag policy", text: await readEffectiveTagPolicy(organizations) };
  }
  if (file === undefined) throw new CliError("no file", `${HINT} Or use --effective.`);
  return { name: file === "-" ? "standard input" : file, text: await readTextOf(cli, file, HINT) };
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
