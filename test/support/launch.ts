import { randomUUID } from "node:crypto";

/** The envelope of a notification about a launch, still to be signed. */
export function launchEnvelope(instanceId: string, { at, now }: { at: number; now: number }): Record<string, unknown> {
  return {
    Type: "Notification",
    MessageId: randomUUID(),
    TopicArn: "arn:aws:sns:us-east-1:123456789012:ec2_launches_check",
    Message: JSON.stringify(launchEvent(instanceId, at)),
    Timestamp: new Date(now).toISOString(),
    SignatureVersion: "2",
    UnsubscribeURL: "https://sns.us-east-1.amazonaws.com/?Action=Unsubscribe&SubscriptionArn=arn",
  };
}

/** EventBridge's event of a launch; `at` in milliseconds since 1970. */
export function launchEvent(instanceId: string, at: number): Record<string, unknown> {
  return {
    version: "0",
    id: randomUUID(),
    "detail-type": "EC2 Instance State-change Notification",
    source: "aws.ec2",
    account: "123456789012",
    time: new Date(at).toISOString(),
    region: "us-east-1",
    resources: [`arn:aws:ec2:us-east-1:123456789012:instance/${instanceId}`],
    detail: { "instance-id": instanceId, state: "pending" },
  };
}
