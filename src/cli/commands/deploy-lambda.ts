import { Command, Option } from "commander";
import type { Cli } from "../cli.ts";
import { collect } from "../flags.ts";
import { NAMES } from "../names.ts";

const HELP = `
Deploys deploy/template.yaml: alert topic, rules, queues, function, alarms,
dashboard. In a clone, checks the types and builds the function first. A
parameter that is not given keeps its value from the last deployment. A new
version gets a tenth of the launches first, and is rolled back when an alarm
enters the ALARM state.

--dry-run uploads the code, creates a change set, prints it and deletes it.
--tag applies to the stack, its resources and the bucket. Without --bucket, the
bucket is ec2-audit-<account>-<region>; the command creates it when it does not
exist.

Examples:
  $ ec2-audit deploy lambda --email team@example.com
  $ ec2-audit deploy lambda --alarm-email ops@example.com --tag owner=platform
  $ ec2-audit deploy lambda --policy policy.json
  $ ec2-audit deploy lambda --parameter RequiredTags=name,owner \\
      --parameter GraceSeconds=120
  $ ec2-audit deploy lambda --parameter Deployment=AllAtOnce
      for a fix, when an alarm is in ALARM state already

To audit all accounts of an organisation, see docs/organisation.md.

Required permissions:
  sts             GetCallerIdentity
  cloudformation  DescribeStacks, DescribeStackEvents, CreateChangeSet (also
                  on the transform Serverless-2016-10-31), DescribeChangeSet,
                  ExecuteChangeSet, DeleteChangeSet; DeleteStack, for a stack
                  that was created only for a change set
  lambda          ListVersionsByFunction
  s3              ListBucket, GetObject, PutObject; to create the bucket,
                  CreateBucket, PutBucketPublicAccessBlock,
                  PutEncryptionConfiguration, PutBucketPolicy; with --tag,
                  GetBucketTagging, PutBucketTagging
CloudFormation creates the template's resources with your credentials.

Exit codes: 0 success; 2 usage error or failure.`;

/** Returns the command `ec2-audit deploy lambda`. Takes the folder of the package to deploy; without it, the folder of this package. */
export function deployLambdaCommand(cli: Cli, folder?: string): Command {
  return new Command("lambda")
    .description("deploy the function and its resources to AWS Lambda, as one CloudFormation stack")
    .addOption(new Option("--stack <name>", "stack and function name").default(NAMES.stack, NAMES.stack))
    .option("--policy <file>", "policy file, deployed in the code, where Lambda's limit of 4 KB does not apply")
    .option("--parameter <Key=Value>", "template parameter; repeatable", collect)
    .option("--email <address>", "recipient of alerts (parameter AlertEmail)")
    .option("--alarm-email <address>", "recipient of alarms about the audit itself (parameter AlarmEmail)")
    .option("--tag <key=value>", "tag for every resource; repeatable", collect)
    .option("--bucket <name>", "S3 bucket for the code (default: one per account and region)")
    .option("--dry-run", "print the changes without making them")
    .option("--json", "print the result as JSON")
    .addHelpText("after", HELP)
    .action(async (_: unknown, command: Command) => {
      const { deployLambda } = await import("../lambda/deploy.ts");
      await deployLambda(cli, command.optsWithGlobals(), folder);
    });
}
