import { parseArn } from "../arns.ts";
import { integer, type Params, structure, text } from "../params.ts";
import type { Caller } from "../service.ts";
import { parseBusArn, type RetryPolicy, type Target } from "./bus.ts";
import { invalid } from "./errors.ts";

const TRANSFORMS = ["Input", "InputPath", "InputTransformer"];

/**
 * Returns a target of a PutTargets call.
 * @param sourceBusArn the bus of its rule
 * @throws AwsError ValidationException
 */
export function readTarget(target: Params, ruleArn: string, sourceBusArn: string, caller: Caller): Target {
  const transform = TRANSFORMS.find((name) => target[name] !== undefined);
  if (transform !== undefined) throw invalid(`Parameter ${transform} is not supported by the embedded AWS.`);
  const [id = "", targetArn = ""] = [text(target, "Id"), text(target, "Arn")];
  const service = parseArn(targetArn)?.service;
  if (id === "") throw invalid("Parameter Id is not valid.");
  const bus = parseBusArn(targetArn);
  if (service !== "sns" && service !== "sqs" && bus === undefined) {
    throw invalid(
      `Parameter ${targetArn} is not valid. Reason: the embedded AWS sends to SNS topics, SQS queues and event buses only.`,
    );
  }
  if (targetArn === sourceBusArn) {
    throw invalid("Source EventBus and Target EventBus must not be the same.");
  }
  return {
    id,
    arn: targetArn,
    ruleArn,
    messageGroupId: text(structure(target, "SqsParameters"), "MessageGroupId"),
    roleArn: text(target, "RoleArn"),
    deadLetterArn: readDeadLetterArn(structure(target, "DeadLetterConfig"), caller),
    retryPolicy: readRetryPolicy(structure(target, "RetryPolicy")),
  };
}

/** https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html: a standard queue in the region of the rule. */
function readDeadLetterArn(config: Params, caller: Caller): string | undefined {
  const queueArn = text(config, "Arn");
  if (queueArn === undefined) return undefined;
  const queue = parseArn(queueArn);
  if (queue?.service !== "sqs" || queue.region !== caller.region || queue.resource.endsWith(".fifo")) {
    throw invalid(
      `Parameter ${queueArn} is not valid. Reason: DeadLetterConfig takes a standard SQS queue in the region of the rule.`,
    );
  }
  return queueArn;
}

function readRetryPolicy(policy: Params): RetryPolicy | undefined {
  const attempts = bounded(policy, "MaximumRetryAttempts", 0, 185);
  const age = bounded(policy, "MaximumEventAgeInSeconds", 60, 86_400);
  if (attempts === undefined && age === undefined) return undefined;
  return {
    ...(attempts === undefined ? {} : { MaximumRetryAttempts: attempts }),
    ...(age === undefined ? {} : { MaximumEventAgeInSeconds: age }),
  };
}

function bounded(policy: Params, name: keyof RetryPolicy, least: number, most: number): number | undefined {
  const value = integer(policy, name);
  if (value !== undefined && !(value >= least && value <= most)) {
    throw invalid(`Parameter ${name} is not valid. Reason: it must be between ${least} and ${most}.`);
  }
  return value;
}

/** Returns a target as ListTargetsByRule does. */
export function targetFields({ id, arn: targetArn, messageGroupId, roleArn, deadLetterArn, retryPolicy }: Target) {
  const group = messageGroupId === undefined ? undefined : { MessageGroupId: messageGroupId };
  const deadLetters = deadLetterArn === undefined ? undefined : { Arn: deadLetterArn };
  return {
    Id: id,
    Arn: targetArn,
    RoleArn: roleArn,
    SqsParameters: group,
    DeadLetterConfig: deadLetters,
    RetryPolicy: retryPolicy,
  };
}
