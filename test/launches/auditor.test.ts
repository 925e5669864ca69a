import { DescribeInstancesCommand, DescribeTagsCommand, EC2Client } from "@aws-sdk/client-ec2";
import { beforeEach, describe, expect, test } from "vitest";
import { ec2Facts } from "../../src/facts/facts.ts";
import { type Audit, auditLaunches, type Finding, type Verdict } from "../../src/launches/auditor.ts";
import type { Launch } from "../../src/launches/events.ts";
import { awsError, mockEc2, type Shown } from "../support/aws.ts";
import { AT, INSTANCE, instanceId, instanceIds, REGION } from "../support/events.ts";
import { clockAt, launchOf } from "../support/launches.ts";
import { onlyMicro, policyOf, requiring } from "../support/policy.ts";

const ec2 = mockEc2();
const clock = clockAt(AT);
beforeEach(() => {
  ec2.start();
  clock.set(AT);
});

const GRACE = 45;
const TAGGED = { Name: "web-1", service: "shop" };

/** Audits launches so many seconds after they happened. */
function auditAfter(seconds: number, launches: readonly Launch[], changes: Partial<Audit> = {}): Promise<Verdict[]> {
  clock.set(AT + seconds * 1000);
  const facts = ec2Facts(new EC2Client({ region: REGION }));
  return auditLaunches(launches, {
    policy: requiring("name,service"),
    graceSeconds: GRACE,
    patienceSeconds: 3_600,
    auditRestarts: false,
    now: clock.now,
    facts,
    ...changes,
  });
}

/** The verdict on one instance that breaks the rules and is past its grace. */
async function verdictOn(shown: Shown, launch: Partial<Launch> = {}): Promise<Verdict | undefined> {
  ec2.launch(INSTANCE, shown);
  return (await auditAfter(GRACE, [launchOf(launch)]))[0];
}

async function findingOn(shown: Shown, launch: Partial<Launch> = {}): Promise<Finding> {
  const verdict = await verdictOn(shown, launch);
  const finding = verdict?.kind === "violating" ? verdict.findings[0] : undefined;
  if (finding === undefined) throw new Error(`${verdict?.kind}`);
  return finding;
}

describe("a launch that keeps the rules", () => {
  test("is compliant at once, for exactly one DescribeTags call", async () => {
    ec2.launch(INSTANCE, { tags: TAGGED });
    expect(await auditAfter(0, [launchOf()])).toEqual([{ kind: "compliant" }]);
    expect(ec2.tagCalls()).toEqual([[INSTANCE]]);
    expect(ec2.mock.calls()).toHaveLength(1);
  });
});

describe("a launch that breaks a rule", () => {
  test.each([
    ["as it happens", 0, 45, "deferred", 45],
    ["a second before the grace is over", 44, 45, "deferred", 1],
    ["a moment before", 44.9, 45, "deferred", 1],
    ["as soon as the grace is over", 45, 45, "violating", null],
    ["long after, from a dead-letter queue", 86_400, 45, "violating", null],
    ["at once, with GRACE_SECONDS=0", 0, 0, "violating", null],
    ["before it happened, by a clock that differs", -10, 45, "deferred", 55],
  ])("%s", async (_, seconds, graceSeconds, kind, retryAfterSeconds) => {
    ec2.launch(INSTANCE);
    const [verdict] = await auditAfter(seconds, [launchOf()], { graceSeconds });
    expect(verdict?.kind).toBe(kind);
    if (verdict?.kind === "deferred") expect(verdict.retryAfterSeconds).toBe(retryAfterSeconds);
  });

  test("within its grace costs one DescribeTags call and no DescribeInstances", async () => {
    ec2.launch(INSTANCE);
    await auditAfter(10, [launchOf()]);
    expect(ec2.tagCalls()).toHaveLength(1);
    expect(ec2.instanceCalls()).toEqual([]);
  });

  test("after its grace is confirmed by one DescribeInstances before anything is said of it", async () => {
    ec2.launch(INSTANCE, { tags: { Name: "web-1" } });
    const [verdict] = await auditAfter(GRACE, [launchOf({ launchedBy: "arn:aws:iam::123456789012:user/Mateo" })]);
    expect(verdict).toMatchObject({
      kind: "violating",
      findings: [
        {
          account: "123456789012",
          region: REGION,
          rule: "required-tags",
          severity: "medium",
          launchedBy: "arn:aws:iam::123456789012:user/Mateo",
          violation: { message: 'the tag "service" is missing', details: { missing: ["service"], blank: [] } },
          instance: { instanceId: INSTANCE, instanceType: "t3.micro", imageId: "ami-0abcdef1234567890" },
        },
      ],
    });
    expect(ec2.instanceCalls()).toEqual([[INSTANCE]]);
  });

  test("whose tags arrive between the two reads is compliant", async () => {
    ec2.launch(INSTANCE);
    ec2.beforeInstances(() => ec2.launch(INSTANCE, { tags: TAGGED }));
    expect(await auditAfter(GRACE, [launchOf()])).toEqual([{ kind: "compliant" }]);
  });

  test("is judged by the tags of the second read, when some arrived", async () => {
    ec2.launch(INSTANCE);
    ec2.beforeInstances(() => ec2.launch(INSTANCE, { tags: { Name: "web-1" } }));
    expect(await auditAfter(GRACE, [launchOf()])).toMatchObject([
      { kind: "violating", findings: [{ violation: { details: { missing: ["service"] } } }] },
    ]);
  });

  test.each(["shutting-down", "terminated"] as const)(
    "and is %s is ignored: there is nothing to tag",
    async (state) => {
      expect(await verdictOn({ state })).toEqual({ kind: "ignored", reason: `the instance is ${state}` });
    },
  );

  test.each(["pending", "running", "stopping", "stopped"] as const)("and is %s is violating", async (state) => {
    expect((await verdictOn({ state }))?.kind).toBe("violating");
  });

  test("breaks each rule on its own: a finding for each", async () => {
    ec2.launch(INSTANCE, { tags: { a: "x" } });
    const tagRule = (tag: string, severity: string) => ({ rule: "required-tags", tags: [tag], severity });
    const policy = policyOf({ rules: [tagRule("a", "low"), tagRule("b", "high"), tagRule("c", "critical")] });
    const [verdict] = await auditAfter(GRACE, [launchOf()], { policy });
    expect(verdict).toMatchObject({ kind: "violating", findings: [{ severity: "high" }, { severity: "critical" }] });
    expect(ec2.mock.calls()).toHaveLength(2);
  });
});

describe("an instance that EC2 does not show", () => {
  const NOW = { graceSeconds: 0 };
  const reason = "EC2 does not show the instance yet";

  test("is looked for again for the five minutes that EC2's answers may lag behind, then is unseen", async () => {
    expect(await auditAfter(0, [launchOf()], NOW)).toEqual([{ kind: "deferred", retryAfterSeconds: 300, reason }]);
    expect(await auditAfter(299, [launchOf()], NOW)).toEqual([{ kind: "deferred", retryAfterSeconds: 1, reason }]);
    expect(await auditAfter(300, [launchOf()], NOW)).toEqual([
      {
        kind: "unseen",
        reason: "EC2 does not show the instance, 300 s after the event: it is gone, or hidden from these credentials",
      },
    ]);
  });

  test("is looked for only as long as the engine calls again", async () => {
    const hasty = { ...NOW, patienceSeconds: 170 };
    expect(await auditAfter(169, [launchOf()], hasty)).toEqual([{ kind: "deferred", retryAfterSeconds: 1, reason }]);
    expect(await auditAfter(170, [launchOf()], hasty)).toMatchObject([{ kind: "unseen" }]);
  });

  test("is audited as soon as EC2 shows it", async () => {
    expect(await auditAfter(200, [launchOf()])).toMatchObject([{ kind: "deferred" }]);
    ec2.launch(INSTANCE);
    expect(await auditAfter(260, [launchOf()])).toMatchObject([{ kind: "violating" }]);
  });

  test("is not asked for with DescribeInstances before its grace is over", async () => {
    expect(await auditAfter(30, [launchOf()])).toMatchObject([{ kind: "deferred", retryAfterSeconds: 15 }]);
    expect(ec2.instanceCalls()).toEqual([]);
    expect(await auditAfter(45, [launchOf()])).toMatchObject([{ kind: "deferred", retryAfterSeconds: 255 }]);
    expect(ec2.instanceCalls()).toHaveLength(1);
  });

  test("is unseen at once when its grace was longer than that", async () => {
    expect(await auditAfter(600, [launchOf()], { graceSeconds: 600 })).toMatchObject([{ kind: "unseen" }]);
  });
});

describe("a stopped instance that starts again", () => {
  /** How EC2 shows it: launched a day before the event, and its launch time that of the start. */
  const DAY_MS = 86_400_000;
  const attached = (at: number) => [{ Attachment: { DeviceIndex: 0, AttachTime: new Date(at) } }];
  const more = { LaunchTime: new Date(AT), NetworkInterfaces: attached(AT - DAY_MS) };

  test("is not a launch: it is ignored, and the reason says how to audit it", async () => {
    expect(await verdictOn({ more })).toEqual({
      kind: "ignored",
      reason: "the instance was started again, not launched; AUDIT_RESTARTS=on audits that too",
    });
    expect(ec2.mock.calls()).toHaveLength(2);
  });

  test("is told by its primary interface, also beside one of index 0 on another network card", async () => {
    const second = { Attachment: { DeviceIndex: 0, NetworkCardIndex: 1, AttachTime: new Date(AT) } };
    const NetworkInterfaces = [second, ...attached(AT - DAY_MS)];
    expect(await verdictOn({ more: { ...more, NetworkInterfaces } })).toMatchObject({ kind: "ignored" });
  });

  test("is audited like a launch with AUDIT_RESTARTS", async () => {
    ec2.launch(INSTANCE, { more });
    expect(await auditAfter(GRACE, [launchOf()], { auditRestarts: true })).toMatchObject([{ kind: "violating" }]);
  });

  test("is compliant for one DescribeTags when it keeps the rules", async () => {
    ec2.launch(INSTANCE, { tags: TAGGED, more });
    expect(await auditAfter(0, [launchOf()])).toEqual([{ kind: "compliant" }]);
    expect(ec2.mock.calls()).toHaveLength(1);
  });

  test("is settled within its grace when a rule needs the instance anyway", async () => {
    ec2.launch(INSTANCE, { more });
    const policy = { rules: [...requiring("name,service").rules, onlyMicro] };
    expect(await auditAfter(0, [launchOf()], { policy })).toMatchObject([{ kind: "ignored" }]);
    expect(ec2.mock.calls()).toHaveLength(1);
  });

  test.each([
    ["an event other than a state change reports it", more, [{ event: "Tag Change on Resource" }]],
    ["one of two events is no state change", more, [{}, { event: "EC2 Instance Launch Successful", at: AT + 2_000 }]],
    ["its first launch's own event comes late", { ...more, LaunchTime: new Date(AT + DAY_MS) }, [{ at: AT - DAY_MS }]],
    ["it took long to boot, and was never stopped", { ...more, LaunchTime: new Date(AT - DAY_MS) }, [{}]],
    ["EC2 does not say when its interface was attached", { ...more, NetworkInterfaces: [] }, [{}]],
    [
      "only a second interface was attached before",
      { ...more, NetworkInterfaces: [{ Attachment: { DeviceIndex: 1, AttachTime: new Date(AT - DAY_MS) } }] },
      [{}],
    ],
  ])("is no restart when %s", async (_, shown, events) => {
    ec2.launch(INSTANCE, { more: shown });
    const launches = events.map((event) => launchOf(event));
    for (const of of [launches, launches.toReversed()]) {
      expect((await auditAfter(GRACE, of)).map(({ kind }) => kind)).toEqual(of.map(() => "violating"));
    }
  });
});

describe("a rule that needs to know the instance", () => {
  const policy = { rules: [...requiring("name,service").rules, onlyMicro] };

  test("makes it one DescribeInstances call, whose tags do for the other rules: no DescribeTags", async () => {
    ec2.launch(INSTANCE, { tags: TAGGED });
    expect(await auditAfter(0, [launchOf()], { policy })).toEqual([{ kind: "compliant" }]);
    expect(ec2.instanceCalls()).toEqual([[INSTANCE]]);
    expect(ec2.tagCalls()).toEqual([]);
  });

  test("has its grace like the others, and then its finding", async () => {
    ec2.launch(INSTANCE, { tags: TAGGED, more: { InstanceType: "p5.48xlarge" } });
    expect(await auditAfter(0, [launchOf()], { policy })).toMatchObject([
      { kind: "deferred", retryAfterSeconds: GRACE },
    ]);
    expect(await auditAfter(GRACE, [launchOf()], { policy })).toMatchObject([
      {
        kind: "violating",
        findings: [{ rule: "instance-types", violation: { message: "the type p5.48xlarge is not allowed" } }],
      },
    ]);
  });

  test("does not find fault with an instance that is gone, or not shown yet", async () => {
    expect(await auditAfter(0, [launchOf()], { policy })).toMatchObject([{ kind: "deferred" }]);
    ec2.launch(INSTANCE, { state: "terminated" });
    expect(await auditAfter(0, [launchOf()], { policy })).toMatchObject([{ kind: "ignored" }]);
  });
});

describe("many launches", () => {
  test("get a verdict each, in their order", async () => {
    const [good = "", bad = "", gone = "", young = ""] = instanceIds(4);
    ec2.launch(good, { tags: TAGGED });
    ec2.launch(bad);
    ec2.launch(gone, { state: "terminated" });
    ec2.launch(young);
    const launches = [good, bad, gone, young].map((id) =>
      launchOf({ instanceId: id, at: id === young ? AT + 40_000 : AT }),
    );
    const kinds = async (of: readonly Launch[]) => (await auditAfter(GRACE, of)).map(({ kind }) => kind);
    expect(await kinds(launches)).toEqual(["compliant", "violating", "ignored", "deferred"]);
    expect(await kinds(launches.toReversed())).toEqual(["deferred", "ignored", "violating", "compliant"]);
  });

  test("a thousand cost five DescribeTags calls, and DescribeInstances for the suspects only", async () => {
    const ids = instanceIds(1000);
    for (const id of ids) ec2.launch(id, { tags: id.endsWith("0") ? {} : TAGGED });
    const verdicts = await auditAfter(
      GRACE,
      ids.map((id) => launchOf({ instanceId: id })),
    );
    const suspects = ids.filter((id) => id.endsWith("0"));
    expect(verdicts.filter(({ kind }) => kind === "violating")).toHaveLength(suspects.length);
    expect(ec2.tagCalls()).toHaveLength(5);
    expect(ec2.instanceCalls()).toEqual([suspects]);
  });

  test.each([
    ["in the order that they happened", 0, 20_000],
    ["in the other order", 20_000, 0],
  ])("about one instance, %s, are one audit, whose grace began with the first of them", async (_, first, second) => {
    ec2.launch(INSTANCE);
    const launches = [launchOf({ at: AT + first }), launchOf({ at: AT + second })];
    expect(await auditAfter(20, launches)).toMatchObject([{ retryAfterSeconds: 25 }, { retryAfterSeconds: 25 }]);
    expect(ec2.tagCalls()).toEqual([[INSTANCE]]);
    const verdicts = await auditAfter(GRACE, launches);
    expect(verdicts.map(({ kind }) => kind)).toEqual(["violating", "violating"]);
  });

  test.each([0, 1])("about one instance know its launcher when one of them does", async (knowing) => {
    ec2.launch(INSTANCE);
    const launches = [0, 1].map((index) =>
      launchOf({ at: AT + index, launchedBy: index === knowing ? "Mateo" : null }),
    );
    for (const of of [launches, launches.toReversed()]) {
      expect(await auditAfter(60, of)).toMatchObject([
        { findings: [{ launchedBy: "Mateo" }] },
        { findings: [{ launchedBy: "Mateo" }] },
      ]);
    }
  });

  test("none cost nothing", async () => {
    expect(await auditAfter(0, [])).toEqual([]);
    expect(ec2.mock.calls()).toEqual([]);
  });
});

describe("when EC2 does not do what it is asked", () => {
  const throttled = awsError("RequestLimitExceeded", "Request limit exceeded.");

  test("tags that cannot be read fail the launch: they are not missing", async () => {
    ec2.mock.on(DescribeTagsCommand).rejects(throttled);
    expect(await auditAfter(GRACE, [launchOf()])).toEqual([{ kind: "failed", error: throttled }]);
    expect(ec2.instanceCalls()).toEqual([]);
  });

  test("an instance that cannot be confirmed is not alerted", async () => {
    ec2.launch(INSTANCE);
    ec2.mock.on(DescribeInstancesCommand).rejects(throttled);
    expect(await auditAfter(GRACE, [launchOf()])).toEqual([{ kind: "failed", error: throttled }]);
  });

  test("facts that nobody read fail the launch: they are not missing tags", async () => {
    const facts = { tags: async () => new Map(), instances: async () => new Map() };
    expect(await auditAfter(GRACE, [launchOf()], { facts })).toEqual([{ kind: "failed", error: expect.any(Error) }]);
  });

  test("one call of many fails its own launches and no others", async () => {
    const ids = instanceIds(400);
    for (const id of ids) ec2.launch(id, { tags: TAGGED });
    ec2.mock
      .on(DescribeTagsCommand, { Filters: [{ Name: "resource-id", Values: ids.slice(0, 200) }] })
      .rejects(throttled);
    const verdicts = await auditAfter(
      0,
      ids.map((id) => launchOf({ instanceId: id })),
    );
    expect(verdicts.map(({ kind }) => kind)).toEqual([...Array(200).fill("failed"), ...Array(200).fill("compliant")]);
  });
});

describe("who launched it", () => {
  const ROLE = "arn:aws:sts::123456789012:assumed-role/AWSServiceRoleForAutoScaling/AutoScaling";
  const GROUP = { "aws:autoscaling:groupName": "web" };
  const STACK = { "aws:cloudformation:stack-name": "shop" };

  test.each([
    [
      "the Auto Scaling group of the tag, before the service role that the event names",
      ROLE,
      { ...GROUP, ...STACK },
      "Auto Scaling group web",
    ],
    [
      "whom the event names, before the stack",
      "arn:aws:iam::123456789012:user/Mateo",
      STACK,
      "arn:aws:iam::123456789012:user/Mateo",
    ],
    ["the stack, when the event names nobody", null, STACK, "CloudFormation stack shop"],
    ["nobody that is known", null, {}, null],
    [
      "not a group or stack without a name",
      null,
      { "aws:autoscaling:groupName": "", "aws:cloudformation:stack-name": "" },
      null,
    ],
  ])("is %s", async (_, launchedBy, tags, expected) => {
    expect((await findingOn({ tags }, { launchedBy })).launchedBy).toBe(expected);
  });

  test("is the same group whether its own event, a state change or CloudTrail tells of the instance", async () => {
    const launchers = ["Auto Scaling group web", null, ROLE];
    const found = [];
    for (const launchedBy of launchers) found.push((await findingOn({ tags: GROUP }, { launchedBy })).launchedBy);
    expect(new Set(found)).toEqual(new Set(["Auto Scaling group web"]));
  });
});

describe("the id of a finding", () => {
  test("is the same each time, whatever event, launcher or time it was found by", async () => {
    const first = await findingOn({});
    const again = await findingOn({}, { event: "AWS API Call via CloudTrail", launchedBy: "Mateo", at: AT - 9_000 });
    expect(first.id).toMatch(/^[0-9a-f]{32}$/);
    expect(again.id).toBe(first.id);
  });

  test("differs from the incident key, which stays the same when other tags are missing", async () => {
    const found = [
      await findingOn({}),
      await findingOn({ tags: { Name: "x" } }),
      await findingOn({}, { at: AT - 9_000 }),
    ];
    expect(found[0]?.id).not.toBe(found[1]?.id);
    expect(new Set(found.map(({ dedupKey }) => dedupKey)).size).toBe(1);
    expect(found.map(({ id }) => id)).not.toContain(found[0]?.dedupKey);
  });

  test("is another for another account, region, instance, or way to break the rule", async () => {
    const others = [
      await findingOn({}),
      await findingOn({}, { account: "210987654321" }),
      await findingOn({}, { region: "eu-west-1" }),
      await findingOn({ tags: { Name: "x" } }),
      await findingOn({ tags: { Name: "" } }),
    ];
    ec2.launch(instanceId(1));
    const [verdict] = await auditAfter(GRACE, [launchOf({ instanceId: instanceId(1) })]);
    const ids = [...others, ...(verdict?.kind === "violating" ? verdict.findings : [])].map(({ id }) => id);
    expect(new Set(ids).size).toBe(6);
  });
});
