import { Command } from "commander";
import type { Cli } from "../cli.ts";

const HELP = `
Restores the code, not the secrets: the earlier code gets the current secrets,
because secrets are never kept. Deployments are recorded in .ec2-audit
of this folder, for each --wt-profile separately.
--wt-profile names a profile of wt-cli; --profile and --region are not used.

Examples:
  $ ec2-audit rollback webtask --list
  $ ec2-audit rollback webtask
      to the newest earlier deployment that was healthy and has different code
  $ ec2-audit rollback webtask --to 3
      to deployment 3

Exit codes: 0 success; 1 declined; 2 usage error, failure, or a function that is
unhealthy or whose health is unknown.`;

/** Returns the command `ec2-audit rollback webtask`. */
export function rollbackWebtaskCommand(cli: Cli): Command {
  return new Command("webtask")
    .description("roll back the function on webtask to an earlier deployment, and check its health")
    .option(
      "--to <deployment>",
      "number, or beginning of the sha256 (default: the newest earlier deployment that was healthy and has different code)",
    )
    .option("--list", "print the recorded deployments")
    .option("--yes", "do not ask for confirmation")
    .option("--config <file>", "configuration file (default: wt.config.json)")
    .option("--secrets-file <file>", "file with the function's settings, as KEY=value lines")
    .option("--wt-profile <name>", "profile of wt-cli (default: wt-cli's default profile)")
    .option("--json", "print the result as JSON")
    .addHelpText("after", HELP)
    .action(async (_: unknown, command: Command) => {
      const { rollbackWebtask } = await import("../webtask/rollback.ts");
      await rollbackWebtask(cli, command.opts());
    });
}
