import { Command } from "commander";
import type { Cli } from "../cli.ts";

const IMPORT_HELP = `
Reads a policy of another tool, prints the policy of EC2 audit with the same
meaning on standard output, and lists on standard error what it does not
contain, and why. The file is recognised by its content:

  AWS Organizations  a tag policy, with operators or as the effective policy
  AWS Config         required-tags and other managed rules: parameters, rules,
                     CloudFormation templates and conformance packs
  Cloud Custodian    policies for EC2 instances: filters of tags and others

Examples:
  $ ec2-audit policy import custodian.yml > policy.json
  $ ec2-audit policy import --effective > policy.json
  $ aws configservice describe-config-rules > rules.json
  $ ec2-audit policy import rules.json --json

With --effective, the command calls organizations:DescribeEffectivePolicy.

Exit codes: 0 everything was imported; 1 a part was not imported; 2 usage error
or failure.`;

const CHECK_HELP = `
Says in words what a policy demands, and warns of what is probably not meant.

Examples:
  $ ec2-audit policy check policy.json
  $ ec2-audit policy check --required-tags "name,env=prod|staging"
  $ ec2-audit policy import custodian.yml | ec2-audit policy check -

Exit codes: 0 a valid policy, also with warnings; 1 a policy with problems;
2 usage error or failure.`;

const TEST_HELP = `
Judges the instances of files by a policy, without AWS, and prints for each rule
its verdict and the fact that decided it. Rules in report mode are judged too.

A file is what the AWS CLI prints: Reservations, Instances, SecurityGroups,
Volumes, InstanceImageMetadata, Tags, Vpcs, or one instance. Several files are
merged. A rule whose facts are not in the files is not judged.

Examples:
  $ aws ec2 describe-instances > instances.json
  $ aws ec2 describe-security-groups > groups.json
  $ ec2-audit policy test policy.json instances.json groups.json
  $ aws ec2 describe-instances | ec2-audit policy test policy.json - --quiet

Exit codes: 0 no violations; 1 violations; 2 usage error or failure.`;

const DOCS_HELP = `
Prints what a rule of the kind demands and why, an example with instances that
fail and pass, and its settings. Without a kind: the list of rule kinds.

Examples:
  $ ec2-audit policy docs
  $ ec2-audit policy docs security-groups

Exit codes: 0 success; 2 usage error or failure.`;

/** Returns the command `ec2-audit policy`, with its subcommands. */
export function policyCommand(cli: Cli): Command {
  return new Command("policy")
    .description("work with policies")
    .addCommand(checkCommand(cli))
    .addCommand(testCommand(cli))
    .addCommand(importCommand(cli))
    .addCommand(docsCommand(cli));
}

function docsCommand(cli: Cli): Command {
  return new Command("docs")
    .description("print the page of a rule kind, or the list of rule kinds")
    .argument("[kind]", "a rule kind, such as required-tags")
    .option("--json", "print one JSON document")
    .addHelpText("after", DOCS_HELP)
    .action(async (kind: string | undefined, _: unknown, command: Command) => {
      const { showDocs } = await import("../policy/docs.ts");
      showDocs(cli, kind, command.optsWithGlobals());
    });
}

function checkCommand(cli: Cli): Command {
  return new Command("check")
    .description("validate a policy, and say in words what it demands")
    .argument("[file]", 'file with a policy as JSON; "-" reads standard input')
    .option("--required-tags <tags>", "the short form of a policy, instead of a file")
    .option("--json", "print one JSON document: the rules, the warnings and the problems")
    .addHelpText("after", CHECK_HELP)
    .action(async (file: string | undefined, _: unknown, command: Command) => {
      const { checkPolicy } = await import("../policy/check.ts");
      await checkPolicy(cli, file, command.optsWithGlobals());
    });
}

function testCommand(cli: Cli): Command {
  return new Command("test")
    .description("judge instances from files by a policy, without AWS")
    .argument("<policy>", "file with a policy as JSON")
    .argument("<file...>", 'files with what the AWS CLI prints; "-" reads standard input')
    .option("--account <id>", "account of the instances whose file does not contain it")
    .option("--now <date>", "date that decides which exemptions hold (default: today)")
    .option("--quiet", "print only instances with a violation or a rule that is not judged")
    .option("--json", "print one JSON document: the verdicts on each instance")
    .addHelpText("after", TEST_HELP)
    .action(async (policy: string, files: string[], _: unknown, command: Command) => {
      const { testPolicy } = await import("../policy/test.ts");
      await testPolicy(cli, policy, files, command.optsWithGlobals());
    });
}

function importCommand(cli: Cli): Command {
  return new Command("import")
    .description("convert a tag policy, AWS Config rules or Cloud Custodian policies")
    .argument("[file]", 'file with the policy of the other tool, as JSON or YAML; "-" reads standard input')
    .option("--effective", "instead of a file, the effective tag policy of the account")
    .option("--json", "print one JSON document: the policy, and what is not imported")
    .addHelpText("after", IMPORT_HELP)
    .action(async (file: string | undefined, _: unknown, command: Command) => {
      const { importPolicy } = await import("../policy/import/import.ts");
      await importPolicy(cli, file, command.optsWithGlobals());
    });
}
