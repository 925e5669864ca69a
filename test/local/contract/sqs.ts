import {
  CreateQueueCommand,
  DeleteMessageBatchCommand,
  DeleteMessageCommand,
  DeleteQueueCommand,
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  ListQueuesCommand,
  ListQueueTagsCommand,
  PurgeQueueCommand,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SendMessageCommand,
  SetQueueAttributesCommand,
  TagQueueCommand,
  UntagQueueCommand,
} from "@aws-sdk/client-sqs";
import { describe, expect, it } from "vitest";
import { ACCOUNT, clients, type Target, unique } from "../targets.ts";

/** SQS's actions that this project calls. */
export function sqsContract(target: () => Target): void {
  const sqs = () => clients(target().endpoint).sqs;

  async function queue(Attributes: Record<string, string> = {}): Promise<string> {
    const QueueName = unique("queue") + (Attributes.FifoQueue ? ".fifo" : "");
    return (await sqs().send(new CreateQueueCommand({ QueueName, Attributes }))).QueueUrl ?? "";
  }
  const attributes = async (QueueUrl: string) =>
    (await sqs().send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ["All"] }))).Attributes ?? {};
  const receive = async (QueueUrl: string, VisibilityTimeout?: number) =>
    (
      await sqs().send(
        new ReceiveMessageCommand({
          QueueUrl,
          MaxNumberOfMessages: 10,
          MessageSystemAttributeNames: ["All"],
          ...(VisibilityTimeout === undefined ? {} : { VisibilityTimeout }),
        }),
      )
    ).Messages ?? [];

  describe("SQS", () => {
    it("CreateQueue returns the URL of a queue, the same one if the queue exists", async () => {
      const QueueName = unique("queue");
      const { QueueUrl = "" } = await sqs().send(new CreateQueueCommand({ QueueName }));
      expect(QueueUrl).toBe(`${target().endpoint}/${ACCOUNT}/${QueueName}`);
      expect((await sqs().send(new CreateQueueCommand({ QueueName }))).QueueUrl).toBe(QueueUrl);
      expect((await sqs().send(new GetQueueUrlCommand({ QueueName }))).QueueUrl).toBe(QueueUrl);
      expect((await sqs().send(new ListQueuesCommand({ QueueNamePrefix: QueueName }))).QueueUrls).toEqual([QueueUrl]);
      expect(await attributes(QueueUrl)).toMatchObject({
        QueueArn: `arn:aws:sqs:eu-west-1:${ACCOUNT}:${QueueName}`,
        VisibilityTimeout: "30",
        ApproximateNumberOfMessages: "0",
      });
    });

    it("a queue keeps the policy and the retention, set at its creation or later", async () => {
      const first = await queue({ MessageRetentionPeriod: "1209600" });
      expect(await attributes(first)).toMatchObject({ MessageRetentionPeriod: "1209600" });
      const QueueUrl = await queue();
      expect(await attributes(QueueUrl)).toMatchObject({ MessageRetentionPeriod: "345600" });
      expect(await attributes(QueueUrl)).not.toHaveProperty("Policy");
      const policy = {
        Version: "2012-10-17",
        Statement: [
          {
            Effect: "Allow",
            Principal: { Service: "events.amazonaws.com" },
            Action: "sqs:SendMessage",
            Resource: (await attributes(QueueUrl)).QueueArn,
          },
        ],
      };
      const Attributes = { Policy: JSON.stringify(policy), MessageRetentionPeriod: "1209600" };
      await sqs().send(new SetQueueAttributesCommand({ QueueUrl, Attributes }));
      const { Policy = "", MessageRetentionPeriod } = await attributes(QueueUrl);
      expect([JSON.parse(Policy), MessageRetentionPeriod]).toEqual([policy, "1209600"]);
    });

    it("a queue's tags can be added, changed and removed", async () => {
      const tags = { team: "web", cost: "1" };
      const { QueueUrl } = await sqs().send(new CreateQueueCommand({ QueueName: unique("queue"), tags }));
      const list = async () => (await sqs().send(new ListQueueTagsCommand({ QueueUrl }))).Tags;
      expect(await list()).toEqual(tags);
      await sqs().send(new TagQueueCommand({ QueueUrl, Tags: { team: "shop", stage: "" } }));
      await sqs().send(new UntagQueueCommand({ QueueUrl, TagKeys: ["cost", "none"] }));
      expect(await list()).toEqual({ team: "shop", stage: "" });
    });

    it("a queue that does not exist has no tags", async () => {
      const QueueUrl = `${target().endpoint}/${ACCOUNT}/${unique("none")}`;
      await expect(sqs().send(new ListQueueTagsCommand({ QueueUrl }))).rejects.toMatchObject({
        name: expect.stringMatching(/QueueDoesNotExist|NonExistentQueue/),
      });
    });

    it("a call for a queue that does not exist fails", async () => {
      await expect(sqs().send(new GetQueueUrlCommand({ QueueName: unique("none") }))).rejects.toMatchObject({
        name: expect.stringMatching(/^(QueueDoesNotExist|AWS\.SimpleQueueService\.NonExistentQueue)$/),
      });
    });

    it("a message is received with its attributes, and not again after it is deleted", async () => {
      const QueueUrl = await queue();
      await sqs().send(
        new SendMessageCommand({
          QueueUrl,
          MessageBody: `<&> "🚀"`,
          MessageAttributes: { a: { DataType: "String", StringValue: "b" } },
        }),
      );
      const { Messages: [message] = [] } = await sqs().send(
        new ReceiveMessageCommand({ QueueUrl, MessageAttributeNames: ["All"], MessageSystemAttributeNames: ["All"] }),
      );
      expect(message).toMatchObject({
        Body: `<&> "🚀"`,
        MessageAttributes: { a: { DataType: "String", StringValue: "b" } },
        Attributes: { ApproximateReceiveCount: "1", SentTimestamp: expect.stringMatching(/^\d{13}$/) },
      });
      expect(await receive(QueueUrl)).toEqual([]);
      expect(await attributes(QueueUrl)).toMatchObject({
        ApproximateNumberOfMessages: "0",
        ApproximateNumberOfMessagesNotVisible: "1",
      });
      await sqs().send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle: message?.ReceiptHandle }));
      expect(await attributes(QueueUrl)).toMatchObject({
        ApproximateNumberOfMessages: "0",
        ApproximateNumberOfMessagesNotVisible: "0",
      });
    });

    it("batches send and delete up to ten", async () => {
      const QueueUrl = await queue();
      const ids = ["a", "b", "c"];
      const sent = await sqs().send(
        new SendMessageBatchCommand({ QueueUrl, Entries: ids.map((Id) => ({ Id, MessageBody: Id })) }),
      );
      expect(sent.Successful?.map((entry) => entry.Id)).toEqual(ids);
      const messages = await receive(QueueUrl);
      expect(messages.map((message) => message.Body).sort()).toEqual(ids);
      await sqs().send(
        new DeleteMessageBatchCommand({
          QueueUrl,
          Entries: messages.map(({ ReceiptHandle }, index) => ({ Id: String(index), ReceiptHandle })),
        }),
      );
      expect(await attributes(QueueUrl)).toMatchObject({
        ApproximateNumberOfMessages: "0",
        ApproximateNumberOfMessagesNotVisible: "0",
      });
      const eleven = Array.from({ length: 11 }, (_, index) => ({ Id: String(index), MessageBody: "x" }));
      await expect(sqs().send(new SendMessageBatchCommand({ QueueUrl, Entries: eleven }))).rejects.toMatchObject({
        name: expect.stringContaining("TooManyEntriesInBatchRequest"),
      });
    });

    it("a message over its maxReceiveCount goes to the dead-letter queue, and keeps its id and its sent time", async () => {
      const dead = await queue();
      const deadLetterTargetArn = (await attributes(dead)).QueueArn;
      const QueueUrl = await queue();
      const RedrivePolicy = JSON.stringify({ deadLetterTargetArn, maxReceiveCount: 2 });
      await sqs().send(new SetQueueAttributesCommand({ QueueUrl, Attributes: { RedrivePolicy } }));
      await sqs().send(new SendMessageCommand({ QueueUrl, MessageBody: "poison" }));
      const [first] = await receive(QueueUrl, 0);
      expect((await receive(QueueUrl, 0))[0]?.Attributes?.ApproximateReceiveCount).toBe("2");
      expect(await receive(QueueUrl, 0)).toEqual([]);
      const { MessageId, Attributes: { SentTimestamp = "" } = {} } = first ?? {};
      expect(await receive(dead)).toMatchObject([{ Body: "poison", MessageId, Attributes: { SentTimestamp } }]);
    });

    it("a delayed message is not received before its delay is over", async () => {
      const QueueUrl = await queue();
      await sqs().send(new SendMessageCommand({ QueueUrl, MessageBody: "later", DelaySeconds: 60 }));
      expect(await receive(QueueUrl)).toEqual([]);
      expect(await attributes(QueueUrl)).toMatchObject({ ApproximateNumberOfMessagesDelayed: "1" });
    });

    it("a purged queue is empty, and a deleted queue does not exist", async () => {
      const QueueUrl = await queue();
      await sqs().send(new SendMessageCommand({ QueueUrl, MessageBody: "x" }));
      await sqs().send(new PurgeQueueCommand({ QueueUrl }));
      expect(await receive(QueueUrl)).toEqual([]);
      await sqs().send(new DeleteQueueCommand({ QueueUrl }));
      await expect(sqs().send(new SendMessageCommand({ QueueUrl, MessageBody: "x" }))).rejects.toMatchObject({
        name: expect.stringMatching(/QueueDoesNotExist|NonExistentQueue/),
      });
    });

    it("a FIFO queue delivers a group's messages in order, and none while one of them is in flight", async () => {
      const QueueUrl = await queue({ FifoQueue: "true" });
      for (const MessageBody of ["one", "two", "two"]) {
        await sqs().send(
          new SendMessageCommand({ QueueUrl, MessageBody, MessageGroupId: "g", MessageDeduplicationId: MessageBody }),
        );
      }
      const take = () => sqs().send(new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 1 }));
      const first = await take();
      expect(first.Messages).toMatchObject([{ Body: "one" }]);
      expect((await take()).Messages).toBeUndefined();
      await sqs().send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle: first.Messages?.[0]?.ReceiptHandle }));
      expect((await take()).Messages).toMatchObject([{ Body: "two" }]);
    });
  });
}
