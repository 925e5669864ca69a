import { ListEventSourceMappingsCommand } from "@aws-sdk/client-lambda";
import { GetQueueAttributesCommand } from "@aws-sdk/client-sqs";
import type { Config } from "../../config.ts";
import type { Aws } from "../aws.ts";
import { ifExists } from "../if-exists.ts";
import type { Stack } from "../lambda/stack.ts";
import { ALIAS } from "../lambda/versions.ts";
import { type Check, reporter } from "./check.ts";
import { judgeDeadLetters } from "./dead-letter-queue.ts";
import type { StackFixes } from "./lambda-rules.ts";

const topics = reporter("topics and policies");
const subscription = reporter("subscription");
const grace = reporter("grace");

/** More waiting launches than this are a warning: the function may not keep up. */
const MANY = 1_000;

type Attributes = Readonly<Record<string, string>>;

/** Checks that the queue holds launches for the grace, that the function receives them, and that the dead-letter queues are empty. */
export async function checkQueues(
  aws: Aws,
  stack: Stack,
  config: Config | null,
  functionName: string,
  fixes: StackFixes,
): Promise<readonly Check[]> {
  const { LaunchQueueUrl = "", DeadLetterQueueUrl, UndeliveredQueueUrl } = stack.outputs;
  const dead = [
    { name: "dead-letter queue", url: DeadLetterQueueUrl, redriven: true },
    { name: "undelivered queue", url: UndeliveredQueueUrl, redriven: false },
  ];
  const checks = await Promise.all([
    topics.attempt("launch queue", async () => {
      const attributes = await read(aws, LaunchQueueUrl);
      if (attributes === undefined) return topics.wrong("launch queue", "does not exist any more", fixes.drift);
      return [
        checkBacklog(attributes),
        ...checkGrace(attributes, stack.parameters.GraceSeconds, config, fixes.drift),
        ...(await subscription.attempt("queue → function", () => checkMapping(aws, functionName, attributes, fixes))),
      ];
    }),
    ...dead.map(({ name, url, redriven }) => topics.attempt(name, () => checkDead(aws, name, url, redriven, fixes))),
  ]);
  return checks.flat();
}

/** `redriven`: SQS itself moved its messages there from the launch queue. */
async function checkDead(
  aws: Aws,
  name: string,
  url: string | undefined,
  redriven: boolean,
  { drift, regionFlags }: StackFixes,
): Promise<readonly Check[]> {
  if (!url) return [];
  const attributes = await read(aws, url);
  if (attributes === undefined)
    return [topics.wrong(name, `the queue ${url.split("/").at(-1)} does not exist any more`, drift)];
  const redriveArn = redriven ? attributes.QueueArn : undefined;
  return [
    judgeDeadLetters(topics, name, {
      messages: count(attributes, "", "NotVisible"),
      url,
      regionFlags,
      redriveArn,
      alertsToo: !redriven,
    }),
  ];
}

/** Returns the queue's attributes; undefined if it does not exist. */
async function read({ sqs }: Aws, QueueUrl: string): Promise<Attributes | undefined> {
  const found = await ifExists(sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ["All"] })));
  return found && (found.Attributes ?? {});
}

/** Returns the approximate number of messages in these states. */
function count(attributes: Attributes, ...states: readonly ("" | "NotVisible" | "Delayed")[]): number {
  return states.reduce((sum, state) => sum + Number(attributes[`ApproximateNumberOfMessages${state}`] ?? 0), 0);
}

function checkBacklog(attributes: Attributes): Check {
  const due = count(attributes, "");
  const message = `launches waiting: ${due}, in progress: ${count(attributes, "NotVisible")}, within the grace: ${count(attributes, "Delayed")}`;
  if (due <= MANY) return topics.ok("launch queue", message);
  return topics.warning(
    "launch queue",
    message,
    "Check whether the function is throttled or fails: see its log and the stack's dashboard.",
  );
}

/** The function receives a launch after the queue's delay, and again after each visibility timeout. */
function checkGrace(
  { DelaySeconds = "0", VisibilityTimeout = "30", RedrivePolicy = "{}" }: Attributes,
  expected: string | undefined,
  config: Config | null,
  drift: string,
): readonly Check[] {
  const name = "queue delay";
  if (expected !== undefined && DelaySeconds !== expected) {
    const message = `DelaySeconds is ${DelaySeconds}, but the stack's GraceSeconds is ${expected}`;
    return [grace.wrong(name, message, drift)];
  }
  const policy: { maxReceiveCount?: unknown } = JSON.parse(RedrivePolicy);
  const receives = Number(policy.maxReceiveCount ?? Number.NaN);
  if (Number.isNaN(receives)) {
    return [grace.wrong("redrive policy", "the launch queue has no dead-letter queue", drift)];
  }
  const lasts = Number(DelaySeconds) + (receives - 1) * Number(VisibilityTimeout);
  if (config === null) return [grace.ok(name, `${DelaySeconds} s`)];
  const message = `${DelaySeconds} s, then ${receives} deliveries every ${VisibilityTimeout} s; the function's GRACE_SECONDS is ${config.graceSeconds}`;
  if (lasts < config.graceSeconds) {
    return [grace.wrong(name, `${message}: no alert is sent for a launch without its tags`, "Reduce GRACE_SECONDS.")];
  }
  return [grace.ok(name, message)];
}

async function checkMapping(
  { lambda }: Aws,
  functionName: string,
  { QueueArn = "" }: Attributes,
  { deploy, regionFlags }: StackFixes,
): Promise<readonly Check[]> {
  const name = "queue → function";
  const FunctionName = `${functionName}:${ALIAS}`;
  const { EventSourceMappings = [] } = await lambda.send(
    new ListEventSourceMappingsCommand({ FunctionName, EventSourceArn: QueueArn }),
  );
  const [mapping] = EventSourceMappings;
  if (mapping === undefined) {
    return [
      subscription.wrong(
        name,
        `${FunctionName} has no event source mapping for the queue: no launch is audited`,
        deploy,
      ),
    ];
  }
  const { State = "", UUID, FunctionResponseTypes = [], BatchSize, StateTransitionReason } = mapping;
  const report = FunctionResponseTypes.includes("ReportBatchItemFailures")
    ? []
    : [
        subscription.wrong(
          "partial batches",
          "ReportBatchItemFailures is off: deferred launches are lost or audited twice",
          deploy,
        ),
      ];
  if (!/^(?:Enabl|Creat|Updat)/.test(State)) {
    const message = `is ${State}${StateTransitionReason ? ` (${StateTransitionReason})` : ""}: no launch is audited`;
    return [
      subscription.wrong(
        name,
        message,
        `aws lambda update-event-source-mapping --uuid ${UUID} --enabled${regionFlags}`,
      ),
      ...report,
    ];
  }
  return [subscription.ok(name, `${State}, up to ${BatchSize} launches per batch, to ${FunctionName}`), ...report];
}
