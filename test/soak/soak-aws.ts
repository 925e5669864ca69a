import { EventBridgeClient, PutRuleCommand, PutTargetsCommand } from "@aws-sdk/client-eventbridge";
import {
  ConfirmSubscriptionCommand,
  CreateTopicCommand,
  ListSubscriptionsByTopicCommand,
  PublishCommand,
  SetSubscriptionAttributesCommand,
  SNSClient,
  SubscribeCommand,
} from "@aws-sdk/client-sns";
import {
  CreateQueueCommand,
  DeleteMessageBatchCommand,
  GetQueueAttributesCommand,
  type Message,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
} from "@aws-sdk/client-sqs";
import { AssumeRoleCommand, STSClient } from "@aws-sdk/client-sts";
import { DELIVERY_POLICY } from "../../src/aws/retry-policy.ts";
import { type EventRuleKind, PATTERNS } from "../../src/cli/setup/plan.ts";
import type { EmbeddedAws } from "../../src/local/aws/index.ts";
import type { LockstepClock } from "./lockstep-clock.ts";
import { HOME, type Place } from "./places.ts";
import { POLICY, TOPICS, type Topic } from "./policy.ts";

/** The embedded AWS takes the principal's name from the key. */
const OPERATOR = { accessKeyId: "operator", secretAccessKey: "operator" };
const GRACE_SECONDS = 45;

export const HOSTS = ["webtask", "lambda"] as const;
export type HostKind = (typeof HOSTS)[number];

/** What is installed: only launches and the default topic, or also tag changes, terminations and a policy with routes. */
export type Extent = "launches" | "everything";

const rulesFor = (extent: Extent): readonly EventRuleKind[] =>
  extent === "launches" ? ["state changes"] : ["state changes", "tag changes", "terminations"];

/** The AWS resources of an installation. */
export interface SoakAws {
  readonly sns: SNSClient;
  readonly sqs: SQSClient;
  readonly launchTopic: string;
  /** The URL of the queue that is subscribed to each topic. */
  readonly alertQueues: readonly { readonly topic: Topic; readonly url: string }[];
  readonly deadLetterQueue: string;
  /** The event source of the Lambda function. */
  readonly launchQueue: { readonly url: string; readonly arn: string };
  /** The function's configuration, without its access keys. */
  readonly settings: Readonly<Record<string, string>>;
}

/** Creates the resources in HOME, with rules that send events to the topic or to the queue. */
export async function setUpAws(aws: EmbeddedAws, host: HostKind, extent: Extent): Promise<SoakAws> {
  const operator = { region: HOME.region, endpoint: aws.endpoint, credentials: OPERATOR };
  const sns = new SNSClient(operator);
  const sqs = new SQSClient(operator);
  const topic = async (Name: string) => (await sns.send(new CreateTopicCommand({ Name }))).TopicArn ?? "";
  const queue = async (QueueName: string, Attributes: Record<string, string> = {}) => {
    const { QueueUrl = "" } = await sqs.send(new CreateQueueCommand({ QueueName, Attributes }));
    return { url: QueueUrl, arn: `arn:aws:sqs:${HOME.region}:${HOME.account}:${QueueName}` };
  };
  const launchTopic = await topic("ec2_launches_check");
  const dead = await queue("ec2_launches_dead");
  const launches = await queue("ec2_launches", {
    DelaySeconds: String(GRACE_SECONDS),
    VisibilityTimeout: "185",
    RedrivePolicy: JSON.stringify({ deadLetterTargetArn: dead.arn, maxReceiveCount: "10" }),
  });
  const alertQueues = await Promise.all(
    TOPICS.map(async (name) => {
      const [TopicArn, { url, arn }] = await Promise.all([topic(name), queue(`got-${name}`)]);
      const Attributes = { RawMessageDelivery: "true" };
      await sns.send(new SubscribeCommand({ TopicArn, Protocol: "sqs", Endpoint: arn, Attributes }));
      return { topic: name, url, arn: TopicArn };
    }),
  );
  await putRules(aws, HOME, host === "webtask" ? launchTopic : launches.arn, rulesFor(extent));
  return {
    sns,
    sqs,
    launchTopic,
    alertQueues,
    deadLetterQueue: dead.url,
    launchQueue: launches,
    settings: {
      AWS_REGION: HOME.region,
      AWS_ENDPOINT_URL: aws.endpoint,
      ALERT_TOPIC_ARN: alertQueues[0]?.arn ?? "",
      AUDIT_ROLE_NAME: "ec2-audit",
      // As in the template: there the queue waits.
      GRACE_SECONDS: host === "webtask" ? String(GRACE_SECONDS) : "0",
      ...(extent === "everything" && { AUDIT_POLICY: POLICY, RESOLVED_ALERTS: "on" }),
    },
  };
}

/** STS allows 600 AssumeRole calls a second. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html */
const ROLES_A_SECOND = 500;

/** Puts rules in each place that forward its events to HOME, at the rate that STS allows. */
export async function forwardEvents(
  aws: EmbeddedAws,
  places: readonly Place[],
  clock: LockstepClock,
  extent: Extent,
): Promise<void> {
  const bus = `arn:aws:events:${HOME.region}:${HOME.account}:event-bus/default`;
  for (const [index, place] of places.entries()) {
    if (index % ROLES_A_SECOND === 0) await clock.advanceTo(clock.now() + 1_000);
    await putRules(aws, place, bus, rulesFor(extent));
  }
}

/** Puts rules with a role of the place's account, as a StackSet does. */
async function putRules(
  { endpoint }: EmbeddedAws,
  { account, region }: Place,
  target: string,
  kinds: readonly EventRuleKind[],
): Promise<void> {
  const sts = new STSClient({ region, endpoint, credentials: OPERATOR });
  const RoleArn = `arn:aws:iam::${account}:role/stacksets-exec`;
  const { Credentials: given } = await sts.send(new AssumeRoleCommand({ RoleArn, RoleSessionName: "soak" }));
  const credentials = {
    accessKeyId: given?.AccessKeyId ?? "",
    secretAccessKey: given?.SecretAccessKey ?? "",
    sessionToken: given?.SessionToken ?? "",
  };
  const events = new EventBridgeClient({ region, endpoint, credentials });
  for (const kind of kinds) {
    const Name = kind.replace(" ", "-");
    await events.send(new PutRuleCommand({ Name, EventPattern: JSON.stringify(PATTERNS[kind]) }));
    await events.send(new PutTargetsCommand({ Rule: Name, Targets: [{ Id: "audit", Arn: target }] }));
  }
}

/** Gives the function's subscription a dead-letter queue, as an operator does. Throws when there is no subscription. */
export async function redrive({ sns, launchTopic }: SoakAws): Promise<void> {
  const { Subscriptions = [] } = await sns.send(new ListSubscriptionsByTopicCommand({ TopicArn: launchTopic }));
  const [subscription] = Subscriptions;
  await sns.send(
    new SetSubscriptionAttributesCommand({
      SubscriptionArn: subscription?.SubscriptionArn,
      AttributeName: "RedrivePolicy",
      AttributeValue: JSON.stringify({
        deadLetterTargetArn: `arn:aws:sqs:${HOME.region}:${HOME.account}:ec2_launches_dead`,
      }),
    }),
  );
}

/** Subscribes a URL to the launch topic, as an operator does, with the delivery policy that our function sets itself. */
export async function subscribe({ sns, launchTopic }: SoakAws, url: string): Promise<void> {
  const Attributes = { DeliveryPolicy: JSON.stringify(DELIVERY_POLICY) };
  await sns.send(new SubscribeCommand({ TopicArn: launchTopic, Protocol: "http", Endpoint: url, Attributes }));
}

/** Confirms a subscription for a function that does not. Takes the SubscriptionConfirmation. */
export async function confirm({ sns, launchTopic }: SoakAws, envelope: string): Promise<void> {
  const { Token } = JSON.parse(envelope) as { Token?: string };
  await sns.send(new ConfirmSubscriptionCommand({ TopicArn: launchTopic, Token }));
}

/** Returns the number of messages in a queue: visible, in flight and delayed. */
export async function waitingIn(sqs: SQSClient, QueueUrl: string): Promise<number> {
  const { Attributes = {} } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ["All"] }));
  const counts = [
    Attributes.ApproximateNumberOfMessages,
    Attributes.ApproximateNumberOfMessagesNotVisible,
    Attributes.ApproximateNumberOfMessagesDelayed,
  ];
  return counts.reduce((sum, count) => sum + Number(count), 0);
}

/** Receives and deletes every message of a queue. */
export async function drain(sqs: SQSClient, QueueUrl: string): Promise<Message[]> {
  const all: Message[] = [];
  for (;;) {
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10, MessageSystemAttributeNames: ["SentTimestamp"] }),
    );
    if (Messages.length === 0) return all;
    all.push(...Messages);
    const Entries = Messages.map(({ ReceiptHandle }, index) => ({ Id: String(index), ReceiptHandle }));
    await sqs.send(new DeleteMessageBatchCommand({ QueueUrl, Entries }));
  }
}

/** Sends a text to the launch topic or the launch queue, as AWS's services do. */
export async function send(
  { sns, sqs, launchTopic, launchQueue }: SoakAws,
  host: HostKind,
  text: string,
): Promise<void> {
  if (host === "webtask") await sns.send(new PublishCommand({ TopicArn: launchTopic, Message: text }));
  else await sqs.send(new SendMessageCommand({ QueueUrl: launchQueue.url, MessageBody: text }));
}
