import { createServer } from "node:http";
import {
  DescribeRuleCommand,
  EventBridgeClient,
  ListRulesCommand,
  ListTargetsByRuleCommand,
} from "@aws-sdk/client-eventbridge";
import {
  ConfirmSubscriptionCommand,
  GetSubscriptionAttributesCommand,
  GetTopicAttributesCommand,
  ListSubscriptionsByTopicCommand,
  ListTopicsCommand,
  SNSClient,
  SubscribeCommand,
  type Subscription,
} from "@aws-sdk/client-sns";
import {
  CreateQueueCommand,
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  ListQueuesCommand,
  ReceiveMessageCommand,
  SQSClient,
} from "@aws-sdk/client-sqs";
import { afterAll, afterEach, beforeAll, beforeEach } from "vitest";
import { type EmbeddedAws, startEmbeddedAws } from "../../src/local/aws/index.ts";
import { serve } from "../support/hosts.ts";
import { type Served, serveOnLoopback } from "../support/loopback.ts";
import { sourceFor } from "../support/test-stack.ts";
import { operatorAt, type Ran, type Run, runCommand } from "./run.ts";

/** An installation of `setup` on an embedded AWS whose policies count. */

export const LAUNCH_TOPIC = "arn:aws:sns:us-east-1:123456789012:ec2_launches_check";
export const ALERT_TOPIC = "arn:aws:sns:us-east-1:123456789012:ec2_audit_alert";
export const DEAD_LETTERS = "arn:aws:sqs:us-east-1:123456789012:ec2_launches_check_dead";

/** The embedded AWS of the test that runs, and the SDK's clients against it. */
export let aws: EmbeddedAws;
export let sns: SNSClient;
export let sqs: SQSClient;
export let events: EventBridgeClient;
let closing: (() => Promise<void>)[];

/** The SDK's clients against an endpoint, with keys that are not the operator's. */
export function clientsAt(endpoint: string) {
  const settings = {
    region: "us-east-1",
    endpoint,
    credentials: { accessKeyId: "somebody", secretAccessKey: "else" },
  };
  return { sns: new SNSClient(settings), sqs: new SQSClient(settings), events: new EventBridgeClient(settings) };
}

/** Starts an embedded AWS without resources for each test of the file or block. */
export function useEmptyAws(): void {
  beforeEach(start);
  afterEach(close);
}

/** Starts one embedded AWS for all tests of the block, and arranges it once. */
export function useSharedAws(arrange: () => Promise<unknown> = async () => {}): void {
  beforeAll(async () => {
    await start();
    await arrange();
  });
  afterAll(close);
}

async function start(): Promise<void> {
  aws = await startEmbeddedAws({ topicPolicies: "checked", queuePolicies: "checked" });
  ({ sns, sqs, events } = clientsAt(aws.endpoint));
  closing = [() => aws.close()];
}

async function close(): Promise<void> {
  for (const each of closing.reverse()) await each();
}

/** Runs a command line as an operator of this AWS. */
export function run(line: string, more: Run = {}): Promise<Ran> {
  return runCommand(line.split(" "), { ...more, env: { ...operatorAt(aws.endpoint), ...more.env } });
}

/** Returns the operator's calls during `work` that change AWS. */
export async function changesOf(work: () => Promise<unknown>): Promise<string[]> {
  const before = aws.calls.length;
  await work();
  return aws.calls
    .slice(before)
    .filter(({ accessKeyId, action }) => accessKeyId === "operator" && !/^(Get|List|Describe|Test)/.test(action))
    .map(({ action }) => action);
}

/** The function, on a free port of loopback, with settings that may be changed while it runs. `write` takes its log lines. */
export async function startFunction(
  write?: (line: string) => void,
): Promise<Served & { readonly settings: Record<string, string> }> {
  const settings: Record<string, string> = {
    AWS_REGION: "us-east-1",
    AWS_ACCESS_KEY_ID: "function",
    AWS_SECRET_ACCESS_KEY: "function-secret",
    ALERT_TOPIC_ARN: ALERT_TOPIC,
    AWS_ENDPOINT_URL: aws.endpoint,
  };
  const served = await serve(sourceFor(aws, { ...(write && { write }) }), settings);
  closing.push(() => served.close());
  return { ...served, settings };
}

/** Starts a server that responds to health checks as the function does, records deliveries and never confirms. */
export async function startDeafFunction() {
  const received: string[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      if (request.method === "POST") received.push(Buffer.concat(chunks).toString());
      response.end(JSON.stringify({ name: "ec2-audit", configured: true }));
    });
  });
  const { url, close } = await serveOnLoopback(server);
  closing.push(close);
  return { url: `${url}/ec2-audit`, received, close };
}

/** Subscribes a new queue to a topic. */
export async function listen(QueueName: string, TopicArn: string): Promise<void> {
  const Endpoint = `arn:aws:sqs:us-east-1:123456789012:${QueueName}`;
  const Policy = JSON.stringify({
    Version: "2012-10-17",
    Statement: { Effect: "Allow", Principal: "*", Action: "sqs:SendMessage", Resource: Endpoint },
  });
  await sqs.send(new CreateQueueCommand({ QueueName, Attributes: { Policy } }));
  await sns.send(
    new SubscribeCommand({ TopicArn, Protocol: "sqs", Endpoint, Attributes: { RawMessageDelivery: "true" } }),
  );
}

/** Returns the messages of a queue, parsed from the published JSON. */
export async function received(QueueName: string, MaxNumberOfMessages = 10) {
  const { QueueUrl } = await sqs.send(new GetQueueUrlCommand({ QueueName }));
  const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages }));
  return Messages.map(({ Body = "" }) => JSON.parse(Body));
}

/** Confirms the subscription of an address, by the link in the last e-mail from SNS. */
export async function click(address: string): Promise<void> {
  const mail = aws.mails.filter(({ to }) => to === address).at(-1);
  await sns.send(new ConfirmSubscriptionCommand({ TopicArn: mail?.topicArn, Token: mail?.token }));
}

export async function topicAttributes(TopicArn = LAUNCH_TOPIC): Promise<Record<string, string>> {
  return (await sns.send(new GetTopicAttributesCommand({ TopicArn }))).Attributes ?? {};
}

export async function subscriptions(TopicArn: string): Promise<Subscription[]> {
  return (await sns.send(new ListSubscriptionsByTopicCommand({ TopicArn }))).Subscriptions ?? [];
}

/** The attributes of the subscription of a URL to the launch topic. */
export async function subscriptionAttributes(url: string): Promise<Record<string, string>> {
  const found = (await subscriptions(LAUNCH_TOPIC)).find(({ Endpoint }) => Endpoint === url);
  const { SubscriptionArn } = found ?? {};
  return (await sns.send(new GetSubscriptionAttributesCommand({ SubscriptionArn }))).Attributes ?? {};
}

export async function queueAttributes(QueueName = "ec2_launches_check_dead"): Promise<Record<string, string>> {
  const { QueueUrl } = await sqs.send(new GetQueueUrlCommand({ QueueName }));
  return (await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ["All"] }))).Attributes ?? {};
}

export async function ruleAndTargets(Name = "ec2_launches") {
  const { State, EventPattern = "{}", Description } = await events.send(new DescribeRuleCommand({ Name }));
  const { Targets } = await events.send(new ListTargetsByRuleCommand({ Rule: Name }));
  return { State, pattern: JSON.parse(EventPattern), Description, Targets };
}

/** Returns the names of the resources in an AWS. */
export async function everything(at: ReturnType<typeof clientsAt> = { sns, sqs, events }) {
  const { Topics = [] } = await at.sns.send(new ListTopicsCommand({}));
  const { QueueUrls = [] } = await at.sqs.send(new ListQueuesCommand({}));
  const { Rules = [] } = await at.events.send(new ListRulesCommand({}));
  const last = (text = "", separator = ":") => text.slice(text.lastIndexOf(separator) + 1);
  return {
    topics: Topics.map(({ TopicArn }) => last(TopicArn)).sort(),
    queues: QueueUrls.map((url) => last(url, "/")).sort(),
    rules: Rules.map(({ Name }) => Name).sort(),
  };
}
