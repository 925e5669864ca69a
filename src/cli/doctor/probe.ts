import { PublishCommand } from "@aws-sdk/client-sns";
import { SendMessageCommand } from "@aws-sdk/client-sqs";
import type { Config } from "../../config.ts";
import { type Aws, answered } from "../aws.ts";
import type { Cli } from "../cli.ts";
import type { Installation } from "../setup/plan.ts";
import { type Check, INVALID_CONFIGURATION, reporter } from "./check.ts";
import { NO_INSTANCE } from "./permissions.ts";
import { cloudWatchTrace, type LogLine, openTrace, type Trace, type TraceOptions } from "./trace.ts";

const { ok, skipped, unknown, wrong, attempt } = reporter("probe");

/**
 * The age of the launch. The function looks for an instance until 300 s after its launch, so it decides "unseen" at once and
 * sends no alert.
 */
const AGE_MS = 600_000;

/** How long to wait for the line in the log. SNS calls within a second; CloudWatch shows a line some seconds later. */
const WAIT_MS = 90_000;

/** The progress text of the probe. */
export const PROBING = `the probe: waiting up to ${WAIT_MS / 1_000} s for its line in the log`;

const LOOK_EVERY_MS = 1_000;

/** Returns EventBridge's event for the launch of an instance that does not exist. */
function launchEvent({ region, account }: Pick<Installation, "region" | "account">, now: number): string {
  return JSON.stringify({
    version: "0",
    id: "00000000-0000-0000-0000-000000000000",
    "detail-type": "EC2 Instance State-change Notification",
    source: "aws.ec2",
    account,
    time: new Date(now - AGE_MS).toISOString(),
    region,
    resources: [],
    detail: { "instance-id": NO_INSTANCE, state: "pending" },
  });
}

/** Publishes the launch event to the launch topic and waits for its outcome in the function's log. */
export async function probeWebtask(
  cli: Cli,
  aws: Aws,
  installation: Installation,
  config: Config | null,
  options: TraceOptions,
): Promise<readonly Check[]> {
  const name = `topic ${installation.names.launchTopic}`;
  if (config === null) return [skipped(name, INVALID_CONFIGURATION)];
  if (isLineHidden(config)) return [unknown(name, HIDDEN, RAISE_LEVEL)];
  const trace = await openTrace(cli, options);
  if ("problem" in trace) return [unknown(name, trace.problem, trace.fix)];
  return follow(cli, name, trace, async () => {
    const Message = launchEvent(installation, cli.now());
    return (await aws.sns.send(new PublishCommand({ TopicArn: installation.launchTopicArn, Message }))).MessageId;
  });
}

/** Sends the launch event to the queue of the function on Lambda, without a delay, and waits for its outcome in the log. */
export async function probeLambda(
  cli: Cli,
  aws: Aws,
  { queueUrl, logGroup, account, config }: LambdaProbe,
): Promise<readonly Check[]> {
  const name = `queue ${queueUrl.split("/").at(-1)}`;
  if (config === null) return [skipped(name, INVALID_CONFIGURATION)];
  if (isLineHidden(config)) return [unknown(name, HIDDEN, RAISE_LEVEL)];
  return follow(cli, name, cloudWatchTrace(aws, logGroup, cli.now() - AGE_MS), async () => {
    const MessageBody = launchEvent({ region: aws.region, account }, cli.now());
    return (await aws.sqs.send(new SendMessageCommand({ QueueUrl: queueUrl, MessageBody, DelaySeconds: 0 }))).MessageId;
  });
}

/** The function on Lambda to probe. */
export interface LambdaProbe {
  readonly queueUrl: string;
  readonly logGroup: string;
  readonly account: string;
  readonly config: Config | null;
}

/** Returns whether the log level hides the line of the probe, which is a warning. */
function isLineHidden({ logLevel }: Config): boolean {
  return logLevel === "error";
}

const HIDDEN = "LOG_LEVEL hides the probe's line in the log";
const RAISE_LEVEL = "Set LOG_LEVEL=warn for the probe, or omit --probe.";

async function follow(
  cli: Cli,
  name: string,
  trace: Trace,
  send: () => Promise<string | undefined>,
): Promise<readonly Check[]> {
  try {
    return await attempt(name, async () => {
      const messageId = answered(await send());
      for (const until = cli.now() + WAIT_MS; cli.now() < until; await cli.pause(LOOK_EVERY_MS)) {
        const line = await trace.look(messageId);
        if (line !== null) return judge(name, messageId, line);
      }
      const message = `accepted message ${messageId}, but ${trace.source} has no line about it after ${WAIT_MS / 1_000} s`;
      const fix = `Check that ${trace.source} is the log of this function. If it is, the function was not called: see the problems above.`;
      return wrong(name, message, fix);
    });
  } finally {
    trace.close();
  }
}

function judge(name: string, messageId: string, { outcome, reason }: LogLine): Check {
  const message = `the function received message ${messageId} and decided "${outcome}": ${reason}`;
  return outcome === "unseen"
    ? ok(name, message)
    : wrong(name, message, 'For an instance that does not exist, the function must decide "unseen". See the log.');
}
