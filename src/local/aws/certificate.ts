import { createHash, createPrivateKey, sign as signBytes } from "node:crypto";
import { generate } from "selfsigned";
import { parseArn } from "./arns.ts";

/** An SNS envelope: a Notification, a SubscriptionConfirmation or an UnsubscribeConfirmation. */
export type Envelope = Record<string, unknown>;

/** A signer that signs as SNS does. */
export interface Signer {
  /** Returns the envelope with SignatureVersion (its own, or "1"), Signature and SigningCertURL. */
  sign<T extends Envelope>(envelope: T): T & { SignatureVersion: string; Signature: string; SigningCertURL: string };
}

/** A key and certificate with which SNS signs. */
export interface SigningIdentity extends Signer {
  /** X.509, PEM. */
  readonly certificate: string;
  /** Returns SNS's URL of the certificate in `region`. */
  certificateUrl(region: string): string;
}

let shared: Promise<SigningIdentity> | undefined;

/**
 * Returns the signing identity of this process, created at the first call: an RSA key takes a good part of a second, and a
 * test suite starts many embedded AWSs.
 */
export function sharedSigningIdentity(): Promise<SigningIdentity> {
  shared ??= createSigningIdentity(Date.now());
  return shared;
}

/** Returns a new RSA key and a certificate for it, valid from five years before `now` (ms epoch) to five years after. */
export async function createSigningIdentity(now: number): Promise<SigningIdentity> {
  const fiveYears = 5 * 365 * 86_400_000;
  const pair = await generate([{ name: "commonName", value: "sns.amazonaws.com" }], {
    keySize: 2048,
    algorithm: "sha256",
    notBeforeDate: new Date(now - fiveYears),
    notAfterDate: new Date(now + fiveYears),
  });
  // Read once: reading a key costs as much as signing with it.
  const key = createPrivateKey(pair.private);
  const name = createHash("md5").update(pair.cert).digest("hex");
  const certificateUrl = (region: string) =>
    `https://sns.${region}.amazonaws.com${region.startsWith("cn-") ? ".cn" : ""}/SimpleNotificationService-${name}.pem`;
  return {
    certificate: pair.cert,
    certificateUrl,
    sign: (envelope) => {
      const version = String(envelope.SignatureVersion ?? "1");
      const region = parseArn(String(envelope.TopicArn))?.region || "us-east-1";
      const digest = version === "2" ? "sha256" : "sha1";
      const signature = signBytes(digest, Buffer.from(stringToSign(envelope)), key).toString("base64");
      return { ...envelope, SignatureVersion: version, Signature: signature, SigningCertURL: certificateUrl(region) };
    },
  };
}

/**
 * Returns the signed bytes of an SNS envelope: its keys of this list, in byte order, each a line, its value
 * a line. https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html
 */
function stringToSign(envelope: Envelope): string {
  const keys =
    envelope.Type === "Notification"
      ? ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"]
      : ["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"];
  return keys
    .filter((key) => envelope[key] !== undefined)
    .map((key) => `${key}\n${String(envelope[key])}\n`)
    .join("");
}
