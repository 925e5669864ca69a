import { Command } from "commander";
import type { Cli } from "../cli.ts";

const HELP = `
Validates the secrets, uploads the file and the secrets with wt-cli, and checks
the function's health. In a clone, checks the types and builds the file first.
When the function is unhealthy, rolls back to the newest earlier deployment
that was healthy and has different code. The last ten files are kept in
.ec2-audit, for ec2-audit rollback webtask.

wt.config.json names the file to deploy and the sources of the secrets: by
default .env, then the environment. The file of --secrets-file comes before
them. The command needs wt-cli (npm install -g wt-cli) and an account on a
webtask cluster (wt init). --wt-profile names a profile of wt-cli; --profile and
--region are not used.

Example, with the credentials of the function's own IAM user:
  $ cat .env
  AWS_REGION=us-east-1
  AWS_ACCESS_KEY_ID=AKIA...
  AWS_SECRET_ACCESS_KEY=...
  ALERT_TOPIC_ARN=arn:aws:sns:us-east-1:123456789012:ec2_audit_alert
  $ ec2-audit deploy webtask --dry-run    print the file and the secrets' names
  $ ec2-audit deploy webtask

Exit codes: 0 success; 2 usage error, failure, or a function that is unhealthy
or whose health is unknown.`;

/** Returns the command `ec2-audit deploy webtask`. */
export function deployWebtaskCommand(cli: Cli): Command {
  return new Command("webtask")
    .description("deploy the function and its secrets to webtask, and check its health")
    .option("--config <file>", "configuration file (default: wt.config.json)")
    .option("--secrets-file <file>", "file with the function's settings, as KEY=value lines")
    .option("--policy <file>", 'policy file, deployed in the code (default: "policy" in wt.config.json)')
    .option("--wt-profile <name>", "profile of wt-cli (default: wt-cli's default profile)")
    .option("--dry-run", "print the deployment without making it")
    .option("--json", "print the result as JSON")
    .addHelpText("after", HELP)
    .action(async (_: unknown, command: Command) => {
      const { deployWebtask } = await import("../webtask/deploy.ts");
      await deployWebtask(cli, command.opts());
    });
}
