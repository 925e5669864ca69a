import { isObject } from "../json.ts";

/** The fields that every SNS delivery has.
 * https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html#http-subscription-confirmation-json */
interface Common {
  readonly MessageId: string;
  readonly TopicArn: string;
  readonly Message: string;
  readonly Timestamp: string;
  readonly SignatureVersion: string;
  readonly Signature: string;
  readonly SigningCertURL: string;
}

/** A published message. */
export interface Notification extends Common {
  readonly Type: "Notification";
  readonly Subject?: string;
}

/** What SNS asks of an endpoint that was subscribed, or tells one that was unsubscribed. */
export interface Confirmation extends Common {
  readonly Type: "SubscriptionConfirmation" | "UnsubscribeConfirmation";
  readonly Token: string;
  readonly SubscribeURL: string;
}

export type Envelope = Notification | Confirmation;

export type EnvelopeReading =
  | { readonly kind: "envelope"; readonly envelope: Envelope }
  | { readonly kind: "malformed"; readonly reason: string }
  | { readonly kind: "rejected"; readonly reason: string };

const COMMON_FIELDS = [
  "MessageId",
  "TopicArn",
  "Message",
  "Timestamp",
  "SignatureVersion",
  "Signature",
  "SigningCertURL",
] as const;

const RAW_DELIVERY =
  "raw message delivery carries no signature, so it cannot be verified: turn it off for this subscription";

/**
 * Reads the body of an SNS HTTP delivery. It checks the shape only: nothing in the envelope is to be believed before
 * its signature is verified. An event without an envelope is a raw delivery, and rejected.
 */
export function readEnvelope(body: string): EnvelopeReading {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    return malformed("the body is not JSON");
  }
  if (!isObject(value)) return malformed("the body is not a JSON object");
  const { Type, Subject } = value;
  if (Type === undefined && "detail-type" in value) return { kind: "rejected", reason: RAW_DELIVERY };
  if (Type !== "Notification" && Type !== "SubscriptionConfirmation" && Type !== "UnsubscribeConfirmation") {
    return malformed("the envelope's \"Type\" is not one of SNS's");
  }
  const required = Type === "Notification" ? COMMON_FIELDS : ([...COMMON_FIELDS, "Token", "SubscribeURL"] as const);
  const wrong = required.filter((field) => typeof value[field] !== "string");
  if (wrong.length > 0) return malformed(`the envelope's ${wrong.join(", ")} must be text`);
  if (Subject !== undefined && Subject !== null && typeof Subject !== "string") {
    return malformed("the envelope's Subject must be text");
  }
  return { kind: "envelope", envelope: value as unknown as Envelope };
}

/** Whether the headers say that this is a raw delivery. */
export function isRawDelivery(headers: Readonly<Record<string, string | undefined>>): boolean {
  return headers["x-amz-sns-rawdelivery"] === "true";
}

/** What a raw delivery is answered. */
export const rawDelivery: EnvelopeReading = { kind: "rejected", reason: RAW_DELIVERY };

/**
 * Takes the event out of a message that came through a queue: the queue holds either SNS's envelope, or, with raw
 * message delivery or an EventBridge target, the event itself. The queue's own policy says who may put it there.
 */
export function unwrapQueued(body: string): { readonly event: unknown } | { readonly malformed: string } {
  const outer = parse(body);
  if (outer === undefined) return { malformed: "the message is not JSON" };
  if (!isObject(outer) || outer.Type !== "Notification" || typeof outer.Message !== "string") {
    return { event: outer };
  }
  return unwrapMessage(outer.Message);
}

/** Takes the event out of an envelope's `Message`. */
export function unwrapMessage(message: string): { readonly event: unknown } | { readonly malformed: string } {
  const event = parse(message);
  return event === undefined ? { malformed: "the envelope's Message is not JSON" } : { event };
}

/** The parsed JSON, or undefined (which is no JSON value) for text that is not JSON. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function malformed(reason: string): EnvelopeReading {
  return { kind: "malformed", reason };
}
