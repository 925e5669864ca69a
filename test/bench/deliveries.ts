import { randomUUID } from "node:crypto";
import type { SigningIdentity } from "../../src/local/aws/certificate.ts";

export const ACCOUNT = "123456789012";
export const REGION = "us-east-1";
export const ALERT_TOPIC = `arn:aws:sns:${REGION}:${ACCOUNT}:ec2_audit_alert`;
const LAUNCH_TOPIC = `arn:aws:sns:${REGION}:${ACCOUNT}:ec2_launches_check`;

/** The id of an instance that the canned AWS shows as violating (no tags) or as compliant. */
export function instanceId(index: number, violating: boolean): string {
  return `${violating ? "i-0bad" : "i-c0de"}${index.toString(16).padStart(13, "0")}`;
}

/** The event of a launch two minutes ago: its grace is over. */
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

/** SNS's HTTPS delivery of a launch, with signature version 2. */
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

/** Lambda's event for an SQS batch of EventBridge events. */
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
