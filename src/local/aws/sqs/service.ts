import { arn, parseArn } from "../arns.ts";
import type { Clock } from "../clock.ts";
import { AwsError } from "../errors.ts";
import { integer, type Params, structure, text, textMap, texts } from "../params.ts";
import { allowsService, hasAwsManagedKey } from "../resource-policy.ts";
import type { Caller, JsonService } from "../service.ts";
import { addTags, checkTags } from "../tags.ts";
import {
  attributesToShow,
  checkQueueAttributes,
  numberOf,
  outgoingOf,
  queueAttributes,
  sequenceOf,
  systemAttributes,
} from "./attributes.ts";
import { batch } from "./batch.ts";
import { longPoll } from "./long-poll.ts";
import { type Message, type Outgoing, Queue } from "./queue.ts";

/** Sends a message to the queue with this ARN. Returns false if it does not exist or its policy does not allow the sender. */
export type SendToQueue = (queueArn: string, outgoing: Outgoing) => boolean;

const noQueue = () =>
  new AwsError(
    "com.amazonaws.sqs#QueueDoesNotExist",
    "The specified queue does not exist.",
    400,
    "AWS.SimpleQueueService.NonExistentQueue",
  );
const invalid = (message: string) => new AwsError("InvalidParameterValue", message, 400, "InvalidParameterValue");

/** SQS, and the operations of other AWS services on queues. */
export interface Sqs {
  readonly service: JsonService;
  readonly send: SendToQueue;
  /** Returns the queue with this ARN. */
  queue(queueArn: string): Queue | undefined;
  /**
   * Receives up to `max` messages, which are hidden for the queue's visibility timeout or `visibilitySeconds`. Messages that were
   * received maxReceiveCount times go to the dead-letter queue instead.
   */
  receive(queue: Queue, max: number, visibilitySeconds?: number): Message[];
}

/**
 * Returns SQS, with standard and FIFO queues.
 * @param endpoint returns the base of the queue URLs
 * @param policies whether other AWS services need the permission of a queue's policy to send for a rule or a topic
 */
export function createSqs(clock: Clock, endpoint: () => string, policies: "checked" | "unchecked"): Sqs {
  const queues = new Map<string, Queue>();

  /** Returns the queue of a QueueUrl (`<endpoint>/<account>/<name>`), in the region of the caller. */
  function queueOf(params: Params, caller: Caller): Queue {
    const url = text(params, "QueueUrl");
    if (url === undefined) throw new AwsError("MissingParameter", "The request must contain the parameter QueueUrl.");
    const [account = "", name = ""] = url.split("/").slice(-2);
    const queue = queues.get(arn("sqs", caller.region, account, name));
    if (queue === undefined) throw noQueue();
    return queue;
  }

  function createQueue(params: Params, caller: Caller) {
    const name = text(params, "QueueName") ?? "";
    const attributes = textMap(params, "Attributes");
    const fifo = attributes.get("FifoQueue") === "true";
    if (!/^[\w-]{1,80}$/.test(name) && !(fifo && /^[\w-]{1,75}\.fifo$/.test(name))) {
      throw invalid("Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length");
    }
    if (fifo && !name.endsWith(".fifo"))
      throw invalid(
        "The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, must end with .fifo suffix and be 1 to 80 in length.",
      );
    checkQueueAttributes(attributes, fifo);
    const tags = textMap(params, "tags");
    checkTags(tags, invalid);
    const queueArn = arn("sqs", caller.region, caller.account, name);
    const present = queues.get(queueArn);
    if (present !== undefined) {
      for (const [key, value] of attributes) {
        if (queueAttributes(present).get(key) === value) continue;
        throw new AwsError(
          "com.amazonaws.sqs#QueueNameExists",
          `A queue already exists with the same name and a different value for attribute ${key}`,
          400,
          "QueueAlreadyExists",
        );
      }
      return { QueueUrl: present.url };
    }
    const queue = new Queue(name, queueArn, `${endpoint()}/${caller.account}/${name}`, clock);
    for (const [key, value] of attributes) queue.attributes.set(key, value);
    addTags(queue.tags, tags, () => tooManyTags(name));
    queues.set(queueArn, queue);
    return { QueueUrl: queue.url };
  }

  function setQueueAttributes(params: Params, caller: Caller) {
    const queue = queueOf(params, caller);
    const attributes = textMap(params, "Attributes");
    checkQueueAttributes(attributes, queue.fifo);
    for (const [key, value] of attributes) {
      if (value === "") queue.attributes.delete(key);
      else queue.attributes.set(key, value);
    }
    return {};
  }

  function sendOne(queue: Queue, entry: Params, caller: Caller) {
    const message = queue.send(outgoingOf(queue, entry, caller));
    return {
      MessageId: message.id,
      MD5OfMessageBody: message.md5,
      ...(queue.fifo ? { SequenceNumber: sequenceOf(message) } : {}),
    };
  }

  function receive(queue: Queue, max: number, visibilitySeconds = numberOf(queue, "VisibilityTimeout")): Message[] {
    const redrive = redriveOf(queue);
    return queue.receive(max, visibilitySeconds * 1000, redrive.maxReceives, (message) =>
      send(redrive.target, {
        ...message,
        delaySeconds: 0,
        moved: { id: message.id, sentAt: message.sentAt },
        source: undefined,
      }),
    );
  }

  async function receiveMessage(params: Params, caller: Caller) {
    const queue = queueOf(params, caller);
    const max = integer(params, "MaxNumberOfMessages") ?? 1;
    if (!(max >= 1 && max <= 10)) {
      throw invalid(
        `Value ${max} for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and 10, if provided.`,
      );
    }
    const wait = integer(params, "WaitTimeSeconds") ?? numberOf(queue, "ReceiveMessageWaitTimeSeconds");
    if (!(wait >= 0 && wait <= 20)) {
      throw invalid(
        `Value ${wait} for parameter WaitTimeSeconds is invalid. Reason: Must be >= 0 and <= 20, if provided.`,
      );
    }
    const take = () => receive(queue, max, integer(params, "VisibilityTimeout"));
    const messages = await longPoll(queue, take, wait * 1000, clock);
    const names = [...texts(params, "AttributeNames"), ...texts(params, "MessageSystemAttributeNames")];
    return messages.length === 0
      ? {}
      : {
          Messages: messages.map((message) => ({
            MessageId: message.id,
            ReceiptHandle: Buffer.from(`${message.id} ${message.receiveCount}`).toString("base64"),
            MD5OfBody: message.md5,
            Body: message.body,
            ...systemAttributes(message, names, queue.fifo),
            ...attributesToShow(message, texts(params, "MessageAttributeNames")),
          })),
        };
  }

  function deleteOne(queue: Queue, handle: string | undefined): void {
    const [id, count] = Buffer.from(handle ?? "", "base64")
      .toString()
      .split(" ");
    if (id === undefined || count === undefined) {
      throw new AwsError(
        "ReceiptHandleIsInvalid",
        `The input receipt handle "${handle}" is not a valid receipt handle.`,
        400,
        "ReceiptHandleIsInvalid",
      );
    }
    queue.remove(id);
  }

  function tagQueue(params: Params, caller: Caller) {
    const queue = queueOf(params, caller);
    const tags = textMap(params, "Tags");
    if (tags.size === 0) throw new AwsError("MissingParameter", "The request must contain the parameter Tags.");
    checkTags(tags, invalid);
    addTags(queue.tags, tags, () => tooManyTags(queue.name));
    return {};
  }

  function deleteQueue(params: Params, caller: Caller) {
    const queue = queueOf(params, caller);
    queue.purge();
    queues.delete(queue.arn);
    return {};
  }

  const send: SendToQueue = (queueArn, outgoing) => {
    const queue = queues.get(queueArn);
    if (queue === undefined || !(policies === "unchecked" || acceptsFrom(queue, outgoing))) return false;
    queue.send(outgoing);
    return true;
  };

  const service: JsonService = {
    protocol: "json",
    version: "1.0",
    actions: {
      CreateQueue: createQueue,
      DeleteQueue: deleteQueue,
      TagQueue: tagQueue,
      UntagQueue: (params, caller) => {
        const { tags } = queueOf(params, caller);
        for (const key of texts(params, "TagKeys")) tags.delete(key);
        return {};
      },
      ListQueueTags: (params, caller) => {
        const { tags } = queueOf(params, caller);
        return tags.size === 0 ? {} : { Tags: Object.fromEntries(tags) };
      },
      GetQueueUrl: (params, caller) => {
        const account = text(params, "QueueOwnerAWSAccountId") ?? caller.account;
        const queue = queues.get(arn("sqs", caller.region, account, text(params, "QueueName") ?? ""));
        if (queue === undefined) throw noQueue();
        return { QueueUrl: queue.url };
      },
      ListQueues: (params, caller) => {
        const prefix = text(params, "QueueNamePrefix") ?? "";
        const own = [...queues.values()].filter((queue) => {
          const owner = parseArn(queue.arn);
          return owner?.account === caller.account && owner.region === caller.region && queue.name.startsWith(prefix);
        });
        return own.length === 0 ? {} : { QueueUrls: own.map((queue) => queue.url) };
      },
      GetQueueAttributes: (params, caller) => {
        const all = queueAttributes(queueOf(params, caller));
        const names = texts(params, "AttributeNames");
        const unknown = names.find((name) => name !== "All" && !all.has(name) && !OPTIONAL.includes(name));
        if (unknown !== undefined)
          throw new AwsError("InvalidAttributeName", `Unknown Attribute ${unknown}.`, 400, "InvalidAttributeName");
        const shown = [...all].filter(([name]) => names.includes("All") || names.includes(name));
        return shown.length === 0 ? {} : { Attributes: Object.fromEntries(shown) };
      },
      SetQueueAttributes: setQueueAttributes,
      SendMessage: (params, caller) => sendOne(queueOf(params, caller), params, caller),
      SendMessageBatch: (params, caller) => {
        const queue = queueOf(params, caller);
        return batch(params, (entry) => sendOne(queue, entry, caller));
      },
      ReceiveMessage: receiveMessage,
      DeleteMessage: (params, caller) => {
        deleteOne(queueOf(params, caller), text(params, "ReceiptHandle"));
        return {};
      },
      DeleteMessageBatch: (params, caller) => {
        const queue = queueOf(params, caller);
        return batch(params, (entry) => {
          deleteOne(queue, text(entry, "ReceiptHandle"));
          return {};
        });
      },
      PurgeQueue: (params, caller) => {
        queueOf(params, caller).purge();
        return {};
      },
    },
  };
  return { service, send, queue: (queueArn) => queues.get(queueArn), receive };
}

function acceptsFrom(queue: Queue, { sender, source }: Outgoing): boolean {
  if (source === undefined) return true;
  if (hasAwsManagedKey(queue.attributes)) return false;
  return allowsService(queue.attributes.get("Policy"), {
    service: sender,
    action: "sqs:SendMessage",
    resource: queue.arn,
    sourceArn: source.arn,
    sourceAccount: source.account,
  });
}

const tooManyTags = (name: string) => invalid(`Too many tags added for queue ${name}.`);
const OPTIONAL = ["RedrivePolicy", "Policy", "FifoQueue", "ContentBasedDeduplication", "KmsMasterKeyId"];

function redriveOf(queue: Queue): { maxReceives: number; target: string } {
  const policy = queue.attributes.get("RedrivePolicy");
  if (policy === undefined) return { maxReceives: Number.POSITIVE_INFINITY, target: "" };
  const parsed = structure({ policy: JSON.parse(policy) }, "policy");
  return { maxReceives: integer(parsed, "maxReceiveCount") ?? 0, target: text(parsed, "deadLetterTargetArn") ?? "" };
}
