import {
  ConfirmSubscriptionCommand,
  CreateTopicCommand,
  DeleteTopicCommand,
  GetSubscriptionAttributesCommand,
  ListSubscriptionsByTopicCommand,
  ListSubscriptionsCommand,
  PublishCommand,
  SubscribeCommand,
  UnsubscribeCommand,
} from "@aws-sdk/client-sns";
import { beforeEach, describe, expect, it } from "vitest";
import { aws, of, START, useEmbeddedAws } from "./embedded-aws.ts";
import { ACCOUNT } from "./targets.ts";

/** Mails, which moto_server never sends: it confirms an e-mail subscription at once. */
useEmbeddedAws();

let TopicArn = "";
beforeEach(async () => {
  TopicArn = (await of().sns.send(new CreateTopicCommand({ Name: "ec2_audit_alert" }))).TopicArn ?? "";
});

const subscribe = (input: object = {}) =>
  of().sns.send(new SubscribeCommand({ TopicArn, Protocol: "email", Endpoint: "ops@example.com", ...input }));
const publish = (input: object) => of().sns.send(new PublishCommand({ TopicArn, Message: "x", ...input }));
const listed = async () =>
  (await of().sns.send(new ListSubscriptionsByTopicCommand({ TopicArn }))).Subscriptions?.map(
    ({ SubscriptionArn }) => SubscriptionArn,
  );
const confirm = (Token = aws.mails.at(-1)?.token) => of().sns.send(new ConfirmSubscriptionCommand({ TopicArn, Token }));

describe("An e-mail address that is subscribed", () => {
  it("gets a mail with a token, and nothing else until it confirms", async () => {
    expect((await subscribe()).SubscriptionArn).toBe("pending confirmation");
    expect(await listed()).toEqual(["PendingConfirmation"]);
    await publish({});
    expect(aws.mails).toEqual([
      {
        to: "ops@example.com",
        subject: "AWS Notification - Subscription Confirmation",
        body: expect.stringContaining(TopicArn),
        type: "SubscriptionConfirmation",
        topicArn: TopicArn,
        subscriptionArn: expect.stringContaining(`${TopicArn}:`),
        token: expect.stringMatching(/^[0-9a-f]+$/),
        at: START,
      },
    ]);
    const { SubscriptionArn } = await confirm();
    expect(await listed()).toEqual([SubscriptionArn]);
    const { Attributes } = await of().sns.send(new GetSubscriptionAttributesCommand({ SubscriptionArn }));
    expect(Attributes).toMatchObject({ Protocol: "email", PendingConfirmation: "false" });
    expect(Attributes).not.toHaveProperty("EffectiveDeliveryPolicy");
  });

  it("can confirm by the link in the mail too", async () => {
    await subscribe();
    const link = /http\S+/.exec(aws.mails[0]?.body ?? "")?.[0] ?? "";
    expect((await fetch(link)).status).toBe(200);
    expect(await listed()).toEqual([aws.mails[0]?.subscriptionArn]);
  });

  it("gets another mail when it is subscribed again before it confirms, and none after it confirmed", async () => {
    await subscribe();
    await subscribe();
    await confirm();
    expect((await subscribe()).SubscriptionArn).toBe(aws.mails[0]?.subscriptionArn);
    expect(aws.mails.map(({ type }) => type)).toEqual(["SubscriptionConfirmation", "SubscriptionConfirmation"]);
    expect(await listed()).toHaveLength(1);
  });

  it("cannot be unsubscribed while it is pending, and is deleted with its topic", async () => {
    const { SubscriptionArn } = await subscribe({ ReturnSubscriptionArn: true });
    await expect(of().sns.send(new UnsubscribeCommand({ SubscriptionArn }))).rejects.toMatchObject({
      name: "InvalidParameterException",
    });
    await of().sns.send(new DeleteTopicCommand({ TopicArn }));
    expect((await of().sns.send(new ListSubscriptionsCommand({}))).Subscriptions).toEqual([]);
    await expect(confirm()).rejects.toMatchObject({ name: "NotFoundException" });
  });

  it.each([
    ["no address", { Endpoint: "ops" }],
    ["raw delivery", { Attributes: { RawMessageDelivery: "true" } }],
  ])("is refused with %s", async (_what, input) => {
    await expect(subscribe(input)).rejects.toMatchObject({ name: "InvalidParameterException" });
    expect(aws.mails).toEqual([]);
  });
});

describe("A mail with a notification", () => {
  it("has the message's subject and its text for email", async () => {
    await subscribe();
    await confirm();
    await publish({
      Subject: "1 violation",
      Message: JSON.stringify({ default: "{}", email: "web-1 has no owner" }),
      MessageStructure: "json",
    });
    await publish({ Message: "without a subject" });
    expect(aws.mails.slice(1)).toMatchObject([
      { to: "ops@example.com", type: "Notification", subject: "1 violation", body: "web-1 has no owner" },
      { subject: "AWS Notification Message", body: "without a subject", token: undefined },
    ]);
  });

  it("is the whole notification for email-json", async () => {
    await subscribe({ Protocol: "email-json" });
    expect(JSON.parse(aws.mails[0]?.body ?? "")).toMatchObject({ Type: "SubscriptionConfirmation", TopicArn });
    await confirm();
    await publish({ Message: "text", Subject: "s" });
    expect(JSON.parse(aws.mails[1]?.body ?? "")).toMatchObject({ Type: "Notification", Message: "text", Subject: "s" });
  });

  it("is not sent if the message does not match the subscription's filter policy", async () => {
    await subscribe({ Attributes: { FilterPolicy: JSON.stringify({ account: [ACCOUNT] }) } });
    await confirm();
    for (const StringValue of [ACCOUNT, "210987654321"]) {
      await publish({ Message: StringValue, MessageAttributes: { account: { DataType: "String", StringValue } } });
    }
    expect(aws.mails.slice(1).map(({ body }) => body)).toEqual([ACCOUNT]);
  });
});
