import {
  DescribeInstanceImageMetadataCommand,
  DescribeInstancesCommand,
  DescribeTagsCommand,
  EC2Client,
} from "@aws-sdk/client-ec2";
import { beforeEach, describe, expect, it } from "vitest";
import { ec2Facts } from "../../src/facts/facts.ts";
import { type Audit, type Audited, auditLaunches } from "../../src/launches/auditor.ts";
import type { Launch } from "../../src/launches/events.ts";
import { awsError, mockEc2, type Shown } from "../support/aws.ts";
import { AT, INSTANCE, instanceIds, REGION } from "../support/events.ts";
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

/** Audits launches a number of seconds after they happened. */
function auditAfter(seconds: number, launches: readonly Launch[], changes: Partial<Audit> = {}): Promise<Audited[]> {
  clock.set(AT + seconds * 1000);
  const facts = ec2Facts(new EC2Client({ region: REGION }));
  return auditLaunches(launches, {
    policy: requiring("name,service"),
    graceSeconds: GRACE,
    retryWindowSeconds: 3_600,
    auditRestarts: false,
    now: clock.now,
    open: null,
    facts,
    ...changes,
  });
}

/** The kind of a result, which is "findings" for findings to alert. */
const kindOf = (result: Audited | undefined) => (result && "kind" in result ? result.kind : "findings");
const kindsOf = (results: readonly Audited[]) => results.map(kindOf);
const compliant = { kind: "compliant", launch: launchOf() };

/** Audits one launch at the end of its grace, with the instance as EC2 shows it. */
async function auditOf(shown: Shown, launch: Partial<Launch> = {}): Promise<Audited | undefined> {
  ec2.launch(INSTANCE, shown);
  return (await auditAfter(GRACE, [launchOf(launch)]))[0];
}

describe("a launch that complies with the policy", () => {
  it("is compliant at once, after exactly one DescribeTags call", async () => {
    ec2.launch(INSTANCE, { tags: TAGGED });
    expect(await auditAfter(0, [launchOf()])).toEqual([compliant]);
    expect(ec2.tagCalls()).toEqual([[INSTANCE]]);
    expect(ec2.mock.calls()).toHaveLength(1);
  });
});

describe("a launch that violates a rule", () => {
  it.each([
    ["deferred at its launch", 0, 45, 45],
    ["deferred a second before the end of its grace", 44, 45, 1],
    ["deferred less than a second before", 44.9, 45, 1],
    ["deferred when the event is ahead of the function's clock", -10, 45, 55],
    ["a finding at the end of its grace", 45, 45, null],
    ["a finding a day later, from a dead-letter queue", 86_400, 45, null],
    ["a finding at once with GRACE_SECONDS=0", 0, 0, null],
  ])("is %s", async (_, seconds, graceSeconds, retryAfterSeconds) => {
    ec2.launch(INSTANCE);
    expect(await auditAfter(seconds, [launchOf()], { graceSeconds })).toMatchObject([
      retryAfterSeconds === null
        ? { findings: [{ ruleId: "required-tags" }] }
        : {
            kind: "deferred",
            retryAfterSeconds,
            reason: 'the launch is within its grace: the tags "name", "service" are missing',
          },
    ]);
  });

  it("takes one DescribeTags call and no DescribeInstances call within its grace", async () => {
    ec2.launch(INSTANCE);
    await auditAfter(10, [launchOf()]);
    expect(ec2.tagCalls()).toHaveLength(1);
    expect(ec2.instanceCalls()).toEqual([]);
  });

  it("is confirmed by one DescribeInstances before it becomes a finding", async () => {
    ec2.launch(INSTANCE, { tags: { Name: "web-1" } });
    const launchedBy = "arn:aws:iam::123456789012:user/Mateo";
    expect(await auditAfter(GRACE, [launchOf({ launchedBy })])).toMatchObject([
      {
        launch: { launchedBy },
        findings: [
          {
            account: "123456789012",
            region: REGION,
            rule: "required-tags",
            launchedBy,
            event: "EC2 Instance State-change Notification",
            occasion: "2021-11-11T21:29:50.000Z",
            violation: { details: { missing: ["service"], blank: [] } },
            instance: { instanceId: INSTANCE, instanceType: "t3.micro" },
          },
        ],
      },
    ]);
    expect(ec2.instanceCalls()).toEqual([[INSTANCE]]);
  });

  it("is compliant when its tags arrive between the two reads", async () => {
    ec2.launch(INSTANCE);
    ec2.beforeInstances(() => ec2.launch(INSTANCE, { tags: TAGGED }));
    expect(await auditAfter(GRACE, [launchOf()])).toEqual([compliant]);
  });

  it("is judged by the tags of the second read", async () => {
    ec2.launch(INSTANCE);
    ec2.beforeInstances(() => ec2.launch(INSTANCE, { tags: { Name: "web-1" } }));
    expect(await auditAfter(GRACE, [launchOf()])).toMatchObject([
      { findings: [{ violation: { details: { missing: ["service"] } } }] },
    ]);
  });

  it.each(["shutting-down", "terminated"] as const)("is ignored when the instance is %s", async (state) => {
    const reason = `the instance is ${state}`;
    expect(await auditOf({ state })).toEqual({ kind: "ignored", launch: launchOf(), reason });
  });

  it.each(["pending", "running", "stopping", "stopped"] as const)("is a finding when it is %s", async (state) => {
    expect(kindOf(await auditOf({ state }))).toBe("findings");
  });

  it("becomes a finding for each violated rule", async () => {
    ec2.launch(INSTANCE, { tags: { a: "x" } });
    const tagRule = (tag: string, severity: string) => ({ rule: "required-tags", tags: [tag], severity });
    const policy = policyOf({ rules: [tagRule("a", "low"), tagRule("b", "high"), tagRule("c", "critical")] });
    expect(await auditAfter(GRACE, [launchOf()], { policy })).toMatchObject([
      { findings: [{ severity: "high" }, { severity: "critical" }] },
    ]);
    expect(ec2.mock.calls()).toHaveLength(2);
  });

  it("has the time of the event as its occasion when tags changed, or EC2 does not know the launch time", async () => {
    const occasion = new Date(AT).toISOString();
    expect(await auditOf({}, { event: "Tag Change on Resource" })).toMatchObject({ findings: [{ occasion }] });
    expect(await auditOf({ more: { LaunchTime: undefined } })).toMatchObject({ findings: [{ occasion }] });
  });
});

describe("an instance that EC2 does not show", () => {
  const NOW = { graceSeconds: 0 };
  const notYet = (retryAfterSeconds: number) => [
    { kind: "deferred", launch: launchOf(), retryAfterSeconds, reason: "EC2 does not show the instance yet" },
  ];

  it("is deferred for the five minutes that EC2 needs to become consistent, and then unseen", async () => {
    expect(await auditAfter(0, [launchOf()], NOW)).toEqual(notYet(300));
    expect(await auditAfter(299, [launchOf()], NOW)).toEqual(notYet(1));
    const reason =
      "EC2 does not show the instance, 300 s after the event: it no longer exists, or the credentials cannot read it";
    expect(await auditAfter(300, [launchOf()], NOW)).toEqual([{ kind: "unseen", launch: launchOf(), reason }]);
  });

  it("is deferred only as long as the engine retries", async () => {
    const hasty = { ...NOW, retryWindowSeconds: 170 };
    expect(await auditAfter(169, [launchOf()], hasty)).toEqual(notYet(1));
    expect(kindsOf(await auditAfter(170, [launchOf()], hasty))).toEqual(["unseen"]);
  });

  it("is audited as soon as EC2 shows it", async () => {
    expect(await auditAfter(200, [launchOf()])).toEqual(notYet(100));
    ec2.launch(INSTANCE);
    expect(kindsOf(await auditAfter(260, [launchOf()]))).toEqual(["findings"]);
  });

  it("takes no DescribeInstances call before the end of its grace", async () => {
    expect(await auditAfter(30, [launchOf()])).toMatchObject([{ kind: "deferred", retryAfterSeconds: 15 }]);
    expect(ec2.instanceCalls()).toEqual([]);
    expect(await auditAfter(45, [launchOf()])).toEqual(notYet(255));
    expect(ec2.instanceCalls()).toHaveLength(1);
  });

  it("is unseen at once when its grace was longer", async () => {
    expect(kindsOf(await auditAfter(600, [launchOf()], { graceSeconds: 600 }))).toEqual(["unseen"]);
  });
});

describe("a stopped instance that starts again", () => {
  /** As EC2 shows it: its first launch was a day before the event, and its last start was at the event. */
  const DAY_MS = 86_400_000;
  const attached = (at: number) => [{ Attachment: { DeviceIndex: 0, AttachTime: new Date(at) } }];
  const more = { LaunchTime: new Date(AT), NetworkInterfaces: attached(AT - DAY_MS) };

  it("is ignored, and the reason names the setting that audits it", async () => {
    expect(await auditOf({ more })).toEqual({
      kind: "ignored",
      launch: launchOf(),
      reason: "the instance was started again, not launched; to audit restarts, set AUDIT_RESTARTS=on",
    });
    expect(ec2.mock.calls()).toHaveLength(2);
  });

  it("is audited like a launch with AUDIT_RESTARTS", async () => {
    ec2.launch(INSTANCE, { more });
    expect(kindsOf(await auditAfter(GRACE, [launchOf()], { auditRestarts: true }))).toEqual(["findings"]);
  });

  it("is compliant after one DescribeTags call when it complies", async () => {
    ec2.launch(INSTANCE, { tags: TAGGED, more });
    expect(await auditAfter(0, [launchOf()])).toEqual([compliant]);
    expect(ec2.mock.calls()).toHaveLength(1);
  });

  it("is compliant when it complies with a rule that needs the instance", async () => {
    ec2.launch(INSTANCE, { more });
    const policy = { rules: [onlyMicro], exemptions: [], routes: [] };
    expect(await auditAfter(0, [launchOf()], { policy })).toEqual([compliant]);
  });

  it("is ignored within its grace when a rule needs the instance", async () => {
    ec2.launch(INSTANCE, { more });
    const policy = { rules: [...requiring("name,service").rules, onlyMicro], exemptions: [], routes: [] };
    expect(kindsOf(await auditAfter(0, [launchOf()], { policy }))).toEqual(["ignored"]);
    expect(ec2.mock.calls()).toHaveLength(1);
  });

  it.each([
    ["another event than a state change reports it", more, [{ event: "Tag Change on Resource" }]],
    ["one of two events is no state change", more, [{}, { event: "EC2 Instance Launch Successful", at: AT + 2_000 }]],
    ["the event of its first launch is late", { ...more, LaunchTime: new Date(AT + DAY_MS) }, [{ at: AT - DAY_MS }]],
    ["it was slow to start, and never stopped", { ...more, LaunchTime: new Date(AT - DAY_MS) }, [{}]],
    ["EC2 does not show when its interface was attached", { ...more, NetworkInterfaces: [] }, [{}]],
  ])("is no restart when %s", async (_, shown, events) => {
    ec2.launch(INSTANCE, { more: shown });
    const launches = events.map((event) => launchOf(event));
    for (const order of [launches, launches.toReversed()]) {
      expect(kindsOf(await auditAfter(GRACE, order))).toEqual(order.map(() => "findings"));
    }
  });
});

describe("a rule that needs the instance", () => {
  const policy = { rules: [...requiring("name,service").rules, onlyMicro], exemptions: [], routes: [] };

  it("takes one DescribeInstances call, whose tags the other rules use, and no DescribeTags call", async () => {
    ec2.launch(INSTANCE, { tags: TAGGED });
    expect(await auditAfter(0, [launchOf()], { policy })).toEqual([compliant]);
    expect(ec2.instanceCalls()).toEqual([[INSTANCE]]);
    expect(ec2.tagCalls()).toEqual([]);
  });

  it("is deferred within the grace, and then a finding", async () => {
    ec2.launch(INSTANCE, { tags: TAGGED, more: { InstanceType: "p5.48xlarge" } });
    expect(await auditAfter(0, [launchOf()], { policy })).toMatchObject([
      { kind: "deferred", retryAfterSeconds: GRACE },
    ]);
    expect(await auditAfter(GRACE, [launchOf()], { policy })).toMatchObject([
      { findings: [{ rule: "instance-types", violation: { message: "the type p5.48xlarge is not allowed" } }] },
    ]);
  });

  it("is not evaluated for an instance that EC2 does not show, or that is terminated", async () => {
    expect(kindsOf(await auditAfter(0, [launchOf()], { policy }))).toEqual(["deferred"]);
    ec2.launch(INSTANCE, { state: "terminated" });
    expect(kindsOf(await auditAfter(0, [launchOf()], { policy }))).toEqual(["ignored"]);
  });
});

describe("a launch under several rules", () => {
  const KEY_RULE = { rule: "key-pair", allowed: "ops-*" };
  const TAG_RULE = { rule: "required-tags", tags: ["name", "service"] };
  const IMAGE_RULE = { rule: "image", names: "golden-*" };
  const IP_RULE = { rule: "public-ip" };
  const imageOf = (Name: string) => ({
    InstanceImageMetadata: [
      { InstanceId: INSTANCE, ImageMetadata: { ImageId: "ami-0abcdef1234567890", Name, OwnerId: "123456789012" } },
    ],
  });
  const showsImage = (Name: string) => ec2.mock.on(DescribeInstanceImageMetadataCommand).resolves(imageOf(Name));
  const showsNoImage = () => ec2.mock.on(DescribeInstanceImageMetadataCommand).resolves({ InstanceImageMetadata: [] });
  const deniesImages = () =>
    ec2.mock
      .on(DescribeInstanceImageMetadataCommand)
      .rejects(awsError("UnauthorizedOperation", "You are not authorized to perform this operation."));
  const DENIED = "the credentials do not allow ec2:DescribeInstanceImageMetadata";

  /** Audits the launch of an instance under these rules, a number of seconds after it. */
  async function auditUnder(seconds: number, rules: readonly object[], shown: Shown = {}, more: Partial<Audit> = {}) {
    ec2.launch(INSTANCE, shown);
    return (await auditAfter(seconds, [launchOf()], { policy: policyOf({ rules }), ...more }))[0];
  }

  it("is alerted at once for a violation that cannot be corrected, if nothing else may still change", async () => {
    expect(await auditUnder(0, [KEY_RULE, TAG_RULE], { tags: TAGGED })).toMatchObject({
      findings: [{ ruleId: "key-pair" }],
      unjudged: [],
    });
  });

  it("waits with all its violations for the tags that may still arrive", async () => {
    expect(await auditUnder(0, [KEY_RULE, TAG_RULE])).toMatchObject({
      kind: "deferred",
      retryAfterSeconds: GRACE,
      reason: 'the launch is within its grace: the tags "name", "service" are missing',
    });
    expect(await auditUnder(GRACE, [KEY_RULE, TAG_RULE])).toMatchObject({
      findings: [{ ruleId: "key-pair" }, { ruleId: "required-tags" }],
    });
  });

  it("names all that it waits for", async () => {
    const rules = [TAG_RULE, { ...TAG_RULE, id: "owner", tags: ["owner"] }];
    expect(await auditUnder(0, rules, { tags: { name: "x" } })).toMatchObject({
      reason: 'the launch is within its grace: the tag "service" is missing; the tag "owner" is missing',
    });
  });

  it("does not wait for a rule that no tag can bring to apply", async () => {
    const elsewhere = { ...TAG_RULE, when: { region: "eu-*" } };
    expect(kindOf(await auditUnder(0, [elsewhere, KEY_RULE], { more: { KeyName: "ops-1" } }))).toBe("compliant");
  });

  it("waits for tags that may bring it into the scope of a rule, or exempt it", async () => {
    const byTag = { tag: "env", in: "prod" };
    expect(await auditUnder(0, [{ ...KEY_RULE, when: byTag }])).toMatchObject({
      kind: "deferred",
      reason: "the launch is within its grace: key-pair may still apply",
    });
    expect(kindOf(await auditUnder(GRACE, [{ ...KEY_RULE, when: byTag }]))).toBe("compliant");
    const policy = policyOf({
      rules: [KEY_RULE],
      exemptions: [{ rules: "*", when: byTag, reason: "a trial", until: "2027-03-31" }],
    });
    expect(kindOf(await auditUnder(0, [KEY_RULE], {}, { policy }))).toBe("deferred");
    expect(kindOf(await auditUnder(20, [KEY_RULE], { tags: { env: "prod" } }, { policy }))).toBe("compliant");
    expect(kindOf(await auditUnder(GRACE, [KEY_RULE], {}, { policy }))).toBe("findings");
  });

  it("waits until the instance runs for a rule whose facts look right too early", async () => {
    const rules = [IP_RULE, KEY_RULE];
    expect(await auditUnder(60, rules, { state: "pending" })).toEqual({
      kind: "deferred",
      launch: launchOf(),
      retryAfterSeconds: 15,
      reason: "the instance is not running yet",
    });
    const more = { PublicIpAddress: "203.0.113.7" };
    expect(await auditUnder(75, rules, { more })).toMatchObject({
      findings: [{ ruleId: "public-ip" }, { ruleId: "key-pair" }],
    });
  });

  it("is read again in the rest of the five minutes that a late fact can take, and then is not judged", async () => {
    showsNoImage();
    const late = { kind: "deferred", reason: "EC2 does not show the image" };
    expect(await auditUnder(0, [IMAGE_RULE])).toMatchObject({ ...late, retryAfterSeconds: 15 });
    expect(await auditUnder(290, [IMAGE_RULE])).toMatchObject({ ...late, retryAfterSeconds: 10 });
    expect(await auditUnder(300, [IMAGE_RULE])).toEqual({
      kind: "not-judged",
      launch: launchOf(),
      rules: ["image"],
      reason: "not judged: image: EC2 does not show the image",
    });
    expect(kindOf(await auditUnder(100, [IMAGE_RULE], {}, { retryWindowSeconds: 100 }))).toBe("not-judged");
  });

  it("is judged by a late fact as soon as EC2 shows it", async () => {
    showsImage("golden-1");
    expect(kindOf(await auditUnder(15, [IMAGE_RULE]))).toBe("compliant");
    showsImage("ubuntu");
    expect(await auditUnder(15, [IMAGE_RULE, TAG_RULE], { tags: TAGGED })).toMatchObject({
      findings: [{ ruleId: "image" }],
    });
  });

  it("waits with a violation for a late fact of another rule", async () => {
    showsNoImage();
    expect(kindOf(await auditUnder(60, [KEY_RULE, IMAGE_RULE]))).toBe("deferred");
    expect(await auditUnder(300, [KEY_RULE, IMAGE_RULE])).toMatchObject({
      findings: [{ ruleId: "key-pair" }],
      unjudged: [{ ruleId: "image", because: "EC2 does not show the image", instanceId: INSTANCE, region: REGION }],
    });
  });

  it("is not judged at once by a rule whose facts the credentials cannot read, and judged by the others", async () => {
    deniesImages();
    expect(await auditUnder(0, [IMAGE_RULE, { ...IMAGE_RULE, id: "other" }])).toEqual({
      kind: "not-judged",
      launch: launchOf(),
      rules: ["image", "other"],
      reason: `not judged: image, other: ${DENIED}`,
    });
    expect(await auditUnder(0, [IMAGE_RULE, KEY_RULE])).toMatchObject({
      findings: [{ ruleId: "key-pair" }],
      unjudged: [{ ruleId: "image", because: DENIED }],
    });
    expect(kindOf(await auditUnder(0, [IMAGE_RULE, TAG_RULE]))).toBe("deferred");
    expect(kindOf(await auditUnder(GRACE, [IMAGE_RULE, TAG_RULE], { tags: TAGGED }))).toBe("not-judged");
  });

  it("waits within the grace for tags that may decide what is not known", async () => {
    deniesImages();
    const when = { any: [{ tag: "env", in: "prod" }, { imageName: "x" }] };
    expect(await auditUnder(0, [{ ...KEY_RULE, when }])).toMatchObject({
      kind: "deferred",
      retryAfterSeconds: GRACE,
      reason: `the launch is within its grace: ${DENIED}`,
    });
    expect(kindOf(await auditUnder(GRACE, [{ ...KEY_RULE, when }]))).toBe("not-judged");
  });

  it("states each reason once, with the rules that it keeps from being judged", async () => {
    deniesImages();
    const rules = [IMAGE_RULE, { rule: "launched-by", allowed: "x" }, { ...IMAGE_RULE, id: "other" }];
    const outcome = await auditUnder(0, rules);
    expect(outcome).toMatchObject({ kind: "not-judged", rules: ["image", "launched-by", "other"] });
    expect(outcome && "reason" in outcome && outcome.reason.split("; ")).toEqual([
      `not judged: image, other: ${DENIED}`,
      expect.stringMatching(/^not judged: launched-by: /),
    ]);
  });

  it("fails, to be retried, when a fact cannot be read for another reason than a permission", async () => {
    ec2.mock
      .on(DescribeInstanceImageMetadataCommand)
      .rejects(awsError("RequestLimitExceeded", "Request limit exceeded."));
    expect(await auditUnder(0, [IMAGE_RULE, KEY_RULE])).toEqual({
      kind: "failed",
      launch: launchOf(),
      reason: "RequestLimitExceeded: Request limit exceeded.",
    });
  });

  it("is ignored as a restart before it is not judged or waits", async () => {
    deniesImages();
    const more = {
      LaunchTime: new Date(AT),
      NetworkInterfaces: [{ Attachment: { DeviceIndex: 0, AttachTime: new Date(AT - 86_400_000) } }],
    };
    expect(kindOf(await auditUnder(0, [IMAGE_RULE], { more }))).toBe("ignored");
    expect(kindOf(await auditUnder(0, [IP_RULE], { more, state: "pending" }))).toBe("ignored");
  });

  it("takes one call for each kind of fact, for all launches", async () => {
    const ids = instanceIds(200);
    for (const id of ids) ec2.launch(id, { tags: TAGGED });
    showsNoImage();
    const policy = policyOf({ rules: [IMAGE_RULE, TAG_RULE, KEY_RULE] });
    await auditAfter(
      GRACE,
      ids.map((id) => launchOf({ instanceId: id })),
      { policy },
    );
    expect(ec2.mock.calls()).toHaveLength(2);
  });
});

describe("many launches", () => {
  it("each have a result, in their order", async () => {
    const [good = "", bad = "", gone = "", young = ""] = instanceIds(4);
    ec2.launch(good, { tags: TAGGED });
    ec2.launch(bad);
    ec2.launch(gone, { state: "terminated" });
    ec2.launch(young);
    const launches = [good, bad, gone, young].map((id) =>
      launchOf({ instanceId: id, at: id === young ? AT + 40_000 : AT }),
    );
    const results = await auditAfter(GRACE, launches);
    expect(kindsOf(results)).toEqual(["compliant", "findings", "ignored", "deferred"]);
    expect(results.map((result) => "launch" in result && result.launch)).toEqual(launches);
    expect(kindsOf(await auditAfter(GRACE, launches.toReversed()))).toEqual(kindsOf(results).toReversed());
  });

  it("take one DescribeTags call for 200 instances, and DescribeInstances only for violations", async () => {
    const ids = instanceIds(1000);
    for (const id of ids) ec2.launch(id, { tags: id.endsWith("0") ? {} : TAGGED });
    const results = await auditAfter(
      GRACE,
      ids.map((id) => launchOf({ instanceId: id })),
    );
    const violating = ids.filter((id) => id.endsWith("0"));
    expect(kindsOf(results).filter((kind) => kind === "findings")).toHaveLength(violating.length);
    expect(ec2.tagCalls()).toHaveLength(5);
    expect(ec2.instanceCalls()).toEqual([violating]);
  });

  it.each([
    [0, 20_000],
    [20_000, 0],
  ])("of one instance are one audit, whose grace began at the first of them: %i, %i", async (first, second) => {
    ec2.launch(INSTANCE);
    const launches = [launchOf({ at: AT + first }), launchOf({ at: AT + second })];
    expect(await auditAfter(20, launches)).toMatchObject([{ retryAfterSeconds: 25 }, { retryAfterSeconds: 25 }]);
    expect(ec2.tagCalls()).toEqual([[INSTANCE]]);
    expect(kindsOf(await auditAfter(GRACE, launches))).toEqual(["findings", "findings"]);
  });

  it.each([0, 1])("of one instance share the launcher that one of their events names: %i", async (naming) => {
    ec2.launch(INSTANCE);
    const launches = [0, 1].map((index) => launchOf({ at: AT + index, launchedBy: index === naming ? "Mateo" : null }));
    const named = { findings: [{ launchedBy: "Mateo" }] };
    for (const order of [launches, launches.toReversed()]) {
      expect(await auditAfter(60, order)).toMatchObject([named, named]);
    }
  });

  it("take no call when there are none", async () => {
    expect(await auditAfter(0, [])).toEqual([]);
    expect(ec2.mock.calls()).toEqual([]);
  });
});

describe("a read that fails", () => {
  const failed = (reason: string) => [{ kind: "failed", launch: launchOf(), reason }];

  it.each([
    ["DescribeTags", DescribeTagsCommand],
    ["DescribeInstances", DescribeInstancesCommand],
  ] as const)("of %s fails the launch, with the first line of the error as the reason", async (_, command) => {
    ec2.launch(INSTANCE);
    ec2.mock
      .on(command)
      .rejects(awsError("UnauthorizedOperation", "You are not authorized to perform this operation.\nEncoded: s3cr3t"));
    expect(await auditAfter(GRACE, [launchOf()])).toEqual(
      failed("UnauthorizedOperation: You are not authorized to perform this operation."),
    );
  });

  it("fails the launch when the reader returns nothing, or throws a value that is not an Error", async () => {
    const nothing = {
      ...ec2Facts(new EC2Client({ region: REGION })),
      tags: async () => new Map(),
      instances: async () => new Map(),
    };
    expect(await auditAfter(GRACE, [launchOf()], { facts: nothing })).toEqual(
      failed("Error: the facts of the instance were not read"),
    );
    const nonsense = { ...nothing, tags: async () => new Map([[INSTANCE, { error: "nonsense" }]]) };
    expect(await auditAfter(GRACE, [launchOf()], { facts: nonsense })).toEqual(failed("an unknown error"));
  });

  it("fails only the launches of its call", async () => {
    const ids = instanceIds(400);
    for (const id of ids) ec2.launch(id, { tags: TAGGED });
    ec2.mock
      .on(DescribeTagsCommand, { Filters: [{ Name: "resource-id", Values: ids.slice(0, 200) }] })
      .rejects(awsError("RequestLimitExceeded", "Request limit exceeded."));
    const results = await auditAfter(
      0,
      ids.map((id) => launchOf({ instanceId: id })),
    );
    expect(kindsOf(results)).toEqual([...Array(200).fill("failed"), ...Array(200).fill("compliant")]);
  });
});
