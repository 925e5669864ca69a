import { stateChange } from "../../support/events.ts";
import {
  type Fields,
  headersOf,
  notification,
  SIGNED_IN_CONFIRMATION,
  SIGNED_IN_NOTIFICATION,
  signed,
  subscriptionConfirmation,
  unsubscribeConfirmation,
} from "../../support/sns.ts";
import type { Attacked } from "../oracle.ts";

/** A request to the function. */
export interface Delivery {
  /** Default: POST. */
  readonly method?: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Buffer;
}

/** A delivery that must be refused. */
export interface AttackCase extends Delivery {
  readonly name: string;
  /** Why it must be refused. */
  readonly because: string;
  /** The status of the response, as the design's table of responses defines it. */
  readonly status: number;
  /** The reason in the response, for a status of 403 with a reason of its own. */
  readonly reason?: RegExp;
}

/** The context of a case. */
export interface Context extends Attacked {
  /** In milliseconds since 1970. */
  readonly now: number;
}

/** Generates the cases of a class of attacks. */
export type AttackClass = (context: Context) => Iterable<AttackCase>;

/** The certificates on SNS's host, by the last digits of their file name. */
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

/** Returns the URL of a certificate in a region. */
export function certificateUrl(region: string, certificate: keyof typeof CERTIFICATE_NUMBERS = "sns"): string {
  const digits = String(CERTIFICATE_NUMBERS[certificate]).padStart(32, "0");
  return `https://sns.${region}.amazonaws.com/SimpleNotificationService-${digits}.pem`;
}

/** A delivery that is accepted once it is signed. */
export interface Base {
  readonly kind: string;
  readonly version: "1" | "2";
  readonly fields: Fields;
  readonly signedNames: readonly string[];
}

/**
 * Returns a delivery of every kind, in both signature versions, for the launch topic. By default the message is that of an
 * instance that has stopped, and the delivery is sent now, in milliseconds since 1970.
 */
export function basesOf({ configuration, now }: Context, message?: string, sentAt = now, more: Fields = {}): Base[] {
  const { launchTopic, region } = configuration;
  const common = {
    TopicArn: launchTopic,
    SigningCertURL: certificateUrl(region),
    Timestamp: new Date(sentAt).toISOString(),
    ...more,
  };
  const event = stateChange({ region, time: new Date(now).toISOString(), state: "stopped" });
  const plain = notification(message ?? event, common);
  const kinds: readonly [string, Fields, readonly string[]][] = [
    ["Notification", plain, SIGNED_IN_NOTIFICATION.filter((name) => name !== "Subject")],
    ["Notification with a Subject", { ...plain, Subject: "A launch" }, SIGNED_IN_NOTIFICATION],
    ["SubscriptionConfirmation", subscriptionConfirmation(common), SIGNED_IN_CONFIRMATION],
    ["UnsubscribeConfirmation", unsubscribeConfirmation(common), SIGNED_IN_CONFIRMATION],
  ];
  return (["1", "2"] as const).flatMap((version) =>
    kinds.map(([kind, fields, signedNames]) => ({ kind: `${kind}, version ${version}`, version, fields, signedNames })),
  );
}

/** Returns the base with SNS's signature. */
export function genuine({ fields, version }: Base, { keys }: Pick<Context, "keys">): Fields {
  return signed(fields, { version, signer: keys.sns });
}

/** Returns a case with an envelope and SNS's headers for it. */
export function caseOf(
  name: string,
  because: string,
  status: number,
  envelope: Fields,
  headers: Readonly<Record<string, string>> = {},
): AttackCase {
  return { name, because, status, headers: { ...headersOf(envelope), ...headers }, body: JSON.stringify(envelope) };
}

/** Returns a case with a body, without SNS's headers. */
export function bodyCase(name: string, because: string, status: number, body: string | Buffer): AttackCase {
  return { name, because, status, headers: { "content-type": "text/plain; charset=UTF-8" }, body };
}
