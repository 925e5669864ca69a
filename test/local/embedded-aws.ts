import { RunInstancesCommand } from "@aws-sdk/client-ec2";
import { PutRuleCommand, PutTargetsCommand } from "@aws-sdk/client-eventbridge";
import { CreateQueueCommand, ReceiveMessageCommand } from "@aws-sdk/client-sqs";
import { afterEach, beforeEach } from "vitest";
import {
  type EmbeddedAws,
  type EmbeddedAwsOptions,
  startEmbeddedAws,
  VirtualClock,
} from "../../src/local/aws/index.ts";
import { ACCOUNT, clients, unique } from "./targets.ts";

/** When every test begins, in ms since the epoch. */
export const START = Date.UTC(2026, 0, 1);
/** An unknown instance id. */
export const NOBODY = "i-0123456789abcdef0";
/** The required parameters of RunInstances. */
export const LAUNCH = { ImageId: "ami-12c6146b", MinCount: 1, MaxCount: 1 };

/** The clock and the embedded AWS of the current test. */
export let clock: VirtualClock;
export let aws: EmbeddedAws;

/** Gives each test of the file its own embedded AWS, with a clock that stands still, CloudTrail and `options`. */
export function useEmbeddedAws(options: EmbeddedAwsOptions = {}): void {
  beforeEach(async () => {
    clock = new VirtualClock(START);
    aws = await startEmbeddedAws({ clock, cloudTrail: true, ...options });
  });
  afterEach(() => aws.close());
}

/** The SDK's clients against it. */
export const of = () => clients(aws.endpoint);

/** Launches an instance; returns its id. */
export async function launch(input: object = {}): Promise<string> {
  const answer = await of().ec2.send(new RunInstancesCommand({ ...LAUNCH, ...input }));
  return answer.Instances?.[0]?.InstanceId ?? "";
}

/** Creates a queue; `bodies` returns those of all visible messages. */
export async function queue(name = unique("queue"), Attributes: Record<string, string> = {}) {
  const { sqs } = of();
  const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: name, Attributes }));
  const bodies = async () => {
    const all: string[] = [];
    for (;;) {
      const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10 }));
      if (Messages.length === 0) return all;
      all.push(...Messages.map(({ Body }) => Body ?? ""));
    }
  };
  return { QueueUrl, arn: `arn:aws:sqs:eu-west-1:${ACCOUNT}:${name}`, bodies };
}

/** A queue with every event of `sources`, parsed, in order. */
export async function eventQueue(...source: string[]) {
  const { arn, bodies } = await queue(unique("events"), { VisibilityTimeout: "43200" });
  const Name = unique("rule");
  await of().events.send(new PutRuleCommand({ Name, EventPattern: JSON.stringify({ source }) }));
  await of().events.send(new PutTargetsCommand({ Rule: Name, Targets: [{ Id: "t", Arn: arn }] }));
  return async () => (await bodies()).map((body) => JSON.parse(body));
}
