import { createHash } from "node:crypto";
import { AwsError } from "../errors.ts";
import { integer, type Params, structure, text } from "../params.ts";
import type { Caller } from "../service.ts";
import type { Message, MessageAttribute, Outgoing, Queue } from "./queue.ts";

/** The minimum, the maximum and the default of each numeric attribute. */
const NUMBERS: Readonly<Record<string, readonly [number, number, number]>> = {
  DelaySeconds: [0, 900, 0],
  MaximumMessageSize: [1_024, 1_048_576, 1_048_576],
  MessageRetentionPeriod: [60, 1_209_600, 345_600],
  ReceiveMessageWaitTimeSeconds: [0, 20, 0],
  VisibilityTimeout: [0, 43_200, 30],
};
const OTHERS = [
  "RedrivePolicy",
  "Policy",
  "FifoQueue",
  "ContentBasedDeduplication",
  "KmsMasterKeyId",
  "SqsManagedSseEnabled",
];

const invalid = (message: string) => new AwsError("InvalidParameterValue", message, 400, "InvalidParameterValue");
const badValue = (name: string) =>
  new AwsError("InvalidAttributeValue", `Invalid value for the parameter ${name}.`, 400, "InvalidAttributeValue");

/** Checks attributes that a caller sets. https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html */
export function checkQueueAttributes(attributes: ReadonlyMap<string, string>, fifo: boolean): void {
  for (const [name, value] of attributes) {
    const range = NUMBERS[name];
    if (range === undefined && !OTHERS.includes(name)) {
      throw new AwsError("InvalidAttributeName", `Unknown Attribute ${name}.`, 400, "InvalidAttributeName");
    }
    if (range !== undefined && !(/^\d+$/.test(value) && Number(value) >= range[0] && Number(value) <= range[1])) {
      throw badValue(name);
    }
    if (name === "ContentBasedDeduplication" && !fifo) {
      throw new AwsError("InvalidAttributeName", `Unknown Attribute ${name}.`, 400, "InvalidAttributeName");
    }
    if (name === "SqsManagedSseEnabled" && value !== "true" && value !== "false") throw badValue(name);
    if (name === "RedrivePolicy" && value !== "") checkRedrivePolicy(value);
  }
}

function checkRedrivePolicy(value: string): void {
  const reason = (what: string) => invalid(`Value ${value} for parameter RedrivePolicy is invalid. Reason: ${what}.`);
  let policy: Params;
  try {
    policy = structure({ policy: JSON.parse(value) }, "policy");
  } catch {
    throw reason("Redrive policy is not a valid JSON map");
  }
  const count = integer(policy, "maxReceiveCount");
  if (text(policy, "deadLetterTargetArn") === undefined) {
    throw reason("Redrive policy does not contain mandatory attribute: deadLetterTargetArn");
  }
  if (count === undefined) throw reason("Redrive policy does not contain mandatory attribute: maxReceiveCount");
  if (!(count >= 1 && count <= 1000)) throw reason("Invalid value for maxReceiveCount: must be between 1 and 1000");
}

/** Returns all current attributes of a queue. */
export function queueAttributes(queue: Queue): Map<string, string> {
  const { ready, inFlight, delayed } = queue.counts();
  const created = String(Math.floor(queue.createdAt / 1000));
  return new Map([
    ["QueueArn", queue.arn],
    ["ApproximateNumberOfMessages", String(ready)],
    ["ApproximateNumberOfMessagesNotVisible", String(inFlight)],
    ["ApproximateNumberOfMessagesDelayed", String(delayed)],
    ["CreatedTimestamp", created],
    ["LastModifiedTimestamp", created],
    ...Object.entries(NUMBERS).map(([name, [, , usual]]): [string, string] => [name, String(usual)]),
    ["SqsManagedSseEnabled", "true"],
    ...queue.attributes,
  ]);
}

/** Returns a numeric attribute of a queue, or SQS's default. */
export function numberOf(queue: Queue, name: "ReceiveMessageWaitTimeSeconds" | "VisibilityTimeout"): number {
  return Number(queue.attributes.get(name) ?? NUMBERS[name]?.[2]);
}

/** Returns the message of a SendMessage call, or of an entry of its batch. @throws AwsError for an invalid message */
export function outgoingOf(queue: Queue, entry: Params, caller: Caller): Outgoing {
  const body = text(entry, "MessageBody");
  if (body === undefined || body === "") {
    throw new AwsError("MissingParameter", "The request must contain the parameter MessageBody.");
  }
  const attributes = messageAttributes(structure(entry, "MessageAttributes"));
  const limit = Number(queue.attributes.get("MaximumMessageSize") ?? 1_048_576);
  const size = [...attributes].reduce(
    (sum, [name, { type, value }]) =>
      sum + Buffer.byteLength(name) + Buffer.byteLength(type) + Buffer.byteLength(value),
    Buffer.byteLength(body),
  );
  if (size > limit) {
    throw invalid(`One or more parameters are invalid. Reason: Message must be shorter than ${limit} bytes.`);
  }
  const delaySeconds = integer(entry, "DelaySeconds");
  if (delaySeconds !== undefined && !(delaySeconds >= 0 && delaySeconds <= 900)) {
    throw invalid(
      `Value ${delaySeconds} for parameter DelaySeconds is invalid. Reason: DelaySeconds must be >= 0 and <= 900.`,
    );
  }
  const groupId = text(entry, "MessageGroupId");
  if (!queue.fifo) return { body, attributes, delaySeconds, groupId, sender: caller.userId };
  if (groupId === undefined) {
    throw new AwsError("MissingParameter", "The request must contain the parameter MessageGroupId.");
  }
  const byContent = queue.attributes.get("ContentBasedDeduplication") === "true";
  const deduplicationId =
    text(entry, "MessageDeduplicationId") ?? (byContent ? createHash("sha256").update(body).digest("hex") : undefined);
  if (deduplicationId === undefined) {
    throw invalid(
      "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly",
    );
  }
  return { body, attributes, groupId, deduplicationId, sender: caller.userId };
}

function messageAttributes(source: Params): Map<string, MessageAttribute> {
  return new Map(
    Object.keys(source).map((name) => {
      const each = structure(source, name);
      const type = text(each, "DataType") ?? "";
      const value = text(each, type.startsWith("Binary") ? "BinaryValue" : "StringValue");
      if (!/^(String|Number|Binary)(\..+)?$/.test(type)) {
        throw invalid(
          `The type of message (user) attribute '${name}' is invalid. You must use only the following supported type prefixes: Binary, Number, String.`,
        );
      }
      if (value === undefined || value === "") {
        throw invalid(`Message (user) attribute '${name}' must contain a non-empty value of type '${type}'.`);
      }
      return [name, { type, value }];
    }),
  );
}

/** Returns a message's sequence number in its FIFO queue, as SQS writes it. */
export function sequenceOf(message: Message): string {
  return String(message.sequence).padStart(20, "0");
}

/** Returns the system attributes of a received message that were requested by name, or by `All`. */
export function systemAttributes(message: Message, names: readonly string[], fifo: boolean): object {
  const all = allSystemAttributes(message, fifo);
  const shown = Object.entries(all).filter(([name]) => names.includes("All") || names.includes(name));
  return shown.length === 0 ? {} : { Attributes: Object.fromEntries(shown) };
}

/** Returns the system attributes of a received message; undefined for those it does not have. */
export function allSystemAttributes(message: Message, fifo: boolean) {
  return {
    SenderId: message.sender,
    SentTimestamp: String(Math.floor(message.sentAt)),
    ApproximateReceiveCount: String(message.receiveCount),
    ApproximateFirstReceiveTimestamp: String(Math.floor(message.firstReceivedAt ?? 0)),
    MessageGroupId: message.groupId,
    MessageDeduplicationId: message.deduplicationId,
    SequenceNumber: fifo ? sequenceOf(message) : undefined,
  };
}

/** Returns the message's own attributes that were requested by name, by `prefix.*`, or by `All`. */
export function attributesToShow(message: Message, names: readonly string[]): object {
  const asked = (name: string) =>
    names.some(
      (each) => each === "All" || each === name || (each.endsWith(".*") && name.startsWith(each.slice(0, -2))),
    );
  const shown = [...(message.attributes ?? [])].filter(([name]) => asked(name));
  if (shown.length === 0) return {};
  return {
    MessageAttributes: Object.fromEntries(
      shown.map(([name, { type, value }]) => [
        name,
        { DataType: type, [type.startsWith("Binary") ? "BinaryValue" : "StringValue"]: value },
      ]),
    ),
  };
}
