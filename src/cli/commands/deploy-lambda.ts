import { Command } from "commander";
import type { Cli } from "../cli.ts";
import { collect } from "../flags.ts";
import { NAMES } from "../names.ts";

const HELP = `
Deploys deploy/template.yaml: alert topic, rules, queues, function, alarms,
dashboard. In a clone the types are checked and the file is built first. A
parameter that is not given keeps its value from the last deployment. A new
version gets a tenth of the launches first, and is rolled back when an alarm
goes off.

--dry-run makes a change set, prints it and removes it; the code is uploaded for
it. --tag applies to the stack, to everything in it, and to the bucket. The code
is uploaded to the bucket of --bucket, or to ec2-audit-<account>-<region>, which
is made when it does not exist.

Examples:
  $ ec2-audit deploy lambda --email team@example.com
  $ ec2-audit deploy lambda --alarm-email ops@example.com --tag owner=platform
  $ ec2-audit deploy lambda --parameter RequiredTags=name,owner \\
      --parameter GraceSeconds=120
  $ ec2-audit deploy lambda --parameter Deployment=AllAtOnce
      when an alarm that sounds already is to be ended by it

docs/organisation.md says how to audit all accounts of an organisation.

It calls, and needs for that:
  sts             GetCallerIdentity
  cloudformation  DescribeStacks, DescribeStackEvents, CreateChangeSet (also
                  of the transform Serverless-2016-10-31), DescribeChangeSet,
                  ExecuteChangeSet, DeleteChangeSet, and DeleteStack of a stack
                  that was made for a change set alone
  lambda          ListVersionsByFunction
  s3              ListBucket, GetObject, PutObject; to make the bucket
                  CreateBucket, PutBucketPublicAccessBlock,
                  PutEncryptionConfiguration, PutBucketPolicy; with --tag
                  GetBucketTagging, PutBucketTagging
CloudFormation makes, with your credentials, all that is in the template.

Exit codes: 0 done, or nothing to do; 2 used wrongly or failed.`;

/** `ec2-audit deploy lambda`. Takes the folder of the package to deploy; without it, the folder of this package. */
export function deployLambdaCommand(cli: Cli, folder?: string): Command {
  return new Command("lambda")
    .description("deploy the function to AWS Lambda, with all that belongs to it, as one CloudFormation stack")
    .option("--stack <name>", "the stack, and the function", NAMES.stack)
    .option("--parameter <Key=Value>", "a parameter of the template; may be given more than once", collect)
    .option("--email <address>", "who gets the alerts (the parameter AlertEmail)")
    .option("--alarm-email <address>", "who gets the alarms when the audit itself fails (the parameter AlarmEmail)")
    .option("--tag <key=value>", "a tag for everything that is made; may be given more than once", collect)
    .option("--bucket <name>", "S3 bucket for the code (default: one that is made when it is not there)")
    .option("--dry-run", "print what would change")
    .option("--json", "print the result as JSON")
    .addHelpText("after", HELP)
    .action(async (_: unknown, command: Command) => {
      const { deployLambda } = await import("../lambda/deploy.ts");
      await deployLambda(cli, command.optsWithGlobals(), folder);
    });
}
