import type { Confirmation, Notice } from "./envelope.ts";
import type { Subscription } from "./store.ts";

/** A mail of SNS to a subscriber by `email` or `email-json`. */
export interface Mail {
  readonly to: string;
  readonly subject: string;
  /** For a notification by `email` the message alone, without SNS's lines about unsubscribing. */
  readonly body: string;
  readonly type: "Notification" | Confirmation["type"];
  readonly topicArn: string;
  readonly subscriptionArn: string;
  /** For a confirmation: the token for ConfirmSubscription. */
  readonly token: string | undefined;
  /** ms epoch */
  readonly at: number;
}

/** The number of mails that are kept. */
const KEPT = 10_000;

/** The mailbox that receives all mails. */
export interface Mailbox {
  /** The last mails, oldest first. */
  readonly mails: Mail[];
  confirm(subscription: Subscription, confirmation: Confirmation, at: number): void;
  /** Adds a mail. @param message the text for the subscription's protocol; @param envelope writes the whole notification as JSON */
  notify(subscription: Subscription, notice: Notice, message: string, envelope: () => string): void;
}

/** Returns whether SNS delivers by mail. */
export function byMail(protocol: string): boolean {
  return protocol === "email" || protocol === "email-json";
}

/** Returns an empty mailbox, in memory. Nothing leaves the machine. */
export function createMailbox(): Mailbox {
  const mails: Mail[] = [];
  function send(subscription: Subscription, mail: Pick<Mail, "subject" | "body" | "type" | "token" | "at">): void {
    mails.push({
      ...mail,
      to: subscription.endpoint,
      topicArn: subscription.topic.arn,
      subscriptionArn: subscription.arn,
    });
    if (mails.length > KEPT) mails.shift();
  }
  return {
    mails,
    confirm: (subscription, { type, token, body, message, url }, at) => {
      const kind = type === "SubscriptionConfirmation" ? "Subscription" : "Unsubscribe";
      const inJson = subscription.protocol === "email-json";
      const subject = `AWS Notification - ${kind} Confirmation`;
      send(subscription, { subject, body: inJson ? body : `${message}\n${url}`, type, token, at });
    },
    notify: (subscription, { subject = "AWS Notification Message", at }, message, envelope) => {
      const body = subscription.protocol === "email-json" ? envelope() : message;
      send(subscription, { subject, body, type: "Notification", token: undefined, at });
    },
  };
}
