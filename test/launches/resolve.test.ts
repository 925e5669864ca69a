import { EC2Client } from "@aws-sdk/client-ec2";
import { beforeEach, describe, expect, it } from "vitest";
import { dedupKeyOf } from "../../src/alerts/finding.ts";
import { createSent, type Open } from "../../src/alerts/sent.ts";
import { ec2Facts } from "../../src/facts/facts.ts";
import { type Audit, type Audited, auditLaunches } from "../../src/launches/auditor.ts";
import type { Change, Launch } from "../../src/launches/events.ts";
import { mockEc2, type Shown } from "../support/aws.ts";
import { ACCOUNT, AT, INSTANCE, REGION } from "../support/events.ts";
import { clockAt, launchOf } from "../support/launches.ts";
import { policyOf } from "../support/policy.ts";

const ec2 = mockEc2();
const clock = clockAt(AT);
beforeEach(() => ec2.start());

const GRACE = 45;
/** When the instance of the tests was launched: four seconds before `AT`. */
const LAUNCHED = Date.parse("2021-11-11T21:29:50Z");
const TAG_RULE = { rule: "required-tags", tags: ["owner"] };
const KEY_RULE = { rule: "key-pair", allowed: "ops-*" };

const tags = (own: Record<string, string>) => new Map(Object.entries(own));
const tagChange = (keys: readonly string[], own: Record<string, string> | null, delayedSeconds = 0): Change => ({
  kind: "tags",
  keys,
  tags: own && tags(own),
  delayedSeconds,
});
const terminated: Change = { kind: "terminated", delayedSeconds: 0 };

/** A change a number of seconds after the launch. */
const changedAfter = (seconds: number, change: Change): Launch =>
  launchOf({
    at: LAUNCHED + seconds * 1000,
    event: change.kind === "tags" ? "Tag Change on Resource" : launchOf().event,
    change,
  });

/** Audits changes a number of seconds after the first of them. */
function auditAfter(seconds: number, launches: readonly Launch[], shown: Shown, changes: Partial<Audit> = {}) {
  ec2.launch(INSTANCE, shown);
  clock.set(Math.min(...launches.map(({ at }) => at)) + seconds * 1000);
  return auditLaunches(launches, {
    policy: policyOf({ rules: [TAG_RULE] }),
    graceSeconds: GRACE,
    retryWindowSeconds: 3_600,
    auditRestarts: false,
    now: clock.now,
    open: createSent(),
    facts: ec2Facts(new EC2Client({ region: REGION })),
    ...changes,
  });
}

/** The kind of a result, or its findings: rule, and how it is resolved, or that it is violated. */
function toldBy(result: Audited | undefined): string | string[] | undefined {
  if (result === undefined || "kind" in result) return result?.kind;
  return result.findings.map((finding) => `${finding.ruleId} ${"how" in finding ? finding.how : "violating"}`);
}
const told = async (...given: Parameters<typeof auditAfter>) => (await auditAfter(...given)).map(toldBy);

/** The memory of a container that has alerted these rules. */
function alerted(...rules: readonly string[]): Open {
  const open: Open = createSent();
  for (const rule of rules)
    open.add(dedupKeyOf({ instanceId: INSTANCE }, rule, { account: ACCOUNT, region: REGION }), new Set());
  return open;
}

const OWNED = { owner: "ada" };
const fix = (seconds: number) => changedAfter(seconds, tagChange(["owner"], OWNED));

describe("a change of tags", () => {
  it("waits for the grace, and then resolves the rule that it may have fixed", async () => {
    expect(await told(0, [fix(600)], { tags: OWNED })).toEqual(["deferred"]);
    expect(await auditAfter(GRACE, [fix(600)], { tags: OWNED })).toMatchObject([
      {
        findings: [
          {
            ruleId: "required-tags",
            how: "complies",
            because: "it has the tags",
            event: "Tag Change on Resource",
            occasion: "2021-11-11T21:39:50.000Z",
            changedTags: ["owner"],
            instance: { instanceId: INSTANCE },
          },
        ],
      },
    ]);
  });

  it("is compliant, after one DescribeTags call, when no rule reads the changed tags", async () => {
    const change = changedAfter(600, tagChange(["note"], { ...OWNED, note: "x" }));
    expect(await told(GRACE, [change], { tags: OWNED })).toEqual(["compliant"]);
    expect(ec2.mock.calls()).toHaveLength(1);
  });

  it("resolves nothing by an event without the changed keys, or with tags that violate the rule", async () => {
    expect(await told(GRACE, [changedAfter(600, tagChange([], OWNED))], { tags: OWNED })).toEqual(["compliant"]);
    const late = changedAfter(600, tagChange(["owner"], { owner: "" }));
    expect(await told(GRACE, [late], { tags: OWNED })).toEqual(["compliant"]);
    const unknown = changedAfter(600, tagChange(["owner"], null));
    expect(await told(GRACE, [unknown], { tags: OWNED })).toEqual([["required-tags complies"]]);
  });

  it.each([
    ["the grace of the launch", 44, 0, "compliant"],
    ["the second after it", 45, 0, ["required-tags complies"]],
    ["the delay of the queue beside it", 74, 30, "compliant"],
    ["the second after both", 75, 30, ["required-tags complies"]],
    ["the longest delay of a queue, which had a backlog", 944, 3_600, "compliant"],
    ["the second after that", 945, 3_600, ["required-tags complies"]],
  ] as const)("within %s resolves nothing, because nothing was alerted", async (_, seconds, delayed, result) => {
    const change = changedAfter(seconds, tagChange(["owner"], OWNED, delayed));
    expect(await told(GRACE, [change], { tags: OWNED })).toEqual([result]);
  });

  it("resolves the fixed rule, and does not repeat the violations that it leaves", async () => {
    const policy = policyOf({ rules: [TAG_RULE, KEY_RULE] });
    expect(await told(GRACE, [fix(600)], { tags: OWNED }, { policy })).toEqual([["required-tags complies"]]);
  });

  it("is ignored, after one DescribeTags call, when the violation does not depend on the changed tags", async () => {
    const change = changedAfter(600, tagChange(["note"], { note: "x" }));
    expect(await auditAfter(GRACE, [change], { tags: { note: "x" } })).toMatchObject([
      { kind: "ignored", reason: "the violation is not new: it does not depend on the changed tags" },
    ]);
    expect(ec2.mock.calls()).toHaveLength(1);
    const policy = policyOf({ rules: [KEY_RULE] });
    expect(await told(GRACE, [change], { tags: { note: "x" } }, { policy })).toEqual(["ignored"]);
  });

  it("alerts a violation that does not depend on it in one batch with the launch, or if it does not name the tags", async () => {
    const change = changedAfter(GRACE, tagChange(["note"], { note: "x" }));
    const launch = launchOf({ at: LAUNCHED });
    expect(await told(2 * GRACE, [launch, change], { tags: {} })).toEqual([
      ["required-tags violating"],
      ["required-tags violating"],
    ]);
    expect(await told(GRACE, [changedAfter(600, tagChange([], {}))], { tags: {} })).toEqual([
      ["required-tags violating"],
    ]);
  });

  it("of which there are several is judged by the last of them, whatever their order", async () => {
    const breaks = changedAfter(620, tagChange(["owner"], {}));
    for (const events of [
      [fix(600), breaks],
      [breaks, fix(600)],
    ]) {
      expect(await told(65, events, { tags: OWNED })).toEqual(["compliant", "compliant"]);
    }
    expect(await told(65, [breaks, fix(640)], { tags: OWNED })).toEqual([
      ["required-tags complies"],
      ["required-tags complies"],
    ]);
    // Two events of one second have no order.
    expect(await told(65, [breaks, fix(620)], { tags: OWNED })).toEqual(["compliant", "compliant"]);
  });

  it("waits for its own grace, also in one batch with an earlier change", async () => {
    const changes = [changedAfter(600, tagChange(["owner"], { owner: "" })), fix(620)];
    expect(await told(GRACE, changes, { tags: OWNED })).toEqual(["deferred", "deferred"]);
    const resolved = ["required-tags complies"];
    expect(await told(GRACE + 20, changes, { tags: OWNED })).toEqual([resolved, resolved]);
  });

  it("resolves what it fixed also if the instance is terminated before it is judged, once in one batch", async () => {
    const shown = { tags: OWNED, state: "terminated" } as const;
    const resolved = ["required-tags complies"];
    expect(await told(GRACE, [fix(600)], shown)).toEqual([resolved]);
    expect(await told(GRACE, [fix(600), changedAfter(610, terminated)], shown)).toEqual([resolved, resolved]);
    const open = alerted("required-tags");
    expect(await told(GRACE, [fix(600), changedAfter(610, terminated)], shown, { open })).toEqual([resolved, resolved]);
    expect(await told(GRACE, [fix(600)], { ...shown, tags: {} })).toEqual(["ignored"]);
  });
});

describe("a termination", () => {
  const ended = (seconds = 600) => changedAfter(seconds, terminated);
  const gone = (own: Record<string, string> = {}, more: Shown["more"] = {}): Shown => ({
    tags: own,
    state: "terminated",
    more: { NetworkInterfaces: [], SecurityGroups: [], VpcId: undefined, SubnetId: undefined, ...more },
  });

  it("resolves at once what the instance violated, without a DescribeTags call", async () => {
    const policy = policyOf({ rules: [TAG_RULE, KEY_RULE, { rule: "region", allowed: "us-*" }] });
    expect(await told(0, [ended()], gone(), { policy })).toEqual([["required-tags terminated", "key-pair terminated"]]);
    expect(await told(0, [ended()], gone(), {})).toEqual([["required-tags terminated"]]);
    expect(ec2.tagCalls()).toEqual([]);
  });

  it("is ignored if the instance complied, or was launched less than the grace ago", async () => {
    expect(await auditAfter(0, [ended()], gone(OWNED))).toEqual([
      { kind: "ignored", launch: ended(), reason: "the instance is terminated" },
    ]);
    expect(await told(0, [ended(44)], gone())).toEqual(["ignored"]);
    expect(await told(0, [ended(45)], gone())).toEqual([["required-tags terminated"]]);
  });

  it("resolves also within the grace what is alerted at once, because nothing can correct it", async () => {
    const policy = policyOf({ rules: [TAG_RULE, KEY_RULE] });
    expect(await told(0, [ended(44)], gone(), { policy })).toEqual([["key-pair terminated"]]);
  });

  it("resolves nothing by missing tags, when EC2 may have removed them", async () => {
    const policy = policyOf({
      rules: [TAG_RULE, KEY_RULE, { ...KEY_RULE, id: "prod", when: { tag: "env", in: "x" } }],
    });
    expect(await told(301, [ended()], gone(), { policy })).toEqual([["key-pair terminated"]]);
    expect(await told(301, [ended()], gone({ note: "x" }), { policy })).toEqual([
      ["required-tags terminated", "key-pair terminated"],
    ]);
    const open = alerted("required-tags");
    expect(await auditAfter(301, [ended()], gone(), { open })).toMatchObject([{ findings: [{ changedTags: "all" }] }]);
  });

  it.each([
    ["public-ip", {}],
    ["encrypted-volumes", {}],
    ["instance-profile", { allowed: "web" }],
    ["security-groups", { closed: [22] }],
    ["network", { vpcs: "vpc-1" }],
    ["condition", { require: { vpc: "vpc-1" }, message: "no" }],
    ["condition", { require: { state: "running" }, message: "no" }],
  ])("resolves %s, whose facts EC2 removes, only if this container has alerted it", async (rule, settings) => {
    const policy = policyOf({ rules: [{ rule, ...settings }] });
    expect(await told(0, [ended()], gone(), { policy })).toEqual(["ignored"]);
    expect(await told(0, [ended()], gone(), { policy, open: alerted(rule) })).toEqual([[`${rule} terminated`]]);
  });

  it("waits until EC2 shows it, and is ignored with a warning if EC2 does not", async () => {
    const reason = "EC2 shows the terminated instance as running";
    expect(await auditAfter(0, [ended()], { tags: {} })).toMatchObject([
      { kind: "deferred", retryAfterSeconds: 15, reason },
    ]);
    expect(await auditAfter(300, [ended()], { tags: {} })).toMatchObject([{ kind: "ignored", warning: true, reason }]);
    const launch = launchOf({ at: LAUNCHED });
    expect(await told(600, [launch, ended()], { tags: {} })).toEqual(["deferred", "deferred"]);
  });
});
