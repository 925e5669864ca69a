import {
  DescribeRuleCommand,
  type DescribeRuleCommandOutput,
  EventBridgeClient,
  ListTagsForResourceCommand as ListRuleTagsCommand,
  ListTargetsByRuleCommand,
  PutRuleCommand,
  PutTargetsCommand,
  RemoveTargetsCommand,
  TagResourceCommand as TagRuleCommand,
} from "@aws-sdk/client-eventbridge";
import {
  CreateTopicCommand,
  DeleteTopicCommand,
  ListTagsForResourceCommand,
  SetSubscriptionAttributesCommand,
  SetTopicAttributesCommand,
  TagResourceCommand,
  UntagResourceCommand,
} from "@aws-sdk/client-sns";
import {
  CreateQueueCommand,
  DeleteQueueCommand,
  GetQueueUrlCommand,
  ListQueueTagsCommand,
  SetQueueAttributesCommand,
  TagQueueCommand,
} from "@aws-sdk/client-sqs";
import { mockClient } from "aws-sdk-client-mock";
import { describe, expect, it } from "vitest";
import { PATTERNS } from "../../../src/cli/setup/plan.ts";
import { launches } from "../by-hand.ts";
import {
  ALERT_TOPIC,
  changesOf,
  DEAD_LETTERS,
  events,
  LAUNCH_TOPIC,
  queueAttributes,
  ruleAndTargets,
  run,
  sns,
  sqs,
  startFunction,
  subscriptionAttributes,
  subscriptions,
  topicAttributes,
  useEmptyAws,
  useSharedAws,
} from "../installed.ts";

const Rule = "ec2_launches";
const RULE_ARN = `arn:aws:events:us-east-1:123456789012:rule/${Rule}`;
const OTHER = "arn:aws:sns:us-east-1:123456789012:other";

const queueUrl = async () =>
  (await sqs.send(new GetQueueUrlCommand({ QueueName: "ec2_launches_check_dead" }))).QueueUrl;
const setTopic = (AttributeName: string, AttributeValue: string) =>
  sns.send(new SetTopicAttributesCommand({ TopicArn: LAUNCH_TOPIC, AttributeName, AttributeValue }));
const setQueue = async (Attributes: Record<string, string>) =>
  sqs.send(new SetQueueAttributesCommand({ QueueUrl: await queueUrl(), Attributes }));
const putTarget = (target: object) =>
  events.send(
    new PutTargetsCommand({
      Rule,
      Targets: [{ Id: "launch-topic", Arn: LAUNCH_TOPIC, DeadLetterConfig: { Arn: DEAD_LETTERS }, ...target }],
    }),
  );

async function putRule(change: Partial<DescribeRuleCommandOutput>): Promise<void> {
  const { pattern, Description } = await ruleAndTargets();
  const { State = "ENABLED", EventPattern = JSON.stringify(pattern) } = change;
  await events.send(new PutRuleCommand({ Name: Rule, EventPattern, State, Description }));
}

/** Changes the statement of setup in the launch topic's policy. */
async function changeStatement(change: (statement: Record<string, unknown>) => object): Promise<void> {
  const policy = JSON.parse((await topicAttributes()).Policy ?? "");
  const Statement = policy.Statement.map((each: Record<string, unknown>) =>
    each.Sid === "Ec2AuditEvents" ? change(each) : each,
  );
  await setTopic("Policy", JSON.stringify({ ...policy, Statement }));
}

async function setSubscription(AttributeName: string, AttributeValue: string): Promise<void> {
  const [{ SubscriptionArn } = {}] = await subscriptions(LAUNCH_TOPIC);
  await sns.send(new SetSubscriptionAttributesCommand({ SubscriptionArn, AttributeName, AttributeValue }));
}

/** What differs, the change that causes it, the lines that setup prints, and the calls that repair it. */
type Drift = readonly [string, () => Promise<unknown>, readonly string[], readonly string[]];

const DRIFTS: readonly Drift[] = [
  ["a disabled rule", () => putRule({ State: "DISABLED" }), ["state: DISABLED → ENABLED"], ["PutRule"]],
  [
    "a rule with another pattern",
    () => putRule({ EventPattern: '{"source":["aws.ec2"]}' }),
    ['pattern: {"source":["aws.ec2"]} → {"source":["aws.ec2"],"detail-type":'],
    ["PutRule"],
  ],
  [
    "a rule without a target",
    () => events.send(new RemoveTargetsCommand({ Rule, Ids: ["launch-topic"] })),
    [`target: none → ${LAUNCH_TOPIC}`],
    ["PutTargets"],
  ],
  [
    "a rule that sends to another topic",
    () => putTarget({ Arn: OTHER }),
    [`target: ${OTHER} → ${LAUNCH_TOPIC}`],
    ["PutTargets"],
  ],
  [
    "a rule that sends every event twice",
    () => putTarget({ Id: "once-more" }),
    ["target once-more: duplicate of the launch topic → none"],
    ["RemoveTargets", "PutTargets"],
  ],
  [
    "a target without a dead-letter queue",
    () => putTarget({ DeadLetterConfig: undefined }),
    [`target launch-topic: dead-letter queue none → ${DEAD_LETTERS}`],
    ["PutTargets"],
  ],
  [
    "a launch topic that EventBridge may not publish to",
    () => setTopic("Policy", ""),
    ["policy: EventBridge may not publish → may publish"],
    ["SetTopicAttributes"],
  ],
  [
    "a topic policy with a condition that EventBridge does not meet",
    () =>
      changeStatement((each) => ({ ...each, Condition: { StringEquals: { "aws:SourceAccount": "210987654321" } } })),
    ["policy: EventBridge may not publish → may publish"],
    ["SetTopicAttributes"],
  ],
  [
    "a launch topic that signs with SHA-1",
    () => setTopic("SignatureVersion", "1"),
    ["SignatureVersion: 1 → 2"],
    ["SetTopicAttributes"],
  ],
  [
    "a dead-letter queue that keeps messages for four days",
    () => setQueue({ MessageRetentionPeriod: "345600" }),
    ["MessageRetentionPeriod: 345600 → 1209600"],
    ["SetQueueAttributes"],
  ],
  [
    "a dead-letter queue that no service may send to",
    () => setQueue({ Policy: JSON.stringify({ Version: "2012-10-17", Statement: [] }) }),
    ["policy: events.amazonaws.com may not send → may send", "policy: sns.amazonaws.com may not send → may send"],
    ["SetQueueAttributes"],
  ],
  [
    "a subscription that stops retrying before the longest grace",
    () => setSubscription("DeliveryPolicy", '{"healthyRetryPolicy":{"numRetries":3}}'),
    ['delivery policy: {"numRetries":3', '→ {"numRetries":65,'],
    ["SetSubscriptionAttributes"],
  ],
  [
    "a subscription with SNS's default delivery policy",
    () => setSubscription("DeliveryPolicy", ""),
    ["delivery policy: SNS's default (3 retries, 20 s apart) → "],
    ["SetSubscriptionAttributes"],
  ],
  [
    "a subscription without a dead-letter queue",
    () => setSubscription("RedrivePolicy", ""),
    [`dead-letter queue: none → ${DEAD_LETTERS}`],
    ["SetSubscriptionAttributes"],
  ],
  [
    "a subscription with raw deliveries",
    () => setSubscription("RawMessageDelivery", "true"),
    ["RawMessageDelivery: true (deliveries have no signature) → false"],
    ["SetSubscriptionAttributes"],
  ],
];

describe("ec2-audit setup repairs", () => {
  let url: string;
  useSharedAws(async () => {
    ({ url } = await startFunction());
    await run(`setup --url ${url}`);
  });

  const state = async () => ({
    topic: await topicAttributes(),
    queue: await queueAttributes(),
    rule: await ruleAndTargets(),
    subscription: { RawMessageDelivery: "false", ...(await subscriptionAttributes(url)) },
  });

  /** The state without times, and with the policies as documents. */
  async function comparableState() {
    const { topic, queue, ...rest } = await state();
    const statements = (policy = "{}") =>
      (JSON.parse(policy).Statement ?? []).filter(({ Sid }: { Sid: string }) => Sid.startsWith("Ec2Audit"));
    const { CreatedTimestamp: _, LastModifiedTimestamp: __, ...attributes } = queue;
    return {
      ...rest,
      topic: { ...topic, Policy: statements(topic.Policy) },
      queue: { ...attributes, Policy: statements(queue.Policy) },
    };
  }

  it.each(DRIFTS)("%s", async (_, change, lines, calls) => {
    const before = await comparableState();
    await change();
    let out = "";
    const changes = await changesOf(async () => {
      ({ out } = await run(`setup --url ${url}`));
    });
    expect(changes).toEqual(calls);
    for (const line of lines) expect(out).toContain(line);
    expect(out.match(/^ {2}~ .* repaired$/gm)).toHaveLength(1);
    expect(await comparableState()).toEqual(before);
  });

  it("nothing in a dry run, which prints the differences, also as JSON", async () => {
    await putRule({ State: "DISABLED" });
    const before = await state();
    expect((await run("setup --dry-run")).out.match(/would be repaired/g)).toHaveLength(1);
    const { resources } = JSON.parse((await run("setup --dry-run --json")).out);
    const differences = ["state: DISABLED → ENABLED"];
    expect(resources.at(-1)).toMatchObject({ kind: "rule", state: "differs", differences, action: "repair" });
    expect(await state()).toEqual(before);
  });

  it("no subscription without --url", async () => {
    await setSubscription("RedrivePolicy", "");
    await run("setup");
    expect(await subscriptionAttributes(url)).not.toHaveProperty("RedrivePolicy");
  });

  it("no policy that allows the same in another form", async () => {
    await changeStatement(({ Resource, ...each }) => ({
      Principal: { Service: ["events.amazonaws.com"] },
      Resource: [Resource],
      Sid: each.Sid,
      Action: ["SNS:Publish"],
      Effect: each.Effect,
    }));
    expect((await run("setup")).out).toContain("nothing to change");
  });

  it("a deleted launch topic and a deleted dead-letter queue, by creating them again", async () => {
    await sns.send(new DeleteTopicCommand({ TopicArn: LAUNCH_TOPIC }));
    await sqs.send(new DeleteQueueCommand({ QueueUrl: await queueUrl() }));
    expect(await changesOf(() => run("setup"))).toEqual(["CreateQueue", "CreateTopic"]);
  });
});

describe("ec2-audit setup fails when EventBridge, although it returns 200,", () => {
  useSharedAws();
  const failure = (TargetId: string) => ({
    FailedEntryCount: 1,
    FailedEntries: [{ TargetId, ErrorCode: "Busy", ErrorMessage: "try again" }],
  });

  it("rejects a target", async () => {
    const mock = mockClient(EventBridgeClient);
    mock.on(DescribeRuleCommand).rejects(Object.assign(new Error("no"), { name: "ResourceNotFoundException" }));
    mock.on(PutRuleCommand).resolves({});
    mock.on(PutTargetsCommand).resolves(failure("launch-topic"));
    const { code, err } = await run("setup").finally(() => mock.restore());
    expect([code, err]).toEqual([
      2,
      expect.stringContaining("EventBridge rejected the target of the rule ec2_launches: Busy try again"),
    ]);
  });

  it("does not remove a duplicate target", async () => {
    const mock = mockClient(EventBridgeClient);
    const EventPattern = JSON.stringify(PATTERNS["state changes"]);
    mock.on(DescribeRuleCommand).rejects(Object.assign(new Error("no"), { name: "ResourceNotFoundException" }));
    mock.on(DescribeRuleCommand, { Name: Rule }).resolves({ Name: Rule, State: "ENABLED", EventPattern });
    const Targets = ["launch-topic", "once-more"].map((Id) => ({ Id, Arn: LAUNCH_TOPIC }));
    mock.on(ListTargetsByRuleCommand).resolves({ Targets });
    mock.on(ListRuleTagsCommand).resolves({});
    mock.on(RemoveTargetsCommand).resolves(failure("once-more"));
    const { code, err } = await run("setup").finally(() => mock.restore());
    expect([code, err]).toEqual([
      2,
      expect.stringContaining("EventBridge did not remove a target of the rule ec2_launches: Busy try again"),
    ]);
  });
});

describe("ec2-audit setup with resources that existed before", () => {
  useEmptyAws();

  it("adopts topics and a rule with its names, and their target", async () => {
    await sns.send(new CreateTopicCommand({ Name: "ec2_launches_check" }));
    await sns.send(new CreateTopicCommand({ Name: "ec2_audit_alert" }));
    const EventPattern = JSON.stringify(launches("pending"));
    await events.send(new PutRuleCommand({ Name: Rule, EventPattern, Description: "manual" }));
    await events.send(new PutTargetsCommand({ Rule, Targets: [{ Id: "sns", Arn: LAUNCH_TOPIC }] }));
    const { out } = await run("setup");
    expect(out).toContain("~ launch topic       ec2_launches_check       repaired, existed before setup");
    expect(out).toContain("= alert topic        ec2_audit_alert          correct, existed before setup");
    expect(out).toContain("policy: EventBridge may not publish → may publish");
    expect(out).toContain("SignatureVersion: 1 → 2");
    expect(await ruleAndTargets()).toMatchObject({
      Description: "manual",
      Targets: [{ Id: "sns", Arn: LAUNCH_TOPIC, DeadLetterConfig: { Arn: DEAD_LETTERS } }],
    });
    expect((await run("setup")).out).toContain("nothing to change");
  });

  it("keeps a topic policy in which a statement with another Sid allows EventBridge to publish", async () => {
    const Statement = {
      // The console creates such a Sid.
      Sid: "AWSEvents_ec2-launches_Id1",
      Effect: "Allow",
      Principal: { Service: "events.amazonaws.com" },
      Action: "sns:Publish",
      Resource: LAUNCH_TOPIC,
    };
    const Policy = JSON.stringify({ Version: "2012-10-17", Statement: [Statement] });
    await sns.send(new CreateTopicCommand({ Name: "ec2_launches_check", Attributes: { Policy } }));
    expect((await run("setup")).out).not.toContain("EventBridge");
    expect((await topicAttributes()).Policy).toBe(Policy);
  });

  it("keeps other statements in the policies of the topic and the queue", async () => {
    const others = (Resource: string) => ({
      Sid: "others",
      Effect: "Allow",
      Principal: { AWS: "arn:aws:iam::210987654321:root" },
      Action: "*",
      Resource,
    });
    const attributes = (resource: string) => ({
      Policy: JSON.stringify({ Version: "2008-10-17", Id: "x", Statement: others(resource) }),
    });
    const topicRequest = { Name: "ec2_launches_check", Attributes: attributes(LAUNCH_TOPIC) };
    await sns.send(new CreateTopicCommand(topicRequest));
    const queueRequest = { QueueName: "ec2_launches_check_dead", Attributes: attributes(DEAD_LETTERS) };
    await sqs.send(new CreateQueueCommand(queueRequest));
    await run("setup");
    const topic = JSON.parse((await topicAttributes()).Policy ?? "");
    expect([topic.Version, topic.Id]).toEqual(["2008-10-17", "x"]);
    expect(topic.Statement).toEqual([others(LAUNCH_TOPIC), expect.objectContaining({ Sid: "Ec2AuditEvents" })]);
    expect(JSON.parse((await queueAttributes()).Policy ?? "").Statement).toEqual([
      others(DEAD_LETTERS),
      expect.objectContaining({ Sid: "Ec2AuditRules" }),
      expect.objectContaining({ Sid: "Ec2AuditTopic" }),
    ]);
  });

  it("keeps the role, description and kind of enabled state of a rule that it repairs", async () => {
    const kept = {
      RoleArn: "arn:aws:iam::123456789012:role/ours",
      Description: "ours",
      State: "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS" as const,
    };
    const before = { ScheduleExpression: "rate(1 hour)", EventPattern: "{}" };
    await events.send(new PutRuleCommand({ Name: Rule, ...before, ...kept }));
    expect((await run("setup")).out).toContain("schedule: rate(1 hour) → none");
    const after = await events.send(new DescribeRuleCommand({ Name: Rule }));
    expect(after).toMatchObject(kept);
    expect(after.ScheduleExpression).toBeUndefined();
  });

  it("does not tag them", async () => {
    await sns.send(new CreateTopicCommand({ Name: "ec2_audit_alert" }));
    await events.send(new PutRuleCommand({ Name: Rule, EventPattern: '{"source":["aws.ec2"]}' }));
    await run("setup --tag owner=platform");
    expect([await tagsOf(ALERT_TOPIC), await tagsOf(RULE_ARN)]).toEqual([{}, {}]);
    expect((await run("setup --tag owner=platform")).out).toContain("nothing to change");
  });
});

describe("ec2-audit setup --tag", () => {
  const line = "setup --tag-changes --tag owner=platform --tag cost-centre=a=b";
  const resources = [LAUNCH_TOPIC, ALERT_TOPIC, "queue", RULE_ARN, `${RULE_ARN}-tag-changes`, `${RULE_ARN}-terminated`];
  useSharedAws(() => run(line));

  it("tags the topics, the queue and the rules that setup creates", async () => {
    for (const resource of resources) {
      const tags = { "ec2-audit": "setup", owner: "platform", "cost-centre": "a=b" };
      expect(await tagsOf(resource), resource).toEqual(tags);
    }
  });

  it("keeps the tags when it is omitted", async () => {
    expect(await changesOf(() => run("setup"))).toEqual([]);
  });

  it("repairs tags that differ, and keeps others", async () => {
    const Tags = [{ Key: "owner", Value: "web" }];
    await sns.send(new UntagResourceCommand({ ResourceArn: LAUNCH_TOPIC, TagKeys: ["owner"] }));
    await sns.send(new TagResourceCommand({ ResourceArn: ALERT_TOPIC, Tags }));
    await sqs.send(new TagQueueCommand({ QueueUrl: await queueUrl(), Tags: { owner: "web", mine: "kept" } }));
    await events.send(new TagRuleCommand({ ResourceARN: RULE_ARN, Tags }));
    let out = "";
    const changes = await changesOf(async () => {
      ({ out } = await run(line));
    });
    expect(out.match(/^ {6}tag owner: none → platform$/gm)).toHaveLength(1);
    expect(out.match(/^ {6}tag owner: web → platform$/gm)).toHaveLength(3);
    expect(changes.sort()).toEqual(["TagQueue", "TagResource", "TagResource", "TagResource"]);
    for (const resource of resources) expect(await tagsOf(resource)).toMatchObject({ owner: "platform" });
    expect(await tagsOf("queue")).toMatchObject({ mine: "kept" });
  });
});

/** The tags of a resource by its ARN, or of the dead-letter queue. */
async function tagsOf(resource: string): Promise<Record<string, string | undefined>> {
  if (resource === "queue")
    return (await sqs.send(new ListQueueTagsCommand({ QueueUrl: await queueUrl() }))).Tags ?? {};
  const { Tags = [] } = resource.includes(":events:")
    ? await events.send(new ListRuleTagsCommand({ ResourceARN: resource }))
    : await sns.send(new ListTagsForResourceCommand({ ResourceArn: resource }));
  return Object.fromEntries(Tags.map(({ Key = "", Value }) => [Key, Value]));
}
