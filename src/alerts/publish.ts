import { PublishCommand, type SNSClient } from "@aws-sdk/client-sns";
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
      const result = await publish(alert, target, isAwaited, format).then(
        () => ({ alertId: alert.id }),
        (error: unknown) => ({ error }),
      );
      for (const finding of alert.findings) published.set(finding.id, result);
    }),
  );
  return published;
}

async function publish(
  alert: Alert,
  { sns, alertTopic, paced }: AlertTarget,
  isAwaited: () => boolean,
  format: Format,
): Promise<void> {
  const content =
    format === "chat" ? { Message: chatMessage(alert) } : { Message: alert.message, MessageStructure: "json" };
  const command = new PublishCommand({
    TopicArn: alertTopic.arn,
    Subject: alert.subject,
    ...content,
    MessageAttributes: alert.attributes,
    ...(alertTopic.fifo && { MessageGroupId: alert.group, MessageDeduplicationId: alert.id }),
  });
  const response = await paced(() => sns.send(command), isAwaited);
  if (response === null) throw new Error("timed out: other alerts were sent first, at most ten per second");
  // SNS returns an id for every message that it accepts. A response without one is from something else.
  if (!response.MessageId) throw new Error("the response to Publish is not from SNS");
}
