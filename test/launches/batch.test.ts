import { DescribeInstanceImageMetadataCommand, EC2Client } from "@aws-sdk/client-ec2";
import { PublishCommand, SNSClient } from "@aws-sdk/client-sns";
import { beforeEach, describe, expect, it } from "vitest";
import type { AlertTarget } from "../../src/alerts/publish.ts";
import { createSent, type Open } from "../../src/alerts/sent.ts";
import type { TopicArn } from "../../src/aws/topic-arn.ts";
import { ec2Facts } from "../../src/facts/facts.ts";
import { type Batch, runBatch, type Unit } from "../../src/launches/batch.ts";
import type { Launch } from "../../src/launches/events.ts";
import { type Outcome, reasonOf } from "../../src/launches/outcome.ts";
import { awsError, documentIn, mockEc2, mockSns } from "../support/aws.ts";
import { configOf } from "../support/config.ts";
import { AT, INSTANCE, instanceIds, REGION } from "../support/events.ts";
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

const unitOf = (...launches: readonly Launch[]): Unit => ({
  launches,
  retryWindowSeconds: 3_600,
  isAwaited: () => true,
});
const unitsOf = (ids: readonly string[]) => ids.map((id) => unitOf(launchOf({ instanceId: id })));

const targetOf = (alertTopic: TopicArn): AlertTarget => ({
  alertTopic,
  sns: new SNSClient({ region: alertTopic.region }),
  paced: (work) => work(),
});

/** Runs a batch of units a minute after the launches. */
function run(units: readonly Unit[], changes: Partial<Batch> = {}): Promise<Outcome[][]> {
  const { alertTopic, policy, graceSeconds } = configOf();
  return runBatch(units, {
    policy,
    graceSeconds,
    retryWindowSeconds: 3_600,
    auditRestarts: false,
    now: clock.now,
    open: null,
    facts: ec2Facts(new EC2Client({ region: REGION })),
    ...targetOf(alertTopic),
    targetOf,
    sent: createSent(),
    ...changes,
  });
}
const kindsOf = (outcomes: readonly Outcome[][]) => outcomes.map((unit) => unit.map(({ kind }) => kind));
const documents = () => sns.published().map(documentIn);
/** The instances of each published message. */
const published = () => documents().map(({ findings }) => findings.map((finding) => finding.instanceId));

describe("runBatch", () => {
  it("publishes the violations, and returns an outcome that names the rules and the alert", async () => {
    ec2.launch(INSTANCE, { tags: { Name: "web-1" } });
    const outcomes = await run([unitOf(launchOf())]);
    expect(published()).toEqual([[INSTANCE]]);
    expect(outcomes).toEqual([
      [
        {
          kind: "violating",
          launch: launchOf(),
          rules: ["required-tags"],
          reason: 'the tag "service" is missing',
          alertIds: [documents()[0]?.id],
          notJudged: [],
          resolved: [],
        },
      ],
    ]);
  });

  it("publishes a finding for each violated rule, with ids that all differ", async () => {
    ec2.launch(INSTANCE);
    const policy = policyOf({
      rules: [
        { rule: "required-tags", tags: ["owner"], severity: "critical" },
        { rule: "required-tags", tags: ["name", "owner"], severity: "low" },
        { rule: "required-tags", tags: ["owner"], severity: "low", id: "owner-again" },
      ],
    });
    const rules = ["required-tags", "required-tags-2", "owner-again"];
    expect(await run([unitOf(launchOf())], { policy })).toMatchObject([[{ kind: "violating", rules }]]);
    const findings = documents()[0]?.findings ?? [];
    expect(findings.map(({ ruleId }) => ruleId).sort()).toEqual([...rules].sort());
    expect(new Set(findings.flatMap(({ id, dedupKey }) => [id, dedupKey])).size).toBe(6);
  });

  it("names all problems of a launch, and each rule that was not judged once", async () => {
    ec2.launch(INSTANCE);
    ec2.mock
      .on(DescribeInstanceImageMetadataCommand)
      .rejects(awsError("UnauthorizedOperation", "You are not authorized to perform this operation."));
    const policy = policyOf({
      rules: [
        { rule: "key-pair", allowed: "ops-*" },
        { rule: "required-tags", tags: ["owner"] },
        { rule: "image", names: "golden-*" },
      ],
    });
    expect(await run([unitOf(launchOf())], { policy })).toMatchObject([
      [
        {
          reason: 'the key pair is "my-key-pair", not "ops-*"; the tag "owner" is missing',
          notJudged: ["image"],
        },
      ],
    ]);
  });

  it("returns an outcome for each launch of each unit, in their order, and publishes only violations", async () => {
    const ids = instanceIds(6);
    const [good = "", young = "", gone = "", bad = ""] = ids;
    ec2.launch(good, { tags: TAGGED });
    ec2.launch(young);
    ec2.launch(gone, { state: "terminated" });
    for (const id of ids.slice(3)) ec2.launch(id, { tags: id === bad ? {} : TAGGED });
    const unit = (...of: readonly string[]) =>
      unitOf(...of.map((id) => launchOf({ instanceId: id, at: id === young ? AT + 50_000 : AT })));
    const outcomes = await run([unit(good), unit(young), unit(gone), unit(), unit(...ids.slice(3))]);
    expect(kindsOf(outcomes)).toEqual([
      ["compliant"],
      ["deferred"],
      ["ignored"],
      [],
      ["violating", "compliant", "compliant"],
    ]);
    expect(outcomes.flat().map((outcome) => "launch" in outcome && outcome.launch?.instanceId)).toEqual(ids);
    expect(published()).toEqual([[bad]]);
  });
});

describe("a burst", () => {
  it("of several launchers, each launch in its own event, is one message", async () => {
    const [web = "", mateo = "", unknown = "", alsoWeb = ""] = instanceIds(4);
    for (const id of [web, alsoWeb]) ec2.launch(id, { tags: GROUP });
    for (const id of [mateo, unknown]) ec2.launch(id);
    const outcomes = await run([
      unitOf(launchOf({ instanceId: web })),
      unitOf(launchOf({ instanceId: mateo, launchedBy: "Mateo" })),
      unitOf(launchOf({ instanceId: unknown })),
      unitOf(launchOf({ instanceId: alsoWeb })),
    ]);
    expect(published()).toEqual([[web, mateo, unknown, alsoWeb]]);
    expect(documents()[0]?.findings.map((finding) => finding.launchedBy)).toEqual([
      "Auto Scaling group web",
      "Mateo",
      null,
      "Auto Scaling group web",
    ]);
    expect(kindsOf(outcomes)).toEqual(Array(4).fill(["violating"]));
  });

  it("of events about one instance is one finding, and an outcome for each event", async () => {
    ec2.launch(INSTANCE);
    expect(kindsOf(await run(unitsOf([INSTANCE, INSTANCE, INSTANCE])))).toEqual(Array(3).fill(["violating"]));
    expect(published()).toEqual([[INSTANCE]]);
  });

  it("is the same alert when it is delivered again", async () => {
    const ids = instanceIds(10);
    for (const id of ids) ec2.launch(id, { tags: GROUP });
    await run(unitsOf(ids));
    clock.pass(5);
    await run(unitsOf(ids.toReversed()));
    const [first, second] = documents();
    expect(second?.id).toBe(first?.id);
    expect(second?.findings.map(({ id }) => id)).toEqual(first?.findings.map(({ id }) => id));
  });
});

describe("an alert that is not published", () => {
  it("fails only its own launches, which are delivered again", async () => {
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
  });

  it("fails a launch when only some of its findings were published", async () => {
    const tags = new Map(Array.from({ length: 50 }, (_, key) => [`${key}`.padEnd(128, "k"), '"'.repeat(256)] as const));
    ec2.launch(INSTANCE, { tags });
    sns.mock
      .on(PublishCommand)
      .rejectsOnce(awsError("AuthorizationError", "Not authorized"))
      .resolves({ MessageId: "1" });
    const policy = policyOf({ rules: [..."abcde"].map((key) => ({ rule: "required-tags", tags: [key] })) });
    expect(kindsOf(await run([unitOf(launchOf())], { policy }))).toEqual([["failed"]]);
    expect(published().length).toBeGreaterThan(1);
  });
});

describe("a launch that is not settled", () => {
  const [bad = "", other = "", good = "", third = ""] = instanceIds(4);
  const young = launchOf({ instanceId: other, at: AT + 50_000 });
  beforeEach(() => {
    for (const id of [bad, other, third]) ec2.launch(id);
    ec2.launch(good, { tags: TAGGED });
  });

  it("delays the alert for the other launches of its event until it is settled", async () => {
    const unit = unitOf(launchOf({ instanceId: bad }), young, launchOf({ instanceId: good }));
    expect(kindsOf(await run([unit]))).toEqual([["deferred", "deferred", "compliant"]]);
    expect(published()).toEqual([]);

    clock.set(AT + 95_000);
    expect(kindsOf(await run([unit]))).toEqual([["violating", "violating", "compliant"]]);
    expect(published()).toEqual([[bad, other]]);
  });

  it.each([
    ["deferred", { at: AT + 50_000 }, { retryAfterSeconds: 35 }],
    ["failed", {}, {}],
  ] as const)("is the reason of those that it holds when it is %s", async (kind, change, more) => {
    const { tags, ...reader } = ec2Facts(new EC2Client({ region: REGION }));
    const error = awsError("RequestLimitExceeded", "Request limit exceeded.");
    const facts = {
      tags: async (ids: readonly string[]) =>
        kind === "failed" ? new Map([...(await tags(ids)), [other, { error }] as const]) : tags(ids),
      ...reader,
    };
    const launch = launchOf({ instanceId: bad });
    const [[held, cause] = []] = await run([unitOf(launch, launchOf({ instanceId: other, ...change }))], { facts });
    const reason = "the delivery is retried until every launch is settled; then the alert is sent";
    expect(held).toEqual({ kind, launch, reason, ...more });
    expect(cause).toMatchObject({ kind, reason: expect.not.stringContaining("waits") });
    expect(sns.mock.calls()).toEqual([]);
  });

  it("is the reason of those that it holds as long as the longest wait", async () => {
    const younger = launchOf({ instanceId: third, at: AT + 55_000 });
    const [[held] = []] = await run([unitOf(launchOf({ instanceId: bad }), young, younger)]);
    expect(held).toMatchObject({ kind: "deferred", retryAfterSeconds: 40 });
  });

  it("does not delay the alert for other events of the batch", async () => {
    const held = unitOf(launchOf({ instanceId: bad }), young);
    const outcomes = await run([held, unitOf(launchOf({ instanceId: third }))]);
    expect(kindsOf(outcomes)).toEqual([["deferred", "deferred"], ["violating"]]);
    expect(published()).toEqual([[third]]);
  });
});

describe("an engine that no longer waits", () => {
  const lateUnit = (instanceId: string): Unit => ({
    ...unitOf(launchOf({ instanceId })),
    isAwaited: () => clock.now() < DEADLINE,
  });

  it("gets no alert, because it delivers the event again", async () => {
    ec2.launch(INSTANCE);
    ec2.beforeInstances(() => clock.set(DEADLINE));
    expect(kindsOf(await run([lateUnit(INSTANCE)]))).toEqual([["failed"]]);
    expect(sns.mock.calls()).toEqual([]);
  });

  it("gets no alert when it stops waiting before the alert can be sent", async () => {
    ec2.launch(INSTANCE);
    const awaited: boolean[] = [];
    const paced: Batch["paced"] = async (_, isAwaited) => {
      awaited.push(isAwaited());
      clock.set(DEADLINE);
      awaited.push(isAwaited());
      return null;
    };
    expect(await run([lateUnit(INSTANCE)], { paced })).toMatchObject([
      [{ kind: "failed", reason: expect.stringContaining("timed out: other alerts were sent first") }],
    ]);
    expect(awaited).toEqual([true, false]);
  });

  it("does not keep the alert of the others from being sent when it stops waiting meanwhile", async () => {
    const [late = "", inTime = ""] = instanceIds(2);
    for (const id of [late, inTime]) ec2.launch(id);
    const awaited: boolean[] = [];
    const paced: Batch["paced"] = (work, isAwaited) => {
      clock.set(DEADLINE);
      awaited.push(isAwaited());
      return work();
    };
    await run([lateUnit(late), ...unitsOf([inTime])], { paced });
    expect(awaited).toEqual([true]);
  });

  it("does not keep the alert from engines that still wait", async () => {
    const [late = "", inTime = ""] = instanceIds(2);
    for (const id of [late, inTime]) ec2.launch(id);
    clock.set(DEADLINE);
    expect(kindsOf(await run([lateUnit(late), ...unitsOf([inTime])]))).toEqual([["failed"], ["violating"]]);
    expect(published()).toEqual([[inTime]]);
  });
});

describe("runBatch with routes", () => {
  const TOPIC = "arn:aws:sns:us-east-1:123456789012:";
  const ROUTE = `${TOPIC}payments`;
  const policy = policyOf({
    rules: [{ rule: "required-tags", tags: ["name", "service"] }],
    routes: [
      { when: { tag: "team", in: "payments" }, topic: ROUTE },
      { when: { tag: "team", in: "lab" }, topic: "arn:aws:sns:eu-west-1:123456789012:lab.fifo", instead: true },
    ],
  });
  const gone = awsError("NotFoundException", "Topic does not exist");
  /** The topic and the instances of each message. */
  const sentTo = () =>
    sns
      .published()
      .map((message) => [
        String(message.TopicArn).split(":").at(-1),
        documentIn(message).findings.map(({ instanceId }) => instanceId),
      ]);
  const launchIn = (team: string, id: string) => ec2.launch(id, { tags: { team } });
  const failFor = (TopicArn: string) => sns.mock.on(PublishCommand, { TopicArn }).rejects(gone);
  const [a = "", b = "", c = ""] = instanceIds(3);

  it("publishes to each topic an alert with exactly its findings, in the topic's region", async () => {
    launchIn("payments", a);
    launchIn("lab", b);
    launchIn("shop", c);
    const outcomes = await run(unitsOf([a, b, c]), { policy });
    expect(kindsOf(outcomes)).toEqual([["violating"], ["violating"], ["violating"]]);
    expect(sentTo().sort()).toEqual([
      ["ec2_audit_alert", [a, c].sort()],
      ["lab.fifo", [b]],
      ["payments", [a]],
    ]);
    expect(sns.published().find(({ TopicArn }) => TopicArn?.endsWith("lab.fifo"))).toMatchObject({
      MessageGroupId: "123456789012-us-east-1",
    });
  });

  it("fails only the launches whose topic fails, and does not repeat what was published of them", async () => {
    launchIn("payments", a);
    launchIn("shop", b);
    failFor(ROUTE);
    const sent = createSent();
    const [[first] = [], [other] = []] = await run(unitsOf([a, b]), { policy, sent });
    expect(first).toMatchObject({
      kind: "failed",
      reason: expect.stringContaining("the alert was not published to the topic of routes[0]: "),
    });
    expect(other).toMatchObject({ kind: "violating" });
    expect(sentTo().sort()).toEqual([
      ["ec2_audit_alert", [a, b].sort()],
      ["payments", [a]],
    ]);
    sns.start();
    failFor(ROUTE);
    expect(kindsOf(await run(unitsOf([a]), { policy, sent }))).toEqual([["failed"]]);
    expect(sentTo()).toEqual([["payments", [a]]]);
    sns.start();
    const [[settled] = []] = await run(unitsOf([a]), { policy, sent });
    expect(sentTo()).toEqual([["payments", [a]]]);
    expect(settled).toMatchObject({ kind: "violating", alertIds: [expect.any(String), expect.any(String)] });
    sns.start();
    // Another event of the launch, which the engine also delivers again.
    expect(kindsOf(await run(unitsOf([a]), { policy, sent }))).toEqual([["violating"]]);
    expect(sentTo()).toEqual([]);
  });

  it("fails a launch whose default topic fails, and does not repeat its route", async () => {
    launchIn("payments", a);
    failFor(`${TOPIC}ec2_audit_alert`);
    const sent = createSent();
    expect(kindsOf(await run(unitsOf([a]), { policy, sent }))).toEqual([["failed"]]);
    sns.start();
    expect(kindsOf(await run(unitsOf([a]), { policy, sent }))).toEqual([["violating"]]);
    expect(sentTo()).toEqual([["ec2_audit_alert", [a]]]);
  });

  it("publishes what is not the same again: another problem, launcher or occasion", async () => {
    launchIn("payments", a);
    failFor(ROUTE);
    const sent = createSent();
    await run(unitsOf([a]), { policy, sent });
    ec2.launch(a, { tags: { team: "payments", Name: "web" } });
    sns.start();
    await run(unitsOf([a]), { policy, sent });
    expect(sentTo().sort()).toEqual([
      ["ec2_audit_alert", [a]],
      ["payments", [a]],
    ]);
  });

  it("does not repeat what was published after the engine stopped waiting", async () => {
    launchIn("payments", a);
    const sent = createSent();
    let waits = true;
    sns.mock.on(PublishCommand, { TopicArn: ROUTE }).callsFake(async () => {
      waits = false;
      return { MessageId: "1" };
    });
    await run([{ ...unitOf(launchOf({ instanceId: a })), isAwaited: () => waits }], { policy, sent });
    sns.start();
    await run(unitsOf([a]), { policy, sent });
    expect(sentTo()).toEqual([]);
  });

  it("repeats a duplicate delivery of a launch that never failed, as without routes", async () => {
    launchIn("payments", a);
    const sent = createSent();
    await run(unitsOf([a]), { policy, sent });
    await run(unitsOf([a]), { policy, sent });
    expect(sentTo()).toHaveLength(4);
  });

  it("reads the image for a route only of instances with findings, and sends a finding also to the default topic without it", async () => {
    const byImage = policyOf({
      rules: [{ rule: "required-tags", tags: ["name", "service"] }],
      routes: [{ when: { imageOwner: "amazon" }, topic: ROUTE, instead: true }],
    });
    const ImageMetadata = { ImageId: "ami-1", ImageOwnerAlias: "amazon" };
    const images = ec2.mock.on(DescribeInstanceImageMetadataCommand);
    images.resolves({ InstanceImageMetadata: [{ InstanceId: a, ImageMetadata }] });
    launchIn("shop", a);
    ec2.launch(b, { tags: TAGGED });
    await run(unitsOf([a, b]), { policy: byImage });
    expect(sentTo()).toEqual([["payments", [a]]]);
    const calls = ec2.mock.commandCalls(DescribeInstanceImageMetadataCommand);
    expect(calls.map((call) => call.args[0].input.Filters?.[0]?.Values)).toEqual([[a]]);
    await run(unitsOf([b]), { policy: byImage });
    expect(ec2.mock.commandCalls(DescribeInstanceImageMetadataCommand)).toHaveLength(1);
    images.rejects(awsError("UnauthorizedOperation", "You are not authorized to perform this operation."));
    sns.start();
    expect(kindsOf(await run(unitsOf([a]), { policy: byImage }))).toEqual([["violating"]]);
    expect(sentTo().sort()).toEqual([
      ["ec2_audit_alert", [a]],
      ["payments", [a]],
    ]);
  });

  it("sends chat notifications as plain messages", async () => {
    launchIn("shop", a);
    const chat = policyOf({
      rules: policy.rules.map(() => ({ rule: "required-tags", tags: ["name"] })),
      routes: [{ topic: ROUTE, format: "chat" }],
    });
    await run(unitsOf([a]), { policy: chat });
    const message = sns.published().find(({ TopicArn }) => TopicArn === ROUTE);
    expect(message).not.toHaveProperty("MessageStructure");
    expect(message?.MessageAttributes).toMatchObject({ status: { StringValue: "violating" } });
    expect(JSON.parse(message?.Message ?? "")).toMatchObject({ version: "1.0", source: "custom" });
  });
});

describe("a change of tags", () => {
  const policy = policyOf({
    rules: [
      { rule: "required-tags", tags: ["owner"] },
      { rule: "required-tags", id: "team", tags: ["team"] },
    ],
  });
  const own = new Map([["owner", "ada"]]);
  const change = launchOf({
    event: "Tag Change on Resource",
    at: AT + 600_000,
    change: { kind: "tags", keys: ["owner"], tags: own, delayedSeconds: 0 },
  });
  const both = { owner: "ada", team: "web" };
  const statuses = () =>
    sns
      .published()
      .map(({ MessageAttributes }) => MessageAttributes?.status?.StringValue)
      .sort();
  beforeEach(() => clock.set(change.at + 60_000));

  it("is resolved, and the outcome names the rules and the alert", async () => {
    ec2.launch(INSTANCE, { tags: both });
    expect(await run([unitOf(change)], { policy, open: createSent() })).toEqual([
      [
        {
          kind: "resolved",
          launch: change,
          rules: ["required-tags"],
          reason: "required-tags is resolved: it has the tags",
          alertIds: [documents()[0]?.id],
          notJudged: [],
        },
      ],
    ]);
    expect(statuses()).toEqual(["resolved"]);
  });

  it("is violating if it also breaks a rule, and the outcome names the resolved ones too", async () => {
    ec2.launch(INSTANCE, { tags: own });
    const both = launchOf({
      ...change,
      change: { kind: "tags", keys: ["owner", "team"], tags: own, delayedSeconds: 0 },
    });
    const [[outcome] = []] = await run([unitOf(both)], { policy, open: createSent() });
    expect(outcome).toMatchObject({ kind: "violating", rules: ["team"], resolved: ["required-tags"] });
    expect(statuses()).toEqual(["resolved", "violating"]);
  });

  it("fails if the resolved alert is not published, and is retried", async () => {
    ec2.launch(INSTANCE, { tags: both });
    sns.mock.on(PublishCommand).rejects(awsError("ThrottledException", "Rate exceeded"));
    expect(await run([unitOf(change)], { policy, open: createSent() })).toMatchObject([
      [{ kind: "failed", reason: "the alert was not published: ThrottledException: Rate exceeded" }],
    ]);
  });

  it("takes the findings that it resolves out of the open ones, which are those that were published", async () => {
    const open: Open = createSent();
    ec2.launch(INSTANCE);
    await run([unitOf(launchOf())], { policy, open });
    const keys = documents().flatMap(({ findings }) => findings.map(({ dedupKey }) => dedupKey));
    const destinations = new Set(["alert arn:aws:sns:us-east-1:123456789012:ec2_audit_alert"]);
    expect(keys.map((key) => open.get(key))).toEqual([destinations, destinations]);
    ec2.launch(INSTANCE, { tags: both });
    await run([unitOf(change)], { policy, open });
    expect(keys.filter((key) => open.get(key) !== undefined)).toHaveLength(1);
  });
});
