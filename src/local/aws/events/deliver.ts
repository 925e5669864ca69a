import { parseArn } from "../arns.ts";
import { AwsError } from "../errors.ts";
import type { Organization } from "../organizations.ts";
import { allowsAccount, allowsService, hasAwsManagedKey } from "../resource-policy.ts";
import type { Topic } from "../sns/store.ts";
import { topicPolicy } from "../sns/topics.ts";
import type { Outgoing } from "../sqs/queue.ts";
import type { Sqs } from "../sqs/service.ts";
import type { BusContext, Target } from "./bus.ts";

/** The dependencies of deliveries to targets. */
export interface TargetContext {
  topic(topicArn: string): Topic | undefined;
  /** @throws AwsError if the topic refuses the text */
  publish(topic: Topic, message: string): void;
  readonly sqs: Pick<Sqs, "send" | "queue">;
  /** Whether EventBridge needs the permission of a topic's policy to publish. */
  readonly topicPolicies: "checked" | "unchecked";
  /** Returns whether a bus exists. */
  hasBus(busArn: string): boolean;
  /** Returns the policy of a bus. */
  busPolicy(busArn: string): string | undefined;
  /** The organisation; undefined: bus policies are not checked. */
  readonly organization: Organization | undefined;
}

/** The reason why an event could not be delivered. */
interface Failure {
  /** https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html */
  readonly code: "NO_RESOURCE" | "NO_PERMISSIONS" | "ERROR_FROM_TARGET";
  /** AWS publishes no wording. */
  readonly message: string;
}

const SERVICE = "events.amazonaws.com";

/**
 * Returns how EventBridge delivers an event to a topic, a queue or a bus. A failed delivery would fail again, so it goes to
 * the target's dead-letter queue at once, and without one it is lost: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html
 */
export function createTargetDelivery(context: TargetContext): Pick<BusContext, "send" | "admits"> {
  const { topic, publish, sqs, topicPolicies, hasBus, busPolicy, organization } = context;

  function toTopic(target: Target, body: string): Failure | undefined {
    const found = topic(target.arn);
    if (found === undefined) return { code: "NO_RESOURCE", message: "Topic does not exist" };
    // EventBridge sends SNS no values for conditions:
    // https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html#eb-sns-permissions
    const call = { service: SERVICE, action: "sns:Publish", resource: target.arn };
    const isAdmitted = allowsService(topicPolicy(found), call) && !hasAwsManagedKey(found.attributes);
    if (topicPolicies === "checked" && !isAdmitted) return refused(call);
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

  /** An account's own bus accepts every event of its rules. */
  function toBus(target: Target): Failure | undefined {
    if (!hasBus(target.arn)) return { code: "NO_RESOURCE", message: "The specified event bus does not exist." };
    const account = parseArn(target.ruleArn)?.account ?? "";
    if (organization === undefined || parseArn(target.arn)?.account === account) return undefined;
    // Accounts "must specify a RoleArn" if the bus is open to their organisation:
    // https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutPermission.html
    const known = target.roleArn !== undefined && organization.accounts.includes(account);
    const call = { account, action: "events:PutEvents", resource: target.arn };
    const allowed = allowsAccount(busPolicy(target.arn), {
      ...call,
      organization: known ? organization.id : undefined,
    });
    return allowed ? undefined : refused(call);
  }

  function bury(target: Target, body: string, failure: Failure | undefined): void {
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
  }

  return {
    send: (target, body) =>
      bury(target, body, parseArn(target.arn)?.service === "sns" ? toTopic(target, body) : toQueue(target, body)),
    admits: (target, body) => {
      const failure = toBus(target);
      bury(target, body, failure);
      return failure === undefined;
    },
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
