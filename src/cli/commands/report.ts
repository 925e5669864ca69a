import { Command, Option } from "commander";
import type { Cli } from "../cli.ts";
import { addPolicyOptions, collect } from "../flags.ts";

const HELP = `
Audits every instance that is not terminated, by all rules of the policy, also
those with the mode "report". Changes nothing in AWS.

Examples:
  $ ec2-audit report --out fleet.html
  $ ec2-audit report --policy policy.json --regions us-east-1,eu-west-1
  $ ec2-audit report --organization --role ec2-audit-read --out fleet.html
  $ ec2-audit report --since state.jsonl --out state.jsonl --out fleet.html
  $ ec2-audit report --from state.jsonl --out findings.csv --out summary.md

The name of each --out file gives its format:
  .html         a page that opens offline
  .jsonl        all of the report, for --since and --from
  .ocsf.jsonl   OCSF 1.6 Compliance Findings, one per line
  .csv          the findings, for spreadsheets
  .md           the summary and the gravest findings
If the file of --since is also one of --out and does not exist yet, the report
is the first one.
All files are replaced at the end of the run. Ctrl-C writes what has been read
so far; a second Ctrl-C stops at once.

The policy is that of the function: REQUIRED_TAGS or AUDIT_POLICY from .env or
the environment.
The command calls sts:GetCallerIdentity, ec2:DescribeRegions,
ec2:DescribeInstances, ec2:DescribeTags and the other EC2 actions that ec2-audit
policy check lists for the policy. For other accounts, it calls sts:AssumeRole
for the role in each of them; deploy/member.yaml creates that role. With
--organization, it calls organizations:ListAccounts.

Exit codes: 0 no violations; 1 violations; 2 a place could not be read
completely, an interruption, a usage error or a failure.`;

/** The options that have no meaning when the report is read from a file. */
const OF_READING = [
  "since",
  "policy",
  "requiredTags",
  "config",
  "secretsFile",
  "regions",
  "accounts",
  "organization",
  "role",
  "ownerTag",
  "serviceTag",
];

/** Returns the command `ec2-audit report`, which audits all instances of accounts and regions. */
export function reportCommand(cli: Cli): Command {
  const command = new Command("report")
    .description("audit all instances of accounts and regions, and write reports")
    .addOption(new Option("--out <file>", "file to write; can be repeated").argParser<readonly string[]>(collect))
    .option("--since <file>", "the .jsonl file of an earlier report, to tell what is new and what is resolved")
    .addOption(
      new Option("--from <file>", "the .jsonl file of a report, to write it in other formats without AWS").conflicts(
        OF_READING,
      ),
    )
    .option("--regions <names>", "comma-separated regions (default: all enabled regions of each account)")
    .option("--accounts <ids>", "comma-separated account ids (default: the account of the credentials)")
    .addOption(new Option("--organization", "all active accounts of the organization").conflicts("accounts"))
    .option("--role <name>", "role to assume in the other accounts (default: the function's AUDIT_ROLE_NAME)");
  return addPolicyOptions(command)
    .option("--owner-tag <key>", "tag that names an instance's owner (default: owner)")
    .option("--service-tag <key>", "tag that names an instance's service (default: service)")
    .option("--json", "print one JSON document: the counts, and the places")
    .addHelpText("after", HELP)
    .action(async (_: unknown, command: Command) => {
      const { report } = await import("../report/report.ts");
      await report(cli, command.optsWithGlobals());
    });
}
