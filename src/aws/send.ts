import { hash } from "node:crypto";
import { PublishCommand } from "@aws-sdk/client-sns";
import type { Clients } from "./clients.ts";
import { isAccountId, isRegion, partitionOf } from "./regions.ts";
import { parseTopicArn } from "./topic-arn.ts";

/** Sends a text to a queue or topic, by its ARN. Throws the error of AWS, and an Error for an ARN of something else. */
export type Send = (arn: string, text: string) => Promise<void>;

/**
 * Creates the sender. A message in a standard queue is visible at once: the delay of the queue does not apply.
 * Takes the endpoint of an emulator; null for AWS.
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
 */
export function createSend({ sns, sqs }: Pick<Clients, "sns" | "sqs">, endpoint: string | null): Send {
  return async (arn, text) => {
    const topic = parseTopicArn(arn);
    const sent = topic
      ? await sns(topic.region).send(new PublishCommand({ TopicArn: arn, Message: text }))
      : await sendToQueue(arn, text);
    // SNS and SQS return an id for every message that they accept. A response without one is from something else.
    if (!sent.MessageId) throw new Error("the response is not from SNS or SQS");
  };

  async function sendToQueue(arn: string, MessageBody: string) {
    const [, partition, service, region = "", account = "", name = "", ...more] = arn.split(":");
    const isQueue =
      service === "sqs" && isRegion(region) && isAccountId(account) && /^[\w-]{1,80}(?:\.fifo)?$/.test(name);
    if (!isQueue || partition !== partitionOf(region).name || more.length > 0) {
      throw new Error("messages can be sent only to an SNS topic or an SQS queue");
    }
    const { dnsSuffix } = partitionOf(region);
    const root = endpoint?.replace(/\/$/, "") ?? `https://sqs.${region}.${dnsSuffix}`;
    return sqs(region)("SendMessage", {
      QueueUrl: `${root}/${account}/${name}`,
      MessageBody,
      ...(name.endsWith(".fifo")
        ? { MessageGroupId: "sweep", MessageDeduplicationId: hash("sha256", MessageBody, "hex") }
        : { DelaySeconds: 0 }),
    });
  }
}
