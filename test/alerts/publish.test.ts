import { PublishCommand, SNSClient } from "@aws-sdk/client-sns";
import { beforeEach, describe, expect, it } from "vitest";
import { alertsFor } from "../../src/alerts/alert.ts";
import { type AlertTarget, publishAll } from "../../src/alerts/publish.ts";
import type { Format } from "../../src/policy/routes.ts";
import { awsError, mockSns } from "../support/aws.ts";
import { configOf, FOUR_SECRETS } from "../support/config.ts";
import { AT, REGION } from "../support/events.ts";
import { findingOf } from "../support/findings.ts";

const sns = mockSns();
beforeEach(sns.start);

const alerts = alertsFor([findingOf(), findingOf({ region: "eu-west-1", id: "b".repeat(32) })], AT);
const [alert, other] = alerts;

function publish(changes: Partial<AlertTarget> = {}, isAwaited = () => true, format?: Format) {
  const { alertTopic } = configOf();
  const client = new SNSClient({ region: REGION });
  return publishAll(alerts, { alertTopic, sns: client, paced: (work) => work(), ...changes }, isAwaited, format);
}
const errorOf = (message: string) => ({ error: new Error(message) });

describe("publishAll", () => {
  it("publishes each alert, and returns the id of the alert of each finding", async () => {
    expect(await publish()).toEqual(new Map(alerts.map(({ id, findings }) => [findings[0]?.id, { alertId: id }])));
    expect(sns.published()).toEqual(
      alerts.map(({ subject, message, attributes }) => ({
        TopicArn: FOUR_SECRETS.ALERT_TOPIC_ARN,
        Subject: subject,
        Message: message,
        MessageStructure: "json",
        MessageAttributes: attributes,
      })),
    );
  });

  it("sets a message group and a deduplication id on a FIFO topic only, because SNS refuses them on others", async () => {
    const { alertTopic } = configOf({ ALERT_TOPIC_ARN: `${FOUR_SECRETS.ALERT_TOPIC_ARN}.fifo` });
    await publish({ alertTopic });
    expect(sns.published()[0]).toMatchObject({
      TopicArn: alertTopic.arn,
      MessageGroupId: "123456789012-us-east-1",
      MessageDeduplicationId: alert?.id,
    });
  });

  it("gives a chat notification another deduplication id, because one FIFO topic can get the alert in both formats", async () => {
    const { alertTopic } = configOf({ ALERT_TOPIC_ARN: `${FOUR_SECRETS.ALERT_TOPIC_ARN}.fifo` });
    expect((await publish({ alertTopic }, undefined, "chat")).get(findingOf().id)).toEqual({ alertId: alert?.id });
    const [chat] = sns.published();
    expect(chat?.MessageDeduplicationId).toBe(`${alert?.id}-chat`);
    expect(JSON.parse(chat?.Message ?? "")).toMatchObject({ id: alert?.id });
  });

  it("returns an error for the findings of an alert that SNS refused, and for no others", async () => {
    const refused = awsError("ThrottledException", "Rate exceeded");
    sns.mock.on(PublishCommand).rejectsOnce(refused).resolves({ MessageId: "1" });
    expect([...(await publish()).values()]).toEqual([{ error: refused }, { alertId: other?.id }]);
  });

  it("returns an error when the response has no message id, because it is not from SNS", async () => {
    sns.mock.on(PublishCommand).resolves({});
    expect((await publish()).get(findingOf().id)).toEqual(errorOf("the response to Publish is not from SNS"));
  });

  it("publishes nothing when the engine no longer waits", async () => {
    const awaited: boolean[] = [];
    const paced: AlertTarget["paced"] = async (_, isAwaited) => {
      awaited.push(isAwaited());
      return null;
    };
    expect((await publish({ paced }, () => false)).get(findingOf().id)).toEqual(
      errorOf("timed out: other alerts were sent first, at most ten per second"),
    );
    expect(awaited).toEqual([false, false]);
    expect(sns.mock.calls()).toEqual([]);
  });
});
