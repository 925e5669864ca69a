import { resolve } from "node:path";
import { EC2Client } from "@aws-sdk/client-ec2";
import { EventBridgeClient, PutRuleCommand, PutTargetsCommand } from "@aws-sdk/client-eventbridge";
import { ConfirmSubscriptionCommand, CreateTopicCommand, SNSClient, SubscribeCommand } from "@aws-sdk/client-sns";
import { CreateQueueCommand, SQSClient } from "@aws-sdk/client-sqs";
import { type DeliveryAttempt, type EmbeddedAws, startEmbeddedAws, systemClock } from "../aws/index.ts";
import { freePort } from "../free-port.ts";
import { startFunction } from "./function-process.ts";

/** The stage, set: the embedded AWS with topics, rule and queue as the article has them, and the function. */
export interface StageSet {
  readonly aws: EmbeddedAws;
  readonly functionUrl: string;
  /** What the function is started with. */
  readonly secrets: Secrets;
  /** Starts the function again, with the file as it is now. Throws when it cannot be loaded. */
  restart(secrets: Secrets): Promise<void>;
  readonly ec2: EC2Client;
  /** What a program that is subscribed to the alerts reads. */
  readonly alertQueueUrl: string;
  close(): Promise<void>;
}

type Secrets = Readonly<Record<string, string>>;

/** The deployed file. */
export const FILE = resolve("dist/audit.js");

/** Who is told of what happens on the stage. */
export interface Watchers {
  onDelivery(attempt: DeliveryAttempt): void;
  onLog(line: string): void;
}

/** What the embedded AWS is called with; it checks no signatures. */
export const CREDENTIALS = { AWS_REGION: "us-east-1", AWS_ACCESS_KEY_ID: "local", AWS_SECRET_ACCESS_KEY: "local" };

/** EC2's own answers take about so long, in milliseconds; on loopback a burst would be over before it became a batch. */
const EC2_TAKES_MS = 60;

/**
 * Sets the stage. SNS's waiting runs `speed` times faster than the wall; the grace, in seconds, is on the wall's clock.
 * Throws when the deployed file has not been built.
 */
export async function setStage(speed: number, graceSeconds: number, watchers: Watchers): Promise<StageSet> {
  const clock = systemClock({ speed });
  const checked = { topicPolicies: "checked", queuePolicies: "checked" } as const;
  const aws = await startEmbeddedAws({ clock, onDelivery: watchers.onDelivery, ...checked });
  aws.faults.add({ service: "ec2", kind: "slow", ms: EC2_TAKES_MS * speed });
  const settings = {
    region: CREDENTIALS.AWS_REGION,
    endpoint: aws.endpoint,
    credentials: {
      accessKeyId: CREDENTIALS.AWS_ACCESS_KEY_ID,
      secretAccessKey: CREDENTIALS.AWS_SECRET_ACCESS_KEY,
    },
  };
  const sns = new SNSClient(settings);
  const events = new EventBridgeClient(settings);
  const launchTopicArn = `arn:aws:sns:${CREDENTIALS.AWS_REGION}:${aws.accountId}:ec2_launches_check`;
  const Attributes = { Policy: letting("events.amazonaws.com", "sns:Publish", launchTopicArn) };
  await sns.send(new CreateTopicCommand({ Name: "ec2_launches_check", Attributes }));
  const alerts = await sns.send(new CreateTopicCommand({ Name: "ec2_audit_alert" }));
  const alertQueueArn = `arn:aws:sqs:${CREDENTIALS.AWS_REGION}:${aws.accountId}:alerts`;
  const { QueueUrl: alertQueueUrl = "" } = await new SQSClient(settings).send(
    new CreateQueueCommand({
      QueueName: "alerts",
      Attributes: { Policy: letting("sns.amazonaws.com", "sqs:SendMessage", alertQueueArn) },
    }),
  );
  await sns.send(
    new SubscribeCommand({
      TopicArn: alerts.TopicArn,
      Protocol: "sqs",
      Endpoint: alertQueueArn,
      Attributes: { RawMessageDelivery: "true" },
    }),
  );
  // An alert is shown as the mail that a subscriber gets.
  const mail = { TopicArn: alerts.TopicArn, Protocol: "email", Endpoint: "you@example.com" };
  await sns.send(new SubscribeCommand(mail));
  await sns.send(new ConfirmSubscriptionCommand({ TopicArn: alerts.TopicArn, Token: aws.mails[0]?.token }));
  const pattern = {
    source: ["aws.ec2"],
    "detail-type": ["EC2 Instance State-change Notification"],
    detail: { state: ["pending"] },
  };
  await events.send(new PutRuleCommand({ Name: "ec2-launches", EventPattern: JSON.stringify(pattern) }));
  await events.send(new PutTargetsCommand({ Rule: "ec2-launches", Targets: [{ Id: "sns", Arn: launchTopicArn }] }));
  const port = await freePort();
  const functionUrl = `http://127.0.0.1:${port}/`;
  const secrets = {
    ...CREDENTIALS,
    AWS_ENDPOINT_URL: aws.endpoint,
    ALERT_TOPIC_ARN: alerts.TopicArn ?? "",
    SNS_SIGNING_CERT: aws.signingCert,
    GRACE_SECONDS: String(graceSeconds),
    FUNCTION_URL: functionUrl,
  };
  const start = (given: Secrets) => startFunction(FILE, port, given, watchers.onLog);
  let running = await start(secrets);
  return {
    aws,
    functionUrl,
    secrets,
    async restart(given) {
      await running.stop();
      running = await start(given);
    },
    ec2: new EC2Client(settings),
    alertQueueUrl,
    async close() {
      await running.stop();
      await aws.close();
    },
  };
}

/** A policy that lets a service of AWS do this, as the console writes it. */
function letting(Service: string, Action: string, Resource: string): string {
  const Statement = [{ Effect: "Allow", Principal: { Service }, Action, Resource }];
  return JSON.stringify({ Version: "2012-10-17", Statement });
}
