import { Command } from "commander";
import type { Cli } from "../cli.ts";

const IMPORT_HELP = `
Reads a policy of another tool, prints the policy of EC2 audit with the same
meaning on standard output, and lists on standard error what it does not
contain, and why. FILE is recognised by its content:

  AWS Organizations  a tag policy, with operators or as the effective policy
  AWS Config         required-tags and other managed rules: parameters, rules,
                     CloudFormation templates and conformance packs
  Cloud Custodian    policies for EC2 instances: filters of tags and others

Examples:
  $ ec2-audit policy import custodian.yml > policy.json
  $ aws organizations describe-effective-policy --policy-type TAG_POLICY \\
      > tags.json && ec2-audit policy import tags.json
  $ aws configservice describe-config-rules > rules.json
  $ ec2-audit policy import rules.json --json

Exit codes: 0 everything was imported; 1 a part was not imported; 2 usage error
or failure.`;

/** Returns the command `ec2-audit policy`, with its subcommands. */
export function policyCommand(cli: Cli): Command {
  return new Command("policy").description("work with policies").addCommand(importCommand(cli));
}

function importCommand(cli: Cli): Command {
  return new Command("import")
    .description("convert a tag policy, AWS Config rules or Cloud Custodian policies")
    .argument("<file>", "file with the policy of the other tool, as JSON or YAML")
    .option("--json", "print one JSON document: the policy, and what is not imported")
    .addHelpText("after", IMPORT_HELP)
    .action(async (file: string, _: unknown, command: Command) => {
      const { importPolicy } = await import("../policy/import/import.ts");
      importPolicy(cli, file, command.optsWithGlobals());
    });
}
