import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { text } from "node:stream/consumers";
import { CreateTopicCommand, PublishCommand, SNSClient, SubscribeCommand } from "@aws-sdk/client-sns";
import {
  CreateQueueCommand,
  DeleteMessageCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
} from "@aws-sdk/client-sqs";
import type { SQSEvent } from "aws-lambda";
import type { DigestDocument } from "../../src/fleet/digest-document.ts";
import { type ApiCall, type EmbeddedAws, startEmbeddedAws, VirtualClock } from "../../src/local/aws/index.ts";
import { FOUR_SECRETS } from "../support/config.ts";
import { type AuditFunction, callWebtask, type Settings } from "../support/hosts.ts";
import { serveOnLoopback } from "../support/loopback.ts";
import { FLEET_ACCOUNTS, FLEET_POLICY } from "../support/sized-fleet.ts";
import { sourceFor } from "../support/test-stack.ts";

/** Sweeps on both hosts, over real HTTP and in virtual time, in containers that a test can copy and kill. */

export const ACCOUNT = FLEET_ACCOUNTS[0];
/** A Wednesday. */
export const SCHEDULED = "2026-11-25T06:00:00Z";
export const LAUNCH_TOPIC = `arn:aws:sns:us-east-1:${ACCOUNT}:ec2_launches_check`;
const QUEUE = `arn:aws:sqs:us-east-1:${ACCOUNT}:ec2_launches`;
const VISIBILITY_SECONDS = 180;
/** Lambda's remaining time. A webtask has twelve seconds, and so about the same number of steps. */
const REMAINING_MS = 12_500;

/** Returns the event of EventBridge Scheduler, as the template's schedule sends it. */
export function scheduledEvent(detail: object = {}, time = SCHEDULED) {
  return {
    version: "0",
    id: "b5f1a7e2-4f0c-4b55-9c5c-0c7d0f1d2e3a",
    "detail-type": "Scheduled Event",
    source: "aws.scheduler",
    account: ACCOUNT,
    region: "us-east-1",
    time,
    resources: [],
    detail,
  };
}

/** A line of the function's log. */
export type Line = Readonly<Record<string, unknown>> & {
  readonly sweep?: { id: string; step: number; instances: number; violating: number; placesLeft: number };
};

/** How a test runs its sweeps. */
export interface SweepOptions {
  /** The settings beside the four secrets. Default: the policy of the sized fleet, and a role. */
  readonly settings?: Settings;
  /** Default: of the accounts of the sized fleet; null for none. */
  readonly organization?: readonly string[] | null;
  /** How far the function's clock moves with each DescribeInstances call, in ms. Default 0. */
  readonly pageMs?: number;
  /** The containers that get a copy of each message. The response of the first is the engine's. Default: one copy. */
  readonly copies?: readonly number[];
  /** Called after each call, before its response is sent. */
  readonly onCall?: (call: ApiCall, sweeps: Sweeps) => void;
}

/** A function that sweeps. */
export interface Sweeps {
  readonly aws: EmbeddedAws;
  readonly clock: VirtualClock;
  readonly settings: Settings;
  /** The time of the function. */
  readonly now: () => number;
  /** Sends an event to the function's queue or topic. */
  send(event: object): Promise<void>;
  /** Lets a number of seconds pass. Default: enough to deliver a failed message again. */
  pass(seconds?: number): Promise<void>;
  /** Kills the first container: nothing that it does from now on reaches anyone. Another one takes its place. */
  kill(): void;
  /** Returns the new lines of the log. */
  lines(): readonly Line[];
  /** Receives the new digests. */
  digests(): Promise<readonly DigestDocument[]>;
  close(): Promise<void>;
}

/** Starts an embedded AWS with a function on a host. */
export type OpenSweeps = (options?: SweepOptions) => Promise<Sweeps>;

export const SWEEP_HOSTS: readonly { readonly host: "webtask" | "Lambda"; readonly open: OpenSweeps }[] = [
  { host: "webtask", open: (options) => openSweeps(options, webtaskEngine) },
  { host: "Lambda", open: (options) => openSweeps(options, lambdaEngine) },
];

/** One instance of the function. */
interface Container {
  readonly settings: Settings;
  readonly code: AuditFunction;
  /** Rejects when the container is killed. */
  readonly killed: Promise<never>;
  kill(): void;
}

/** What delivers messages to containers. */
interface Engine {
  send(message: string): Promise<void>;
  idle(): Promise<void>;
  close(): Promise<void>;
}

interface Delivering {
  readonly aws: EmbeddedAws;
  readonly sns: SNSClient;
  readonly sqs: SQSClient;
  /** Returns the containers that get a copy of the next message. */
  readonly receivers: () => readonly Container[];
}

async function openSweeps(options: SweepOptions = {}, start: (delivering: Delivering) => Promise<Engine>) {
  const { organization = FLEET_ACCOUNTS, pageMs = 0, copies = [0] } = options;
  const clock = new VirtualClock(Date.parse(SCHEDULED));
  const [dead, lines]: [Set<string>, Line[]] = [new Set(), []];
  let workMs = 0;
  let sweeps: Sweeps | null = null;
  const now = () => clock.now() + workMs;
  const aws = await startEmbeddedAws({
    clock,
    ...(organization && { organization: { id: "o-abcdefghij", accounts: organization } }),
    onCall: (call) => {
      if (call.action === "DescribeInstances") workMs += pageMs;
      if (sweeps !== null) options.onCall?.(call, sweeps);
    },
  });
  aws.faults.add({ kind: "bad-key", when: ({ accessKeyId }) => dead.has(accessKeyId) });
  const settings: Settings = {
    ...FOUR_SECRETS,
    AWS_ENDPOINT_URL: aws.endpoint,
    AUDIT_POLICY: JSON.stringify(FLEET_POLICY),
    AUDIT_ROLE_NAME: "audit",
    ...options.settings,
  };
  const client = { region: "us-east-1", endpoint: aws.endpoint, credentials: OPERATOR };
  const [sns, sqs] = [new SNSClient(client), new SQSClient(client)];
  const { TopicArn } = await sns.send(new CreateTopicCommand({ Name: "ec2_audit_alert" }));
  await sqs.send(new CreateQueueCommand({ QueueName: "digests" }));
  const Endpoint = `arn:aws:sqs:us-east-1:${ACCOUNT}:digests`;
  const Attributes = { RawMessageDelivery: "true" };
  await sns.send(new SubscribeCommand({ TopicArn, Protocol: "sqs", Endpoint, Attributes }));

  let count = 0;
  const startContainer = (): Container => {
    count += 1;
    const own = { ...settings, AWS_ACCESS_KEY_ID: `container-${count}` };
    const isDead = () => dead.has(own.AWS_ACCESS_KEY_ID);
    let reject = (_: Error) => {};
    const killed = new Promise<never>((_, refuse) => {
      reject = refuse;
    });
    killed.catch(() => {});
    const code = sourceFor(aws, {
      env: own,
      // What still runs of a killed container ends its step at once.
      now: () => now() + (isDead() ? DAY_MS : 0),
      write: (line) => isDead() || lines.push(JSON.parse(line)),
    });
    const kill = () => {
      dead.add(own.AWS_ACCESS_KEY_ID);
      reject(new Error("the container was killed"));
    };
    return { settings: own, code, killed, kill };
  };
  const containers = Array.from({ length: Math.max(...copies) + 1 }, startContainer);
  const receivers = () => copies.flatMap((index) => containers[index] ?? []);
  const engine = await start({ aws, sns, sqs, receivers });
  // The function has subscribed itself.
  lines.length = 0;

  sweeps = {
    aws,
    clock,
    settings,
    now,
    send: (event) => engine.send(JSON.stringify(event)),
    async pass(seconds = VISIBILITY_SECONDS + 60) {
      await engine.idle();
      for (let second = 0; second < seconds; second += 5) {
        await clock.advance(5_000);
        await engine.idle();
      }
    },
    kill() {
      containers[0]?.kill();
      containers[0] = startContainer();
    },
    lines: () => lines.splice(0),
    async digests() {
      const QueueUrl = `${aws.endpoint}/${ACCOUNT}/digests`;
      const found: DigestDocument[] = [];
      for (;;) {
        const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10 }));
        if (Messages.length === 0) return found;
        for (const { Body = "", ReceiptHandle } of Messages) {
          found.push(JSON.parse(Body));
          await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
        }
      }
    },
    async close() {
      await engine.close();
      await aws.close();
    },
  };
  return sweeps;
}

const DAY_MS = 86_400_000;
const OPERATOR = { accessKeyId: "operator", secretAccessKey: "operator-secret" };

/** SNS posts each message to a front, which passes its copies on at the same time. */
async function webtaskEngine({ aws, sns, receivers }: Delivering): Promise<Engine> {
  await sns.send(new CreateTopicCommand({ Name: "ec2_launches_check" }));
  let url = "";
  const respond = async (request: IncomingMessage, response: ServerResponse) => {
    const body = await text(request);
    const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]));
    const asked = { method: request.method ?? "", headers, ...(body !== "" && { body }) };
    const isMessage = request.headers["x-amz-sns-message-type"] === "Notification";
    const copies = receivers().slice(0, isMessage ? undefined : 1);
    const calls = copies.map(({ code, settings, killed }) =>
      Promise.race([callWebtask(code, { ...settings, FUNCTION_URL: url }, asked), killed]),
    );
    const [first] = await Promise.allSettled(calls);
    await Promise.allSettled(calls);
    if (first?.status !== "fulfilled") return void request.socket.destroy();
    response.writeHead(first.value.status, { "Content-Type": "application/json" }).end(first.value.body);
  };
  const front = await serveOnLoopback(createServer((request, response) => void respond(request, response)));
  url = `${front.url}/`;
  await fetch(url);
  await aws.idle();
  return {
    send: async (Message) => void (await sns.send(new PublishCommand({ TopicArn: LAUNCH_TOPIC, Message }))),
    idle: () => aws.idle(),
    close: front.close,
  };
}

/** An event source mapping invokes the function with the messages of a queue. */
async function lambdaEngine({ aws, sqs, receivers }: Delivering): Promise<Engine> {
  const Attributes = { DelaySeconds: "45", VisibilityTimeout: String(VISIBILITY_SECONDS) };
  await sqs.send(new CreateQueueCommand({ QueueName: "ec2_launches", Attributes }));
  const mapping = { queueArn: QUEUE, batchSize: 10, maximumBatchingWindowSeconds: 0, maximumConcurrency: 1 };
  const invoke = async (event: SQSEvent) => {
    const context = {
      invokedFunctionArn: `arn:aws:lambda:us-east-1:${ACCOUNT}:function:ec2-audit`,
      getRemainingTimeInMillis: () => REMAINING_MS,
    };
    const results: unknown[] = [];
    for (const { code, killed } of receivers()) {
      results.push(await Promise.race([code.handler(event, context), killed]));
    }
    return results[0];
  };
  const mapped = aws.mapQueue({ ...mapping, timeoutSeconds: 60 }, invoke);
  const QueueUrl = `${aws.endpoint}/${ACCOUNT}/ec2_launches`;
  return {
    send: async (MessageBody) => void (await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody }))),
    async idle() {
      await mapped.idle();
      await aws.idle();
    },
    close: async () => mapped.close(),
  };
}
