import { Command } from "commander";
import type { Cli } from "../cli.ts";
import { CliError } from "../cli-error.ts";
import { addNameOptions } from "../flags.ts";

const HELP = `
Examines an installation, and says of each thing that is wrong how to mend it:
  ✓ as it should be   ! works, and could be better   ✗ wrong
  ? could not be checked   – nothing to check
Without --probe it changes nothing. What the function reads is asked with the
function's own keys; what it writes is asked of IAM, which simulates the
function's own policies with your credentials, and knows neither those of topics
nor the conditions in an organisation's.

Examples:
  $ ec2-audit doctor
      the function on webtask; its settings are found as deploy webtask does
  $ ec2-audit doctor --stack ec2-audit
      the function on Lambda, by its stack
  $ ec2-audit doctor --account 111122223333
      and can it read that account, by AUDIT_ROLE_NAME?
  $ ec2-audit doctor --probe
      and is it called?

--probe publishes one launch of an instance that nobody has,
i-00000000000000000, to the launch topic (with --stack: to the queue), and waits
until the function's log says what became of it. Nobody is alerted. It proves
that the function is called, takes the signature, asks EC2, and decides. It does
not prove that EventBridge publishes, nor that alerts arrive: launch an instance
without tags for that. The log comes from wt logs, from --trace FILE, or from
CloudWatch Logs.

It reads, and needs for that, with your credentials:
  sts     GetCallerIdentity
  iam     SimulatePrincipalPolicy, GetRole
  sns     GetTopicAttributes, ListTagsForResource, ListSubscriptionsByTopic,
          GetSubscriptionAttributes
  sqs     GetQueueUrl, GetQueueAttributes, ListQueueTags
  events  DescribeRule, ListTargetsByRule, ListTagsForResource,
          ListRuleNamesByTarget, TestEventPattern
with --stack besides:
  cloudformation  DescribeStacks, DescribeStackResources
  lambda          GetFunctionConfiguration, GetAlias, ListEventSourceMappings
and with --probe: sns:Publish; with --stack sqs:SendMessage and
logs:FilterLogEvents.

Exit codes: 0 nothing is wrong (as far as could be checked); 1 something is, AWS
could not be asked, or the probe could not be made or followed; 2 used wrongly
or failed.`;

/** `ec2-audit doctor`: examines an installation end to end, and says how to mend what is wrong. */
export function doctorCommand(cli: Cli): Command {
  const command = new Command("doctor")
    .description("examine an installation end to end, and say how to mend what is wrong")
    .option("--stack <name>", "examine the function on Lambda, by the name of its stack")
    .option("--url <url>", "the function's URL; without it FUNCTION_URL, or what the launch topic calls")
    .option("--account <id>", "another account that is to be audited; may be given several times", collect)
    .option("--config <file>", "the wt.config.json that says where the function's settings are")
    .option("--secrets-file <file>", "the function's settings, as KEY=value lines")
    .option("--probe", "publish a harmless launch, and wait for its line in the function's log")
    .option("--trace <file>", "with --probe: the file that the function's log is written to")
    .option("--wt-profile <name>", "with --probe: the profile of wt-cli")
    .option("--json", "print one JSON document: region, account, verdict, counts, and each check");
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

/** @throws CliError for what is not an account id */
function checkAccount(account: string): string {
  if (/^\d{12}$/.test(account)) return account;
  throw new CliError(`"${account}" is not the id of an account`, "It has twelve digits.");
}
