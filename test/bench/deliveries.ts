import { randomUUID } from "node:crypto";
import type { SigningIdentity } from "../../src/local/aws/certificate.ts";

export const ACCOUNT = "123456789012";
export const REGION = "us-east-1";
export const ALERT_TOPIC = `arn:aws:sns:${REGION}:${ACCOUNT}:ec2_audit_alert`;
const LAUNCH_TOPIC = `arn:aws:sns:${REGION}:${ACCOUNT}:ec2_launches_check`;

/** An instance id that the canned endpoint has tags for, or has none for. */
export function instanceId(index: number, violating: boolean): string {
  return `${violating ? "i-bad" : "i-000"}${index.toString(16).padStart(14, "0")}`;
}

/** A launch that happened two minutes ago: its grace is over. */
export function launchEvent(id: string): string {
  return JSON.stringify({
    version: "0",
    id: randomUUID(),
    "detail-type": "EC2 Instance State-change Notification",
    source: "aws.ec2",
    account: ACCOUNT,
    time: new Date(Date.now() - 120_000).toISOString(),
    region: REGION,
    resources: [`arn:aws:ec2:${REGION}:${ACCOUNT}:instance/${id}`],
    detail: { "instance-id": id, state: "pending" },
  });
}

/** SNS's HTTPS deliveries of launches, signed with SHA-256 as new topics are set to. */
export function signedDelivery(identity: SigningIdentity, id: string): string {
  return JSON.stringify(
    identity.sign({
      Type: "Notification",
      MessageId: randomUUID(),
      TopicArn: LAUNCH_TOPIC,
      Message: launchEvent(id),
      Timestamp: new Date().toISOString(),
      SignatureVersion: "2",
      UnsubscribeURL: `https://sns.${REGION}.amazonaws.com/?Action=Unsubscribe`,
    }),
  );
}

/** Lambda's event for a batch of a queue that EventBridge or raw SNS delivery fills. */
export function queueEvent(ids: readonly string[]): unknown {
  return {
    Records: ids.map((id) => ({
      messageId: randomUUID(),
      receiptHandle: "handle",
      body: launchEvent(id),
      attributes: { ApproximateReceiveCount: "1" },
      messageAttributes: {},
      eventSource: "aws:sqs",
      eventSourceARN: `arn:aws:sqs:${REGION}:${ACCOUNT}:ec2_launches_check`,
      awsRegion: REGION,
    })),
  };
}
