import type { Check, Reporter } from "./check.ts";

/** A dead-letter queue as the check needs it. */
interface DeadLetterQueue {
  /** The number of messages in it. */
  readonly messages: number;
  readonly url: string;
  /** The AWS CLI's flags for its region; starts with a space. */
  readonly regionFlags: string;
  /** Its ARN if SQS itself moved the messages there: SQS moves only these back.
   * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_StartMessageMoveTask.html */
  readonly redriveArn?: string | undefined;
  /** Whether it also holds undelivered alerts. */
  readonly alertsToo?: boolean;
}

/** Checks that a dead-letter queue is empty. */
export function judgeDeadLetters(
  report: Reporter,
  name: string,
  { messages, url, regionFlags, redriveArn, alertsToo = false }: DeadLetterQueue,
): Check {
  if (messages === 0) return report.ok(name, "empty");
  const [one, many, what] = alertsToo
    ? ["launch or alert", "launches or alerts", "delivered"]
    : ["launch", "launches", "delivered or audited"];
  const message = messages === 1 ? `1 ${one} was not ${what}` : `${messages} ${many} were not ${what}`;
  const resolve = redriveArn
    ? `Fix the cause, then audit them again: aws sqs start-message-move-task --source-arn ${redriveArn}${regionFlags}`
    : `Fix the cause, audit the instances with ec2-audit check${alertsToo ? ", forward the alerts" : ""}, then delete the messages: aws sqs purge-queue --queue-url ${url}${regionFlags}`;
  return report.wrong(
    name,
    message,
    `To see them: aws sqs receive-message --queue-url ${url} --max-number-of-messages 10 --message-attribute-names All${regionFlags}
The message attributes, or the function's log under the messageId, give the reason; the body names the instance.
${resolve}`,
  );
}
