import { Command } from "commander";
import type { Cli } from "../cli.ts";

const HELP = `
In this order: the secrets are gathered and validated; in a clone the types are
checked and the file is built; wt-cli uploads the file with the secrets; the
function is asked for its health. When it is not well, the last deployment that
was well is put back. The last ten files are kept in .ec2-audit, for
ec2-audit rollback webtask.

wt.config.json says what is deployed, and where the secrets are: by default in
.env, then in the environment. It takes wt-cli (npm install -g wt-cli) and an
account on a webtask cluster (wt init). --wt-profile names wt-cli's profile;
--profile and --region are not used here.

Example, with the keys of the function's own AWS user:
  $ cat .env
  AWS_REGION=us-east-1
  AWS_ACCESS_KEY_ID=AKIA...
  AWS_SECRET_ACCESS_KEY=...
  ALERT_TOPIC_ARN=arn:aws:sns:us-east-1:123456789012:ec2_audit_alert
  $ ec2-audit deploy webtask --dry-run    what would be deployed, which secrets
  $ ec2-audit deploy webtask

Exit codes: 0 deployed and well (or --dry-run: nothing is wrong), 2 used
wrongly, failed, or the function is not known to be well.`;

/** `ec2-audit deploy webtask`. */
export function deployWebtaskCommand(cli: Cli): Command {
  return new Command("webtask")
    .description("deploy the function to webtask, with its secrets, and look how it is")
    .option("--config <file>", "what to deploy (default: wt.config.json)")
    .option("--secrets-file <file>", "a file of KEY=value lines, before all other sources of secrets")
    .option("--wt-profile <name>", "profile of wt-cli (default: its only one, or the one named default)")
    .option("--dry-run", "say what would be deployed, and upload nothing")
    .option("--json", "print the result as JSON")
    .addHelpText("after", HELP)
    .action(async (_: unknown, command: Command) => {
      const { deployWebtask } = await import("../webtask/deploy.ts");
      await deployWebtask(cli, command.opts());
    });
}
