import type { TopicArn } from "../aws/topic-arn.ts";
import type { Message } from "../util/message.ts";
import type { Note } from "../util/note.ts";
import { type Certificates, isCertificateUrl } from "./certificate.ts";
import type { RunOnce } from "./duplicates.ts";
import type { Delivery, Rejected } from "./envelope.ts";
import { unwrapMessage } from "./message.ts";
import { isKnownVersion, isSignedBy } from "./signature.ts";
import type { Subscriber } from "./subscription.ts";

/** The result of a delivery without a message to audit. */
export type Handled =
  | Rejected
  | { readonly kind: "confirmed"; readonly reason: string }
  | { readonly kind: "ignored"; readonly reason: string }
  /** SNS must retry it. */
  | { readonly kind: "failed"; readonly reason: string };

/** A verified notification. The key is the same for every duplicate of the delivery. */
export interface Notified {
  readonly kind: "notification";
  readonly key: string;
  readonly message: Message;
}

/** The parts of the function that deliveries are checked against. */
export interface Receiver {
  /** The topics whose deliveries are accepted. */
  readonly launchTopics: readonly TopicArn[];
  readonly certificates: Certificates;
  readonly subscriber: Pick<Subscriber, "confirm" | "ended" | "seen">;
  /** Keeps duplicates of a confirmation from being processed again. */
  readonly once: RunOnce<Handled>;
  readonly note: Note;
  /** The time now, in milliseconds since 1970. */
  readonly now: () => number;
}

/** SNS retries for an hour, so an older message is a replay. The sender's clock may be a little ahead. */
const MAX_AGE_MS = 2 * 60 * 60_000;
const MAX_SENT_AHEAD_MS = 15 * 60_000;

/**
 * The headers that repeat a signed field. SNS sends all of them; a header that is missing is not checked. The log names the
 * message by its header.
 */
const SIGNED_HEADERS = [
  ["x-amz-sns-message-type", "Type"],
  ["x-amz-sns-topic-arn", "TopicArn"],
  ["x-amz-sns-message-id", "MessageId"],
] as const;

/**
 * Verifies a delivery. Returns the message of a notification; confirms a subscription, and notes the end of one. Before the
 * delivery is verified, the only request that it causes is for its certificate.
 */
export async function receive(delivery: Delivery, receiver: Receiver): Promise<Handled | Notified> {
  const { envelope } = delivery;
  const { subscriber } = receiver;
  const topic = receiver.launchTopics.find(({ arn }) => arn === envelope.TopicArn);
  if (topic === undefined) return unverified("the topic is not in LAUNCH_TOPIC_ARN");
  const refusal = await verify(delivery, topic.region, receiver);
  if (refusal !== null) return refusal;
  receiver.note("debug", "the delivery is verified", { topic: topic.arn, messageId: envelope.MessageId });

  const key = `${topic.arn} ${envelope.MessageId}`;
  switch (envelope.Type) {
    case "SubscriptionConfirmation":
      return (await receiver.once(key, () => subscriber.confirm(envelope, topic))) ?? DUPLICATE;
    case "UnsubscribeConfirmation": {
      const end = async (): Promise<Handled> => {
        subscriber.ended(topic);
        return { kind: "ignored", reason: "the subscription has ended" };
      };
      return (await receiver.once(key, end)) ?? DUPLICATE;
    }
    case "Notification":
      subscriber.seen(topic);
      return { kind: "notification", key, message: { ...unwrapMessage(envelope.Message), from: topic.arn } };
  }
}

const DUPLICATE: Handled = { kind: "ignored", reason: "duplicate delivery" };

/**
 * Returns null for a genuine delivery. Rejects one that is wrong. Fails, so that SNS retries, if the cause may be the
 * function's own: its clock, or a certificate that it cannot fetch. The cheap checks come first.
 */
async function verify(
  { headers, envelope }: Delivery,
  region: string,
  { certificates, now }: Receiver,
): Promise<Handled | null> {
  for (const [header, field] of SIGNED_HEADERS) {
    const value = headers[header];
    if (value !== undefined && value !== envelope[field]) {
      return unverified(`the header ${header} differs from the envelope's ${field}`);
    }
  }
  const startedAt = now();
  const sentAt = Date.parse(envelope.Timestamp);
  if (sentAt < startedAt - MAX_AGE_MS) return unverified("the message is older than two hours");
  if (!isKnownVersion(envelope.SignatureVersion)) return unverified("the SignatureVersion is not 1 or 2");
  if (!isCertificateUrl(envelope.SigningCertURL, region)) {
    return unverified("the SigningCertURL is not the URL of an SNS certificate in the topic's region");
  }
  const reading = await certificates.keyOf(envelope.SigningCertURL);
  if (reading.kind !== "key") return reading;
  if (!isSignedBy(envelope, reading.key)) return unverified("the signature is not from SNS");
  if (sentAt <= startedAt + MAX_SENT_AHEAD_MS) return null;
  return { kind: "failed", reason: "the message is more than 15 minutes in the future" };
}

function unverified(reason: string): Rejected {
  return { kind: "rejected", refusal: "unverified", reason };
}
