import { Command } from "commander";
import type { Cli } from "../cli.ts";
import { addNameOptions } from "../flags.ts";

const HELP = `
Removes what setup has made, and knows it by the tag ec2-audit=setup. What was
there before is left, and so is the function: that goes with "wt rm ec2-audit".
Subscriptions have no tags. On a topic that was there before, the tag
ec2-audit:subscriptions lists those that setup made. A subscription that was
there before loses setup's dead-letter queue again, and keeps its retry policy.
A rule of another name that setup used or switched off gets its former state
back.
It lists what it would remove, and asks.

Examples:
  $ ec2-audit teardown --dry-run      what would be removed?
  $ ec2-audit teardown
  $ ec2-audit teardown --yes          in a script

It reads and removes, and needs for that:
  events  DescribeRule, ListTargetsByRule, ListTagsForResource,
          ListRuleNamesByTarget, PutTargets, RemoveTargets, DeleteRule,
          EnableRule, DisableRule, UntagResource
  sns     GetTopicAttributes, ListTagsForResource, ListSubscriptionsByTopic,
          GetSubscriptionAttributes, SetSubscriptionAttributes, Unsubscribe,
          UntagResource, DeleteTopic
  sqs     GetQueueUrl, GetQueueAttributes, ListQueueTags, DeleteQueue

Exit codes: 0 done, or nothing to do; 1 you did not say yes; 2 used wrongly or
failed.`;

/** `ec2-audit teardown`: removes what `setup` has made. */
export function teardownCommand(cli: Cli): Command {
  const command = new Command("teardown")
    .description("remove what setup has made")
    .option("--yes", "do not ask")
    .option("--dry-run", "print what would be removed, and change nothing")
    .option("--json", "print one JSON document");
  return addNameOptions(command)
    .addHelpText("after", HELP)
    .action(async (_: unknown, given: Command) => {
      const { teardown } = await import("../setup/teardown.ts");
      await teardown(cli, given.optsWithGlobals());
    });
}
