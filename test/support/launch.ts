import { randomUUID } from "node:crypto";
import { stateChange } from "./events.ts";

/** Returns the unsigned envelope of a notification about a launch. Times are in milliseconds since 1970. */
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

/** Returns EventBridge's event of a launch. `at` is in milliseconds since 1970. */
export function launchEvent(instanceId: string, at: number) {
  return stateChange({ id: instanceId, time: new Date(at).toISOString() });
}
