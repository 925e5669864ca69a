import { CreateTagsCommand, DeleteTagsCommand } from "@aws-sdk/client-ec2";
import { CreateTopicCommand, SubscribeCommand } from "@aws-sdk/client-sns";
import { CreateQueueCommand, ReceiveMessageCommand } from "@aws-sdk/client-sqs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type EmbeddedAws, startEmbeddedAws, VirtualClock } from "../../src/local/aws/index.ts";
import { clients } from "../local/targets.ts";
import { FOUR_SECRETS } from "../support/config.ts";
import { autoScalingLaunch, MATEO, runInstances, stateChange, tagChange } from "../support/events.ts";
import type { AuditFunction } from "../support/hosts.ts";
import { contextWith } from "../support/lambda.ts";
import { sourceFor } from "../support/test-stack.ts";

/** A FIFO alert topic drops a message with the deduplication id of another one in the last five minutes. */
const START = Date.parse("2026-11-23T03:00:00Z");
const REGION = "us-east-1";

let clock: VirtualClock;
let aws: EmbeddedAws;
let of: ReturnType<typeof clients>;
let handler: AuditFunction["handler"];
let QueueUrl: string | undefined;

beforeEach(async () => {
  clock = new VirtualClock(START);
  aws = await startEmbeddedAws({ clock });
  of = clients(aws.endpoint, REGION);
  const FifoQueue = { FifoQueue: "true" };
  ({ QueueUrl } = await of.sqs.send(new CreateQueueCommand({ QueueName: "alerts.fifo", Attributes: FifoQueue })));
  const { TopicArn } = await of.sns.send(
    new CreateTopicCommand({ Name: "ec2_audit_alert.fifo", Attributes: { FifoTopic: "true" } }),
  );
  const Endpoint = `arn:aws:sqs:${REGION}:${aws.accountId}:alerts.fifo`;
  const Attributes = { RawMessageDelivery: "true" };
  await of.sns.send(new SubscribeCommand({ TopicArn, Protocol: "sqs", Endpoint, Attributes }));
  const env = { ...FOUR_SECRETS, ALERT_TOPIC_ARN: TopicArn ?? "", AWS_ENDPOINT_URL: aws.endpoint };
  ({ handler } = sourceFor(aws, { env, now: () => clock.now() }));
});
afterEach(() => aws.close());

/** Invokes the function with EventBridge's events of this moment, a minute later. */
async function happen(...events: readonly unknown[]): Promise<void> {
  await clock.advance(60_000);
  for (const event of events) await handler(event, contextWith());
}
/** The account and time of an event. */
const now = () => ({ account: aws.accountId, time: new Date(clock.now()).toISOString() });

/** Receives the new alerts; returns their launchers. */
async function received(): Promise<(string | null)[]> {
  const asked = { QueueUrl, MaxNumberOfMessages: 10, VisibilityTimeout: 3_600 };
  const { Messages = [] } = await of.sqs.send(new ReceiveMessageCommand(asked));
  return Messages.map(({ Body = "" }) => JSON.parse(Body).launchedBy);
}

describe("a FIFO alert topic", () => {
  it("accepts CloudTrail's alert, which names the launcher, after that of the state change", async () => {
    const [id = ""] = aws.launch({ count: 1 });
    const where = now();
    await happen(stateChange({ id, ...where }));
    await happen(runInstances({ ids: [id], ...where }));
    expect(await received()).toEqual([null, MATEO.arn]);
  });

  it("drops the alert of another event of the launch that adds nothing", async () => {
    const [id = ""] = aws.launchAutoScaling({ count: 1, group: "web" });
    const where = now();
    await happen(stateChange({ id, ...where }));
    await happen(autoScalingLaunch({ id, group: "web", ...where }));
    expect(await received()).toEqual(["Auto Scaling group web"]);
  });

  it("drops the alert of a duplicate delivery within five minutes", async () => {
    const [id = ""] = aws.launch({ count: 1 });
    const event = stateChange({ id, ...now() });
    await happen(event);
    await happen(event);
    expect(await received()).toEqual([null]);
  });

  it("accepts the alert of a violation that recurs within five minutes of its fix", async () => {
    const [id = ""] = aws.launch({ count: 1, tags: { Name: "web" } });
    await happen(tagChange({ id, ...now() }));
    await of.ec2.send(new CreateTagsCommand({ Resources: [id], Tags: [{ Key: "service", Value: "shop" }] }));
    await happen(tagChange({ id, ...now() }));
    await of.ec2.send(new DeleteTagsCommand({ Resources: [id], Tags: [{ Key: "service" }] }));
    await happen(tagChange({ id, ...now() }));
    expect(await received()).toEqual([null, null]);
  });
});
