import { randomUUID } from "node:crypto";
import { hex } from "../arns.ts";
import type { Signer } from "../certificate.ts";
import type { MessageAttribute } from "../sqs/queue.ts";
import type { Subscription, Topic } from "./store.ts";

/** The content of a publication that all its deliveries share. */
export interface Publication {
  readonly topic: Topic;
  readonly messageId: string;
  readonly sequence: string | undefined;
  readonly subject: string | undefined;
  readonly attributes: ReadonlyMap<string, MessageAttribute>;
  /** ms epoch */
  readonly at: number;
}

/** The subject of a mail, and the time of its publication (ms epoch). */
export type Notice = Pick<Publication, "subject" | "at">;

/** A message that requests a confirmation. */
export interface Confirmation {
  readonly type: "SubscriptionConfirmation" | "UnsubscribeConfirmation";
  readonly messageId: string;
  readonly token: string;
  /** Its text for people, and the link to visit. */
  readonly message: string;
  readonly url: string;
  /** The body of the request to an endpoint. */
  readonly body: string;
}

/** SNS writes its envelopes with a space on both sides of the colon. */
function write(envelope: object): string {
  const fields = Object.entries(envelope).filter(([, value]) => value !== undefined);
  return `{\n${fields.map(([key, value]) => `  ${JSON.stringify(key)} : ${JSON.stringify(value)}`).join(",\n")}\n}`;
}

/**
 * Returns a function that writes a publication as a signed Notification for each subscription. Signing is slow, so all
 * subscriptions with the same text share one signature. It does not cover the UnsubscribeURL or the attributes.
 * https://docs.aws.amazon.com/sns/latest/dg/http-notification-json.html
 */
export function notificationWriter(publication: Publication, signer: Signer, endpoint: string) {
  const signed = new Map<string, object>();
  const { topic, messageId, sequence, subject, attributes, at } = publication;
  return (message: string, subscription: Subscription): string => {
    let common = signed.get(message);
    if (common === undefined) {
      common = signer.sign({
        Type: "Notification",
        MessageId: messageId,
        SequenceNumber: sequence,
        TopicArn: topic.arn,
        Subject: subject,
        Message: message,
        Timestamp: new Date(at).toISOString(),
        SignatureVersion: topic.attributes.get("SignatureVersion") ?? "1",
      });
      signed.set(message, common);
    }
    const shown = [...attributes].map(([name, { type, value }]) => [name, { Type: type, Value: value }]);
    return write({
      ...common,
      UnsubscribeURL: `${endpoint}/?Action=Unsubscribe&SubscriptionArn=${subscription.arn}`,
      MessageAttributes: shown.length === 0 ? undefined : Object.fromEntries(shown),
    });
  };
}

/**
 * Returns a signed SubscriptionConfirmation or UnsubscribeConfirmation with a new token. Its SubscribeURL is at `endpoint`,
 * where AWS's would be at `https://sns.<region>.amazonaws.com`. https://docs.aws.amazon.com/sns/latest/dg/http-subscription-confirmation-json.html
 */
export function confirmation(
  type: Confirmation["type"],
  { topic, arn }: Subscription,
  signer: Signer,
  endpoint: string,
  now: number,
): Confirmation {
  const messageId = randomUUID();
  const token = `2336412f37${hex(218)}`;
  const message =
    type === "SubscriptionConfirmation"
      ? `You have chosen to subscribe to the topic ${topic.arn}.\nTo confirm the subscription, visit the SubscribeURL included in this message.`
      : `You have chosen to deactivate subscription ${arn}.\nTo cancel this operation and restore the subscription, visit the SubscribeURL included in this message.`;
  const url = `${endpoint}/?Action=ConfirmSubscription&TopicArn=${topic.arn}&Token=${token}`;
  const envelope = signer.sign({
    Type: type,
    MessageId: messageId,
    Token: token,
    TopicArn: topic.arn,
    Message: message,
    SubscribeURL: url,
    Timestamp: new Date(now).toISOString(),
    SignatureVersion: topic.attributes.get("SignatureVersion") ?? "1",
  });
  return { type, messageId, token, message, url, body: write(envelope) };
}
