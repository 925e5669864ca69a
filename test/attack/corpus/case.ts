import { stateChange } from "../../support/events.ts";
import {
  type Fields,
  headersOf,
  notification,
  signed,
  subscriptionConfirmation,
  unsubscribeConfirmation,
} from "../../support/sns.ts";
import type { House, Keys } from "../house.ts";

/** One delivery that has to be refused. */
export interface AttackCase {
  readonly name: string;
  /** Why it must not be accepted. */
  readonly because: string;
  /** As the design's table has it. */
  readonly status: number;
  readonly method?: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Buffer;
  /** What the answer has to say, where it is not the one sentence for all that is not verified. */
  readonly says?: RegExp;
}

/** What the generators make their cases of. */
export interface Target {
  readonly house: House;
  readonly keys: Keys;
  /** In milliseconds since 1970. */
  readonly now: number;
}

/** A class of attacks: gives its cases. */
export type AttackClass = (target: Target) => Iterable<AttackCase>;

/** The certificates that SNS serves, by the last hexadecimal digits of their file. */
export const CERTIFICATE_NUMBERS = {
  sns: 1,
  expired: 2,
  notYet: 3,
  elliptic: 4,
  page: 5,
  redirect: 6,
  huge: 7,
  missing: 8,
  hangUp: 9,
} as const;

export function certificateUrl(region: string, certificate: keyof typeof CERTIFICATE_NUMBERS = "sns"): string {
  const digits = String(CERTIFICATE_NUMBERS[certificate]).padStart(32, "0");
  return `https://sns.${region}.amazonaws.com/SimpleNotificationService-${digits}.pem`;
}

/** Fields of a delivery that would be accepted once it is signed. */
export interface Base {
  readonly kind: string;
  readonly version: "1" | "2";
  readonly fields: Fields;
  readonly signedNames: readonly string[];
}

const NOTIFICATION_NAMES = ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"];
const CONFIRMATION_NAMES = ["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"];

/** Every kind of delivery, in both signature versions, each signed by SNS for the house's topic. */
export function basesOf({ house, now }: Target): Base[] {
  const common = {
    TopicArn: house.launchTopic,
    SigningCertURL: certificateUrl(house.region),
    Timestamp: new Date(now).toISOString(),
  };
  const event = stateChange({ region: house.region, time: new Date(now).toISOString(), state: "stopped" });
  const plain = notification(event, common);
  const kinds: readonly [string, Fields, readonly string[]][] = [
    ["Notification", plain, NOTIFICATION_NAMES.filter((name) => name !== "Subject")],
    ["Notification with a Subject", { ...plain, Subject: "A launch" }, NOTIFICATION_NAMES],
    ["SubscriptionConfirmation", subscriptionConfirmation(common), CONFIRMATION_NAMES],
    ["UnsubscribeConfirmation", unsubscribeConfirmation(common), CONFIRMATION_NAMES],
  ];
  return (["1", "2"] as const).flatMap((version) =>
    kinds.map(([kind, fields, signedNames]) => ({ kind: `${kind}, version ${version}`, version, fields, signedNames })),
  );
}

/** The base as SNS signs it. */
export function genuine({ fields, version }: Base, { keys }: Target): Fields {
  return signed(fields, { version, signer: keys.sns });
}

/** A case of an envelope, with SNS's headers for it. */
export function caseOf(
  name: string,
  because: string,
  status: number,
  envelope: Fields,
  headers: Readonly<Record<string, string>> = {},
): AttackCase {
  return { name, because, status, headers: { ...headersOf(envelope), ...headers }, body: JSON.stringify(envelope) };
}

/** A case of a body as it is, without SNS's headers. */
export function bodyCase(name: string, because: string, status: number, body: string | Buffer): AttackCase {
  return { name, because, status, headers: { "content-type": "text/plain; charset=UTF-8" }, body };
}
