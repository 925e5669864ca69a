import { verify, X509Certificate } from "node:crypto";
import {
  ConfirmSubscriptionCommand,
  GetSubscriptionAttributesCommand,
  ListSubscriptionsByTopicCommand,
  PublishCommand,
  SetTopicAttributesCommand,
  SubscribeCommand,
} from "@aws-sdk/client-sns";
import { describe, expect, it } from "vitest";
import { attempts, aws, clock, confirmed, newTopic, pending, START, sns, useSns } from "./sns-over-http.ts";
import { ACCOUNT } from "./targets.ts";

useSns();

/** Returns whether an envelope's signature is valid, by AWS's description alone. */
function signatureHolds(envelope: Record<string, string>): boolean {
  const keys =
    envelope.Type === "Notification"
      ? ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"]
      : ["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"];
  const signed = keys.filter((key) => key in envelope).flatMap((key) => [key, envelope[key]]);
  const digest = envelope.SignatureVersion === "2" ? "RSA-SHA256" : "RSA-SHA1";
  const { publicKey } = new X509Certificate(aws.signingCert);
  return verify(
    digest,
    Buffer.from(`${signed.join("\n")}\n`),
    publicKey,
    Buffer.from(envelope.Signature ?? "", "base64"),
  );
}

describe("Signatures", () => {
  it("a notification and a confirmation are valid for the certificate, in version 1", async () => {
    const TopicArn = await newTopic();
    const subscriber = await confirmed(TopicArn, {}, 200);
    const confirmation = subscriber.last();
    expect(confirmation.Type).toBe("SubscriptionConfirmation");
    expect(signatureHolds(confirmation)).toBe(true);
    await sns().send(new PublishCommand({ TopicArn, Subject: "s", Message: "line\nline" }));
    await aws.idle();
    expect(subscriber.last()).toMatchObject({ Type: "Notification", SignatureVersion: "1", Subject: "s" });
    expect(signatureHolds(subscriber.last())).toBe(true);
    expect(signatureHolds({ ...subscriber.last(), Message: "another" })).toBe(false);
  });

  it("a topic can sign in version 2", async () => {
    const TopicArn = await newTopic();
    await sns().send(
      new SetTopicAttributesCommand({ TopicArn, AttributeName: "SignatureVersion", AttributeValue: "2" }),
    );
    const subscriber = await confirmed(TopicArn, {}, 200);
    await sns().send(new PublishCommand({ TopicArn, Message: "x" }));
    await aws.idle();
    expect(subscriber.last().SignatureVersion).toBe("2");
    expect(signatureHolds(subscriber.last())).toBe(true);
  });

  it("sign() signs a test's envelope, and the certificate's URL is in the topic's region and partition", () => {
    const envelope = aws.sign({
      Type: "Notification",
      MessageId: "m",
      Message: "x",
      Timestamp: "t",
      TopicArn: `arn:aws-cn:sns:cn-north-1:${ACCOUNT}:t`,
    });
    expect(signatureHolds(envelope)).toBe(true);
    expect(envelope.SigningCertURL).toBe(aws.signingCertUrl("cn-north-1"));
    expect(envelope.SigningCertURL).toMatch(
      /^https:\/\/sns\.cn-north-1\.amazonaws\.com\.cn\/SimpleNotificationService-[0-9a-f]{32}\.pem$/,
    );
  });

  it("the certificate is valid now", () => {
    const { validFrom, validTo } = new X509Certificate(aws.signingCert);
    expect(Date.parse(validFrom)).toBeLessThan(START);
    expect(Date.parse(validTo)).toBeGreaterThan(START + 365 * 86_400_000);
  });
});

describe("Confirmation", () => {
  it("a subscription is pending and gets no notifications until it is confirmed", async () => {
    const TopicArn = await newTopic();
    const subscriber = await pending(TopicArn, {}, 200);
    await sns().send(new PublishCommand({ TopicArn, Message: "x" }));
    await aws.idle();
    expect(subscriber.received).toHaveLength(1);
    const { Subscriptions } = await sns().send(new ListSubscriptionsByTopicCommand({ TopicArn }));
    expect(Subscriptions).toMatchObject([{ SubscriptionArn: "PendingConfirmation", Endpoint: subscriber.url }]);
  });

  it("the message has SNS's headers, and carries the token", async () => {
    const TopicArn = await newTopic();
    const subscriber = await pending(TopicArn, {}, 200);
    const envelope = subscriber.last();
    expect(subscriber.received[0]?.headers).toMatchObject({
      "x-amz-sns-message-type": "SubscriptionConfirmation",
      "x-amz-sns-message-id": envelope.MessageId,
      "x-amz-sns-topic-arn": TopicArn,
      "content-type": "text/plain; charset=UTF-8",
      "user-agent": "Amazon Simple Notification Service Agent",
    });
    expect(envelope.SubscribeURL).toContain(`Token=${envelope.Token}`);
  });

  it("a subscription that is confirmed with AuthenticateOnUnsubscribe can be ended by its owner only", async () => {
    const TopicArn = await newTopic();
    const { last, SubscriptionArn } = await pending(TopicArn, {}, 200);
    const answer = await sns().send(
      new ConfirmSubscriptionCommand({ TopicArn, Token: last().Token, AuthenticateOnUnsubscribe: "true" }),
    );
    expect(answer.SubscriptionArn).toBe(SubscriptionArn);
    const { Attributes } = await sns().send(new GetSubscriptionAttributesCommand({ SubscriptionArn }));
    expect(Attributes).toMatchObject({ PendingConfirmation: "false", ConfirmationWasAuthenticated: "true" });
    const visit = await fetch(`${aws.endpoint}/?Action=Unsubscribe&SubscriptionArn=${SubscriptionArn}`);
    expect(visit.status).toBe(403);
  });

  it("visiting the SubscribeURL confirms too", async () => {
    const TopicArn = await newTopic();
    const { last, SubscriptionArn } = await pending(TopicArn, {}, 200);
    const visit = await fetch(last().SubscribeURL ?? "");
    expect(await visit.text()).toContain(`<SubscriptionArn>${SubscriptionArn}</SubscriptionArn>`);
    const { Attributes } = await sns().send(new GetSubscriptionAttributesCommand({ SubscriptionArn }));
    expect(Attributes).toMatchObject({ PendingConfirmation: "false", ConfirmationWasAuthenticated: "false" });
  });

  it("a wrong token, and one of another topic, confirm nothing", async () => {
    const [TopicArn, other] = [await newTopic(), await newTopic()];
    const { last } = await pending(TopicArn, {}, 200);
    const confirm = (arn: string, Token = "") => sns().send(new ConfirmSubscriptionCommand({ TopicArn: arn, Token }));
    await expect(confirm(TopicArn, "wrong")).rejects.toMatchObject({ name: "InvalidParameterException" });
    await expect(confirm(other, last().Token)).rejects.toMatchObject({ name: "InvalidParameterException" });
  });

  it("subscribing again sends another confirmation while pending, and returns the ARN once confirmed", async () => {
    const TopicArn = await newTopic();
    const subscriber = await pending(TopicArn, {}, 200);
    const again = () => sns().send(new SubscribeCommand({ TopicArn, Protocol: "http", Endpoint: subscriber.url }));
    expect((await again()).SubscriptionArn).toBe("pending confirmation");
    await aws.idle();
    expect(subscriber.received).toHaveLength(2);
    await sns().send(new ConfirmSubscriptionCommand({ TopicArn, Token: subscriber.last().Token }));
    expect((await again()).SubscriptionArn).toBe(subscriber.SubscriptionArn);
    expect(subscriber.received).toHaveLength(2);
  });

  it("the UnsubscribeURL ends the subscription and sends a message by which the endpoint can subscribe again", async () => {
    const TopicArn = await newTopic();
    const subscriber = await confirmed(TopicArn, {}, 200);
    await fetch(`${aws.endpoint}/?Action=Unsubscribe&SubscriptionArn=${subscriber.SubscriptionArn}`);
    await aws.idle();
    expect(subscriber.last().Type).toBe("UnsubscribeConfirmation");
    expect(signatureHolds(subscriber.last())).toBe(true);
    await fetch(subscriber.last().SubscribeURL ?? "");
    await sns().send(new PublishCommand({ TopicArn, Message: "back" }));
    await aws.idle();
    expect(subscriber.last().Message).toBe("back");
  });

  it("is retried like any other message", async () => {
    await pending(await newTopic(), {}, 503, 200);
    await clock.advance(20_000);
    expect(attempts).toMatchObject([
      { type: "SubscriptionConfirmation", status: 503 },
      { status: 200, attempt: 2 },
    ]);
  });
});
