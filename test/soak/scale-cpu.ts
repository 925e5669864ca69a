import { randomUUID } from "node:crypto";
import { CreateTopicCommand, SNSClient } from "@aws-sdk/client-sns";
import { startEmbeddedAws } from "../../src/local/aws/index.ts";
import { startLambda } from "../bench/processes.ts";
import { HOME, type Place } from "./plan.ts";
import { ONE_WITHOUT_TAG_IN, type Size, scalePlan } from "./scale-plan.ts";

/** How many launches are measured, after as many that warm the process up: its code, and the roles it assumes. */
const MEASURED = 2_000;
/** README's queue: what comes within so many seconds is one batch, of no more than so many launches. */
const WINDOW_SECONDS = 5;
const LARGEST_BATCH = 100;

/** What the function's process computes for a launch. */
export interface Cpu {
  /** Launches that come within the queue's window at the day's mean rate, one at least. */
  readonly batch: number;
  readonly microsecondsPerLaunch: number;
}

/**
 * The CPU time of the function's own process for one launch: batches as an organisation of this size fills them at its mean
 * rate, one after the other, in the wall's time, against an embedded AWS in this process. Takes the function's file.
 */
export async function cpuPerLaunch(size: Size, file: string): Promise<Cpu> {
  const batch = Math.min(LARGEST_BATCH, Math.max(1, Math.round((size.launchesPerDay * WINDOW_SECONDS) / 86_400)));
  const aws = await startEmbeddedAws({ accountId: HOME.account });
  const credentials = { accessKeyId: "scale", secretAccessKey: "scale" };
  const sns = new SNSClient({ region: HOME.region, endpoint: aws.endpoint, credentials });
  const { TopicArn = "" } = await sns.send(new CreateTopicCommand({ Name: "ec2_audit_alert" }));
  const lambda = await startLambda(file, {
    AWS_REGION: HOME.region,
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    AWS_ENDPOINT_URL: aws.endpoint,
    ALERT_TOPIC_ARN: TopicArn,
    AUDIT_ROLE_NAME: "ec2-audit",
    GRACE_SECONDS: "0",
  });
  try {
    const records = placesOf(size, 2 * MEASURED).map((place, index) => {
      const tags = { Name: "web", ...(index % ONE_WITHOUT_TAG_IN > 0 && { service: "shop" }) };
      return queueRecord(place, aws.launch({ ...place, count: 1, tags })[0] ?? "");
    });
    const events: unknown[] = [];
    for (let from = 0; from < records.length; from += batch)
      events.push({ Records: records.slice(from, from + batch) });
    const half = Math.ceil(MEASURED / batch);
    await lambda.cpu(events.slice(0, half));
    const microseconds = await lambda.cpu(events.slice(half));
    return { batch, microsecondsPerLaunch: microseconds / (records.length - half * batch) };
  } finally {
    lambda.stop();
    await aws.close();
  }
}

/** So many places, each as often as an organisation of this size launches there. */
function placesOf(size: Size, count: number): Place[] {
  const singles = scalePlan(size).launches.filter(({ group }) => group === null);
  return Array.from({ length: count }, (_, index) => singles[index % singles.length]?.place ?? HOME);
}

/** A launch as Lambda hands it over from a queue that EventBridge fills. */
function queueRecord({ account, region }: Place, instanceId: string) {
  const event = {
    version: "0",
    id: randomUUID(),
    "detail-type": "EC2 Instance State-change Notification",
    source: "aws.ec2",
    account,
    time: new Date().toISOString(),
    region,
    resources: [`arn:aws:ec2:${region}:${account}:instance/${instanceId}`],
    detail: { "instance-id": instanceId, state: "pending" },
  };
  return { messageId: randomUUID(), body: JSON.stringify(event), eventSource: "aws:sqs" };
}
