import {
  DescribeRuleCommand,
  EventBridgeClient,
  ListTagsForResourceCommand,
  ListTargetsByRuleCommand,
  PutRuleCommand,
  PutTargetsCommand,
  RemoveTargetsCommand,
} from "@aws-sdk/client-eventbridge";
import { CreateTopicCommand, SetSubscriptionAttributesCommand, SetTopicAttributesCommand } from "@aws-sdk/client-sns";
import { mockClient } from "aws-sdk-client-mock";
import { expect, it } from "vitest";
import { PATTERNS } from "../../../src/cli/setup/plan.ts";
import {
  changesOf,
  DEAD_LETTERS,
  events,
  LAUNCH_TOPIC,
  ruleAndTargets,
  run,
  sns,
  startFunction,
  subscriptionAttributes,
  subscriptions,
  topicAttributes,
  useEmptyAws,
} from "../installed.ts";

useEmptyAws();

const Rule = "ec2_launches";

interface SubscriptionDrift {
  readonly what: string;
  /** Of what setup says about it. */
  readonly told: readonly string[];
  readonly attribute: string;
  readonly value: string;
}

const SUBSCRIPTION_DRIFTS: readonly SubscriptionDrift[] = [
  {
    what: "its delivery policy is over before the longest grace",
    attribute: "DeliveryPolicy",
    value: JSON.stringify({ healthyRetryPolicy: { numRetries: 3, minDelayTarget: 20, maxDelayTarget: 20 } }),
    told: ['delivery policy: {"numRetries":3,', '→ {"numRetries":65,'],
  },
  {
    what: "it has no delivery policy of its own",
    attribute: "DeliveryPolicy",
    value: "",
    told: ["delivery policy: SNS's default (3 retries, 20 s apart) → "],
  },
  {
    what: "it has no dead-letter queue",
    attribute: "RedrivePolicy",
    value: "",
    told: [`dead-letter queue: none → ${DEAD_LETTERS}`],
  },
  {
    what: "its deliveries are raw",
    attribute: "RawMessageDelivery",
    value: "true",
    told: ["RawMessageDelivery: true (deliveries have no signature) → false"],
  },
];

it.each(SUBSCRIPTION_DRIFTS)("shows and puts right, of the function's subscription, that $what", async (drift) => {
  const { url } = await startFunction();
  expect((await run(`setup --url ${url}`)).code).toBe(0);
  const before = await subscriptionAttributes(url);
  const [{ SubscriptionArn } = {}] = await subscriptions(LAUNCH_TOPIC);
  await sns.send(
    new SetSubscriptionAttributesCommand({
      SubscriptionArn,
      AttributeName: drift.attribute,
      AttributeValue: drift.value,
    }),
  );
  const planned = await run(`setup --url ${url} --dry-run`);
  for (const part of drift.told) expect(planned.out).toContain(part);
  expect(await changesOf(() => run("setup")), "a setup without --url does not touch it").toEqual([]);
  expect(await changesOf(() => run(`setup --url ${url}`))).toEqual(["SetSubscriptionAttributes"]);
  const { RawMessageDelivery = "false", ...after } = await subscriptionAttributes(url);
  expect({ RawMessageDelivery, ...after }).toEqual({ RawMessageDelivery: "false", ...before });
});

it("does not take a policy for another that says the same in other words", async () => {
  await run("setup");
  const policy = JSON.parse((await topicAttributes()).Policy ?? "");
  const [{ Sid, Effect, Principal, Resource }] = policy.Statement;
  policy.Statement = {
    Principal: { Service: [Principal.Service] },
    Resource: [Resource],
    Action: ["SNS:Publish"],
    Sid,
    Effect,
  };
  const AttributeValue = JSON.stringify(policy);
  await sns.send(new SetTopicAttributesCommand({ TopicArn: LAUNCH_TOPIC, AttributeName: "Policy", AttributeValue }));
  expect((await run("setup")).out).toContain("nothing to change");
});

it("keeps the role of a rule, and its description, when it puts the rule right", async () => {
  const RoleArn = "arn:aws:iam::123456789012:role/ours";
  await events.send(
    new PutRuleCommand({
      Name: Rule,
      ScheduleExpression: "rate(1 hour)",
      RoleArn,
      Description: "ours",
      EventPattern: "{}",
    }),
  );
  expect((await run("setup")).out).toContain("schedule: rate(1 hour) → none");
  const after = await events.send(new DescribeRuleCommand({ Name: Rule }));
  expect(after).toMatchObject({ RoleArn, Description: "ours", State: "ENABLED" });
  expect(after.ScheduleExpression).toBeUndefined();
});

it("fails when EventBridge does not take the target, though it answers 200", async () => {
  const mock = mockClient(EventBridgeClient);
  mock.on(DescribeRuleCommand).rejects(Object.assign(new Error("no"), { name: "ResourceNotFoundException" }));
  mock.on(PutRuleCommand).resolves({});
  const FailedEntries = [{ TargetId: "launch-topic", ErrorCode: "Busy", ErrorMessage: "try again" }];
  mock.on(PutTargetsCommand).resolves({ FailedEntryCount: 1, FailedEntries });
  const { code, err } = await run("setup").finally(() => mock.restore());
  expect([code, err]).toEqual([
    2,
    expect.stringContaining("EventBridge rejected the target of the rule ec2_launches: Busy try again"),
  ]);
});

it("keeps a rule at the state that it is enabled in, when it puts its pattern right", async () => {
  const State = "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS";
  await events.send(new PutRuleCommand({ Name: Rule, EventPattern: '{"source":["aws.ec2"]}', State }));
  expect((await run("setup")).out).toContain('pattern: {"source":["aws.ec2"]} → ');
  expect((await ruleAndTargets()).State).toBe(State);
});

it("fails when EventBridge keeps a target that is one too many, though it answers 200", async () => {
  const mock = mockClient(EventBridgeClient);
  const EventPattern = JSON.stringify(PATTERNS["state changes"]);
  mock.on(DescribeRuleCommand).rejects(Object.assign(new Error("no"), { name: "ResourceNotFoundException" }));
  mock.on(DescribeRuleCommand, { Name: Rule }).resolves({ Name: Rule, State: "ENABLED", EventPattern });
  const Targets = ["launch-topic", "once-more"].map((Id) => ({ Id, Arn: LAUNCH_TOPIC }));
  mock.on(ListTargetsByRuleCommand).resolves({ Targets });
  mock.on(ListTagsForResourceCommand).resolves({});
  mock.on(PutTargetsCommand).resolves({});
  const FailedEntries = [{ TargetId: "once-more", ErrorCode: "Busy", ErrorMessage: "try again" }];
  mock.on(RemoveTargetsCommand).resolves({ FailedEntryCount: 1, FailedEntries });
  const { code, err } = await run("setup").finally(() => mock.restore());
  expect([code, err]).toEqual([
    2,
    expect.stringContaining("EventBridge did not remove a target of the rule ec2_launches: Busy try again"),
  ]);
});

it("puts right what it has not made, too", async () => {
  await sns.send(new CreateTopicCommand({ Name: "ec2_launches_check", Attributes: { SignatureVersion: "1" } }));
  const { out } = await run("setup");
  expect(out).toMatch(/~ launch topic .* repaired, existed before setup/);
  expect(await topicAttributes()).toMatchObject({ SignatureVersion: "2" });
});

it("tells a program what differs", async () => {
  await run("setup");
  const EventPattern = JSON.stringify((await ruleAndTargets()).pattern);
  await events.send(new PutRuleCommand({ Name: Rule, EventPattern, State: "DISABLED" }));
  const { resources } = JSON.parse((await run("setup --dry-run --json")).out);
  expect(resources.at(-1)).toMatchObject({
    kind: "rule",
    state: "differs",
    differences: ["state: DISABLED → ENABLED"],
    action: "repair",
  });
});
