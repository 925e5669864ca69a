import { Command } from "commander";
import type { Cli } from "../cli.ts";
import { addPolicyOptions } from "../flags.ts";

const HELP = `
Audits instances as the function does, whatever their age and with your own
credentials. Publishes nothing: prints the alert instead.

Examples:
  $ ec2-audit check i-0123456789abcdef0
  $ ec2-audit check i-0123456789abcdef0 --required-tags name,service,owner
  $ ec2-audit check --all --quiet
  $ aws ec2 describe-instances --filters Name=vpc-id,Values=vpc-0a1b2c3d \\
      --query 'Reservations[].Instances[].[InstanceId]' --output text \\
      | ec2-audit check -

The policy is that of the function: REQUIRED_TAGS or AUDIT_POLICY from .env or
the environment.
A terminated instance violates no rule. EC2 shows it for about an hour.
The command calls sts:GetCallerIdentity, ec2:DescribeInstances and the other EC2
actions that ec2-audit policy check lists for the policy.

Exit codes: 0 no violations; 1 violations, or instances not in the region;
2 usage error or failure.`;

/** Returns the command `ec2-audit check`, which audits instances now, and prints the alert. */
export function checkCommand(cli: Cli): Command {
  const command = new Command("check")
    .description("audit instances now, and print the alert")
    .argument("[instance-id...]", 'ids of instances in the region; "-" reads them from standard input')
    .option("--all", "audit all instances of the region that are not terminated");
  return addPolicyOptions(command)
    .option("--quiet", "print only violations, instances not in the region, and the summary")
    .option("--json", "print one JSON document: the instances, and the documents of the alerts")
    .addHelpText("after", HELP)
    .action(async (words: string[], _: unknown, command: Command) => {
      const { check } = await import("../check/check.ts");
      await check(cli, words, command.optsWithGlobals());
    });
}
