import { type KeyObject, verify } from "node:crypto";
import type { Envelope } from "./envelope.ts";

/** The signed fields, in the order of the signed text. https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message-verify-message-signature.html */
const SIGNED_FIELDS = {
  Notification: ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"],
  SubscriptionConfirmation: ["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"],
  UnsubscribeConfirmation: ["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"],
} as const;

/** The digest of each signature version. */
const DIGESTS: ReadonlyMap<string, string> = new Map([
  ["1", "RSA-SHA1"],
  ["2", "RSA-SHA256"],
]);

/** Returns whether this version of signatures is supported. */
export function isKnownVersion(version: string): boolean {
  return DIGESTS.has(version);
}

/** Returns the signed text: the name and the value of each signed field that the envelope has, each on a line. */
function textToSign(envelope: Envelope): string {
  const values = new Map<string, unknown>(Object.entries(envelope));
  let text = "";
  for (const field of SIGNED_FIELDS[envelope.Type]) {
    const value = values.get(field);
    if (typeof value === "string") text += `${field}\n${value}\n`;
  }
  return text;
}

/**
 * Returns whether the envelope's signature was made with the RSA key. Returns false for an unsupported version, and for a
 * signature that is not strict Base64, because Node skips invalid characters.
 */
export function isSignedBy(envelope: Envelope, key: KeyObject): boolean {
  const digest = DIGESTS.get(envelope.SignatureVersion);
  const signature = Buffer.from(envelope.Signature, "base64");
  if (digest === undefined || signature.toString("base64") !== envelope.Signature) return false;
  return verify(digest, Buffer.from(textToSign(envelope)), key, signature);
}
