import type { StackResource } from "@aws-sdk/client-cloudformation";
import { DescribeRuleCommand, ListTargetsByRuleCommand } from "@aws-sdk/client-eventbridge";
import type { Aws } from "../aws.ts";
import { ifExists } from "../if-exists.ts";
import { attributesOf } from "../setup/subscriptions.ts";
import { type Check, reporter } from "./check.ts";

const { ok, wrong, attempt } = reporter("rules and targets");

/** The fixes for problems of the stack. */
export interface StackFixes {
  /** The command that deploys the stack again. */
  readonly deploy: string;
  /** For a resource changed by hand, which a deployment does not restore: CloudFormation applies only changes of the template. */
  readonly drift: string;
  /** The AWS CLI's flags for the stack's region and the profile; starts with a space. */
  readonly regionFlags: string;
}

/** Returns the fixes for a stack. `regionFlags` are the flags for region and profile, the same for `ec2-audit` and the AWS CLI. */
export function stackFixes(stack: string, regionFlags: string): StackFixes {
  const detect = `aws cloudformation detect-stack-drift --stack-name ${stack}${regionFlags}`;
  return {
    deploy: `ec2-audit deploy lambda${regionFlags} --stack ${stack}`,
    drift: `Restore it by hand: it was changed outside CloudFormation. To list such changes: ${detect}`,
    regionFlags,
  };
}

/**
 * Checks the source of the queue's launches: the stack's rules, or its subscription to a launch topic, which is in the region
 * of `topicAws`.
 */
export async function checkLambdaRules(
  aws: Aws,
  resources: readonly StackResource[],
  queueUrl: string,
  topicAws: Aws,
  fixes: StackFixes,
): Promise<readonly Check[]> {
  const queue = queueUrl.split("/").at(-1) ?? "";
  const rules = resources.flatMap(({ ResourceType, PhysicalResourceId }) =>
    ResourceType === "AWS::Events::Rule" && PhysicalResourceId ? [PhysicalResourceId] : [],
  );
  const subscription = resources.find(({ LogicalResourceId }) => LogicalResourceId === "LaunchTopicSubscription");
  if (rules.length === 0 && subscription === undefined) {
    return [wrong("launches", "the stack has no rule and no subscription: no launch reaches the queue", fixes.deploy)];
  }
  const checks = await Promise.all([
    ...rules.map((name) => attempt(`rule ${name}`, () => checkRule(aws, name, queue, fixes))),
    ...(subscription ? [checkSubscription(topicAws, subscription.PhysicalResourceId ?? "", fixes.deploy)] : []),
  ]);
  return checks.flat();
}

/** `id` is the rule's name; on a bus other than the default one, `<bus>|<name>`.
 * https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/1131 */
async function checkRule(
  { events }: Aws,
  id: string,
  queue: string,
  { drift, regionFlags }: StackFixes,
): Promise<readonly Check[]> {
  const [Name = "", EventBusName] = id.split("|").reverse();
  const bus = EventBusName === undefined ? {} : { EventBusName };
  const name = `rule ${id}`;
  const rule = await ifExists(events.send(new DescribeRuleCommand({ Name, ...bus })));
  if (rule === undefined) return [wrong(name, "does not exist any more", drift)];
  const { Targets = [] } = await events.send(new ListTargetsByRuleCommand({ Rule: Name, ...bus }));
  const target = Targets.find(({ Arn }) => Arn?.endsWith(`:${queue}`));
  const problems = [
    ...(rule.State?.startsWith("ENABLED")
      ? []
      : [
          wrong(
            name,
            `is ${rule.State}`,
            `aws events enable-rule --name ${Name}${EventBusName ? ` --event-bus-name ${EventBusName}` : ""}${regionFlags}`,
          ),
        ]),
    ...(target ? [] : [wrong(name, `does not have the queue ${queue} as its target`, drift)]),
    ...(target && !target.DeadLetterConfig?.Arn ? [wrong(name, "its target has no dead-letter queue", drift)] : []),
  ];
  return problems.length > 0 ? problems : [ok(name, `enabled, sends to ${queue}`)];
}

async function checkSubscription(aws: Aws, arn: string, deploy: string): Promise<readonly Check[]> {
  const name = "launch topic → queue";
  return attempt(name, async () => {
    const attributes = await ifExists(attributesOf(aws, arn));
    if (attributes === undefined) return wrong(name, "the queue is not subscribed any more", deploy);
    if (attributes.PendingConfirmation === "true") {
      return wrong(
        name,
        "the subscription is not confirmed",
        "The owner of a topic in another account must confirm it.",
      );
    }
    return ok(name, `${attributes.TopicArn} sends to the queue`);
  });
}
