import type { StackResource } from "@aws-sdk/client-cloudformation";
import { DescribeRuleCommand, ListTargetsByRuleCommand } from "@aws-sdk/client-eventbridge";
import type { Aws } from "../aws.ts";
import { ifThere } from "../if-there.ts";
import { attributesOf } from "../setup/subscriptions.ts";
import { type Check, reporter } from "./check.ts";

const { ok, wrong, attempt } = reporter("rules and targets");

/**
 * Whether what brings launches into the queue is there and on: the stack's rules, or its subscription of a launch topic, which is
 * in `topicAws`'s region.
 */
export async function checkLambdaRules(
  aws: Aws,
  resources: readonly StackResource[],
  queueUrl: string,
  topicAws: Aws,
  deploy: string,
): Promise<readonly Check[]> {
  const queue = queueUrl.split("/").at(-1) ?? "";
  const rules = resources.flatMap(({ ResourceType, PhysicalResourceId }) =>
    ResourceType === "AWS::Events::Rule" && PhysicalResourceId ? [PhysicalResourceId] : [],
  );
  const subscription = resources.find(({ LogicalResourceId }) => LogicalResourceId === "LaunchTopicSubscription");
  if (rules.length === 0 && subscription === undefined) {
    return [wrong("launches", "the stack has no rule and no subscription: nothing brings launches", deploy)];
  }
  const checks = await Promise.all([
    ...rules.map((name) => attempt(`rule ${name}`, () => checkRule(aws, name, queue))),
    ...(subscription ? [checkSubscription(topicAws, subscription.PhysicalResourceId ?? "", deploy)] : []),
  ]);
  return checks.flat();
}

async function checkRule({ events }: Aws, Name: string, queue: string): Promise<readonly Check[]> {
  const name = `rule ${Name}`;
  const rule = await ifThere(events.send(new DescribeRuleCommand({ Name })));
  if (rule === undefined) return [wrong(name, "is not there any more", DRIFT)];
  const { Targets = [] } = await events.send(new ListTargetsByRuleCommand({ Rule: Name }));
  const target = Targets.find(({ Arn }) => Arn?.endsWith(`:${queue}`));
  const problems = [
    ...(rule.State?.startsWith("ENABLED")
      ? []
      : [wrong(name, `is ${rule.State}`, `aws events enable-rule --name ${Name}`)]),
    ...(target ? [] : [wrong(name, `has not the queue ${queue} as its target`, DRIFT)]),
    ...(target && !target.DeadLetterConfig?.Arn ? [wrong(name, "its target has no dead-letter queue", DRIFT)] : []),
  ];
  return problems.length > 0 ? problems : [ok(name, `is enabled, and sends to ${queue}`)];
}

/** CloudFormation changes what its template has changed, and does not look at what somebody else did. */
export const DRIFT = "Somebody has changed it: aws cloudformation detect-stack-drift shows what; put it back by hand.";

async function checkSubscription(aws: Aws, arn: string, deploy: string): Promise<readonly Check[]> {
  const name = "launch topic → queue";
  return attempt(name, async () => {
    const attributes = await ifThere(attributesOf(aws, arn));
    if (attributes === undefined) return wrong(name, "the queue is not subscribed any more", deploy);
    if (attributes.PendingConfirmation === "true") {
      return wrong(name, "the subscription is not confirmed", "A topic of another account asks its owner to confirm.");
    }
    return ok(name, `${attributes.TopicArn} sends to the queue`);
  });
}
