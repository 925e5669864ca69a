import type { Message } from "../launches/dispatch.ts";
import type { Rejected } from "../launches/outcome.ts";
import { hasMoreParts, isObject, parseJson } from "../util/json.ts";

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

/** With names in lower case. */
type Headers = Readonly<Record<string, string | undefined>>;

/** An SNS delivery as it came over HTTP: an envelope of the right shape, and not verified yet. */
export interface Delivery {
  readonly kind: "delivery";
  readonly headers: Headers;
  readonly envelope: Envelope;
}

const COMMON_FIELDS = [
  "MessageId",
  "TopicArn",
  "Message",
  "Timestamp",
  "SignatureVersion",
  "Signature",
  "SigningCertURL",
] as const;

/** The signed fields in which SNS writes no line break. In the text that is signed a line break ends a value: with one in
 * its values, the same text would be the signed text of another envelope too. Only a Message may have many lines.
 * https://docs.aws.amazon.com/sns/latest/api/API_Publish.html (Subject) */
const ONE_LINE_FIELDS = ["MessageId", "TopicArn", "Timestamp", "Subject", "Token", "SubscribeURL"] as const;

/** Half a surrogate pair has no bytes of its own to be signed: written as UTF-8 it is U+FFFD, as that itself is. */
const LONE_SURROGATE = /\p{Surrogate}/u;

/** `Date.parse` takes more than SNS writes. */
const ISO_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z$/;

/** The answer to a raw delivery is no secret: its sender may be the one to turn it off. */
const RAW_DELIVERY: Rejected = {
  kind: "rejected",
  refusal: "raw",
  reason: "raw message delivery carries no signature, so it cannot be verified: turn it off for this subscription",
};

/**
 * Reads an SNS HTTP delivery, or says why it is not one. Takes the body, or why that did not arrive. It checks the shape
 * only, all of it, so that the answer to what is not a delivery does not depend on the configuration: nothing in the
 * envelope can be trusted before its signature is verified. The Timestamp is a time that `Date.parse` reads. A raw
 * delivery, by its header or as an event without an envelope, is rejected.
 */
export function readDelivery(headers: Headers, body: string | Rejected): Delivery | Rejected {
  if (headers["x-amz-sns-rawdelivery"] === "true") return RAW_DELIVERY;
  const parsed = typeof body === "string" ? parseBody(body) : body;
  if (parsed.kind === "rejected") return parsed;
  const { value } = parsed;
  if (!isObject(value)) return foreign("the body is not a JSON object");
  const { Type, Subject } = value;
  if (Type === undefined && "detail-type" in value) return RAW_DELIVERY;
  if (Type !== "Notification" && Type !== "SubscriptionConfirmation" && Type !== "UnsubscribeConfirmation") {
    return foreign("the envelope's \"Type\" is not one of SNS's");
  }
  const required = Type === "Notification" ? COMMON_FIELDS : ([...COMMON_FIELDS, "Token", "SubscribeURL"] as const);
  const wrong = required.filter((field) => typeof value[field] !== "string");
  if (wrong.length > 0) return foreign(`the envelope's ${wrong.join(", ")} must be text`);
  if (Subject !== undefined && Subject !== null && typeof Subject !== "string") {
    return foreign("the envelope's Subject must be text");
  }
  const broken = ONE_LINE_FIELDS.filter((field) => !isOneLine(value[field]));
  if (broken.length > 0) return foreign(`the envelope's ${broken.join(", ")} must be one line of Unicode text`);
  if (LONE_SURROGATE.test(String(value.Message))) return foreign("the envelope's Message must be Unicode text");
  if (!isTime(String(value.Timestamp))) return foreign("the envelope's Timestamp is not a time");
  return { kind: "delivery", headers, envelope: value as unknown as Envelope };
}

/** Whether a value is no text, or text on a single line. */
function isOneLine(value: unknown): boolean {
  return typeof value !== "string" || !(value.includes("\n") || LONE_SURROGATE.test(value));
}

function isTime(text: string): boolean {
  return ISO_TIME.test(text) && !Number.isNaN(Date.parse(text));
}

/** What SNS delivers as one message, in bytes. https://docs.aws.amazon.com/general/latest/gr/sns.html#limits_sns */
const MAX_MESSAGE_BYTES = 256 * 1024;

/** What an envelope has beside its message, in bytes, is far below this. */
const MAX_REST_BYTES = 16 * 1024;

/** An envelope has a dozen fields; a message attribute, which launches have none of, is three parts more. */
const MAX_PARTS = 2_000;

/**
 * Parses a body, once, or says why it is rejected. It is too large to be SNS's when it is over 256 KiB, unless it is an
 * envelope whose message is not: SNS's limit is on the message, and the quotes and line breaks in a message of JSON are
 * escaped in its envelope.
 */
function parseBody(body: string): { readonly kind: "parsed"; readonly value: unknown } | Rejected {
  const bytes = Buffer.byteLength(body);
  const fits = bytes <= MAX_MESSAGE_BYTES;
  if (hasMoreParts(body, MAX_PARTS)) return fits ? foreign("the body has more parts than an envelope") : TOO_LARGE;
  const value = parseJson(body);
  if (!fits && !isLargeEnvelope(value, bytes)) return TOO_LARGE;
  return value === undefined ? foreign("the body is not JSON") : { kind: "parsed", value };
}

/** The refusal of a body that is too large to be SNS's. */
export const TOO_LARGE: Rejected = { kind: "rejected", refusal: "tooLarge", reason: "the body is over 256 KiB" };

/** Whether a value, written in so many bytes, is an envelope that is large by its message alone, and that by its escapes. */
function isLargeEnvelope(value: unknown, bytes: number): boolean {
  const message = isObject(value) ? value.Message : undefined;
  if (typeof message !== "string" || Buffer.byteLength(message) > MAX_MESSAGE_BYTES) return false;
  return bytes - Buffer.byteLength(JSON.stringify(message)) <= MAX_REST_BYTES;
}

/**
 * Takes the event out of a message that came through a queue: the queue holds either SNS's envelope, or, with raw
 * message delivery or an EventBridge target, the event itself. The queue's own policy says who may put it there.
 */
export function unwrapQueued(body: string): Message {
  const outer = parseJson(body);
  if (outer === undefined) return { malformed: "the message is not JSON" };
  if (!isObject(outer) || outer.Type !== "Notification" || typeof outer.Message !== "string") {
    return { event: outer };
  }
  return unwrapMessage(outer.Message);
}

/** Takes the event out of an envelope's `Message`. */
export function unwrapMessage(message: string): Message {
  const event = parseJson(message);
  return event === undefined ? { malformed: "the envelope's Message is not JSON" } : { event };
}

function foreign(reason: string): Rejected {
  return { kind: "rejected", refusal: "foreign", reason };
}
