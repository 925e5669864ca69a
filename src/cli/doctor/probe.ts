import { PublishCommand } from "@aws-sdk/client-sns";
import { SendMessageCommand } from "@aws-sdk/client-sqs";
import type { Config } from "../../config.ts";
import { escapeUnseen, isObject, parseJson } from "../../util/json.ts";
import type { Aws } from "../aws.ts";
import type { Cli } from "../cli.ts";
import type { Installation } from "../setup/plan.ts";
import { type Check, reporter } from "./check.ts";
import { NOBODY } from "./permissions.ts";
import { cloudWatchTrace, openTrace, type Trace, type TraceOptions } from "./trace.ts";

const { ok, skipped, unknown, wrong, attempt } = reporter("probe");

/**
 * Longer than the 300 s for which the function looks for an instance, so that it is settled at once as unseen, without an
 * alert.
 */
const AGE_MS = 600_000;

/** How long the line of the log is waited for: SNS calls within a second; CloudWatch shows a line some seconds later. */
const WAIT_MS = 90_000;

/** What is said while the probe is at work. */
export const PROBING = `the probe: waiting up to ${WAIT_MS / 1_000} s for its line in the log`;

const LOOK_EVERY_MS = 1_000;

/** A launch of an instance that nobody has, as EventBridge tells it. */
function launchOfNobody({ region, account }: Pick<Installation, "region" | "account">, now: number): string {
  return JSON.stringify({
    version: "0",
    id: "00000000-0000-0000-0000-000000000000",
    "detail-type": "EC2 Instance State-change Notification",
    source: "aws.ec2",
    account,
    time: new Date(now - AGE_MS).toISOString(),
    region,
    resources: [],
    detail: { "instance-id": NOBODY, state: "pending" },
  });
}

/** Publishes the launch of nobody to the launch topic, and waits until the function's log says what became of it. */
export async function probeWebtask(
  cli: Cli,
  aws: Aws,
  installation: Installation,
  config: Config | null,
  options: TraceOptions,
): Promise<readonly Check[]> {
  const name = `topic ${installation.names.launchTopic}`;
  if (config === null) return [skipped(name, "the configuration is not whole")];
  if (isSilent(config)) return [unknown(name, SILENT, SPEAK)];
  const trace = await openTrace(cli, options);
  if ("none" in trace) return [unknown(name, trace.none, trace.mend)];
  return follow(cli, name, trace, async () => {
    const Message = launchOfNobody(installation, cli.now());
    return (await aws.sns.send(new PublishCommand({ TopicArn: installation.launchTopicArn, Message }))).MessageId;
  });
}

/** Puts the launch of nobody into the queue of the function on Lambda, to be taken at once, and waits for its line. */
export async function probeLambda(
  cli: Cli,
  aws: Aws,
  { queueUrl, logGroup, account, config }: LambdaProbe,
): Promise<readonly Check[]> {
  const name = `queue ${queueUrl.split("/").at(-1)}`;
  if (config === null) return [skipped(name, "the configuration is not whole")];
  if (isSilent(config)) return [unknown(name, SILENT, SPEAK)];
  return follow(cli, name, cloudWatchTrace(aws, logGroup, cli.now() - AGE_MS), async () => {
    const MessageBody = launchOfNobody({ region: aws.region, account }, cli.now());
    return (await aws.sqs.send(new SendMessageCommand({ QueueUrl: queueUrl, MessageBody, DelaySeconds: 0 }))).MessageId;
  });
}

/** Where the function on Lambda is probed. */
export interface LambdaProbe {
  readonly queueUrl: string;
  readonly logGroup: string;
  readonly account: string;
  readonly config: Config | null;
}

/** The probe's line is a warning. */
function isSilent({ logLevel }: Config): boolean {
  return logLevel === "error";
}

const SILENT = "LOG_LEVEL drops the line that would show it";
const SPEAK = "Set LOG_LEVEL=warn for the probe, or leave out --probe.";

async function follow(
  cli: Cli,
  name: string,
  trace: Trace,
  send: () => Promise<string | undefined>,
): Promise<readonly Check[]> {
  try {
    return await attempt(name, async () => {
      const messageId = await send();
      if (!messageId) throw new Error("the probe was answered by something that is not AWS");
      for (const until = cli.now() + WAIT_MS; cli.now() < until; await cli.pause(LOOK_EVERY_MS)) {
        const line = await trace.look(messageId);
        if (line !== null) return judge(name, messageId, line);
      }
      const told = `took the message ${messageId}, and ${trace.source} has no line of it after ${WAIT_MS / 1_000} s`;
      return wrong(
        name,
        told,
        `Is ${trace.source} the log of this function? Then it was not called: see what is wrong above.`,
      );
    });
  } finally {
    trace.close();
  }
}

function judge(name: string, messageId: string, line: string): Check {
  const { outcome, message } = readLine(line);
  const told = `the function took the message ${messageId} and decided "${outcome}": ${message}`;
  return outcome === "unseen"
    ? ok(name, told)
    : wrong(name, told, 'For an instance that does not exist, the function must decide "unseen". The log says more.');
}

/** The line may have a prefix, such as a time. */
function readLine(line: string): { readonly outcome: string; readonly message: string } {
  const document = parseJson(line.slice(Math.max(0, line.indexOf("{"))));
  if (!isObject(document)) return { outcome: "unreadable", message: "its line is not JSON" };
  return { outcome: escapeUnseen(String(document.outcome)), message: escapeUnseen(String(document.message)) };
}
