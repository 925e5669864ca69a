import {
  type DescribeRuleCommandOutput,
  PutRuleCommand,
  PutTargetsCommand,
  RemoveTargetsCommand,
} from "@aws-sdk/client-eventbridge";
import { DeleteTopicCommand, SetTopicAttributesCommand } from "@aws-sdk/client-sns";
import { DeleteQueueCommand, GetQueueUrlCommand, SetQueueAttributesCommand } from "@aws-sdk/client-sqs";
import { expect, it } from "vitest";
import {
  changesOf,
  DEAD_LETTERS,
  events,
  LAUNCH_TOPIC,
  queueAttributes,
  ruleAndTargets,
  run,
  sns,
  sqs,
  topicAttributes,
  useEmptyAws,
} from "../installed.ts";

useEmptyAws();

interface Drift {
  readonly what: string;
  /** What somebody does to the installation. */
  change(): Promise<unknown>;
  /** What setup says about it. */
  readonly told: readonly string[];
  /** The calls that put it right. */
  readonly calls: readonly string[];
}

const Rule = "ec2_launches";
const OTHER = "arn:aws:sns:us-east-1:123456789012:other";

async function putRule(change: Partial<DescribeRuleCommandOutput>): Promise<void> {
  const { pattern, Description } = await ruleAndTargets();
  const { State = "ENABLED", EventPattern = JSON.stringify(pattern) } = change;
  await events.send(new PutRuleCommand({ Name: Rule, EventPattern, State, Description }));
}

async function setQueue(Attributes: Record<string, string>): Promise<void> {
  const { QueueUrl } = await sqs.send(new GetQueueUrlCommand({ QueueName: "ec2_launches_check_dead" }));
  await sqs.send(new SetQueueAttributesCommand({ QueueUrl, Attributes }));
}

async function withoutQueuePolicy(): Promise<void> {
  await setQueue({ Policy: JSON.stringify({ Version: "2012-10-17", Statement: [] }) });
}

const setTopic = (AttributeName: string, AttributeValue: string) =>
  sns.send(new SetTopicAttributesCommand({ TopicArn: LAUNCH_TOPIC, AttributeName, AttributeValue }));

async function withCondition(): Promise<void> {
  const policy = JSON.parse((await topicAttributes()).Policy ?? "");
  policy.Statement[0].Condition = { StringEquals: { "aws:SourceAccount": "210987654321" } };
  await setTopic("Policy", JSON.stringify(policy));
}

const putTarget = (target: object) =>
  events.send(
    new PutTargetsCommand({
      Rule,
      Targets: [{ Id: "launch-topic", Arn: LAUNCH_TOPIC, DeadLetterConfig: { Arn: DEAD_LETTERS }, ...target }],
    }),
  );

const DRIFTS: readonly Drift[] = [
  {
    what: "the rule is switched off",
    change: () => putRule({ State: "DISABLED" }),
    told: ["state: DISABLED → ENABLED"],
    calls: ["PutRule"],
  },
  {
    what: "the rule matches something else",
    change: () => putRule({ EventPattern: '{"source":["aws.ec2"]}' }),
    told: ['pattern: {"source":["aws.ec2"]} → {"source":["aws.ec2"],"detail-type":'],
    calls: ["PutRule"],
  },
  {
    what: "the rule has no target",
    change: () => events.send(new RemoveTargetsCommand({ Rule, Ids: ["launch-topic"] })),
    told: [`target: none → ${LAUNCH_TOPIC}`],
    calls: ["PutTargets"],
  },
  {
    what: "the rule sends to another topic",
    change: () => putTarget({ Arn: OTHER }),
    told: [`target: ${OTHER} → ${LAUNCH_TOPIC}`],
    calls: ["PutTargets"],
  },
  {
    what: "the rule sends twice",
    change: () => putTarget({ Id: "once-more" }),
    told: ["target once-more: duplicate of the launch topic → none"],
    calls: ["RemoveTargets", "PutTargets"],
  },
  {
    what: "the target has no dead-letter queue",
    change: () => events.send(new PutTargetsCommand({ Rule, Targets: [{ Id: "launch-topic", Arn: LAUNCH_TOPIC }] })),
    told: [`target launch-topic: dead-letter queue none → ${DEAD_LETTERS}`],
    calls: ["PutTargets"],
  },
  {
    what: "EventBridge may not publish to the launch topic",
    change: () => setTopic("Policy", ""),
    told: ["policy: EventBridge may not publish → may publish"],
    calls: ["SetTopicAttributes"],
  },
  {
    what: "the topic's policy has a condition, which EventBridge does not meet",
    change: withCondition,
    told: ["policy: EventBridge may not publish → may publish"],
    calls: ["SetTopicAttributes"],
  },
  {
    what: "the topic signs by SHA-1",
    change: () => setTopic("SignatureVersion", "1"),
    told: ["SignatureVersion: 1 → 2"],
    calls: ["SetTopicAttributes"],
  },
  {
    what: "dead letters are kept for four days",
    change: () => setQueue({ MessageRetentionPeriod: "345600" }),
    told: ["MessageRetentionPeriod: 345600 → 1209600"],
    calls: ["SetQueueAttributes"],
  },
  {
    what: "nobody may send dead letters",
    change: withoutQueuePolicy,
    told: ["policy: events.amazonaws.com may not send → may send", "policy: sns.amazonaws.com may not send → may send"],
    calls: ["SetQueueAttributes"],
  },
];

it.each(DRIFTS)("shows and puts right that $what", async ({ change, told, calls }) => {
  await run("setup");
  const before = await installed();
  await change();
  const changed = await installed();
  const planned = await run("setup --dry-run");
  expect(planned.code).toBe(0);
  for (const line of told) expect(planned.out).toContain(`      ${line}`);
  expect(planned.out.match(/would be repaired/g)).toHaveLength(1);
  expect(await installed()).toEqual(changed);
  expect(await changesOf(async () => expect((await run("setup")).out).toMatch(/ {2}~ .* repaired/))).toEqual(calls);
  expect(normal(await installed())).toEqual(normal(before));
});

it.each([
  ["the launch topic", () => sns.send(new DeleteTopicCommand({ TopicArn: LAUNCH_TOPIC })), ["CreateTopic"]],
  ["the dead-letter queue", deleteQueue, ["CreateQueue"]],
])("makes again what somebody has removed: %s", async (_, remove, calls) => {
  await run("setup");
  const before = await installed();
  await remove();
  expect(await changesOf(() => run("setup"))).toEqual(calls);
  expect(normal(await installed())).toEqual(normal(before));
});

async function deleteQueue(): Promise<void> {
  const { QueueUrl } = await sqs.send(new GetQueueUrlCommand({ QueueName: "ec2_launches_check_dead" }));
  await sqs.send(new DeleteQueueCommand({ QueueUrl }));
}

async function installed() {
  return { topic: await topicAttributes(), queue: await queueAttributes(), rule: await ruleAndTargets() };
}

/** Without what time changes, and with policies as the documents they are. */
function normal({ topic, queue, rule }: Awaited<ReturnType<typeof installed>>) {
  const statements = (policy = "{}") =>
    [...(JSON.parse(policy).Statement ?? [])].filter(({ Sid }: { Sid: string }) => Sid.startsWith("Ec2Audit"));
  const { CreatedTimestamp: _, LastModifiedTimestamp: __, ...rest } = queue;
  return {
    topic: { ...topic, Policy: statements(topic.Policy) },
    queue: { ...rest, Policy: statements(queue.Policy) },
    rule,
  };
}
