import type { StackResource } from "@aws-sdk/client-cloudformation";
import { DescribeRuleCommand, ListTargetsByRuleCommand } from "@aws-sdk/client-eventbridge";
import type { Aws } from "../aws.ts";
import { ifExists } from "../if-exists.ts";
import { attributesOf } from "../setup/subscriptions.ts";
import { type Check, reporter } from "./check.ts";

const { ok, wrong, attempt } = reporter("rules and targets");

/** Commands for the stack that is examined. */
export interface StackRemedies {
  /** Deploys it again. */
  readonly deploy: string;
  /** For what somebody has changed: CloudFormation changes what its template has changed, and nothing else. */
  readonly drift: string;
  /** The AWS CLI's flags for where the stack is, and by whom; starts with a space. */
  readonly at: string;
}

/** The commands for a stack. `at` are the flags for where it is, which this command and the AWS CLI have in common. */
export function stackRemedies(stack: string, at: string): StackRemedies {
  const detect = `aws cloudformation detect-stack-drift --stack-name ${stack}${at}`;
  return {
    deploy: `ec2-audit deploy lambda${at} --stack ${stack}`,
    drift: `Somebody has changed it, and it is to be put back by hand. What is changed, CloudFormation finds out: ${detect}`,
    at,
  };
}

/**
 * Whether what brings launches into the queue is there and on: the stack's rules, or its subscription of a launch topic,
 * which is in `topicAws`'s region.
 */
export async function checkLambdaRules(
  aws: Aws,
  resources: readonly StackResource[],
  queueUrl: string,
  topicAws: Aws,
  remedies: StackRemedies,
): Promise<readonly Check[]> {
  const queue = queueUrl.split("/").at(-1) ?? "";
  const rules = resources.flatMap(({ ResourceType, PhysicalResourceId }) =>
    ResourceType === "AWS::Events::Rule" && PhysicalResourceId ? [PhysicalResourceId] : [],
  );
  const subscription = resources.find(({ LogicalResourceId }) => LogicalResourceId === "LaunchTopicSubscription");
  if (rules.length === 0 && subscription === undefined) {
    return [wrong("launches", "the stack has no rule and no subscription: nothing brings launches", remedies.deploy)];
  }
  const checks = await Promise.all([
    ...rules.map((name) => attempt(`rule ${name}`, () => checkRule(aws, name, queue, remedies))),
    ...(subscription ? [checkSubscription(topicAws, subscription.PhysicalResourceId ?? "", remedies.deploy)] : []),
  ]);
  return checks.flat();
}

/** `id` is the rule's name; on another bus than the default one it is `<bus>|<name>`.
 * https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/1131 */
async function checkRule(
  { events }: Aws,
  id: string,
  queue: string,
  { drift, at }: StackRemedies,
): Promise<readonly Check[]> {
  const [Name = "", EventBusName] = id.split("|").reverse();
  const on = EventBusName === undefined ? {} : { EventBusName };
  const name = `rule ${id}`;
  const rule = await ifExists(events.send(new DescribeRuleCommand({ Name, ...on })));
  if (rule === undefined) return [wrong(name, "is not there any more", drift)];
  const { Targets = [] } = await events.send(new ListTargetsByRuleCommand({ Rule: Name, ...on }));
  const target = Targets.find(({ Arn }) => Arn?.endsWith(`:${queue}`));
  const problems = [
    ...(rule.State?.startsWith("ENABLED")
      ? []
      : [
          wrong(
            name,
            `is ${rule.State}`,
            `aws events enable-rule --name ${Name}${EventBusName ? ` --event-bus-name ${EventBusName}` : ""}${at}`,
          ),
        ]),
    ...(target ? [] : [wrong(name, `has not the queue ${queue} as its target`, drift)]),
    ...(target && !target.DeadLetterConfig?.Arn ? [wrong(name, "its target has no dead-letter queue", drift)] : []),
  ];
  return problems.length > 0 ? problems : [ok(name, `is enabled, and sends to ${queue}`)];
}

async function checkSubscription(aws: Aws, arn: string, deploy: string): Promise<readonly Check[]> {
  const name = "launch topic → queue";
  return attempt(name, async () => {
    const attributes = await ifExists(attributesOf(aws, arn));
    if (attributes === undefined) return wrong(name, "the queue is not subscribed any more", deploy);
    if (attributes.PendingConfirmation === "true") {
      return wrong(name, "the subscription is not confirmed", "A topic of another account asks its owner to confirm.");
    }
    return ok(name, `${attributes.TopicArn} sends to the queue`);
  });
}
