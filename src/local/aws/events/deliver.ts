import { parseArn } from "../arns.ts";
import { AwsError } from "../errors.ts";
import { allowsService } from "../resource-policy.ts";
import type { Topic } from "../sns/store.ts";
import { topicPolicy } from "../sns/topics.ts";
import type { Outgoing } from "../sqs/queue.ts";
import type { Sqs } from "../sqs/service.ts";
import type { Target } from "./bus.ts";

/** What delivering to targets needs. */
export interface TargetContext {
  topic(topicArn: string): Topic | undefined;
  /** @throws AwsError for what the topic does not take */
  publish(topic: Topic, message: string): void;
  readonly sqs: Pick<Sqs, "send" | "queue">;
  /** Whether a topic's policy has to let EventBridge publish. */
  readonly topicPolicies: "checked" | "unchecked";
}

/** Why an event could not be delivered. */
interface Failure {
  /** https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html */
  readonly code: "NO_RESOURCE" | "NO_PERMISSIONS" | "ERROR_FROM_TARGET";
  /** AWS publishes no wording. */
  readonly message: string;
}

const SERVICE = "events.amazonaws.com";

/**
 * How EventBridge delivers an event to a topic or a queue. What fails here fails again each time, so it goes to the target's
 * dead-letter queue at once, and without one it is lost: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html
 */
export function createTargetDelivery({ topic, publish, sqs, topicPolicies }: TargetContext) {
  function toTopic(target: Target, body: string): Failure | undefined {
    const found = topic(target.arn);
    if (found === undefined) return { code: "NO_RESOURCE", message: "Topic does not exist" };
    // SNS is told nothing that a condition could compare with:
    // https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html#eb-sns-permissions
    const call = { service: SERVICE, action: "sns:Publish", resource: target.arn };
    if (topicPolicies === "checked" && !allowsService(topicPolicy(found), call)) return refused(call);
    try {
      publish(found, body);
      return undefined;
    } catch (error) {
      if (!(error instanceof AwsError)) throw error;
      return { code: "ERROR_FROM_TARGET", message: error.message };
    }
  }

  function toQueue(target: Target, body: string): Failure | undefined {
    if (sqs.queue(target.arn) === undefined) {
      return { code: "NO_RESOURCE", message: "The specified queue does not exist." };
    }
    const sent = sqs.send(target.arn, { body, groupId: target.messageGroupId, ...sentFor(target) });
    return sent ? undefined : refused({ action: "sqs:SendMessage", resource: target.arn });
  }

  return (target: Target, body: string): void => {
    const failure = parseArn(target.arn)?.service === "sns" ? toTopic(target, body) : toQueue(target, body);
    if (failure === undefined || target.deadLetterArn === undefined) return;
    const attributes = {
      RULE_ARN: target.ruleArn,
      TARGET_ARN: target.arn,
      ERROR_CODE: failure.code,
      ERROR_MESSAGE: failure.message,
    };
    sqs.send(target.deadLetterArn, {
      body,
      attributes: new Map(Object.entries(attributes).map(([name, value]) => [name, { type: "String", value }])),
      ...sentFor(target),
    });
  };
}

function sentFor({ ruleArn }: Target): Pick<Outgoing, "sender" | "source"> {
  return { sender: SERVICE, source: { arn: ruleArn, account: parseArn(ruleArn)?.account ?? "" } };
}

function refused({ action, resource }: { action: string; resource: string }): Failure {
  return {
    code: "NO_PERMISSIONS",
    message: `${SERVICE} is not authorized to perform: ${action} on resource: ${resource}`,
  };
}
