import { EventBridgeClient, PutRuleCommand, PutTargetsCommand } from "@aws-sdk/client-eventbridge";
import { CreateTopicCommand, SNSClient } from "@aws-sdk/client-sns";
import { CreateQueueCommand, DeleteMessageCommand, ReceiveMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import type { SQSBatchResponse } from "aws-lambda";
import type { EmbeddedAws, VirtualClock } from "../../src/local/aws/index.ts";
import { FOUR_SECRETS } from "../support/config.ts";
import { serve } from "../support/hosts.ts";
import { sourceFor } from "../support/test-stack.ts";

/** The same flow on both hosts: events of EC2 reach the function from source, over real HTTP and in virtual time. */

const LAUNCHES = "arn:aws:sns:us-east-1:123456789012:ec2_launches_check";
const QUEUE = "arn:aws:sqs:us-east-1:123456789012:ec2_launches";

export const LAUNCH_PATTERN = {
  source: ["aws.ec2"],
  "detail-type": ["EC2 Instance State-change Notification"],
  detail: { state: ["pending"] },
};

/** What a flow opens a host with. */
interface Flow {
  readonly aws: EmbeddedAws;
  readonly clock: VirtualClock;
  /** The functions to call at the end of the test; a host adds its own. */
  readonly closing: (() => Promise<void>)[];
  /** The settings beside the four secrets. */
  readonly settings: Readonly<Record<string, string>>;
  /** The event patterns of the rules. Default: launches. */
  readonly patterns?: readonly object[];
  readonly write?: (line: string) => void;
}

/** Opens a host. Returns how to let a number of seconds pass. */
export type OpenHost = (flow: Flow) => Promise<(seconds: number) => Promise<void>>;

export const HOSTS: readonly { readonly host: string; readonly open: OpenHost }[] = [
  { host: "webtask", open: onWebtask },
  { host: "Lambda", open: onLambda },
];

const clientSettings = ({ aws }: Flow) => ({
  region: "us-east-1",
  endpoint: aws.endpoint,
  credentials: { accessKeyId: "AKIAIOSFODNN7EXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY" },
});

/** Sends the events to a target, and returns the settings of the function. */
async function sendEventsTo(target: string, flow: Flow): Promise<Record<string, string>> {
  const events = new EventBridgeClient(clientSettings(flow));
  for (const [index, pattern] of (flow.patterns ?? [LAUNCH_PATTERN]).entries()) {
    const Name = `events-${index}`;
    await events.send(new PutRuleCommand({ Name, EventPattern: JSON.stringify(pattern) }));
    await events.send(new PutTargetsCommand({ Rule: Name, Targets: [{ Id: "1", Arn: target }] }));
  }
  return { ...FOUR_SECRETS, AWS_ENDPOINT_URL: flow.aws.endpoint, ...flow.settings };
}

/** SNS calls the function, and retries it. */
async function onWebtask(flow: Flow): ReturnType<OpenHost> {
  const { aws, clock, closing, write } = flow;
  await new SNSClient(clientSettings(flow)).send(new CreateTopicCommand({ Name: "ec2_launches_check" }));
  const secrets = await sendEventsTo(LAUNCHES, flow);
  const served = await serve(sourceFor(aws, { now: () => clock.now(), ...(write && { write }) }), secrets);
  closing.push(() => served.close());
  secrets.FUNCTION_URL = served.url;
  await fetch(served.url);
  await aws.idle();
  return async (seconds) => {
    for (let second = 0; second < seconds; second += 5) {
      await clock.advance(5_000);
      await aws.idle();
    }
  };
}

/** Lambda calls the function with the messages of a queue. */
async function onLambda(flow: Flow): ReturnType<OpenHost> {
  const { aws, clock, write } = flow;
  const sqs = new SQSClient(clientSettings(flow));
  const Attributes = { DelaySeconds: "45", VisibilityTimeout: "180" };
  await sqs.send(new CreateQueueCommand({ QueueName: "ec2_launches", Attributes }));
  const QueueUrl = `${aws.endpoint}/123456789012/ec2_launches`;
  const env = await sendEventsTo(QUEUE, flow);
  const { handler } = sourceFor(aws, { env, now: () => clock.now(), ...(write && { write }) });
  const poll = async () => {
    const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10 }));
    if (Messages.length === 0) return;
    const Records = Messages.map(({ MessageId, Body }) => ({
      ...{ messageId: MessageId, body: Body, eventSource: "aws:sqs" },
    }));
    const result = await handler({ Records }, { getRemainingTimeInMillis: () => 30_000 });
    const failed = (result as SQSBatchResponse).batchItemFailures.map(({ itemIdentifier }) => itemIdentifier);
    for (const { MessageId = "", ReceiptHandle } of Messages) {
      if (!failed.includes(MessageId)) await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
    }
  };
  return async (seconds) => {
    for (let second = 0; second < seconds; second += 15) {
      await clock.advance(15_000);
      await poll();
      await aws.idle();
    }
  };
}
