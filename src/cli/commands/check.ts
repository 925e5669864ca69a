import { Command, Option } from "commander";
import type { Cli } from "../cli.ts";

const HELP = `
The instances are audited as the function would audit them, but now: whatever
their age, with your own credentials, and nothing is published. What is printed
is what an alert would say.

Examples:
  $ ec2-audit check i-0123456789abcdef0
  $ ec2-audit check i-0123456789abcdef0 --required-tags name,service,owner
  $ ec2-audit check --all --quiet
  $ aws ec2 describe-instances --filters Name=vpc-id,Values=vpc-0a1b2c3d \\
      --query 'Reservations[].Instances[].[InstanceId]' --output text \\
      | ec2-audit check -

The policy is that of the function: REQUIRED_TAGS or AUDIT_POLICY out of .env or
the environment.
A terminated instance violates nothing. EC2 shows it for about an hour.
It calls ec2:DescribeInstances and sts:GetCallerIdentity.
Exit codes: 0 no instance violates a rule; 1 one does, or is not in the region;
2 used wrongly or failed.`;

/** `ec2-audit check <instance-id…>`: audits instances now, and prints what an alert would say. */
export function checkCommand(cli: Cli): Command {
  return new Command("check")
    .description("audit instances now, and print what an alert would say")
    .argument("[instance-id...]", 'ids of instances in the region; "-" reads them from the standard input, one a line')
    .option("--all", "audit every instance of the region that is not terminated")
    .addOption(
      new Option("--required-tags <keys>", "tag keys with commas between, in place of the function's policy").conflicts(
        "policy",
      ),
    )
    .option("--policy <file>", "file with a policy as JSON, in place of the function's policy")
    .option("--config <file>", "the wt.config.json that says where the function's settings are")
    .option("--secrets-file <file>", "the function's settings, as KEY=value lines")
    .option("--quiet", "print only the instances that violate a rule or are not in the region, and the summary")
    .option("--json", "print one JSON document: the instances, and the alerts' documents")
    .addHelpText("after", HELP)
    .action(async (words: string[], _: unknown, command: Command) => {
      const { check } = await import("../check/check.ts");
      await check(cli, words, command.optsWithGlobals());
    });
}
