import { createHash } from "node:crypto";
import { AwsError } from "../errors.ts";
import { type Params, structure, structures, text } from "../params.ts";
import type { MessageAttribute } from "../sqs/queue.ts";
import { invalidParameter } from "./errors.ts";
import type { Topic } from "./store.ts";

/** A valid publication. */
export interface Draft {
  /** Returns the text for `protocol`. */
  textFor(protocol: string): string;
  readonly subject: string | undefined;
  /** The attributes that are delivered and that filter policies match. */
  readonly attributes: ReadonlyMap<string, MessageAttribute>;
  readonly groupId: string | undefined;
  readonly deduplicationId: string | undefined;
  /** The size that counts towards SNS's limit. */
  readonly bytes: number;
}

/** https://docs.aws.amazon.com/sns/latest/api/API_Publish.html: message and attributes together. */
export const MAX_BYTES = 262_144;

/** Returns the publication of a Publish call, or of an entry of PublishBatch, to `topic`. @throws AwsError InvalidParameter, ParameterValueInvalid */
export function readDraft(topic: Topic, params: Params): Draft {
  const message = text(params, "Message") ?? "";
  if (message === "") throw invalidParameter("Empty message");
  const attributes = readAttributes(params);
  const bytes = [...attributes].reduce(
    (sum, [name, { type, value }]) =>
      sum + Buffer.byteLength(name) + Buffer.byteLength(type) + Buffer.byteLength(value),
    Buffer.byteLength(message),
  );
  if (bytes > MAX_BYTES) throw invalidParameter("Message too long");
  return {
    textFor: textChooser(message, text(params, "MessageStructure")),
    subject: readSubject(params),
    // "Message attributes are sent only when the message structure is String, not JSON." Filter policies are assumed to match
    // only sent attributes. https://docs.aws.amazon.com/sns/latest/dg/sns-message-attributes.html
    attributes: text(params, "MessageStructure") === "json" ? new Map() : attributes,
    bytes,
    ...readFifo(topic, params, message),
  };
}

function readSubject(params: Params): string | undefined {
  const subject = text(params, "Subject");
  if (subject === undefined) return undefined;
  // ASCII that begins with a letter, a digit or a sign, without control characters, and "less than 100 characters long":
  // https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
  if (!/^[!-~][ -~]{0,98}$/.test(subject)) throw invalidParameter("Subject");
  return subject;
}

function textChooser(message: string, messageStructure: string | undefined): (protocol: string) => string {
  if (messageStructure === undefined || messageStructure === "") return () => message;
  if (messageStructure !== "json") throw invalidParameter("MessageStructure");
  let parsed: unknown;
  try {
    parsed = JSON.parse(message);
  } catch {
    throw invalidParameter("Message Structure - JSON message body failed to parse");
  }
  const texts = new Map(typeof parsed === "object" && parsed !== null ? Object.entries(parsed) : []);
  const fallback: unknown = texts.get("default");
  if (typeof fallback !== "string") throw invalidParameter("Message Structure - No default entry in JSON message body");
  return (protocol) => {
    const own: unknown = texts.get(protocol);
    return typeof own === "string" ? own : fallback;
  };
}

function readAttributes(params: Params): Map<string, MessageAttribute> {
  const refuse = (message: string) => new AwsError("ParameterValueInvalid", message);
  return new Map(
    structures(structure(params, "MessageAttributes"), "entry").map((entry) => {
      const name = text(entry, "Name") ?? "";
      const content = structure(entry, "Value");
      const type = text(content, "DataType") ?? "";
      const binary = type.startsWith("Binary");
      const value = text(content, binary ? "BinaryValue" : "StringValue") ?? "";
      if (!/^[\w.-]{1,256}$/.test(name) || /^(aws|amazon)\./i.test(name)) {
        throw refuse(`Invalid message attribute name: ${name}`);
      }
      if (!/^(String|Number|Binary)(\..+)?$/.test(type)) {
        throw refuse(
          `The message attribute '${name}' has an invalid message attribute type, the set of supported type prefixes is Binary, Number, and String.`,
        );
      }
      if (value === "") {
        throw refuse(
          `The message attribute '${name}' must contain non-empty message attribute value for message attribute type '${type}'.`,
        );
      }
      if (type.startsWith("Number") && !Number.isFinite(Number(value))) {
        throw refuse(`Could not cast message attribute '${name}' value to number.`);
      }
      if (type === "String.Array" && !isList(value)) {
        throw refuse(`The message attribute '${name}' must be a JSON array for message attribute type 'String.Array'.`);
      }
      return [name, { type, value }];
    }),
  );
}

function isList(value: string): boolean {
  try {
    return Array.isArray(JSON.parse(value));
  } catch {
    return false;
  }
}

function readFifo(topic: Topic, params: Params, message: string): Pick<Draft, "groupId" | "deduplicationId"> {
  const groupId = text(params, "MessageGroupId");
  const given = text(params, "MessageDeduplicationId");
  if (!topic.fifo) {
    if (given !== undefined) {
      throw invalidParameter(
        "MessageDeduplicationId Reason: The request includes MessageDeduplicationId parameter that is not valid for this topic type",
      );
    }
    return { groupId, deduplicationId: undefined };
  }
  if (groupId === undefined) throw invalidParameter("The MessageGroupId parameter is required for FIFO topics");
  const byContent = topic.attributes.get("ContentBasedDeduplication") === "true";
  if (given === undefined && !byContent) {
    throw invalidParameter(
      "The topic should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly",
    );
  }
  return { groupId, deduplicationId: given ?? createHash("sha256").update(message).digest("hex") };
}
