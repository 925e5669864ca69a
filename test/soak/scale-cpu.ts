import { CreateTopicCommand, SNSClient } from "@aws-sdk/client-sns";
import { startEmbeddedAws } from "../../src/local/aws/index.ts";
import { startLambda } from "../bench/processes.ts";
import { stateChange } from "../support/events.ts";
import { sqsEvent } from "../support/lambda.ts";
import { HOME, type Place } from "./places.ts";
import { ONE_WITHOUT_TAG_IN, type Size, scaleScenario } from "./scale-scenario.ts";

/** The number of measured launches, after as many to warm up the process: its code and its assumed roles. */
const MEASURED = 2_000;
/** The template's queue: the batching window in seconds, and the batch size. */
const WINDOW_SECONDS = 5;
const LARGEST_BATCH = 100;

/** The CPU time of the function. */
export interface Cpu {
  /** Launches within the batching window at the day's mean rate, at least one. */
  readonly batch: number;
  readonly microsecondsPerLaunch: number;
}

/**
 * Measures the CPU time of the function's process for one launch: batches of an organisation of this size at its mean rate,
 * one after the other, in real time, against an embedded AWS in this process. Takes the function's file.
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
    const bodies = placesOf(size, 2 * MEASURED).map((place, index) => {
      const tags = { Name: "web", ...(index % ONE_WITHOUT_TAG_IN > 0 && { service: "shop" }) };
      const [id = ""] = aws.launch({ ...place, count: 1, tags });
      return JSON.stringify(stateChange({ id, ...place, time: new Date().toISOString() }));
    });
    const events: unknown[] = [];
    for (let from = 0; from < bodies.length; from += batch) events.push(sqsEvent(...bodies.slice(from, from + batch)));
    const half = Math.ceil(MEASURED / batch);
    await lambda.cpu(events.slice(0, half));
    const microseconds = await lambda.cpu(events.slice(half));
    return { batch, microsecondsPerLaunch: microseconds / (bodies.length - half * batch) };
  } finally {
    lambda.stop();
    await aws.close();
  }
}

/** Returns places in the proportions of an organisation of this size. */
function placesOf(size: Size, count: number): Place[] {
  const singles = scaleScenario(size).launches.filter(({ group }) => group === null);
  return Array.from({ length: count }, (_, index) => singles[index % singles.length]?.place ?? HOME);
}
