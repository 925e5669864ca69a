import { ListEventSourceMappingsCommand } from "@aws-sdk/client-lambda";
import { GetQueueAttributesCommand } from "@aws-sdk/client-sqs";
import type { Config } from "../../config.ts";
import type { Aws } from "../aws.ts";
import { ifExists } from "../if-exists.ts";
import type { Stack } from "../lambda/stack.ts";
import { ALIAS } from "../lambda/versions.ts";
import { type Check, reporter } from "./check.ts";
import { judgeDeadLetters } from "./installation.ts";
import type { StackRemedies } from "./lambda-rules.ts";

const topics = reporter("topics and policies");
const subscription = reporter("subscription");
const grace = reporter("grace");

/** More than these are seconds of work for the function: somebody should look whether it works them off. */
const MANY = 1_000;

type Attributes = Readonly<Record<string, string>>;

/** Whether the queue keeps launches for the grace, the function takes them, and none was given up. */
export async function checkQueues(
  aws: Aws,
  stack: Stack,
  config: Config | null,
  functionName: string,
  remedies: StackRemedies,
): Promise<readonly Check[]> {
  const { LaunchQueueUrl = "", DeadLetterQueueUrl, UndeliveredQueueUrl } = stack.outputs;
  const dead = [
    { name: "dead letters", url: DeadLetterQueueUrl, redriven: true },
    { name: "undelivered", url: UndeliveredQueueUrl, redriven: false },
  ];
  const checks = await Promise.all([
    topics.attempt("launch queue", async () => {
      const attributes = await read(aws, LaunchQueueUrl);
      if (attributes === undefined) return topics.wrong("launch queue", "is not there any more", remedies.drift);
      return [
        checkBacklog(attributes),
        ...checkGrace(attributes, stack.parameters.GraceSeconds, config, remedies.drift),
        ...(await subscription.attempt("queue → function", () =>
          checkMapping(aws, functionName, attributes, remedies),
        )),
      ];
    }),
    ...dead.map(({ name, url, redriven }) => topics.attempt(name, () => checkDead(aws, name, url, redriven, remedies))),
  ]);
  return checks.flat();
}

/** `redriven`: what is in it was put there by SQS itself, for the launch queue. */
async function checkDead(
  aws: Aws,
  name: string,
  url: string | undefined,
  redriven: boolean,
  { drift, at }: StackRemedies,
): Promise<readonly Check[]> {
  if (!url) return [];
  const attributes = await read(aws, url);
  if (attributes === undefined)
    return [topics.wrong(name, `there is no queue ${url.split("/").at(-1)} any more`, drift)];
  const redriveArn = redriven ? attributes.QueueArn : undefined;
  return [
    judgeDeadLetters(topics, name, {
      messages: count(attributes, "", "NotVisible"),
      url,
      at,
      redriveArn,
      alertsToo: !redriven,
    }),
  ];
}

/** Undefined when there is no such queue. */
async function read({ sqs }: Aws, QueueUrl: string): Promise<Attributes | undefined> {
  const found = await ifExists(sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ["All"] })));
  return found && (found.Attributes ?? {});
}

/** About how many messages are in these states. */
function count(attributes: Attributes, ...states: readonly ("" | "NotVisible" | "Delayed")[]): number {
  return states.reduce((sum, state) => sum + Number(attributes[`ApproximateNumberOfMessages${state}`] ?? 0), 0);
}

function checkBacklog(attributes: Attributes): Check {
  const due = count(attributes, "");
  const told = `${due} launches are due, ${count(attributes, "NotVisible")} at work, ${count(attributes, "Delayed")} in their grace`;
  if (due <= MANY) return topics.ok("launch queue", told);
  return topics.warning(
    "launch queue",
    told,
    "Is the function throttled, or failing? Its log, and the stack's dashboard, say more.",
  );
}

/** A launch is taken out of the queue when its delay is over, and again after each visibility timeout. */
function checkGrace(
  { DelaySeconds = "0", VisibilityTimeout = "30", RedrivePolicy = "{}" }: Attributes,
  wanted: string | undefined,
  config: Config | null,
  drift: string,
): readonly Check[] {
  const name = "the queue keeps a launch for the grace";
  if (wanted !== undefined && DelaySeconds !== wanted) {
    const told = `its DelaySeconds is ${DelaySeconds}, and the stack's GraceSeconds ${wanted}`;
    return [grace.wrong(name, told, drift)];
  }
  const policy: { maxReceiveCount?: unknown } = JSON.parse(RedrivePolicy);
  const receives = Number(policy.maxReceiveCount ?? Number.NaN);
  if (Number.isNaN(receives)) {
    return [grace.wrong("dead-letter queue of the queue", "there is none", drift)];
  }
  const lasts = Number(DelaySeconds) + (receives - 1) * Number(VisibilityTimeout);
  if (config === null) return [grace.ok(name, `${DelaySeconds} s`)];
  const told = `${DelaySeconds} s, and then ${receives} times ${VisibilityTimeout} s; the function itself asks for ${config.graceSeconds} s`;
  if (lasts < config.graceSeconds) {
    return [grace.wrong(name, `${told}: a launch without its tags is never alerted`, "GRACE_SECONDS has to be less.")];
  }
  return [grace.ok(name, told)];
}

async function checkMapping(
  { lambda }: Aws,
  functionName: string,
  { QueueArn = "" }: Attributes,
  { deploy, at }: StackRemedies,
): Promise<readonly Check[]> {
  const name = "queue → function";
  const FunctionName = `${functionName}:${ALIAS}`;
  const { EventSourceMappings = [] } = await lambda.send(
    new ListEventSourceMappingsCommand({ FunctionName, EventSourceArn: QueueArn }),
  );
  const [mapping] = EventSourceMappings;
  if (mapping === undefined) {
    return [subscription.wrong(name, `${FunctionName} does not take launches out of the queue`, deploy)];
  }
  const { State = "", UUID, FunctionResponseTypes = [], BatchSize, StateTransitionReason } = mapping;
  const report = FunctionResponseTypes.includes("ReportBatchItemFailures")
    ? []
    : [
        subscription.wrong(
          "partial batches",
          "ReportBatchItemFailures is off: launches that are not done are lost or repeated",
          deploy,
        ),
      ];
  if (!/^(?:Enabl|Creat|Updat)/.test(State)) {
    const told = `is ${State}${StateTransitionReason ? ` (${StateTransitionReason})` : ""}: no launch is audited`;
    return [
      subscription.wrong(name, told, `aws lambda update-event-source-mapping --uuid ${UUID} --enabled${at}`),
      ...report,
    ];
  }
  return [subscription.ok(name, `is ${State}, up to ${BatchSize} launches at a time, to ${FunctionName}`), ...report];
}
