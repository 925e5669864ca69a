import { Command } from "commander";
import type { Cli } from "../cli.ts";
import { CliError } from "../cli-error.ts";
import { addNameOptions } from "../flags.ts";

const HELP = `
Checks an installation and prints how to fix each problem:
  ✓ ok   ! works, but should be changed   ✗ failed
  ? could not be checked   – nothing to check
Without --probe, it changes nothing. It tests read permissions with calls to AWS
that use the function's own credentials, and write permissions with IAM's policy
simulator and your credentials. The simulator sees neither topic policies nor
the conditions in an organisation's policies.

Examples:
  $ ec2-audit doctor
      check the function on webtask, with the settings that deploy webtask uses
  $ ec2-audit doctor --stack ec2-audit
      check the function on Lambda, by the name of its stack
  $ ec2-audit doctor --account 111122223333
      also check that the function can read that account (AUDIT_ROLE_NAME)
  $ ec2-audit doctor --probe
      also check that the function is called

--probe publishes one launch of an instance that does not exist,
i-00000000000000000, to the launch topic (with --stack: to the queue), and waits
for the outcome in the function's log. No alert is sent. It proves that the
function is called, accepts the signature, calls EC2 and decides. It does not
prove that EventBridge publishes or that alerts arrive: to test that, launch an
instance without tags. The log comes from wt logs, from --trace FILE, or from
CloudWatch Logs.

Required permissions:
  sts     GetCallerIdentity
  iam     SimulatePrincipalPolicy, GetRole
  sns     GetTopicAttributes, ListTagsForResource, ListSubscriptionsByTopic,
          GetSubscriptionAttributes
  kms     DescribeKey, for the keys of encrypted topics
  sqs     GetQueueUrl, GetQueueAttributes, ListQueueTags
  events  DescribeRule, ListTargetsByRule, ListTagsForResource,
          ListRuleNamesByTarget, TestEventPattern
with --stack, also:
  cloudformation  DescribeStacks, DescribeStackResources
  lambda          GetFunctionConfiguration, GetAlias, ListEventSourceMappings
  scheduler       GetSchedule
with --probe, also: sns:Publish; with --stack, sqs:SendMessage and
logs:FilterLogEvents.

Exit codes: 0 no check failed; 1 a check failed, AWS could not be called, or the
probe could not be sent or followed; 2 usage error or failure.`;

/** Returns the command `ec2-audit doctor`, which checks an installation end to end and prints how to fix each problem. */
export function doctorCommand(cli: Cli): Command {
  const command = new Command("doctor")
    .description("check an installation end to end and print how to fix each problem")
    .option("--stack <name>", "check the function on Lambda, by the name of its stack")
    .option("--url <url>", "the function's URL (default: FUNCTION_URL, or the endpoint subscribed to the launch topic)")
    .option("--account <id>", "another account to audit; repeatable", collect)
    .option("--config <file>", "the wt.config.json that names the sources of the function's settings")
    .option("--secrets-file <file>", "file with the function's settings, as KEY=value lines")
    .option("--probe", "publish a harmless launch and wait for its line in the function's log")
    .option("--trace <file>", "with --probe: the file that the function's log is written to")
    .option("--wt-profile <name>", "with --probe: the wt-cli profile")
    .option("--json", "print one JSON document: region, account, verdict, counts and checks");
  return addNameOptions(command)
    .addHelpText("after", HELP)
    .action(async (_: unknown, given: Command) => {
      const { doctor } = await import("../doctor/doctor.ts");
      await doctor(cli, given.optsWithGlobals());
    });
}

function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, checkAccount(value)];
}

/** Returns the account id. Throws CliError if it is not one. */
function checkAccount(account: string): string {
  if (/^\d{12}$/.test(account)) return account;
  throw new CliError(`"${account}" is not an account id`, "It must have twelve digits.");
}
