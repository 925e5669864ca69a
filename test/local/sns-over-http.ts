import { createServer } from "node:net";
import { ConfirmSubscriptionCommand, CreateTopicCommand, SubscribeCommand } from "@aws-sdk/client-sns";
import { CreateQueueCommand, ReceiveMessageCommand } from "@aws-sdk/client-sqs";
import { afterEach, beforeEach } from "vitest";
import { type DeliveryAttempt, type EmbeddedAws, startEmbeddedAws, VirtualClock } from "../../src/local/aws/index.ts";
import { type Behaviour, startSubscriber } from "./subscriber.ts";
import { ACCOUNT, clients, unique } from "./targets.ts";

/**
 * SNS over HTTP, as https://docs.aws.amazon.com/sns/latest/dg/sns-http-https-endpoint-as-subscriber.html defines it. Only against
 * the embedded AWS: moto_server sends no confirmations, retries nothing and has no dead-letter queues for subscriptions.
 */
/** When every test begins, in ms since the epoch. */
export const START = Date.UTC(2026, 0, 1);

/** The clock of the current test. */
export let clock: VirtualClock;
/** Its embedded AWS. */
export let aws: EmbeddedAws;
/** SNS's delivery attempts. */
export let attempts: DeliveryAttempt[];
let closing: (() => Promise<void>)[];

/** Gives each test of the file its own embedded AWS, with a clock that stands still. */
export function useSns(): void {
  beforeEach(async () => {
    clock = new VirtualClock(START);
    attempts = [];
    aws = await startEmbeddedAws({ clock, onDelivery: (attempt) => attempts.push(attempt) });
    closing = [() => aws.close()];
  });
  afterEach(async () => {
    for (const close of closing) await close();
  });
}

/** The SDK's client against it. */
export const sns = () => clients(aws.endpoint).sns;

/** Creates a topic; returns its ARN. */
export async function newTopic(): Promise<string> {
  return (await sns().send(new CreateTopicCommand({ Name: unique("topic") }))).TopicArn ?? "";
}

/** A subscriber that has not confirmed yet; its first behaviour is the response to the confirmation message. */
export async function pending(TopicArn: string, Attributes: Record<string, string>, ...behaviours: Behaviour[]) {
  const subscriber = await startSubscriber(...behaviours);
  closing.push(subscriber.close);
  const { SubscriptionArn = "" } = await sns().send(
    new SubscribeCommand({
      TopicArn,
      Protocol: "http",
      Endpoint: subscriber.url,
      Attributes,
      ReturnSubscriptionArn: true,
    }),
  );
  await aws.idle();
  return { ...subscriber, SubscriptionArn };
}

/** A confirmed subscriber that responds to notifications with `behaviours`. */
export async function confirmed(TopicArn: string, Attributes: Record<string, string>, ...behaviours: Behaviour[]) {
  const subscriber = await pending(TopicArn, Attributes, 200, ...behaviours);
  await sns().send(new ConfirmSubscriptionCommand({ TopicArn, Token: subscriber.last().Token }));
  attempts.length = 0;
  return subscriber;
}

/** Returns the time of each attempt of the last message, in seconds after the first. */
export const seconds = () => attempts.map(({ at }) => (at - (attempts[0]?.at ?? 0)) / 1000);

/** A queue, and the RedrivePolicy that makes it a dead-letter queue. */
export async function deadLetterQueue() {
  const { sqs } = clients(aws.endpoint);
  const QueueName = unique("dead");
  const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName }));
  return {
    policy: JSON.stringify({ deadLetterTargetArn: `arn:aws:sqs:eu-west-1:${ACCOUNT}:${QueueName}` }),
    bodies: async () => {
      const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10 }));
      return Messages.map(({ Body }) => Body);
    },
  };
}

/** A port without a server. */
export function closedPort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, "127.0.0.1", () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}
