import { randomUUID } from "node:crypto";
import type { Signer } from "../certificate.ts";
import type { Clock } from "../clock.ts";
import { AwsError } from "../errors.ts";
import { type Params, structure, structures, text } from "../params.ts";
import type { XmlFields } from "../service.ts";
import { DEDUPLICATION_MS } from "../sqs/queue.ts";
import type { SendToQueue } from "../sqs/service.ts";
import type { createDelivery } from "./delivery.ts";
import { notificationWriter, type Publication } from "./envelope.ts";
import { invalidParameter } from "./errors.ts";
import { filterDocument } from "./filter-policy.ts";
import { byMail, type Mailbox } from "./mail.ts";
import { type Draft, MAX_BYTES, readDraft } from "./message.ts";
import type { SnsStore, Topic } from "./store.ts";

/** The dependencies of publishing. */
export interface PublishContext {
  readonly clock: Clock;
  readonly store: SnsStore;
  readonly signer: Signer;
  readonly endpoint: () => string;
  readonly delivery: ReturnType<typeof createDelivery>;
  readonly sendToQueue: SendToQueue;
  readonly mailbox: Mailbox;
}

/** Returns Publish and PublishBatch, and `publishText`, by which EventBridge publishes an event. */
export function publishActions(context: PublishContext) {
  const { clock, store } = context;

  function publishOne(topic: Topic, draft: Draft): XmlFields {
    const known = duplicateOf(topic, draft, clock);
    if (known !== undefined) return { MessageId: known.messageId, SequenceNumber: known.sequence };
    const messageId = randomUUID();
    const sequence = topic.fifo ? `1${String(++topic.sequence).padStart(19, "0")}` : undefined;
    if (draft.deduplicationId !== undefined && sequence !== undefined) {
      topic.published.set(draft.deduplicationId, { at: clock.now(), messageId, sequence });
    }
    fanOut(context, draft, {
      topic,
      messageId,
      sequence,
      subject: draft.subject,
      attributes: draft.attributes,
      at: clock.now(),
    });
    return { MessageId: messageId, SequenceNumber: sequence };
  }

  function publish(params: Params): XmlFields {
    if (params.TargetArn === undefined && params.TopicArn === undefined) {
      throw invalidParameter("TopicArn or TargetArn Reason: no value for required parameter");
    }
    const topic = store.topic(params, params.TopicArn === undefined ? "TargetArn" : "TopicArn");
    return publishOne(topic, readDraft(topic, params));
  }

  function publishBatch(params: Params): XmlFields {
    const topic = store.topic(params);
    const entries = structures(structure(params, "PublishBatchRequestEntries"), "member");
    if (entries.length === 0) throw new AwsError("EmptyBatchRequest", "The batch request doesn't contain any entries.");
    if (entries.length > 10) {
      throw new AwsError("TooManyEntriesInBatchRequest", "The batch request contains more entries than permissible.");
    }
    const ids = entries.map((entry) => text(entry, "Id") ?? "");
    if (ids.some((id) => !/^[\w-]{1,80}$/.test(id)))
      throw new AwsError(
        "InvalidBatchEntryId",
        "The Id of a batch entry in a batch request doesn't abide by the specification.",
      );
    if (new Set(ids).size < ids.length) {
      throw new AwsError("BatchEntryIdsNotDistinct", "Two or more batch entries in the request have the same Id.");
    }
    const drafts = entries.map((entry) => attempt(() => readDraft(topic, entry)));
    const bytes = drafts.reduce((sum, draft) => sum + (draft instanceof AwsError ? 0 : draft.bytes), 0);
    if (bytes > MAX_BYTES) {
      throw new AwsError(
        "BatchRequestTooLong",
        "The length of all the batch messages put together is more than the limit.",
      );
    }
    const Successful: XmlFields[] = [];
    const Failed: XmlFields[] = [];
    for (const [index, draft] of drafts.entries()) {
      const Id = ids[index];
      if (draft instanceof AwsError) Failed.push({ Id, Code: draft.code, Message: draft.message, SenderFault: true });
      else Successful.push({ Id, ...publishOne(topic, draft) });
    }
    return { Successful, Failed };
  }

  return {
    actions: { Publish: publish, PublishBatch: publishBatch },
    /** Publishes a text. @throws AwsError if the text is too long or the topic is a FIFO topic */
    publishText: (topic: Topic, message: string): void => {
      publishOne(topic, readDraft(topic, { Message: message }));
    },
  };
}

function attempt<T>(run: () => T): T | AwsError {
  try {
    return run();
  } catch (error) {
    if (error instanceof AwsError) return error;
    throw error;
  }
}

function duplicateOf(topic: Topic, { deduplicationId }: Draft, clock: Clock) {
  const age = DEDUPLICATION_MS / (clock.speed ?? 1);
  for (const [id, { at }] of topic.published) {
    if (at + age > clock.now()) break;
    topic.published.delete(id);
  }
  return deduplicationId === undefined ? undefined : topic.published.get(deduplicationId);
}

/** Delivers a publication to every confirmed subscription whose filter matches. */
function fanOut(
  { clock, signer, endpoint, delivery, sendToQueue, mailbox }: PublishContext,
  draft: Draft,
  publication: Publication,
): void {
  const write = notificationWriter(publication, signer, endpoint());
  const filterable = filterDocument(draft.attributes);
  for (const subscription of publication.topic.subscriptions.values()) {
    const message = draft.textFor(subscription.protocol);
    if (subscription.pending || !subscription.wants(filterable, message)) continue;
    if (byMail(subscription.protocol)) {
      mailbox.notify(subscription, publication, message, () => write(message, subscription));
      continue;
    }
    const raw = subscription.attributes.get("RawMessageDelivery") === "true";
    const body = raw ? message : write(message, subscription);
    const parcel = { subscription, messageId: publication.messageId, type: "Notification", body, raw };
    if (subscription.protocol !== "sqs") {
      delivery.deliver(parcel);
      continue;
    }
    const sent = sendToQueue(subscription.endpoint, {
      body,
      ...(raw ? { attributes: draft.attributes } : {}),
      groupId: draft.groupId,
      deduplicationId: draft.deduplicationId,
      sender: "sns.amazonaws.com",
      source: { arn: publication.topic.arn, account: publication.topic.account },
    });
    // A queue that does not exist or does not allow SNS is a client-side error, which SNS does not retry.
    delivery.report(parcel, {
      attempt: 1,
      at: clock.now(),
      status: sent ? 200 : undefined,
      error: sent ? undefined : "the queue does not exist, or does not let SNS in",
      responseBody: "",
      willRetryAtMs: undefined,
      retryDelayMs: undefined,
      deadLettered: !sent && delivery.deadLetter(parcel),
    });
  }
}
