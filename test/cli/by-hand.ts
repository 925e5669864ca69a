import { PutRuleCommand, PutTargetsCommand } from "@aws-sdk/client-eventbridge";
import { CreateTopicCommand, SetTopicAttributesCommand } from "@aws-sdk/client-sns";
import { events, LAUNCH_TOPIC, sns } from "./installed.ts";

/** Resources that an operator created manually before setup, as in the article. */

/** Returns the event pattern for changes of instances to these states, or to any. */
export const launches = (...state: string[]) => ({
  source: ["aws.ec2"],
  "detail-type": ["EC2 Instance State-change Notification"],
  ...(state.length > 0 && { detail: { state } }),
});
/** Creates a rule for the launch topic as the console does. */
export async function rule(Name: string, pattern: object): Promise<void> {
  await events.send(new PutRuleCommand({ Name, EventPattern: JSON.stringify(pattern) }));
  await events.send(new PutTargetsCommand({ Rule: Name, Targets: [{ Id: "sns", Arn: LAUNCH_TOPIC }] }));
}

/** Creates the topics and the rule of the article. EventBridge may publish, as the console configures it. */
export async function byHand(pattern: object = launches("pending")): Promise<void> {
  await sns.send(new CreateTopicCommand({ Name: "ec2_launches_check" }));
  await sns.send(new CreateTopicCommand({ Name: "ec2_audit_alert" }));
  const Statement = {
    Effect: "Allow",
    Principal: { Service: "events.amazonaws.com" },
    Action: "sns:Publish",
    Resource: LAUNCH_TOPIC,
  };
  const AttributeValue = JSON.stringify({ Version: "2012-10-17", Statement });
  await sns.send(new SetTopicAttributesCommand({ TopicArn: LAUNCH_TOPIC, AttributeName: "Policy", AttributeValue }));
  await rule("ec2-launches", pattern);
}
