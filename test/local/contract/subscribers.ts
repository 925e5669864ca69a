import {
  CreateTopicCommand,
  ListSubscriptionsByTopicCommand,
  ListSubscriptionsCommand,
  SubscribeCommand,
} from "@aws-sdk/client-sns";
import { describe, expect, it } from "vitest";
import { ACCOUNT, clients, type Target, unique } from "../targets.ts";

/** SNS's lists of subscribers. */
export function subscribersContract(target: () => Target): void {
  const sns = () => clients(target().endpoint).sns;
  const topic = async () => (await sns().send(new CreateTopicCommand({ Name: unique("topic") }))).TopicArn ?? "";

  describe("SNS: subscribers", () => {
    it("an e-mail address can be subscribed, and is listed", async () => {
      const TopicArn = await topic();
      await sns().send(new SubscribeCommand({ TopicArn, Protocol: "email", Endpoint: "ops@example.com" }));
      const { Subscriptions } = await sns().send(new ListSubscriptionsByTopicCommand({ TopicArn }));
      expect(Subscriptions).toMatchObject([
        { TopicArn, Protocol: "email", Endpoint: "ops@example.com", Owner: ACCOUNT },
      ]);
    });

    it("the subscriptions of all topics are listed together", async () => {
      const topics = [await topic(), await topic()];
      for (const TopicArn of topics) {
        const Endpoint = `arn:aws:sqs:eu-west-1:${ACCOUNT}:${unique("queue")}`;
        await sns().send(new SubscribeCommand({ TopicArn, Protocol: "sqs", Endpoint }));
      }
      const { Subscriptions = [] } = await sns().send(new ListSubscriptionsCommand({}));
      const listed = Subscriptions.map(({ TopicArn }) => TopicArn);
      expect(listed).toEqual(expect.arrayContaining(topics));
    });
  });
}
