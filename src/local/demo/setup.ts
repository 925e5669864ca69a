import { resolve } from "node:path";
import { AuthorizeSecurityGroupIngressCommand, CreateSecurityGroupCommand, EC2Client } from "@aws-sdk/client-ec2";
import { EventBridgeClient, PutRuleCommand, PutTargetsCommand } from "@aws-sdk/client-eventbridge";
import { ConfirmSubscriptionCommand, CreateTopicCommand, SNSClient, SubscribeCommand } from "@aws-sdk/client-sns";
import { CreateQueueCommand, SQSClient } from "@aws-sdk/client-sqs";
import { type DeliveryAttempt, type EmbeddedAws, startEmbeddedAws, systemClock } from "../aws/index.ts";
import { freePort } from "../free-port.ts";
import { startFunction } from "./function-process.ts";
import { DEMO_POLICY, IMAGE_OWNER } from "./policy.ts";

/** The running demo: the embedded AWS with the topics, the rule and a queue, and the function. */
export interface Demo {
  readonly aws: EmbeddedAws;
  readonly functionUrl: string;
  /** The secrets that the function was started with. */
  readonly secrets: Secrets;
  /** Restarts the function from the current deployed file. Throws Error when the file cannot be loaded. */
  restart(secrets: Secrets): Promise<void>;
  readonly ec2: EC2Client;
  /** An image that the policy allows. */
  readonly approvedImage: string;
  /** A security group that is open to the world on port 22. */
  readonly openGroup: string;
  /** A queue that is subscribed to the alerts. */
  readonly alertQueueUrl: string;
  close(): Promise<void>;
}

type Secrets = Readonly<Record<string, string>>;

/** The deployed file. */
export const FILE = resolve("dist/audit.js");

/** The callbacks for what happens in the demo. */
export interface Callbacks {
  onDelivery(attempt: DeliveryAttempt): void;
  onLog(line: string): void;
}

/** The credentials of each call to the embedded AWS, which checks no signatures. */
export const CREDENTIALS = { AWS_REGION: "us-east-1", AWS_ACCESS_KEY_ID: "local", AWS_SECRET_ACCESS_KEY: "local" };

/** About how long EC2 takes to respond, in milliseconds; on loopback a burst would end before it became a batch. */
const EC2_RESPONSE_MS = 60;

/**
 * Starts the demo. SNS's delays pass `speed` times faster than real time; the grace is in seconds of real time. Throws Error
 * when the deployed file has not been built.
 */
export async function startDemo(speed: number, graceSeconds: number, callbacks: Callbacks): Promise<Demo> {
  const clock = systemClock({ speed });
  const checked = { topicPolicies: "checked", queuePolicies: "checked" } as const;
  const aws = await startEmbeddedAws({ clock, onDelivery: callbacks.onDelivery, ...checked });
  aws.faults.add({ service: "ec2", kind: "slow", ms: EC2_RESPONSE_MS * speed });
  const settings = {
    region: CREDENTIALS.AWS_REGION,
    endpoint: aws.endpoint,
    credentials: {
      accessKeyId: CREDENTIALS.AWS_ACCESS_KEY_ID,
      secretAccessKey: CREDENTIALS.AWS_SECRET_ACCESS_KEY,
    },
  };
  const ec2 = new EC2Client(settings);
  const openGroup = await createOpenGroup(ec2);
  const approvedImage = aws.registerImage({ id: "ami-0abcdef1234567890", name: "golden-2026", ownerId: IMAGE_OWNER });
  const sns = new SNSClient(settings);
  const events = new EventBridgeClient(settings);
  const launchTopicArn = `arn:aws:sns:${CREDENTIALS.AWS_REGION}:${aws.accountId}:ec2_launches_check`;
  const Attributes = { Policy: policyFor("events.amazonaws.com", "sns:Publish", launchTopicArn) };
  await sns.send(new CreateTopicCommand({ Name: "ec2_launches_check", Attributes }));
  const alerts = await sns.send(new CreateTopicCommand({ Name: "ec2_audit_alert" }));
  const alertQueueArn = `arn:aws:sqs:${CREDENTIALS.AWS_REGION}:${aws.accountId}:alerts`;
  const { QueueUrl: alertQueueUrl = "" } = await new SQSClient(settings).send(
    new CreateQueueCommand({
      QueueName: "alerts",
      Attributes: { Policy: policyFor("sns.amazonaws.com", "sqs:SendMessage", alertQueueArn) },
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
  // The demo prints each alert as the e-mail that a subscriber gets.
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
    AUDIT_POLICY: DEMO_POLICY,
    GRACE_SECONDS: String(graceSeconds),
    FUNCTION_URL: functionUrl,
  };
  const start = (given: Secrets) => startFunction(FILE, port, given, callbacks.onLog);
  let running = await start(secrets);
  return {
    aws,
    functionUrl,
    secrets,
    async restart(given) {
      await running.stop();
      running = await start(given);
    },
    ec2,
    approvedImage,
    openGroup,
    alertQueueUrl,
    async close() {
      await running.stop();
      await aws.close();
    },
  };
}

/** Creates a security group as EC2's launch wizard does. Returns its id. */
async function createOpenGroup(ec2: EC2Client): Promise<string> {
  const group = { GroupName: "launch-wizard-1", Description: "launch-wizard-1" };
  const { GroupId } = await ec2.send(new CreateSecurityGroupCommand(group));
  const ssh = { IpProtocol: "tcp", FromPort: 22, ToPort: 22, IpRanges: [{ CidrIp: "0.0.0.0/0" }] };
  await ec2.send(new AuthorizeSecurityGroupIngressCommand({ GroupId, IpPermissions: [ssh] }));
  return GroupId ?? "";
}

/** Returns the policy that allows an action to an AWS service, as the console writes it. */
function policyFor(Service: string, Action: string, Resource: string): string {
  const Statement = [{ Effect: "Allow", Principal: { Service }, Action, Resource }];
  return JSON.stringify({ Version: "2012-10-17", Statement });
}
