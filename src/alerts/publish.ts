import { PublishCommand, type PublishCommandInput, type SNSClient } from "@aws-sdk/client-sns";
import type { TopicArn } from "../aws/topic-arn.ts";
import type { Format } from "../policy/routes.ts";
import type { Alert } from "./alert.ts";
import { chatMessage } from "./chat.ts";
import type { Finding } from "./finding.ts";
import type { Paced } from "./pacer.ts";

/** Where alerts are published. */
export interface AlertTarget {
  readonly alertTopic: TopicArn;
  /** The client for the topic's region. */
  readonly sns: Pick<SNSClient, "send">;
  /** Limits the rate of all alerts to the topic. */
  readonly paced: Paced;
}

/** The result of publishing each finding, by the finding's id: the id of its alert, or the error. */
export type Published = ReadonlyMap<Finding["id"], { readonly alertId: string } | { readonly error: unknown }>;

/** Publishes alerts. An alert is not published if `isAwaited` returns false when the rate allows it: that is an error too. */
export async function publishAll(
  alerts: readonly Alert[],
  target: AlertTarget,
  isAwaited: () => boolean,
  format: Format = "alert",
): Promise<Published> {
  const published = new Map<string, { alertId: string } | { error: unknown }>();
  await Promise.all(
    alerts.map(async (alert) => {
      const content = format === "chat" ? { Message: chatMessage(alert) } : undefined;
      // A FIFO topic can get the alert in both formats, and drops a message whose deduplication id it has seen.
      const deduplicated = format === "chat" ? { ...alert, id: `${alert.id}-chat` } : alert;
      const result = await publish(deduplicated, target, isAwaited, content).then(
        () => ({ alertId: alert.id }),
        (error: unknown) => ({ error }),
      );
      for (const finding of alert.findings) published.set(finding.id, result);
    }),
  );
  return published;
}

/** A message for a topic. Its text is JSON for `MessageStructure: json`. */
export type Publishable = Pick<Alert, "id" | "subject" | "message" | "attributes" | "group">;

/**
 * Publishes a message, or other content with its subject, as soon as the rate allows it. Throws what the client throws, and an
 * Error if `isAwaited` returns false then, or if the response is not from SNS.
 */
export async function publish(
  { id, subject, message, attributes, group }: Publishable,
  { sns, alertTopic, paced }: AlertTarget,
  isAwaited: () => boolean,
  content: Pick<PublishCommandInput, "Message" | "MessageStructure"> = { Message: message, MessageStructure: "json" },
): Promise<void> {
  const command = new PublishCommand({
    TopicArn: alertTopic.arn,
    Subject: subject,
    ...content,
    MessageAttributes: attributes,
    ...(alertTopic.fifo && { MessageGroupId: group, MessageDeduplicationId: id }),
  });
  const response = await paced(() => sns.send(command), isAwaited);
  if (response === null) throw new Error("timed out: other alerts were sent first, at most ten per second");
  // SNS returns an id for every message that it accepts. A response without one is from something else.
  if (!response.MessageId) throw new Error("the response to Publish is not from SNS");
}
