import {
  CreateTopicCommand,
  DeleteTopicCommand,
  GetTopicAttributesCommand,
  ListTopicsCommand,
  PublishCommand,
  SetTopicAttributesCommand,
} from "@aws-sdk/client-sns";
import { describe, expect, it } from "vitest";
import { ACCOUNT, clients, type Target, unique } from "../targets.ts";

/** What SNS does with topics, as far as this project calls it. */
export function topicsContract(target: () => Target): void {
  const sns = () => clients(target().endpoint).sns;
  const topic = async () => (await sns().send(new CreateTopicCommand({ Name: unique("topic") }))).TopicArn ?? "";

  describe("SNS: topics", () => {
    it("CreateTopic gives the ARN of a topic, the same one when it is there already", async () => {
      const Name = unique("topic");
      const first = await sns().send(new CreateTopicCommand({ Name }));
      expect(first.TopicArn).toBe(`arn:aws:sns:eu-west-1:${ACCOUNT}:${Name}`);
      expect((await sns().send(new CreateTopicCommand({ Name }))).TopicArn).toBe(first.TopicArn);
      const listed = await sns().send(new ListTopicsCommand({}));
      expect(listed.Topics).toContainEqual({ TopicArn: first.TopicArn });
    });

    it("a topic's name has letters, digits, dashes and underscores", async () => {
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

    it("a deleted topic is gone, and deleting it again does no harm", async () => {
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
