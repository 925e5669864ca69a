import {
  ConfirmSubscriptionCommand,
  CreateTopicCommand,
  GetSubscriptionAttributesCommand,
  ListSubscriptionsByTopicCommand,
  PublishBatchCommand,
  PublishCommand,
  SetSubscriptionAttributesCommand,
  SubscribeCommand,
  UnsubscribeCommand,
} from "@aws-sdk/client-sns";
import {
  CreateQueueCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  type Message,
  ReceiveMessageCommand,
} from "@aws-sdk/client-sqs";
import { describe, expect, it } from "vitest";
import { ACCOUNT, clients, type Target, unique } from "../targets.ts";

/** SNS's other actions that this project calls, with queues as subscribers. */
export function snsContract(target: () => Target): void {
  const sns = () => clients(target().endpoint).sns;
  const sqs = () => clients(target().endpoint).sqs;

  async function topic(Attributes: Record<string, string> = {}): Promise<string> {
    const Name = unique("topic") + (Attributes.FifoTopic ? ".fifo" : "");
    return (await sns().send(new CreateTopicCommand({ Name, Attributes }))).TopicArn ?? "";
  }

  async function subscribedQueue(
    TopicArn: string,
    Attributes: Record<string, string> = {},
    queue: Record<string, string> = {},
  ) {
    const QueueName = unique("queue") + (queue.FifoQueue ? ".fifo" : "");
    const { QueueUrl = "" } = await sqs().send(new CreateQueueCommand({ QueueName, Attributes: queue }));
    const described = await sqs().send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ["QueueArn"] }));
    const Endpoint = described.Attributes?.QueueArn ?? "";
    const { SubscriptionArn = "" } = await sns().send(
      new SubscribeCommand({ TopicArn, Protocol: "sqs", Endpoint, Attributes }),
    );
    /** Receives and deletes all messages in the queue. */
    const drain = async (): Promise<Message[]> => {
      const all: Message[] = [];
      for (;;) {
        const { Messages = [] } = await sqs().send(
          new ReceiveMessageCommand({
            QueueUrl,
            MaxNumberOfMessages: 10,
            MessageAttributeNames: ["All"],
            AttributeNames: ["All"],
          }),
        );
        if (Messages.length === 0) return all;
        for (const { ReceiptHandle } of Messages)
          await sqs().send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
        all.push(...Messages);
      }
    };
    const texts = async () => (await drain()).map((message) => String(JSON.parse(message.Body ?? "").Message)).sort();
    return { SubscriptionArn, Endpoint, drain, texts };
  }

  describe("SNS: subscriptions", () => {
    it("a queue is subscribed at once, and listed", async () => {
      const TopicArn = await topic();
      const { SubscriptionArn, Endpoint } = await subscribedQueue(TopicArn);
      expect(SubscriptionArn.startsWith(`${TopicArn}:`)).toBe(true);
      const listed = await sns().send(new ListSubscriptionsByTopicCommand({ TopicArn }));
      expect(listed.Subscriptions).toEqual([{ SubscriptionArn, TopicArn, Endpoint, Protocol: "sqs", Owner: ACCOUNT }]);
    });

    it("subscribing the same queue again returns the existing subscription", async () => {
      const TopicArn = await topic();
      const { SubscriptionArn, Endpoint } = await subscribedQueue(TopicArn);
      const again = await sns().send(new SubscribeCommand({ TopicArn, Protocol: "sqs", Endpoint }));
      expect(again.SubscriptionArn).toBe(SubscriptionArn);
    });

    it("subscriptions have attributes, which can be changed", async () => {
      const { SubscriptionArn } = await subscribedQueue(await topic());
      const AttributeValue = JSON.stringify({ severity: ["high"] });
      await sns().send(
        new SetSubscriptionAttributesCommand({ SubscriptionArn, AttributeName: "FilterPolicy", AttributeValue }),
      );
      const { Attributes } = await sns().send(new GetSubscriptionAttributesCommand({ SubscriptionArn }));
      expect(Attributes).toMatchObject({
        SubscriptionArn,
        Protocol: "sqs",
        FilterPolicy: AttributeValue,
        PendingConfirmation: "false",
      });
    });

    it("Unsubscribe ends the deliveries", async () => {
      const TopicArn = await topic();
      const queue = await subscribedQueue(TopicArn);
      await sns().send(new UnsubscribeCommand({ SubscriptionArn: queue.SubscriptionArn }));
      await sns().send(new PublishCommand({ TopicArn, Message: "too late" }));
      expect(await queue.texts()).toEqual([]);
    });

    it("subscribing to a topic that does not exist fails", async () => {
      const TopicArn = `arn:aws:sns:eu-west-1:${ACCOUNT}:${unique("none")}`;
      const call = sns().send(
        new SubscribeCommand({ TopicArn, Protocol: "sqs", Endpoint: `arn:aws:sqs:eu-west-1:${ACCOUNT}:q` }),
      );
      await expect(call).rejects.toMatchObject({ name: "NotFoundException" });
    });

    it("confirming with a token for a topic that does not exist fails", async () => {
      const TopicArn = `arn:aws:sns:eu-west-1:${ACCOUNT}:${unique("none")}`;
      await expect(sns().send(new ConfirmSubscriptionCommand({ TopicArn, Token: "abc" }))).rejects.toMatchObject({
        name: "NotFoundException",
      });
    });
  });

  describe("SNS: publishing to queues", () => {
    it("a queue gets the message in an envelope", async () => {
      const TopicArn = await topic();
      const queue = await subscribedQueue(TopicArn);
      const { MessageId } = await sns().send(
        new PublishCommand({
          TopicArn,
          Subject: "Hello",
          Message: `text <&> "🚀"`,
          MessageAttributes: { severity: { DataType: "String", StringValue: "high" } },
        }),
      );
      const [message] = await queue.drain();
      expect(JSON.parse(message?.Body ?? "")).toMatchObject({
        Type: "Notification",
        MessageId,
        TopicArn,
        Subject: "Hello",
        Message: `text <&> "🚀"`,
        Timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
        SignatureVersion: expect.stringMatching(/^[12]$/),
        Signature: expect.any(String),
        SigningCertURL: expect.stringMatching(/^https:\/\/sns\..*\.pem$/),
        UnsubscribeURL: expect.stringContaining("Action=Unsubscribe"),
        MessageAttributes: { severity: { Type: "String", Value: "high" } },
      });
    });

    it("raw delivery sends the message itself and its attributes", async () => {
      const TopicArn = await topic();
      const queue = await subscribedQueue(TopicArn, { RawMessageDelivery: "true" });
      await sns().send(
        new PublishCommand({
          TopicArn,
          Message: "raw",
          MessageAttributes: { a: { DataType: "String", StringValue: "b" } },
        }),
      );
      const [message] = await queue.drain();
      expect(message).toMatchObject({
        Body: "raw",
        MessageAttributes: { a: { DataType: "String", StringValue: "b" } },
      });
    });

    it("MessageStructure json sends each protocol its own text, or the default", async () => {
      const TopicArn = await topic();
      const queue = await subscribedQueue(TopicArn);
      const publish = (message: object) =>
        sns().send(new PublishCommand({ TopicArn, Message: JSON.stringify(message), MessageStructure: "json" }));
      await publish({ default: "for all", sqs: "for queues" });
      await publish({ default: "for others", email: "for people" });
      expect(await queue.texts()).toEqual(["for others", "for queues"]);
    });

    it("a filter policy passes the messages that match it: exact, prefix, anything-but, exists, String.Array", async () => {
      const TopicArn = await topic();
      const policies = {
        exact: { severity: ["high", "critical"] },
        prefix: { region: [{ prefix: "eu-" }] },
        anythingBut: { severity: [{ "anything-but": ["high"] }] },
        exists: { extra: [{ exists: true }] },
        array: { rules: ["required-tags"] },
        both: { severity: ["high"], region: ["eu-west-1"] },
      };
      const queues = new Map<string, Awaited<ReturnType<typeof subscribedQueue>>>();
      for (const [name, policy] of Object.entries(policies)) {
        queues.set(name, await subscribedQueue(TopicArn, { FilterPolicy: JSON.stringify(policy) }));
      }
      const text = (StringValue: string) => ({ DataType: "String", StringValue });
      const publish = (Message: string, MessageAttributes: Record<string, { DataType: string; StringValue: string }>) =>
        sns().send(new PublishCommand({ TopicArn, Message, MessageAttributes }));
      await publish("high in Ireland", { severity: text("high"), region: text("eu-west-1") });
      await publish("low in Ohio", { severity: text("low"), region: text("us-east-2"), extra: text("x") });
      await publish("by rules", { rules: { DataType: "String.Array", StringValue: '["other","required-tags"]' } });
      await publish("plain", {});
      expect(await queues.get("exact")?.texts()).toEqual(["high in Ireland"]);
      expect(await queues.get("prefix")?.texts()).toEqual(["high in Ireland"]);
      expect(await queues.get("anythingBut")?.texts()).toEqual(["low in Ohio"]);
      expect(await queues.get("exists")?.texts()).toEqual(["low in Ohio"]);
      expect(await queues.get("array")?.texts()).toEqual(["by rules"]);
      expect(await queues.get("both")?.texts()).toEqual(["high in Ireland"]);
    });

    it("PublishBatch publishes each entry", async () => {
      const TopicArn = await topic();
      const queue = await subscribedQueue(TopicArn);
      const answer = await sns().send(
        new PublishBatchCommand({
          TopicArn,
          PublishBatchRequestEntries: [
            { Id: "a", Message: "one" },
            { Id: "b", Message: "two" },
          ],
        }),
      );
      expect(answer.Successful?.map((entry) => entry.Id)).toEqual(["a", "b"]);
      expect(await queue.texts()).toEqual(["one", "two"]);
    });

    it("more than ten entries, and entries with the same id, are refused", async () => {
      const TopicArn = await topic();
      const batch = (ids: string[]) =>
        sns().send(
          new PublishBatchCommand({ TopicArn, PublishBatchRequestEntries: ids.map((Id) => ({ Id, Message: "x" })) }),
        );
      await expect(batch(Array.from({ length: 11 }, (_, index) => String(index)))).rejects.toMatchObject({
        name: "TooManyEntriesInBatchRequestException",
      });
      await expect(batch(["a", "a"])).rejects.toMatchObject({ name: "BatchEntryIdsNotDistinctException" });
    });

    it("256 KiB can be published; one byte more cannot", async () => {
      const TopicArn = await topic();
      await sns().send(new PublishCommand({ TopicArn, Message: "x".repeat(262_144) }));
      await expect(sns().send(new PublishCommand({ TopicArn, Message: "x".repeat(262_145) }))).rejects.toMatchObject({
        name: "InvalidParameterException",
        message: expect.stringContaining("too long"),
      });
    });

    it("a subject of more than 100 characters is refused", async () => {
      const TopicArn = await topic();
      await expect(
        sns().send(new PublishCommand({ TopicArn, Message: "x", Subject: "s".repeat(101) })),
      ).rejects.toMatchObject({
        name: "InvalidParameterException",
      });
    });
  });

  describe("SNS: FIFO", () => {
    it("drops a duplicate and keeps the order within a group", async () => {
      const TopicArn = await topic({ FifoTopic: "true" });
      const queue = await subscribedQueue(TopicArn, {}, { FifoQueue: "true" });
      for (const [Message, MessageDeduplicationId] of [
        ["one", "1"],
        ["two", "2"],
        ["one again", "1"],
        ["three", "3"],
      ]) {
        await sns().send(new PublishCommand({ TopicArn, Message, MessageGroupId: "g", MessageDeduplicationId }));
      }
      const got = (await queue.drain()).map((message) => JSON.parse(message.Body ?? "").Message);
      expect(got).toEqual(["one", "two", "three"]);
    });
  });
}
