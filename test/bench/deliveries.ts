import { randomUUID } from "node:crypto";
import type { SigningIdentity } from "../../src/local/aws/certificate.ts";
import { REGION, stateChange } from "../support/events.ts";
import { sqsEvent } from "../support/lambda.ts";
import { LAUNCH_TOPIC } from "../support/sns.ts";

/** The id of an instance that the canned AWS shows as violating (no tags) or as compliant. */
export function instanceId(index: number, violating: boolean): string {
  return `${violating ? "i-0bad" : "i-c0de"}${index.toString(16).padStart(13, "0")}`;
}

/** The event of a launch two minutes ago: its grace is over. */
function launchEvent(id: string): string {
  return JSON.stringify(stateChange({ id, time: new Date(Date.now() - 120_000).toISOString() }));
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
  return sqsEvent(...ids.map(launchEvent));
}
