import { Command } from "commander";
import type { Cli } from "../cli.ts";

const HELP = `
The code goes back, and the secrets do not: they are never kept, and the older
code gets those of now. Only deployments that were made from this folder are
known, for each --wt-profile its own; their files are in .ec2-audit.
--wt-profile names wt-cli's profile; --profile and --region are not used here.

Examples:
  $ ec2-audit rollback webtask --list
  $ ec2-audit rollback webtask             to the last that was well before
  $ ec2-audit rollback webtask --to 3      to deployment 3, or by its sha256

Exit codes: 0 put back and well, 1 you said no, 2 used wrongly, failed, or the
function is not known to be well.`;

/** `ec2-audit rollback webtask`. */
export function rollbackWebtaskCommand(cli: Cli): Command {
  return new Command("webtask")
    .description("put an older deployment of the function back on webtask, and look how it is")
    .option("--to <deployment>", "its number, or the beginning of its sha256 (default: the last that was well)")
    .option("--list", "show the deployments that are kept, and change nothing")
    .option("--yes", "do not ask")
    .option("--config <file>", "what is deployed (default: wt.config.json)")
    .option("--secrets-file <file>", "a file of KEY=value lines, before all other sources of secrets")
    .option("--wt-profile <name>", "profile of wt-cli (default: its only one, or the one named default)")
    .option("--json", "print the result as JSON")
    .addHelpText("after", HELP)
    .action(async (_: unknown, command: Command) => {
      const { rollbackWebtask } = await import("../webtask/rollback.ts");
      await rollbackWebtask(cli, command.opts());
    });
}
