import { Command, Option } from "commander";
import type { Cli } from "../cli.ts";
import { NAMES } from "../names.ts";

const HELP = `
Moves the alias "live" to the newest earlier version, with its code and
settings, within seconds. Topics, rules and queues do not change. While a
deployment is in progress the command fails: cancel the deployment instead, with
aws cloudformation cancel-update-stack, which restores the state before it.
(--function skips this check.) The earlier version may be one whose deployment
failed: --list prints all versions, and --to chooses one.

CloudFormation does not see the rollback: deploying the same code and settings
again changes nothing, and the alias stays.

Examples:
  $ ec2-audit rollback lambda --list
  $ ec2-audit rollback lambda
  $ ec2-audit rollback lambda --to 7 --yes

To remove the whole installation, with its topics, queues and their messages:
  aws cloudformation delete-stack --stack-name NAME --region R
The bucket with the uploaded code stays.

Required permissions:
  sts             GetCallerIdentity
  cloudformation  DescribeStacks (not with --function)
  lambda          ListVersionsByFunction, GetAlias, UpdateAlias

Exit codes: 0 success; 1 declined; 2 usage error or failure.`;

/** Returns the command `ec2-audit rollback lambda`. */
export function rollbackLambdaCommand(cli: Cli): Command {
  return new Command("lambda")
    .description("roll back the function on AWS Lambda to an earlier version")
    .addOption(new Option("--stack <name>", "stack of the function").default(NAMES.stack, NAMES.stack))
    .option("--function <name>", "function name (default: the stack's function)")
    .option("--to <version>", "version to roll back to (default: the newest earlier one)")
    .option("--list", "print the versions")
    .option("--yes", "do not ask for confirmation")
    .option("--dry-run", "print the change without making it")
    .option("--json", "print the result as JSON")
    .addHelpText("after", HELP)
    .action(async (_: unknown, command: Command) => {
      const { rollbackLambda } = await import("../lambda/rollback.ts");
      await rollbackLambda(cli, command.optsWithGlobals());
    });
}
