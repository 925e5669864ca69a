import { Command } from "commander";
import type { Cli } from "../cli.ts";
import { addNameOptions } from "../flags.ts";

const HELP = `
Removes the resources that setup created, which have the tag ec2-audit=setup.
Resources that existed before are kept. The function is kept too: remove it
with "wt rm ec2-audit".
Subscriptions cannot have tags. On a topic that existed before, the tag
ec2-audit:subscriptions lists the subscriptions that setup created. A
subscription that existed before loses setup's dead-letter queue, and keeps its
retry policy. A rule that setup adopted or disabled returns to its former state.
Teardown lists the resources and asks for confirmation before removing them.

Examples:
  $ ec2-audit teardown --dry-run      list the resources, remove none
  $ ec2-audit teardown
  $ ec2-audit teardown --yes          in a script

Required permissions:
  sts     GetCallerIdentity
  events  DescribeRule, ListTargetsByRule, ListTagsForResource,
          ListRuleNamesByTarget, PutTargets, RemoveTargets, DeleteRule,
          EnableRule, DisableRule, UntagResource
  sns     GetTopicAttributes, ListTagsForResource, ListSubscriptionsByTopic,
          GetSubscriptionAttributes, SetSubscriptionAttributes, Unsubscribe,
          UntagResource, DeleteTopic
  sqs     GetQueueUrl, GetQueueAttributes, ListQueueTags, DeleteQueue

Exit codes: 0 success, or nothing to remove; 1 not confirmed; 2 usage error or
failure.`;

/** Returns the command `ec2-audit teardown`, which removes the resources that `setup` created. */
export function teardownCommand(cli: Cli): Command {
  const command = new Command("teardown")
    .description("remove the resources that setup created")
    .option("--yes", "do not ask for confirmation")
    .option("--dry-run", "list the resources without removing them")
    .option("--json", "print one JSON document");
  return addNameOptions(command)
    .addHelpText("after", HELP)
    .action(async (_: unknown, given: Command) => {
      const { teardown } = await import("../setup/teardown.ts");
      await teardown(cli, given.optsWithGlobals());
    });
}
