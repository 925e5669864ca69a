import { Command } from "commander";
import type { Cli } from "../cli.ts";
import { NAMES } from "../names.ts";

const HELP = `
Moves the alias "live" to the version before, with its code and its settings,
within seconds. Topics, rules and queues stay as they are. A deployment that is
still under way is not overtaken: it is called off with
aws cloudformation cancel-update-stack, which puts everything back. (With
--function nobody looks whether one is under way.) The version before may be one
whose deployment failed: --list shows them all, and --to takes another.

CloudFormation does not know of it: deploying the same code and settings once
more changes nothing, and the alias stays.

Examples:
  $ ec2-audit rollback lambda --list
  $ ec2-audit rollback lambda
  $ ec2-audit rollback lambda --to 7 --yes

To undo the whole installation, with its topics, queues and what is in them:
  aws cloudformation delete-stack --stack-name NAME --region R
The bucket with the uploaded code stays.

It calls, and needs for that:
  sts             GetCallerIdentity
  cloudformation  DescribeStacks (not with --function)
  lambda          ListVersionsByFunction, GetAlias, UpdateAlias

Exit codes: 0 done; 1 you said no; 2 used wrongly or failed.`;

/** `ec2-audit rollback lambda`. */
export function rollbackLambdaCommand(cli: Cli): Command {
  return new Command("lambda")
    .description("have AWS Lambda call the version before this one")
    .option("--stack <name>", "the stack that made the function", NAMES.stack)
    .option("--function <name>", "the function itself (default: that of the stack)")
    .option("--to <version>", "another version than the one before")
    .option("--list", "print the versions that there are")
    .option("--yes", "do not ask")
    .option("--dry-run", "say what would be done")
    .option("--json", "print the result as JSON")
    .addHelpText("after", HELP)
    .action(async (_: unknown, command: Command) => {
      const { rollbackLambda } = await import("../lambda/rollback.ts");
      await rollbackLambda(cli, command.optsWithGlobals());
    });
}
