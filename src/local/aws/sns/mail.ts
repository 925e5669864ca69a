import type { Confirmation, Notice } from "./envelope.ts";
import type { Subscription } from "./store.ts";

/** A mail that AWS would have sent to a subscriber by `email` or `email-json`. */
export interface Mail {
  readonly to: string;
  readonly subject: string;
  /** Of a notification by `email` the message alone, without the lines about unsubscribing that SNS puts under it. */
  readonly body: string;
  readonly type: "Notification" | Confirmation["type"];
  readonly topicArn: string;
  readonly subscriptionArn: string;
  /** Of a confirmation: what ConfirmSubscription takes. */
  readonly token: string | undefined;
  /** ms epoch */
  readonly at: number;
}

/** How many mails are kept; older ones are forgotten. */
const KEPT = 10_000;

/** Where mails go instead of out. */
export interface Mailbox {
  /** The last mails, oldest first. */
  readonly mails: Mail[];
  confirm(subscription: Subscription, confirmation: Confirmation, at: number): void;
  /** @param message what SNS gives the subscription's protocol; @param envelope writes the whole notification as JSON */
  notify(subscription: Subscription, notice: Notice, message: string, envelope: () => string): void;
}

/** Whether SNS delivers by mail. */
export function byMail(protocol: string): boolean {
  return protocol === "email" || protocol === "email-json";
}

/** An empty mailbox. Nothing leaves the machine: AWS's mails are kept in memory. */
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
