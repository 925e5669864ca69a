import { DescribeInstancesCommand, DescribeTagsCommand, EC2Client } from "@aws-sdk/client-ec2";
import { PublishCommand, SNSClient } from "@aws-sdk/client-sns";
import { beforeEach, describe, expect, test } from "vitest";
import { ec2Facts } from "../../src/facts/facts.ts";
import { type Batch, runBatch, type Unit } from "../../src/launches/batch.ts";
import type { Launch } from "../../src/launches/events.ts";
import { type Outcome, reasonOf } from "../../src/launches/outcome.ts";
import { awsError, documentIn, mockEc2, mockSns } from "../support/aws.ts";
import { configOf, FOUR_SECRETS } from "../support/config.ts";
import { AT, INSTANCE, instanceId, instanceIds, REGION } from "../support/events.ts";
import { clockAt, launchOf } from "../support/launches.ts";
import { policyOf } from "../support/policy.ts";

const ec2 = mockEc2();
const sns = mockSns();
const clock = clockAt(AT);
beforeEach(() => {
  ec2.start();
  sns.start();
  clock.set(AT + 60_000);
});

const TAGGED = { Name: "web-1", service: "shop" };
const GROUP = { "aws:autoscaling:groupName": "web" };
const DEADLINE = AT + 72_000;

const unitOf = (...launches: readonly Launch[]): Unit => ({ launches, patienceSeconds: 3_600, isAwaited: () => true });
const unitsOf = (ids: readonly string[]) => ids.map((id) => unitOf(launchOf({ instanceId: id })));

/** Runs a batch of units a minute after the launches. */
function run(units: readonly Unit[], changes: Partial<Batch> = {}): Promise<Outcome[][]> {
  const { alertTopic, policy, graceSeconds } = configOf();
  return runBatch(units, {
    alertTopic,
    policy,
    graceSeconds,
    patienceSeconds: 3_600,
    auditRestarts: false,
    now: clock.now,
    facts: ec2Facts(new EC2Client({ region: REGION })),
    sns: new SNSClient({ region: REGION }),
    inTurn: (work) => work(),
    ...changes,
  });
}
const kindsOf = (outcomes: readonly Outcome[][]) => outcomes.map((unit) => unit.map(({ kind }) => kind));
/** The instances of each message that was sent. */
const published = () =>
  sns.published().map((message) => documentIn(message).findings.map((finding) => finding.instanceId));

describe("a launch that breaks the rules", () => {
  test("becomes one message on the alert topic, and its outcome names the alert", async () => {
    ec2.launch(INSTANCE, { tags: { Name: "web-1" } });
    const outcomes = await run([unitOf(launchOf())]);
    const [message, ...others] = sns.published();
    expect(others).toEqual([]);
    expect(message).toEqual({
      TopicArn: FOUR_SECRETS.ALERT_TOPIC_ARN,
      Subject: "[MEDIUM] web-1 lacks tag service (us-east-1, 123456789012)",
      Message: expect.any(String),
      MessageStructure: "json",
      MessageAttributes: {
        account: { DataType: "String", StringValue: "123456789012" },
        region: { DataType: "String", StringValue: "us-east-1" },
        rules: { DataType: "String.Array", StringValue: '["required-tags"]' },
        severity: { DataType: "String", StringValue: "medium" },
        status: { DataType: "String", StringValue: "violating" },
      },
    });
    const alertIds = [documentIn(message).id];
    const reason = 'the tag "service" is missing';
    expect(outcomes).toEqual([[{ kind: "violating", launch: launchOf(), rules: ["required-tags"], reason, alertIds }]]);
  });

  test("is one finding for each rule that it violates, and the gravest decides how grave the alert is", async () => {
    ec2.launch(INSTANCE);
    const policy = policyOf({
      rules: [
        { rule: "required-tags", tags: ["owner"], severity: "critical" },
        { rule: "required-tags", tags: ["name", "owner"], severity: "low" },
        { rule: "required-tags", tags: ["owner"], severity: "low", id: "owner-again" },
      ],
    });
    const [[outcome] = []] = await run([unitOf(launchOf())], { policy });
    const [message] = sns.published();
    const { severity, findings } = documentIn(message);
    expect([severity, message?.MessageAttributes?.severity?.StringValue]).toEqual(["critical", "critical"]);
    expect(findings.map(({ ruleId, severity }) => [ruleId, severity])).toEqual(
      expect.arrayContaining([
        ["required-tags", "critical"],
        ["required-tags-2", "low"],
        ["owner-again", "low"],
      ]),
    );
    expect(new Set(findings.flatMap(({ id, dedupKey }) => [id, dedupKey])).size).toBe(6);
    expect(outcome).toMatchObject({ rules: ["required-tags", "required-tags-2", "owner-again"] });
  });

  test("on a FIFO topic it has a group and a deduplication id, the same each time it is published", async () => {
    const { alertTopic } = configOf({ ALERT_TOPIC_ARN: `${FOUR_SECRETS.ALERT_TOPIC_ARN}.fifo` });
    ec2.launch(INSTANCE);
    await run([unitOf(launchOf())], { alertTopic });
    clock.pass(30);
    await run([unitOf(launchOf())], { alertTopic });
    const [first, second] = sns.published();
    expect(first).toMatchObject({ TopicArn: alertTopic.arn, MessageGroupId: "123456789012-us-east-1" });
    expect(first?.MessageDeduplicationId).toMatch(/^[0-9a-f]{32}$/);
    expect(second?.MessageDeduplicationId).toBe(first?.MessageDeduplicationId);
  });

  test("on a standard topic it has neither: SNS refuses them there", async () => {
    ec2.launch(INSTANCE);
    await run([unitOf(launchOf())]);
    expect(sns.published()[0]).not.toHaveProperty("MessageGroupId");
    expect(sns.published()[0]).not.toHaveProperty("MessageDeduplicationId");
  });
});

describe("launches that keep the rules, are young, or are gone", () => {
  test("are told apart, and nothing is published", async () => {
    const [good = "", young = "", gone = ""] = instanceIds(3);
    ec2.launch(good, { tags: TAGGED });
    ec2.launch(young);
    ec2.launch(gone, { state: "terminated" });
    const outcomes = await run([
      unitOf(launchOf({ instanceId: good })),
      unitOf(launchOf({ instanceId: young, at: AT + 50_000 })),
      unitOf(launchOf({ instanceId: gone })),
    ]);
    expect(outcomes).toMatchObject([
      [{ kind: "compliant" }],
      [{ kind: "deferred", retryAfterSeconds: 35 }],
      [{ kind: "ignored", reason: "the instance is terminated" }],
    ]);
    expect(sns.published()).toEqual([]);
  });
});

describe("a burst", () => {
  test("of one Auto Scaling group, each instance in an event of its own, is one message", async () => {
    const ids = instanceIds(50);
    for (const id of ids) ec2.launch(id, { tags: GROUP });
    const outcomes = await run(unitsOf(ids));
    expect(published()).toEqual([ids]);
    expect(documentIn(sns.published()[0]).launchedBy).toBe("Auto Scaling group web");
    expect(kindsOf(outcomes)).toEqual(ids.map(() => ["violating"]));
  });

  test("of several launchers is one message, which names each", async () => {
    const [web = "", mateo = "", nobody = "", alsoWeb = ""] = instanceIds(4);
    for (const id of [web, alsoWeb]) ec2.launch(id, { tags: GROUP });
    for (const id of [mateo, nobody]) ec2.launch(id);
    await run([
      unitOf(launchOf({ instanceId: web })),
      unitOf(launchOf({ instanceId: mateo, launchedBy: "Mateo" })),
      unitOf(launchOf({ instanceId: nobody })),
      unitOf(launchOf({ instanceId: alsoWeb })),
    ]);
    expect(published()).toEqual([[web, mateo, nobody, alsoWeb]]);
    const { launchedBy, findings } = documentIn(sns.published()[0]);
    expect(launchedBy).toBeNull();
    expect(findings.map((finding) => finding.launchedBy)).toEqual([
      "Auto Scaling group web",
      "Mateo",
      null,
      "Auto Scaling group web",
    ]);
  });

  test("of a thousand launches costs 5 DescribeTags calls and as many DescribeInstances, and loses none", async () => {
    const ids = instanceIds(1000);
    for (const id of ids) ec2.launch(id);
    const outcomes = await run(unitsOf(ids));
    expect(ec2.tagCalls()).toHaveLength(5);
    expect(ec2.instanceCalls()).toHaveLength(5);
    expect(published().flat().sort()).toEqual([...ids].sort());
    expect(kindsOf(outcomes)).toEqual(ids.map(() => ["violating"]));
  });

  test("of a thousand compliant launches costs 5 calls in all", async () => {
    const ids = instanceIds(1000);
    for (const id of ids) ec2.launch(id, { tags: TAGGED });
    await run([unitOf(...ids.map((id) => launchOf({ instanceId: id })))]);
    expect(ec2.mock.calls()).toHaveLength(5);
    expect(sns.mock.calls()).toEqual([]);
  });

  test("of events about the same instance is one finding, and an outcome for each event", async () => {
    ec2.launch(INSTANCE);
    const outcomes = await run(unitsOf([INSTANCE, INSTANCE, INSTANCE]));
    expect(published()).toEqual([[INSTANCE]]);
    expect(kindsOf(outcomes)).toEqual([["violating"], ["violating"], ["violating"]]);
  });

  test("is the same alert when all of it comes again", async () => {
    const ids = instanceIds(10);
    for (const id of ids) ec2.launch(id, { tags: GROUP });
    await run(unitsOf(ids));
    clock.pass(5);
    await run(unitsOf(ids.toReversed()));
    const [first, second] = sns.published().map((message) => documentIn(message));
    expect(second?.id).toBe(first?.id);
    expect(second?.findings.map(({ id }) => id).sort()).toEqual(first?.findings.map(({ id }) => id).sort());
  });
});

describe("when publishing fails for some of a batch", () => {
  test("only the launches of that message fail, and come again; the others are done", async () => {
    const ids = instanceIds(400);
    for (const id of ids) ec2.launch(id);
    sns.mock
      .on(PublishCommand)
      .rejectsOnce(awsError("ThrottledException", "Rate exceeded"))
      .resolves({ MessageId: "94f20ce6-13c5-43a0-9a9e-ca52d816e90b" });
    const outcomes = (await run(unitsOf(ids))).flat();
    const [lost = [], ...others] = published();
    expect(others.length).toBeGreaterThan(0);
    const failed = outcomes.filter(({ kind }) => kind === "failed");
    expect(new Set(failed.map(reasonOf))).toEqual(
      new Set(["the alert was not published: ThrottledException: Rate exceeded"]),
    );
    expect(failed.flatMap((outcome) => ("launch" in outcome ? [outcome.launch?.instanceId] : []))).toEqual(lost);
    expect(outcomes.filter(({ kind }) => kind === "violating")).toHaveLength(400 - lost.length);

    await run(unitsOf(lost));
    expect(published().slice(1 + others.length)).toEqual([lost]);
  });

  test("a launch whose findings went into two messages fails when one of them did", async () => {
    const tags = new Map(Array.from({ length: 50 }, (_, key) => [`${key}`.padEnd(128, "k"), '"'.repeat(256)] as const));
    ec2.launch(INSTANCE, { tags });
    sns.mock
      .on(PublishCommand)
      .rejectsOnce(awsError("AuthorizationError", "Not authorized"))
      .resolves({ MessageId: "1" });
    const policy = policyOf({
      rules: ["a", "b", "c", "d", "e"].map((key) => ({ rule: "required-tags", tags: [key] })),
    });
    expect(kindsOf(await run([unitOf(launchOf())], { policy }))).toEqual([["failed"]]);
    expect(published().length).toBeGreaterThan(1);
  });

  test("what answers without a message id is not SNS, and the alert was not published", async () => {
    ec2.launch(INSTANCE);
    sns.mock.restore();
    const client = new SNSClient({
      region: REGION,
      credentials: { accessKeyId: "AKIAIOSFODNN7EXAMPLE", secretAccessKey: "secret" },
      maxAttempts: 1,
      requestHandler: {
        handle: async () => ({
          response: {
            statusCode: 200,
            headers: {},
            body: new TextEncoder().encode("<html><body>Please log in</body></html>"),
          },
        }),
      },
    });
    expect(kindsOf(await run([unitOf(launchOf())], { sns: client }))).toEqual([["failed"]]);
  });

  test("an answer without a message id is told as what it is", async () => {
    ec2.launch(INSTANCE);
    sns.mock.on(PublishCommand).resolves({});
    const reason = "the alert was not published: Error: Publish was answered by something that is not SNS";
    expect(await run([unitOf(launchOf())])).toEqual([[{ kind: "failed", launch: launchOf(), reason }]]);
  });
});

describe("the launches of one event come again together, so they are alerted together", () => {
  test("when one of them is not settled, the others' alert is held, and not repeated later", async () => {
    const [bad = "", young = ""] = instanceIds(2);
    ec2.launch(bad);
    ec2.launch(young);
    const unit = unitOf(launchOf({ instanceId: bad }), launchOf({ instanceId: young, at: AT + 50_000 }));
    expect(kindsOf(await run([unit]))).toEqual([["deferred", "deferred"]]);
    expect(published()).toEqual([]);

    clock.set(AT + 95_000);
    expect(kindsOf(await run([unit]))).toEqual([["violating", "violating"]]);
    expect(published()).toEqual([[bad, young]]);
  });

  test.each([
    ["young", { at: AT + 50_000 }, "deferred", { retryAfterSeconds: 35 }],
    ["not to be read", {}, "failed", {}],
  ] as const)("one that is held for another, %s, is said to wait for it", async (_, change, kind, more) => {
    const [bad = "", other = ""] = instanceIds(2);
    for (const id of [bad, other]) ec2.launch(id);
    const { tags, instances } = ec2Facts(new EC2Client({ region: REGION }));
    const error = awsError("RequestLimitExceeded", "Request limit exceeded.");
    const facts = {
      tags: async (ids: readonly string[]) =>
        kind === "failed" ? new Map([...(await tags(ids)), [other, { error }] as const]) : tags(ids),
      instances,
    };
    const launch = launchOf({ instanceId: bad });
    const [[held, cause] = []] = await run([unitOf(launch, launchOf({ instanceId: other, ...change }))], { facts });
    const reason = "its alert waits for the others of the same delivery, which is to come again";
    expect(held).toEqual({ kind, launch, reason, ...more });
    expect(cause).toMatchObject({ kind, reason: expect.not.stringContaining("waits") });
    expect(sns.mock.calls()).toEqual([]);
  });

  test("the other events of the batch are not held", async () => {
    const [bad = "", young = "", other = ""] = instanceIds(3);
    for (const id of [bad, young, other]) ec2.launch(id);
    const held = unitOf(launchOf({ instanceId: bad }), launchOf({ instanceId: young, at: AT + 50_000 }));
    expect(kindsOf(await run([held, unitOf(launchOf({ instanceId: other }))]))).toEqual([
      ["deferred", "deferred"],
      ["violating"],
    ]);
    expect(published()).toEqual([[other]]);
  });

  test("compliant ones among them are said to be so", async () => {
    const [good = "", young = ""] = instanceIds(2);
    ec2.launch(good, { tags: TAGGED });
    ec2.launch(young);
    const unit = unitOf(launchOf({ instanceId: good }), launchOf({ instanceId: young, at: AT + 50_000 }));
    expect(kindsOf(await run([unit]))).toEqual([["compliant", "deferred"]]);
  });
});

describe("when it is not the turn of an alert while its engine waits", () => {
  test("it is not published, and its launches fail, to be brought again", async () => {
    ec2.launch(INSTANCE);
    const asked: boolean[] = [];
    const inTurn: Batch["inTurn"] = async (_, wanted) => {
      asked.push(wanted());
      clock.set(DEADLINE);
      asked.push(wanted());
      return null;
    };
    const unit = { ...unitOf(launchOf()), isAwaited: () => clock.now() < DEADLINE };
    expect(await run([unit], { inTurn })).toMatchObject([
      [{ kind: "failed", reason: expect.stringContaining("the time ran out while other alerts were sent") }],
    ]);
    expect(asked).toEqual([true, false]);
    expect(sns.mock.calls()).toEqual([]);
  });
});

describe("when the engine waits no longer", () => {
  test("the alert is not published: the delivery will come again, and it would be repeated", async () => {
    ec2.launch(INSTANCE);
    ec2.beforeInstances(() => clock.set(DEADLINE));
    const unit = { ...unitOf(launchOf()), isAwaited: () => clock.now() < DEADLINE };
    expect(kindsOf(await run([unit]))).toEqual([["failed"]]);
    expect(sns.mock.calls()).toEqual([]);
  });

  test("the events of engines that still wait are alerted", async () => {
    const [late = "", inTime = ""] = instanceIds(2);
    for (const id of [late, inTime]) ec2.launch(id);
    const outcomes = await run([
      { ...unitOf(launchOf({ instanceId: late })), isAwaited: () => false },
      unitOf(launchOf({ instanceId: inTime })),
    ]);
    expect(kindsOf(outcomes)).toEqual([["failed"], ["violating"]]);
    expect(published()).toEqual([[inTime]]);
  });
});

describe("when EC2 does not do what it is asked", () => {
  test.each([
    ["DescribeTags", DescribeTagsCommand],
    ["DescribeInstances", DescribeInstancesCommand],
  ] as const)("%s denied is an outcome that says so, and nothing is published", async (_, command) => {
    ec2.launch(INSTANCE);
    ec2.mock
      .on(command)
      .rejects(awsError("UnauthorizedOperation", "You are not authorized to perform this operation.\nEncoded: s3cr3t"));
    expect(await run([unitOf(launchOf())])).toEqual([
      [
        {
          kind: "failed",
          launch: launchOf(),
          reason: "UnauthorizedOperation: You are not authorized to perform this operation.",
        },
      ],
    ]);
    expect(sns.mock.calls()).toEqual([]);
  });

  test("what was thrown may be no error at all: that is an outcome too", async () => {
    const nonsense = {
      tags: async () => new Map([[INSTANCE, { error: "nonsense" }]]),
      instances: async () => new Map(),
    };
    expect(await run([unitOf(launchOf())], { facts: nonsense })).toMatchObject([
      [{ kind: "failed", reason: "an unknown error" }],
    ]);
  });

  test("of 400 launches those whose call failed come again, the others are alerted", async () => {
    const ids = instanceIds(400);
    for (const id of ids) ec2.launch(id);
    const values = ids.slice(0, 200);
    ec2.mock
      .on(DescribeTagsCommand, { Filters: [{ Name: "resource-id", Values: values }] })
      .rejects(awsError("InternalError", "x"));
    const outcomes = await run(unitsOf(ids));
    expect(kindsOf(outcomes).flat()).toEqual([...values.map(() => "failed"), ...values.map(() => "violating")]);
    expect(new Set(published().flat())).toEqual(new Set(ids.slice(200)));
  });
});

test("the outcomes are one for each launch of each unit, in their order", async () => {
  const ids = instanceIds(6);
  for (const [index, id] of ids.entries()) ec2.launch(id, { tags: index % 2 ? TAGGED : {} });
  const units = [ids.slice(0, 3), [], ids.slice(3)].map((of) =>
    unitOf(...of.map((id) => launchOf({ instanceId: id }))),
  );
  const outcomes = await run(units);
  const named = outcomes.map((unit) =>
    unit.map((outcome) => ("launch" in outcome ? outcome.launch?.instanceId : null)),
  );
  expect(named).toEqual([ids.slice(0, 3), [], ids.slice(3)]);
  expect(named.flat()[5]).toBe(instanceId(6));
});
