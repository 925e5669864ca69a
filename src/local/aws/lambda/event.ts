import type { SQSMessageAttributes, SQSRecord } from "aws-lambda";
import { parseArn } from "../arns.ts";
import { allSystemAttributes } from "../sqs/attributes.ts";
import type { Message, Queue } from "../sqs/queue.ts";

/** Returns a received message as Lambda passes it to a function. https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html#example-standard-queue-message-event */
export function sqsRecord(queue: Queue, message: Message): SQSRecord {
  const { SenderId, SentTimestamp, ApproximateReceiveCount, ApproximateFirstReceiveTimestamp, ...rest } =
    allSystemAttributes(message, queue.fifo);
  const { MessageGroupId, MessageDeduplicationId, SequenceNumber } = rest;
  return {
    messageId: message.id,
    receiptHandle: Buffer.from(`${message.id} ${message.receiveCount}`).toString("base64"),
    body: message.body,
    attributes: {
      SenderId,
      SentTimestamp,
      ApproximateReceiveCount,
      ApproximateFirstReceiveTimestamp,
      ...(MessageGroupId === undefined ? {} : { MessageGroupId }),
      ...(MessageDeduplicationId === undefined ? {} : { MessageDeduplicationId }),
      ...(SequenceNumber === undefined ? {} : { SequenceNumber }),
    },
    messageAttributes: messageAttributes(message),
    md5OfBody: message.md5,
    eventSource: "aws:sqs",
    eventSourceARN: queue.arn,
    awsRegion: parseArn(queue.arn)?.region ?? "",
  };
}

function messageAttributes(message: Message): SQSMessageAttributes {
  return Object.fromEntries(
    [...(message.attributes ?? [])].map(([name, { type, value }]) => [
      name,
      {
        [type.startsWith("Binary") ? "binaryValue" : "stringValue"]: value,
        stringListValues: [],
        binaryListValues: [],
        dataType: type,
      },
    ]),
  );
}
