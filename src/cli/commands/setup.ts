import { Command } from "commander";
import type { Cli } from "../cli.ts";
import { addNameOptions, collect } from "../flags.ts";

const HELP = `
Makes what the function needs in AWS, in one region:
  a rule for launches (EventBridge) → the launch topic (SNS) → the function
  → the alert topic (SNS) → people, and a queue (SQS) of what could not be
  delivered.
What is there already is looked at, and put right where it differs; it says
what it changes. Setup can be run again at any time: after an interruption it
goes on, and when nothing has changed it does nothing.

A rule of another name may already send launches, such as one made by hand. If
it is switched on, setup uses it instead of making one: it adds the dead-letter
queue to the rule's target, and does not change what the rule matches. If
setup's own rule exists too, alerts come twice: setup reports this, and you
choose with --adopt-rule or --disable-rule. teardown undoes both.

Examples:
  $ ec2-audit setup --dry-run                  what would be done?
  $ ec2-audit setup --email team@example.com   before the function is deployed
  $ ec2-audit setup --show-policy              the policy of the function's user
  $ ec2-audit setup --url https://wt-0123.run.webtask.io/ec2-audit
                                               when it is: SNS calls it from now

It reads and makes, and needs for that:
  events  DescribeRule, ListTargetsByRule, ListTagsForResource,
          ListRuleNamesByTarget, TestEventPattern, PutRule, TagResource,
          UntagResource, PutTargets, RemoveTargets, EnableRule, DisableRule
  sns     GetTopicAttributes, ListTagsForResource, ListSubscriptionsByTopic,
          GetSubscriptionAttributes, CreateTopic, TagResource,
          SetTopicAttributes, Subscribe, SetSubscriptionAttributes
  sqs     GetQueueUrl, GetQueueAttributes, ListQueueTags, CreateQueue,
          TagQueue, SetQueueAttributes

--tag sets a tag on each topic, queue and rule that setup makes, and corrects it
where it differs. What was there before keeps its own tags.

"ec2-audit teardown" removes again what setup has made. Both know it by the tag
ec2-audit=setup.
Exit codes: 0 done; 1 the function has not confirmed its subscription;
2 used wrongly or failed.`;

/** `ec2-audit setup`: makes the topics, the rule, the dead-letter queue and the subscriptions, or puts them right. */
export function setupCommand(cli: Cli): Command {
  const command = new Command("setup")
    .description("make or put right what the function needs in AWS: topics, rule, dead-letter queue, subscriptions")
    .option("--email <address>", "somebody to tell of alerts; may be given several times", collect)
    .option("--url <url>", "the function's URL: subscribe it, and wait until it has confirmed")
    .option("--skip-health-check", "with --url: subscribe it even if it does not answer this machine")
    .option("--tag-changes", "also audit an instance when its tags are changed later")
    .option(
      "--cloudtrail",
      "also go by CloudTrail's RunInstances: what breaks a rule is alerted again, minutes later, with who launched it",
    )
    .option(
      "--tag <key=value>",
      "a tag for the topics, the queue and the rules that setup makes; may be given several times",
      collect,
    )
    .option("--adopt-rule <name>", "use this rule, which already sends launches, instead of setup's own", collect)
    .option("--disable-rule <name>", "switch off this rule, which already sends launches", collect)
    .option("--dry-run", "print what would be done, and change nothing")
    .option("--show-policy", "print the IAM policy that the function's user needs, as JSON, and do nothing else")
    .option("--audit-role <name>", "with --show-policy: the role in other accounts, as in AUDIT_ROLE_NAME")
    .option("--json", "print one JSON document");
  return addNameOptions(command)
    .addHelpText("after", HELP)
    .action(async (_: unknown, given: Command) => {
      const { setup } = await import("../setup/setup.ts");
      await setup(cli, given.optsWithGlobals());
    });
}
