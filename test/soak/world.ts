import { EventBridgeClient, PutRuleCommand, PutTargetsCommand } from "@aws-sdk/client-eventbridge";
import {
  ConfirmSubscriptionCommand,
  CreateTopicCommand,
  ListSubscriptionsByTopicCommand,
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
  SQSClient,
} from "@aws-sdk/client-sqs";
import { AssumeRoleCommand, STSClient } from "@aws-sdk/client-sts";
import type { EmbeddedAws } from "../../src/local/aws/index.ts";
import { DELIVERY_POLICY } from "../../src/sns/subscription.ts";
import type { LockstepClock } from "./lockstep-clock.ts";
import { HOME, type Place } from "./plan.ts";

/** Whose name the embedded AWS takes from the key. */
const OPERATOR = { accessKeyId: "operator", secretAccessKey: "operator" };
const GRACE_SECONDS = 45;
const RULE = "ec2_launches";
const PATTERN = JSON.stringify({
  source: ["aws.ec2"],
  "detail-type": ["EC2 Instance State-change Notification"],
  detail: { state: ["pending"] },
});

/** The system as the README sets it up, without the function. */
export interface World {
  readonly sns: SNSClient;
  readonly sqs: SQSClient;
  readonly launchTopic: string;
  readonly alertTopic: string;
  /** What programs that listen to the alerts read. */
  readonly alertQueue: string;
  readonly deadLetterQueue: string;
  /** The queue in front of a Lambda function. */
  readonly launchQueue: { readonly url: string; readonly arn: string };
  /** What the function is configured with, but for its keys. */
  readonly settings: Readonly<Record<string, string>>;
}

/** Sets the world up at home, with a rule that sends launches to the topic or to the queue. */
export async function setUp(aws: EmbeddedAws, face: "webtask" | "lambda"): Promise<World> {
  const operator = { region: HOME.region, endpoint: aws.endpoint, credentials: OPERATOR };
  const sns = new SNSClient(operator);
  const sqs = new SQSClient(operator);
  const topic = async (Name: string) => (await sns.send(new CreateTopicCommand({ Name }))).TopicArn ?? "";
  const queue = async (QueueName: string, Attributes: Record<string, string> = {}) => {
    const { QueueUrl = "" } = await sqs.send(new CreateQueueCommand({ QueueName, Attributes }));
    return { url: QueueUrl, arn: `arn:aws:sqs:${HOME.region}:${HOME.account}:${QueueName}` };
  };
  const launchTopic = await topic("ec2_launches_check");
  const alertTopic = await topic("ec2_audit_alert");
  const alerts = await queue("alerts");
  const dead = await queue("ec2_launches_dead");
  const launches = await queue("ec2_launches", {
    DelaySeconds: String(GRACE_SECONDS),
    VisibilityTimeout: "185",
    RedrivePolicy: JSON.stringify({ deadLetterTargetArn: dead.arn, maxReceiveCount: "10" }),
  });
  await sns.send(
    new SubscribeCommand({
      TopicArn: alertTopic,
      Protocol: "sqs",
      Endpoint: alerts.arn,
      Attributes: { RawMessageDelivery: "true" },
    }),
  );
  await putRule(aws, HOME, face === "webtask" ? launchTopic : launches.arn);
  return {
    sns,
    sqs,
    launchTopic,
    alertTopic,
    alertQueue: alerts.url,
    deadLetterQueue: dead.url,
    launchQueue: launches,
    settings: {
      AWS_REGION: HOME.region,
      AWS_ENDPOINT_URL: aws.endpoint,
      ALERT_TOPIC_ARN: alertTopic,
      AUDIT_ROLE_NAME: "ec2-audit",
      GRACE_SECONDS: String(GRACE_SECONDS),
    },
  };
}

/** STS lets an account assume 600 roles a second. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html */
const ROLES_A_SECOND = 500;

/** Puts a rule in each of the places that sends its launches home, as fast as STS lets it. */
export async function sendHome(aws: EmbeddedAws, places: readonly Place[], clock: LockstepClock): Promise<void> {
  const bus = `arn:aws:events:${HOME.region}:${HOME.account}:event-bus/default`;
  for (const [index, place] of places.entries()) {
    if (index % ROLES_A_SECOND === 0) await clock.advanceTo(clock.now() + 1_000);
    await putRule(aws, place, bus);
  }
}

/** In another account the rule is put by a role of that account, as a StackSet does it. */
async function putRule({ endpoint }: EmbeddedAws, { account, region }: Place, target: string): Promise<void> {
  const sts = new STSClient({ region, endpoint, credentials: OPERATOR });
  const RoleArn = `arn:aws:iam::${account}:role/stacksets-exec`;
  const { Credentials: given } = await sts.send(new AssumeRoleCommand({ RoleArn, RoleSessionName: "soak" }));
  const credentials = {
    accessKeyId: given?.AccessKeyId ?? "",
    secretAccessKey: given?.SecretAccessKey ?? "",
    sessionToken: given?.SessionToken ?? "",
  };
  const events = new EventBridgeClient({ region, endpoint, credentials });
  await events.send(new PutRuleCommand({ Name: RULE, EventPattern: PATTERN }));
  await events.send(new PutTargetsCommand({ Rule: RULE, Targets: [{ Id: "audit", Arn: target }] }));
}

/** Gives the subscription of the function a dead-letter queue, as an operator does. Throws when there is none. */
export async function redrive({ sns, launchTopic }: World): Promise<void> {
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

/** Subscribes a URL to the launches, as an operator does, with the delivery policy that our function asks for itself. */
export async function subscribe({ sns, launchTopic }: World, url: string): Promise<void> {
  const Attributes = { DeliveryPolicy: JSON.stringify(DELIVERY_POLICY) };
  await sns.send(new SubscribeCommand({ TopicArn: launchTopic, Protocol: "http", Endpoint: url, Attributes }));
}

/** Confirms a subscription in the place of a function that does not do it. Takes what SNS delivered to it. */
export async function confirm({ sns, launchTopic }: World, envelope: string): Promise<void> {
  const { Token } = JSON.parse(envelope) as { Token?: string };
  await sns.send(new ConfirmSubscriptionCommand({ TopicArn: launchTopic, Token }));
}

/** How many messages a queue has, whether they can be received now or not. */
export async function waitingIn(sqs: SQSClient, QueueUrl: string): Promise<number> {
  const { Attributes = {} } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ["All"] }));
  const counts = [
    Attributes.ApproximateNumberOfMessages,
    Attributes.ApproximateNumberOfMessagesNotVisible,
    Attributes.ApproximateNumberOfMessagesDelayed,
  ];
  return counts.reduce((sum, count) => sum + Number(count), 0);
}

/** Takes every message out of a queue. */
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
