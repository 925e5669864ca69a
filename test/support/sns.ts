/**
 * SNS's deliveries over HTTPS: envelopes in AWS's documented format, and a signer that follows AWS's description of the
 * signature instead of our verifier.
 * https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html
 * https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message-verify-message-signature.html
 */
import { createHash, createPrivateKey, createSign, type KeyObject } from "node:crypto";
import { generate } from "selfsigned";
import { TIME } from "./events.ts";

export const LAUNCH_TOPIC = "arn:aws:sns:us-east-1:123456789012:ec2_launches_check";
export const CERTIFICATE_URL =
  "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-f3ecfb7224c7233fe7bb5f59f96de52f.pem";

/** A private key and its certificate, both as PEM. */
export interface Signer {
  readonly privateKey: string;
  readonly certificate: string;
}

/** Creates a key and its self-signed certificate. By default it is valid in the year of the sample events. */
export async function makeSigner({
  from = "2021-01-01T00:00:00Z",
  to = "2022-01-01T00:00:00Z",
  keyType = "rsa",
}: {
  from?: string;
  to?: string;
  keyType?: "rsa" | "ec";
} = {}): Promise<Signer> {
  const made = await generate([{ name: "commonName", value: "sns.amazonaws.com" }], {
    notBeforeDate: new Date(from),
    notAfterDate: new Date(to),
    algorithm: "sha256",
    keySize: 2048,
    keyType,
  });
  return { privateKey: made.private, certificate: made.cert };
}

/** SNS. */
export const SNS_SIGNER = await makeSigner();
/** Another signer, with a certificate that looks the same. */
export const OTHER_SIGNER = await makeSigner();

/** An envelope before it is read: every field may have any value. */
export type Fields = Readonly<Record<string, unknown>>;

/** Returns a Notification in AWS's documented format. Takes the message as text, or an event to insert as JSON. The MessageId
 * depends on the message, so the same message is a duplicate delivery. */
export function notification(message: unknown, changes: Fields = {}): Fields {
  const Message = typeof message === "string" ? message : JSON.stringify(message);
  const digest = createHash("sha256").update(Message).digest("hex");
  return {
    Type: "Notification",
    MessageId: digest.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12}).*/, "$1-$2-$3-$4-$5"),
    TopicArn: LAUNCH_TOPIC,
    Message,
    Timestamp: TIME.replace("Z", ".655Z"),
    SigningCertURL: CERTIFICATE_URL,
    UnsubscribeURL: `https://sns.us-east-1.amazonaws.com/?Action=Unsubscribe&SubscriptionArn=${LAUNCH_TOPIC}:c9135db0-26c4-47ec-8998-413945fb5a96`,
    ...changes,
  };
}

export const TOKEN = "2336412f37fb687f5d51e6e241d09c805a5a57b30d712f794cc5f6a988666d92768dd60a747ba6f3beb71854e285d6ad";

/** Returns a SubscriptionConfirmation in AWS's documented format. */
export function subscriptionConfirmation(changes: Fields = {}): Fields {
  return {
    Type: "SubscriptionConfirmation",
    MessageId: "165545c9-2a5c-472c-8df2-7ff2be2b3b1b",
    Token: TOKEN,
    TopicArn: LAUNCH_TOPIC,
    Message: `You have chosen to subscribe to the topic ${LAUNCH_TOPIC}.\nTo confirm the subscription, visit the SubscribeURL included in this message.`,
    SubscribeURL: `https://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn=${LAUNCH_TOPIC}&Token=${TOKEN}`,
    Timestamp: TIME.replace("Z", ".751Z"),
    SigningCertURL: CERTIFICATE_URL,
    ...changes,
  };
}

/** Returns an UnsubscribeConfirmation in AWS's documented format. */
export function unsubscribeConfirmation(changes: Fields = {}): Fields {
  return {
    ...subscriptionConfirmation(),
    Type: "UnsubscribeConfirmation",
    MessageId: "47138184-6831-46b8-8f7c-afc488602d7d",
    Message: `You have chosen to deactivate subscription ${LAUNCH_TOPIC}:2bcfbf39-05c3-41de-beaa-fcfcc21c8f55.\nTo cancel this operation and restore the subscription, visit the SubscribeURL included in this message.`,
    ...changes,
  };
}

/** The signed names, for a notification and for the two confirmations. */
export const SIGNED_IN_NOTIFICATION = ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"];
export const SIGNED_IN_CONFIRMATION = [
  "Message",
  "MessageId",
  "SubscribeURL",
  "Timestamp",
  "Token",
  "TopicArn",
  "Type",
];

interface Signing {
  readonly version?: string;
  readonly signer?: Signer;
  /** The names to sign instead of those that AWS signs. */
  readonly names?: readonly string[];
}

/** Signs an envelope: SHA1withRSA for version 1, SHA256withRSA for version 2. */
export function signed(fields: Fields, { version = "2", signer = SNS_SIGNER, names }: Signing = {}): Fields {
  const signedNames = names ?? (fields.Type === "Notification" ? SIGNED_IN_NOTIFICATION : SIGNED_IN_CONFIRMATION);
  // "name-value pairs of only the included names, in byte sort order, each name and each value ended by a newline"
  const pairs = Object.entries(fields).filter(
    ([name, value]) => signedNames.includes(name) && typeof value === "string",
  );
  pairs.sort(([one], [other]) => (one < other ? -1 : 1));
  const signing = createSign(version === "1" ? "sha1WithRSAEncryption" : "sha256WithRSAEncryption");
  signing.update(pairs.map(([name, value]) => `${name}\n${value}\n`).join(""), "utf8");
  return { ...fields, SignatureVersion: version, Signature: signing.sign(keyOf(signer), "base64") };
}

/** Parsing a key takes three times as long as signing with it. */
const parsedKeys = new WeakMap<Signer, KeyObject>();
function keyOf(signer: Signer): KeyObject {
  const key = parsedKeys.get(signer) ?? createPrivateKey(signer.privateKey);
  parsedKeys.set(signer, key);
  return key;
}

/** Returns the headers of SNS's request, in lower case. */
export function headersOf({ Type, MessageId, TopicArn }: Fields): Record<string, string> {
  return {
    "x-amz-sns-message-type": String(Type),
    "x-amz-sns-message-id": String(MessageId),
    "x-amz-sns-topic-arn": String(TopicArn),
    "x-amz-sns-subscription-arn": `${TopicArn}:2bcfbf39-05c3-41de-beaa-fcfcc21c8f55`,
    "content-type": "text/plain; charset=UTF-8",
    "user-agent": "Amazon Simple Notification Service Agent",
  };
}
