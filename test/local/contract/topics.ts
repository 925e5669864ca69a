import {
  CreateTopicCommand,
  DeleteTopicCommand,
  GetTopicAttributesCommand,
  ListTagsForResourceCommand,
  ListTopicsCommand,
  PublishCommand,
  SetTopicAttributesCommand,
  TagResourceCommand,
  UntagResourceCommand,
} from "@aws-sdk/client-sns";
import { describe, expect, it } from "vitest";
import { ACCOUNT, clients, type Target, unique } from "../targets.ts";

/** SNS's topic actions that this project calls. */
export function topicsContract(target: () => Target): void {
  const sns = () => clients(target().endpoint).sns;
  const topic = async () => (await sns().send(new CreateTopicCommand({ Name: unique("topic") }))).TopicArn ?? "";

  describe("SNS: topics", () => {
    it("CreateTopic returns the ARN of a topic, the same one if the topic exists", async () => {
      const Name = unique("topic");
      const first = await sns().send(new CreateTopicCommand({ Name }));
      expect(first.TopicArn).toBe(`arn:aws:sns:eu-west-1:${ACCOUNT}:${Name}`);
      expect((await sns().send(new CreateTopicCommand({ Name }))).TopicArn).toBe(first.TopicArn);
      const listed = await sns().send(new ListTopicsCommand({}));
      expect(listed.Topics).toContainEqual({ TopicArn: first.TopicArn });
    });

    it("a topic's name consists of letters, digits, dashes and underscores", async () => {
      await expect(sns().send(new CreateTopicCommand({ Name: "a b" }))).rejects.toMatchObject({
        name: "InvalidParameterException",
      });
    });

    it("topics have attributes", async () => {
      const TopicArn = await topic();
      await sns().send(
        new SetTopicAttributesCommand({ TopicArn, AttributeName: "DisplayName", AttributeValue: "Launches" }),
      );
      const { Attributes } = await sns().send(new GetTopicAttributesCommand({ TopicArn }));
      expect(Attributes).toMatchObject({
        TopicArn,
        Owner: ACCOUNT,
        DisplayName: "Launches",
        SubscriptionsConfirmed: "0",
      });
    });

    it("the policy of a new topic allows its owner, and no service", async () => {
      const TopicArn = await topic();
      const { Attributes } = await sns().send(new GetTopicAttributesCommand({ TopicArn }));
      const { Statement } = JSON.parse(Attributes?.Policy ?? "");
      expect(Statement).toMatchObject([
        {
          Effect: "Allow",
          Principal: { AWS: "*" },
          Action: expect.arrayContaining(["SNS:Publish", "SNS:Subscribe"]),
          Resource: TopicArn,
          Condition: { StringEquals: { "AWS:SourceOwner": ACCOUNT } },
        },
      ]);
    });

    it("a topic's policy can be set", async () => {
      const TopicArn = await topic();
      const policy = {
        Version: "2012-10-17",
        Statement: [
          {
            Sid: "events",
            Effect: "Allow",
            Principal: { Service: "events.amazonaws.com" },
            Action: "sns:Publish",
            Resource: TopicArn,
          },
        ],
      };
      const AttributeValue = JSON.stringify(policy);
      await sns().send(new SetTopicAttributesCommand({ TopicArn, AttributeName: "Policy", AttributeValue }));
      const { Attributes } = await sns().send(new GetTopicAttributesCommand({ TopicArn }));
      expect(JSON.parse(Attributes?.Policy ?? "")).toEqual(policy);
    });

    it("a topic's tags can be added, changed and removed", async () => {
      const Tags = [
        { Key: "team", Value: "web" },
        { Key: "cost", Value: "1" },
      ];
      const { TopicArn: ResourceArn } = await sns().send(new CreateTopicCommand({ Name: unique("topic"), Tags }));
      const tags = async () => (await sns().send(new ListTagsForResourceCommand({ ResourceArn }))).Tags;
      expect(await tags()).toEqual(Tags);
      await sns().send(
        new TagResourceCommand({
          ResourceArn,
          Tags: [
            { Key: "team", Value: "shop" },
            { Key: "stage", Value: "" },
          ],
        }),
      );
      await sns().send(new UntagResourceCommand({ ResourceArn, TagKeys: ["cost", "none"] }));
      expect(await tags()).toEqual([
        { Key: "team", Value: "shop" },
        { Key: "stage", Value: "" },
      ]);
    });

    it("a topic without tags has an empty list; for a topic that does not exist the call fails", async () => {
      const list = (ResourceArn: string) => sns().send(new ListTagsForResourceCommand({ ResourceArn }));
      expect((await list(await topic())).Tags).toEqual([]);
      const none = `arn:aws:sns:eu-west-1:${ACCOUNT}:${unique("none")}`;
      await expect(list(none)).rejects.toMatchObject({ name: "ResourceNotFoundException" });
      await expect(
        sns().send(new TagResourceCommand({ ResourceArn: none, Tags: [{ Key: "a", Value: "b" }] })),
      ).rejects.toMatchObject({ name: "ResourceNotFoundException" });
    });

    it("a topic has at most 50 tags", async () => {
      const ResourceArn = await topic();
      const Tags = Array.from({ length: 51 }, (_, index) => ({ Key: `key-${index}`, Value: "x" }));
      await sns().send(new TagResourceCommand({ ResourceArn, Tags: Tags.slice(0, 50) }));
      await expect(sns().send(new TagResourceCommand({ ResourceArn, Tags: Tags.slice(50) }))).rejects.toMatchObject({
        name: "TagLimitExceededException",
      });
    });

    it("a deleted topic does not exist, and deleting it again succeeds", async () => {
      const TopicArn = await topic();
      await sns().send(new DeleteTopicCommand({ TopicArn }));
      await sns().send(new DeleteTopicCommand({ TopicArn }));
      await expect(sns().send(new GetTopicAttributesCommand({ TopicArn }))).rejects.toMatchObject({
        name: "NotFoundException",
      });
      await expect(sns().send(new PublishCommand({ TopicArn, Message: "x" }))).rejects.toMatchObject({
        name: "NotFoundException",
      });
    });
  });
}
