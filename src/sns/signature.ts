import { type KeyObject, verify } from "node:crypto";
import type { Envelope } from "./envelope.ts";

/** The fields that are signed, in their order. https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message-verify-message-signature.html */
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

/** Whether we can verify signatures of this version at all. */
export function isKnownVersion(version: string): boolean {
  return DIGESTS.has(version);
}

/** The text that SNS signs: each signed field that the envelope has, its name and its value on a line each. */
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
 * Whether the RSA key made the envelope's signature. False for a version that is not known, and for a signature that is not
 * written as SNS writes it: Node skips over whatever is not Base64.
 */
export function isSignedBy(envelope: Envelope, key: KeyObject): boolean {
  const digest = DIGESTS.get(envelope.SignatureVersion);
  const signature = Buffer.from(envelope.Signature, "base64");
  if (digest === undefined || signature.toString("base64") !== envelope.Signature) return false;
  return verify(digest, Buffer.from(textToSign(envelope)), key, signature);
}
