import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Launch, readEvent } from "../../src/launches/events.ts";
import {
  ACCOUNT,
  AT,
  autoScalingLaunch,
  type EventBridgeEvent,
  INSTANCE,
  instanceIds,
  MATEO,
  REGION,
  refusedRunInstances,
  runInstances,
  scheduledEvent,
  stateChange,
  tagChange,
} from "../support/events.ts";

const NOW = AT + 1_000;
const read = (event: unknown) => readEvent(event, NOW);

/** Returns the launches of an event. Throws for an event without launches. */
function launchesIn(event: EventBridgeEvent): readonly Launch[] {
  const reading = read(event);
  if (reading.kind !== "launches") throw new Error(JSON.stringify(reading));
  return reading.launches;
}

/** Returns the event with other fields in its detail. */
const withDetail = (event: EventBridgeEvent, detail: Readonly<Record<string, unknown>>) => ({
  ...event,
  detail: { ...event.detail, ...detail },
});

const EVENTS = { stateChange, runInstances, autoScalingLaunch, tagChange };

describe("EC2 Instance State-change Notification", () => {
  it.each(["pending", "running"])("reports an instance that is %s", (state) => {
    expect(launchesIn(stateChange({ state }))).toEqual([
      {
        account: ACCOUNT,
        region: REGION,
        instanceId: INSTANCE,
        at: AT,
        launchedBy: null,
        event: "EC2 Instance State-change Notification",
      },
    ]);
  });

  it.each(["stopping", "stopped", "shutting-down", "terminated"])("is ignored for an instance that is %s", (state) => {
    const about = { account: ACCOUNT, region: REGION, instanceId: INSTANCE, event: stateChange()["detail-type"] };
    expect(read(stateChange({ state }))).toMatchObject({
      kind: "ignored",
      reason: `the instance is "${state}"`,
      launch: about,
    });
    expect(read(stateChange({ id: "\u009b31m", state }))).not.toHaveProperty("launch.instanceId");
  });

  it("reports a terminated instance when changes are read", () => {
    const reading = readEvent(stateChange({ state: "terminated" }), NOW, 45);
    expect(reading).toMatchObject({
      kind: "launches",
      launches: [{ instanceId: INSTANCE, at: AT, change: { kind: "terminated", delayedSeconds: 45 } }],
    });
    expect(readEvent(stateChange({ state: "shutting-down" }), NOW, 45).kind).toBe("ignored");
  });

  it("is malformed without a state", () => {
    expect(read(withDetail(stateChange(), { state: undefined }))).toMatchObject({ kind: "malformed" });
  });
});

describe("RunInstances in CloudTrail", () => {
  it("reports every instance, with its launcher", () => {
    const ids = instanceIds(3);
    const launches = launchesIn(runInstances({ ids }));
    expect(launches.map(({ instanceId }) => instanceId)).toEqual(ids);
    expect(new Set(launches.map(({ launchedBy }) => launchedBy))).toEqual(new Set([MATEO.arn]));
  });

  it("reports a thousand launches for a thousand instances", () => {
    const ids = instanceIds(1000);
    expect(launchesIn(runInstances({ ids })).map(({ instanceId }) => instanceId)).toEqual(ids);
  });

  it("reports an instance once if it is named twice", () => {
    expect(launchesIn(runInstances({ ids: [INSTANCE, INSTANCE] }))).toHaveLength(1);
  });

  it.each([
    ["an IAM user", MATEO, MATEO.arn],
    [
      "a session of a role",
      { type: "AssumedRole", arn: "arn:aws:sts::123456789012:assumed-role/Admin/mateo", principalId: "AROA:mateo" },
      "arn:aws:sts::123456789012:assumed-role/Admin/mateo",
    ],
    [
      "the root user",
      { type: "Root", principalId: ACCOUNT, arn: "arn:aws:iam::123456789012:root" },
      "arn:aws:iam::123456789012:root",
    ],
    [
      "an AWS service with the account's authority",
      {
        type: "Root",
        principalId: ACCOUNT,
        arn: "arn:aws:iam::123456789012:root",
        invokedBy: "autoscaling.amazonaws.com",
      },
      "autoscaling.amazonaws.com",
    ],
    ["a user through a service", { ...MATEO, invokedBy: "cloudformation.amazonaws.com" }, MATEO.arn],
    ["an AWS service", { type: "AWSService", invokedBy: "autoscaling.amazonaws.com" }, "autoscaling.amazonaws.com"],
    [
      "another account, which shows no ARN",
      { type: "AWSAccount", principalId: "AIDAQ:x", accountId: "210987654321" },
      "AIDAQ:x",
    ],
    ["a principal whose ARN is empty", { type: "Unknown", arn: "", principalId: "AIDAQ:x" }, "AIDAQ:x"],
    ["nobody that it names", { type: "Unknown" }, null],
    ["an identity that is not one", "Mateo", null],
    ["an ARN that is not text", { arn: { toString: "x" } }, null],
    ["no identity", null, null],
  ])("names the launcher: %s", (_, userIdentity, launchedBy) => {
    expect(launchesIn(runInstances({ userIdentity }))[0]?.launchedBy).toBe(launchedBy);
  });

  it.each([
    "Client.InstanceLimitExceeded",
    "Client.UnauthorizedOperation",
    "Client.DryRunOperation",
    "Server.InsufficientInstanceCapacity",
  ])("is ignored if the call failed with %s", (errorCode) => {
    expect(read(refusedRunInstances(errorCode))).toMatchObject({ kind: "ignored" });
  });

  it("is ignored for other API calls", () => {
    expect(read(withDetail(runInstances(), { eventName: "StartInstances" }))).toMatchObject({ kind: "ignored" });
    expect(read(withDetail(runInstances(), { eventSource: "ssm.amazonaws.com" }))).toMatchObject({ kind: "ignored" });
  });

  it.each([
    ["no response", null],
    ["an answer without instances", { requestId: "x" }],
    ["instances that are not a list", { instancesSet: { items: { instanceId: INSTANCE } } }],
    ["an empty list", { instancesSet: { items: [] } }],
    ["an instance without an id", { instancesSet: { items: [{ imageId: "ami-0abcdef1234567890" }] } }],
    ["an instance that is null", { instancesSet: { items: [null] } }],
    ["one good and one bad id", { instancesSet: { items: [{ instanceId: INSTANCE }, { instanceId: "i-nope" }] } }],
  ])("is malformed with %s", (_, responseElements) => {
    expect(read(withDetail(runInstances(), { responseElements }))).toMatchObject({ kind: "malformed" });
  });

  // CloudTrail marks a response that it omits because it is over 100 KB:
  // https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
  it.each([
    [
      "the answer",
      { responseElements: { omitted: true, originalSize: 204_800, reason: "responseElements too large" } },
    ],
    ["the set of instances", { responseElements: { instancesSet: { omitted: true } } }],
    ["a set of instances that is cut to none", { responseElements: { instancesSet: { items: [], omitted: true } } }],
    ["the event, which has no answer", { responseElements: null, omitted: true }],
  ])("is ignored with a warning if the instances of a large launch are omitted, marked in %s", (_, detail) => {
    expect(read(withDetail(runInstances(), detail))).toEqual({
      kind: "ignored",
      reason: expect.stringContaining('only a rule for "EC2 Instance State-change Notification" reports them'),
      launch: { account: ACCOUNT, region: REGION, event: "AWS API Call via CloudTrail", at: AT },
      warning: true,
    });
  });
});

describe("EC2 Instance Launch Successful", () => {
  it("reports the instance, with the group as its launcher", () => {
    expect(launchesIn(autoScalingLaunch({ group: "web" }))).toEqual([
      expect.objectContaining({ instanceId: INSTANCE, launchedBy: "Auto Scaling group web", at: AT }),
    ]);
  });

  it.each([undefined, "", 7])("has no launcher if the name of the group is %j", (AutoScalingGroupName) => {
    expect(launchesIn(withDetail(autoScalingLaunch(), { AutoScalingGroupName }))[0]?.launchedBy).toBeNull();
  });

  it("is ignored for unsuccessful launches", () => {
    expect(read({ ...autoScalingLaunch(), "detail-type": "EC2 Instance Launch Unsuccessful" })).toMatchObject({
      kind: "ignored",
    });
  });
});

describe("Tag Change on Resource", () => {
  it("reports the instance, because a required tag may have been removed", () => {
    expect(launchesIn(tagChange())).toEqual([
      expect.objectContaining({ instanceId: INSTANCE, event: "Tag Change on Resource", at: AT, launchedBy: null }),
    ]);
  });

  it("has the changed keys and the tags after the change when changes are read", () => {
    expect(launchesIn(tagChange())[0]).not.toHaveProperty("change");
    expect(readEvent(tagChange(), NOW, 7)).toMatchObject({
      launches: [
        {
          change: {
            kind: "tags",
            keys: ["a-new-key", "an-updated-key", "a-deleted-key"],
            tags: new Map([
              ["a-new-key", "tag-value-on-new-key-just-added"],
              ["an-updated-key", "tag-value-was-just-changed"],
              ["an-unchanged-key", "tag-value-still-the-same"],
            ]),
            delayedSeconds: 7,
          },
        },
      ],
    });
  });

  it.each([
    ["no keys and no tags", undefined, undefined, [], null],
    ["other values", { a: 1 }, ["a"], [], null],
    ["keys and values that are not text", ["a", 7, null], { b: 7 }, ["a"], new Map([["b", ""]])],
    ["more keys than a resource can have tags", Array(101).fill("a"), null, Array(100).fill("a"), null],
  ])("has a change without what it does not name: %s", (_, keys, own, changed, tags) => {
    const event = withDetail(tagChange(), { "changed-tag-keys": keys, tags: own });
    expect(readEvent(event, NOW, 0)).toMatchObject({ launches: [{ change: { keys: changed, tags } }] });
  });

  it.each([
    ["a volume", { resourceType: "volume" }],
    ["another service's instance", { service: "rds" }],
  ])("is ignored for %s", (_, of) => {
    expect(read(tagChange(of))).toMatchObject({ kind: "ignored" });
  });

  it.each([
    ["no resources", undefined],
    ["an empty list", []],
    ["something that is not an ARN", ["instance"]],
    ["a number", [7]],
    ["an ARN that ends with a slash", ["arn:aws:ec2:us-east-1:123456789012:instance/"]],
  ])("is malformed with %s", (_, resources) => {
    expect(read({ ...tagChange(), resources })).toMatchObject({ kind: "malformed" });
  });
});

describe("any other event", () => {
  it.each(["Scheduled Event", "EC2 Audit Sweep Continuation"])(
    "begins or continues a sweep if it is of the type %s",
    (type) => {
      const event = { ...scheduledEvent(), "detail-type": type, detail: { hours: 24 } };
      expect(read(event)).toEqual({
        kind: "sweep",
        event: { account: ACCOUNT, region: REGION, at: AT, event: type, detail: { hours: 24 } },
      });
    },
  );

  it.each(["EC2 Spot Instance Interruption Warning", "EBS Snapshot Notification", "", "constructor", "__proto__"])(
    "of the type %j is ignored, whatever else is in it",
    (type) => {
      expect(read({ ...stateChange(), "detail-type": type })).toMatchObject({ kind: "ignored" });
      expect(read({ "detail-type": type })).toMatchObject({ kind: "ignored" });
    },
  );

  it("has its account and region in the outcome if they are valid", () => {
    const event = { ...stateChange(), "detail-type": "EBS Snapshot Notification" };
    const about = { event: "EBS Snapshot Notification", account: ACCOUNT, region: REGION };
    expect(read(event)).toMatchObject({ launch: about });
    expect(read({ ...event, account: "x", region: {} })).toMatchObject({ launch: { event: about.event } });
    expect(read({ ...event, account: "x", region: {} })).not.toHaveProperty("launch.account");
    expect(read({ ...event, account: "x", region: {} })).not.toHaveProperty("launch.region");
  });

  it("has its type in the reason, on one line and cut", () => {
    const reading = read({ "detail-type": `${"x".repeat(300)}\nnext line` });
    expect(reading.kind === "ignored" && reading.reason.length < 160 && !reading.reason.includes("\n")).toBe(true);
    expect(reading).toMatchObject({ launch: { event: "x".repeat(128) } });
  });
});

describe("the account and region of an event", () => {
  it.each([
    ["aws", "eu-central-1"],
    ["aws-cn", "cn-north-1"],
    ["aws-us-gov", "us-gov-west-1"],
  ])("are those of the event, in the partition %s", (_, region) => {
    for (const event of Object.values(EVENTS)) {
      expect(launchesIn(event({ region, account: "210987654321" }))[0]).toMatchObject({
        region,
        account: "210987654321",
      });
    }
  });

  it.each(["evil.com/#", "us-east-1.evil.com", "", "us-east-1\r\nHost: evil.com", null, 7])(
    "are malformed with the region %j",
    (region) => {
      for (const event of Object.values(EVENTS))
        expect(read({ ...event(), region })).toMatchObject({ kind: "malformed" });
    },
  );

  it.each(["1234", "12345678901a", "", undefined, 123456789012])("are malformed with the account %j", (account) => {
    for (const event of Object.values(EVENTS))
      expect(read({ ...event(), account })).toMatchObject({ kind: "malformed" });
  });
});

describe("the time of an event", () => {
  it("may be up to 15 minutes in the future", () => {
    const time = new Date(AT).toISOString();
    const event = stateChange({ time });
    expect(readEvent(event, AT - 15 * 60_000).kind).toBe("launches");
    expect(readEvent(event, AT - 15 * 60_000 - 1)).toEqual({
      kind: "malformed",
      reason: expect.stringContaining("15 minutes in the future"),
    });
  });

  it("may be days ago, because a dead-letter queue can deliver an old event", () => {
    expect(readEvent(stateChange(), AT + 14 * 24 * 3_600_000).kind).toBe("launches");
  });

  it.each(["soon", "", undefined, AT, "2021-13-45T00:00:00Z"])("is malformed if it is %j", (time) => {
    for (const event of Object.values(EVENTS)) expect(read({ ...event(), time })).toMatchObject({ kind: "malformed" });
  });
});

describe("a malformed event", () => {
  it.each([undefined, null, "text", 7, [], [stateChange()]])("is not an object: %j", (event) => {
    expect(read(event)).toMatchObject({ kind: "malformed" });
  });

  it.each([undefined, null, 7, {}])("has a type that is not text: %j", (type) => {
    expect(read({ ...stateChange(), "detail-type": type })).toMatchObject({ kind: "malformed" });
  });

  it.each([undefined, null, "text", 7, []])("has a detail that is not an object: %j", (detail) => {
    for (const event of [...Object.values(EVENTS), scheduledEvent]) {
      expect(read({ ...event(), detail })).toMatchObject({ kind: "malformed" });
    }
  });

  it.each([
    "i-xyz",
    "i-123",
    "I-1234567890abcdef0",
    "i-1234567890ABCDEF0",
    "ami-0abcdef1234567890",
    "i-1234567890abcdef0\n",
    "*",
    "",
    " i-12345678",
    "i-123456789",
  ])("has an invalid instance id: %j", (id) => {
    for (const event of [
      stateChange({ id }),
      runInstances({ ids: [id] }),
      autoScalingLaunch({ id }),
      tagChange({ id }),
    ]) {
      expect(read(event)).toMatchObject({ kind: "malformed" });
    }
  });

  it.each([
    ["detail.instance-id", stateChange({ id: "i-xyz" })],
    ["detail.responseElements…instanceId", runInstances({ ids: ["i-xyz"] })],
    ["detail.EC2InstanceId", autoScalingLaunch({ id: "i-xyz" })],
    ["resources", tagChange({ id: "i-xyz" })],
  ])("has a reason with the path of an invalid instance id: %s", (where, event) => {
    expect(read(event)).toEqual({ kind: "malformed", reason: `the event's "${where}" is not an instance id` });
  });

  it.each([
    ["detail.responseElements.instancesSet.items", withDetail(runInstances(), { responseElements: null })],
    ["resources", { ...tagChange(), resources: undefined }],
  ])("has a reason with the name of a missing field: %s", (name, event) => {
    expect(read(event)).toEqual({ kind: "malformed", reason: `the event's "${name}" is missing` });
  });

  it("is not one with an instance id of eight digits, as old instances have", () => {
    expect(launchesIn(stateChange({ id: "i-12345678" }))[0]?.instanceId).toBe("i-12345678");
  });

  it("has its fields only in a key __proto__", () => {
    const event = JSON.parse(`{"__proto__": ${JSON.stringify(stateChange())}}`);
    expect(read(event)).toMatchObject({ kind: "malformed" });
  });
});

describe("any JSON value", () => {
  const sample = fc.constantFrom<EventBridgeEvent>(
    stateChange(),
    runInstances({ ids: instanceIds(2) }),
    refusedRunInstances(),
    autoScalingLaunch(),
    tagChange(),
    scheduledEvent(),
  );

  it("is read without throwing, and only valid launches are returned", () => {
    const broken = fc
      .tuple(sample, fc.jsonValue(), fc.nat())
      .map(([event, junk, seed]) => replaceOne(event, junk, seed));
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue(), broken), (event) => {
        const reading = read(event);
        if (reading.kind === "sweep") return;
        if (reading.kind !== "launches") {
          expect(reading.reason).toMatch(/^[^\n]{1,300}$/);
          return;
        }
        expect(reading.launches.length).toBeGreaterThan(0);
        for (const launch of reading.launches) {
          expect(launch.instanceId).toMatch(/^i-[0-9a-f]{8,17}$/);
          expect(launch.account).toMatch(/^[0-9]{12}$/);
          expect(launch.region).toMatch(/^[a-z]{2}(-[a-z]+)+-[0-9]+$/);
          expect(launch.at).toBeLessThanOrEqual(NOW + 15 * 60_000);
        }
      }),
      { numRuns: 1000 },
    );
  });

  it("is read the same after it is serialised again", () => {
    fc.assert(
      fc.property(sample, (event) => {
        expect(read(JSON.parse(JSON.stringify(event)))).toEqual(read(event));
      }),
    );
  });
});

/** Replaces one part of a value, which the seed selects, with junk. */
function replaceOne(value: unknown, junk: unknown, seed: number): unknown {
  if (typeof value !== "object" || value === null) return junk;
  const keys = Object.keys(value);
  const key = keys[seed % (keys.length + 1)];
  if (key === undefined) return junk;
  const part: unknown = Reflect.get(value, key);
  const replaced = replaceOne(part, junk, Math.floor(seed / (keys.length + 1)));
  return Array.isArray(value)
    ? value.map((item: unknown, index) => (String(index) === key ? replaced : item))
    : { ...value, [key]: replaced };
}
