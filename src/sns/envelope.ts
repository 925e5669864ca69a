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

/** A request to confirm a subscription, or a report that one has ended. */
export interface Confirmation extends Common {
  readonly Type: "SubscriptionConfirmation" | "UnsubscribeConfirmation";
  readonly Token: string;
  readonly SubscribeURL: string;
}

/** The body of an SNS delivery. */
export type Envelope = Notification | Confirmation;

/** With names in lower case. */
type Headers = Readonly<Record<string, string | undefined>>;

/** An SNS delivery over HTTP. Its envelope has the right shape, but is not verified yet. */
export interface Delivery {
  readonly kind: "delivery";
  readonly headers: Headers;
  readonly envelope: Envelope;
}

/** A request over HTTP that is not processed. Anyone can send one. */
export interface Rejected {
  readonly kind: "rejected";
  readonly reason: string;
  readonly refusal: Refusal;
}

/** Why a request is rejected. Each refusal has an HTTP status. */
export type Refusal =
  /** It is not an SNS delivery. */
  | "foreign"
  /** It is an SNS delivery that is forged, too old, or from a topic that is not one of the launch topics. */
  | "unverified"
  /** SNS delivered the message without its envelope, and so without a signature. */
  | "raw"
  /** Its body did not arrive. */
  | "incomplete"
  | "tooLarge"
  | "method";

const COMMON_FIELDS = [
  "MessageId",
  "TopicArn",
  "Message",
  "Timestamp",
  "SignatureVersion",
  "Signature",
  "SigningCertURL",
] as const;

/** The signed fields without line breaks. In the signed text, a line break ends a value: if values could contain one, two
 * envelopes could have the same signed text. Only a Message may have several lines.
 * https://docs.aws.amazon.com/sns/latest/api/API_Publish.html (Subject) */
const ONE_LINE_FIELDS = ["MessageId", "TopicArn", "Timestamp", "Subject", "Token", "SubscribeURL"] as const;

/** Half a surrogate pair cannot be verified: as UTF-8, it has the same bytes as U+FFFD. */
const LONE_SURROGATE = /\p{Surrogate}/u;

/** The format that SNS writes. `Date.parse` accepts more. */
const ISO_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z$/;

/** The reason is not secret: the sender may be the operator who can turn raw delivery off. */
const RAW_DELIVERY: Rejected = {
  kind: "rejected",
  refusal: "raw",
  reason: "raw message delivery has no signature, so it cannot be verified: disable it for this subscription",
};

/**
 * Reads an SNS delivery over HTTP, or rejects the request. Takes the headers, and the body or the reason why there is none.
 * Checks the complete shape and nothing else, so that the response to other requests does not depend on the configuration.
 * The envelope must not be trusted before its signature is verified. Its Timestamp is a time that `Date.parse` reads. A raw
 * message, recognised by its header or as an event without an envelope, is rejected.
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
    return foreign('the envelope\'s "Type" is not an SNS message type');
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

/** Returns true for text on a single line, and for a value that is not text. */
function isOneLine(value: unknown): boolean {
  return typeof value !== "string" || !(value.includes("\n") || LONE_SURROGATE.test(value));
}

function isTime(text: string): boolean {
  return ISO_TIME.test(text) && !Number.isNaN(Date.parse(text));
}

/** The maximum size of an SNS message, in bytes. https://docs.aws.amazon.com/general/latest/gr/sns.html#limits_sns */
const MAX_MESSAGE_BYTES = 256 * 1024;

/** The maximum size of an envelope without its message, in bytes. Real ones are far smaller. */
const MAX_REST_BYTES = 16 * 1024;

/** The maximum number of brackets, braces and commas. An envelope has a dozen fields, and three more parts for each attribute. */
const MAX_PARTS = 2_000;

/**
 * Parses a body once, or rejects it. A body over 256 KiB is too large, unless it is an envelope whose message is not: SNS's
 * limit is on the message, and the envelope escapes the quotes and line breaks of a JSON message.
 */
function parseBody(body: string): { readonly kind: "parsed"; readonly value: unknown } | Rejected {
  const bytes = Buffer.byteLength(body);
  const fits = bytes <= MAX_MESSAGE_BYTES;
  if (hasMoreParts(body, MAX_PARTS)) return fits ? foreign("the body has more fields than an SNS envelope") : TOO_LARGE;
  const value = parseJson(body);
  if (!fits && !isLargeEnvelope(value, bytes)) return TOO_LARGE;
  return value === undefined ? foreign("the body is not JSON") : { kind: "parsed", value };
}

/** A body that is too large for an SNS delivery. */
export const TOO_LARGE: Rejected = { kind: "rejected", refusal: "tooLarge", reason: "the body is over 256 KiB" };

/** Returns whether a value, of a body of `bytes` bytes, is an envelope that only the escapes in its message make too large. */
function isLargeEnvelope(value: unknown, bytes: number): boolean {
  const message = isObject(value) ? value.Message : undefined;
  if (typeof message !== "string" || Buffer.byteLength(message) > MAX_MESSAGE_BYTES) return false;
  return bytes - Buffer.byteLength(JSON.stringify(message)) <= MAX_REST_BYTES;
}

function foreign(reason: string): Rejected {
  return { kind: "rejected", refusal: "foreign", reason };
}
