import { Command } from "commander";
import type { Cli } from "../cli.ts";
import { addNameOptions, collect } from "../flags.ts";

const HELP = `
Creates the AWS resources for the function on webtask, in one region:
  a rule for launches (EventBridge) → the launch topic (SNS) → the function
  → the alert topic (SNS) → recipients, and a dead-letter queue (SQS) for
  undelivered messages.
Resources that already exist are checked, and repaired if they differ. Setup
lists each change. You can run it again at any time: it continues after an
interruption, and changes nothing if everything is correct.

A rule with another name may already send launches, for example one created
manually. If it is enabled, setup uses it instead of creating its own: it adds
the dead-letter queue to the rule's target, and does not change the rule's
event pattern. If setup's own rule also exists, alerts are sent twice. Setup
reports this; choose one rule with --adopt-rule or --disable-rule. teardown
reverts --adopt-rule and --disable-rule.

Examples:
  $ ec2-audit setup --dry-run                  show the changes, make none
  $ ec2-audit setup --email team@example.com   before the function is deployed
  $ ec2-audit setup --show-policy              policy of the function's user
  $ ec2-audit setup --url https://wt-0123.run.webtask.io/ec2-audit
                                               after the function is deployed

Required permissions:
  sts     GetCallerIdentity
  events  DescribeRule, ListTargetsByRule, ListTagsForResource,
          ListRuleNamesByTarget, TestEventPattern, PutRule, TagResource,
          UntagResource, PutTargets, RemoveTargets, EnableRule, DisableRule
  sns     GetTopicAttributes, ListTagsForResource, ListSubscriptionsByTopic,
          GetSubscriptionAttributes, CreateTopic, TagResource,
          SetTopicAttributes, Subscribe, SetSubscriptionAttributes
  sqs     GetQueueUrl, GetQueueAttributes, ListQueueTags, CreateQueue,
          TagQueue, SetQueueAttributes

--tag sets a tag on each topic, queue and rule that setup creates, and corrects
a value that differs. Resources that existed before keep their tags.

"ec2-audit teardown" removes the resources that setup created. Both commands
identify them by the tag ec2-audit=setup.

Exit codes: 0 success; 1 the function has not confirmed its subscription;
2 usage error or failure.`;

/** Returns the command `ec2-audit setup`, which creates or repairs the topics, rules, dead-letter queue and subscriptions. */
export function setupCommand(cli: Cli): Command {
  const command = new Command("setup")
    .description(
      "create or repair the AWS resources for the function on webtask: topics, rule, dead-letter queue, subscriptions",
    )
    .option("--email <address>", "subscribe this e-mail address to alerts; repeatable", collect)
    .option("--url <url>", "subscribe the function at this URL, and wait for its confirmation")
    .option("--skip-health-check", "with --url: subscribe it without checking its health")
    .option(
      "--tag-changes",
      "also audit an instance when its tags change, and send terminated instances, for RESOLVED_ALERTS",
    )
    .option(
      "--cloudtrail",
      "also audit CloudTrail's RunInstances calls: minutes later, a second alert names the launcher of a violation",
    )
    .option("--tag <key=value>", "tag the topics, queue and rules that setup creates; repeatable", collect)
    .option("--adopt-rule <name>", "use this existing rule instead of setup's own", collect)
    .option("--disable-rule <name>", "disable this existing rule", collect)
    .option("--dry-run", "print the changes without making them")
    .option("--show-policy", "print only the IAM policy that the function's user needs, as JSON")
    .option("--policy <file>", "with --show-policy: the policy to read EC2 and publish for (default: the function's)")
    .option("--audit-role <name>", "with --show-policy: the value of AUDIT_ROLE_NAME")
    .option("--sweep", "with --show-policy: also the permissions of a sweep")
    .option("--json", "print one JSON document");
  return addNameOptions(command)
    .addHelpText("after", HELP)
    .action(async (_: unknown, given: Command) => {
      const { setup } = await import("../setup/setup.ts");
      await setup(cli, given.optsWithGlobals());
    });
}
