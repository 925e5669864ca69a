import { isObject } from "../json.ts";
import type { Message } from "../service.ts";

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

/** What an SNS delivery holds. */
export type Envelope = Notification | Confirmation;

/** An SNS delivery as it came over HTTP. */
export interface Delivery {
  /** With names in lower case. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: string;
}

/** An envelope of the right shape, or why there is none. */
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
 * Reads an SNS HTTP delivery. It checks the shape only: nothing in the envelope is to be believed before its signature is
 * verified. A raw delivery, by its header or as an event without an envelope, is rejected.
 */
export function readEnvelope({ headers, body }: Delivery): EnvelopeReading {
  if (headers["x-amz-sns-rawdelivery"] === "true") return { kind: "rejected", reason: RAW_DELIVERY };
  const value = parse(body);
  if (value === undefined) return malformed("the body is not JSON");
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

/** What SNS delivers as one message, in bytes. https://docs.aws.amazon.com/general/latest/gr/sns.html#limits_sns */
const MAX_MESSAGE_BYTES = 256 * 1024;

/** What an envelope has beside its message, in bytes, is far below this. */
const MAX_REST_BYTES = 16 * 1024;

/**
 * Whether a body is too large to be SNS's: over 256 KiB, unless it is an envelope whose message is not. SNS's limit is on
 * the message, and the quotes and line breaks in a message of JSON are escaped in its envelope.
 */
export function isTooLarge(body: string): boolean {
  const bytes = Buffer.byteLength(body);
  if (bytes <= MAX_MESSAGE_BYTES) return false;
  const value = parse(body);
  const message = isObject(value) ? value.Message : undefined;
  if (typeof message !== "string" || Buffer.byteLength(message) > MAX_MESSAGE_BYTES) return true;
  return bytes - Buffer.byteLength(JSON.stringify(message)) > MAX_REST_BYTES;
}

/**
 * Takes the event out of a message that came through a queue: the queue holds either SNS's envelope, or, with raw
 * message delivery or an EventBridge target, the event itself. The queue's own policy says who may put it there.
 */
export function unwrapQueued(body: string): Message {
  const outer = parse(body);
  if (outer === undefined) return { malformed: "the message is not JSON" };
  if (!isObject(outer) || outer.Type !== "Notification" || typeof outer.Message !== "string") {
    return { event: outer };
  }
  return unwrapMessage(outer.Message);
}

/** Takes the event out of an envelope's `Message`. */
export function unwrapMessage(message: string): Message {
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
