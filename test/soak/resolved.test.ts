import { describe, expect, it } from "vitest";
import { expectation } from "./expectation.ts";
import { type CauseAt, type PublishedAlert, reconcile } from "./ledger.ts";
import type { Topic } from "./policy.ts";
import { type Change, type Lifecycle, TAGGED, UNTAGGED } from "./stories.ts";

const LAUNCHED = Date.parse("2026-11-23T03:00:00Z");
const SECOND = 1_000;
const ID = "i-1";
const FIX = { service: "shop" };
const BREAK = { service: "" };

/** A change this many seconds after the launch. */
const change = (seconds: number, tags: Change["tags"]): Change => ({ after: seconds * SECOND, tags });

function alert(status: "violating" | "resolved", seconds: number, topic: Topic = "ec2_audit_alert"): PublishedAlert {
  const findings = [{ instanceId: ID, ruleId: "required-tags", status, dedupKey: "key" } as const];
  return { at: LAUNCHED + seconds * SECOND, topic, findings };
}
const violating = (seconds: number, topic?: Topic) => alert("violating", seconds, topic);
const resolved = (seconds: number, topic?: Topic) => alert("resolved", seconds, topic);

/** Reconciles the alerts of one instance of a group; by default without faults. */
function reconciled(
  lifecycle: Lifecycle,
  changes: readonly Change[],
  alerts: readonly PublishedAlert[],
  { quiet = true, causes = [] as CauseAt[], settledAfter = 600 } = {},
) {
  const expected = [
    expectation(ID, { lifecycle: { ...lifecycle, changes }, group: "group-1" }, LAUNCHED, () => quiet, true),
  ];
  const outcomesById = new Map([[ID, { last: "resolved", at: LAUNCHED + settledAfter * SECOND, violating: 1 }]]);
  const common = {
    deadLetters: [],
    garbage: 0,
    outcomesById,
    resolves: true,
    nights: [],
    digests: [],
    faultsOfSweeps: [],
  };
  const balance = reconcile({ ...common, expected, alerts, causes });
  return { ...balance, unknowable: [...balance.unknowable] };
}

const FOUND = `${ID} required-tags ec2_audit_alert`;

describe("a violation that was alerted and ended must be resolved", () => {
  it.each<[string, readonly Change[], readonly PublishedAlert[]]>([
    ["when its tags were fixed", [change(300, FIX)], [violating(60), resolved(345)]],
    ["when the instance was terminated", [change(300, null)], [violating(60), resolved(310)]],
    [
      "when its tags were fixed and it was soon terminated",
      [change(300, FIX), change(310, null)],
      [violating(60), resolved(312)],
    ],
    [
      "each time",
      [change(300, FIX), change(600, BREAK), change(900, FIX)],
      [violating(60), resolved(345), violating(645), resolved(945)],
    ],
  ])("%s", (_, changes, alerts) => {
    expect(reconciled(UNTAGGED, changes, alerts)).toMatchObject({ balanced: true, unknowable: [] });
    const last = alerts.findLast(({ findings }) => findings[0]?.status === "resolved");
    const without = alerts.filter((each) => each !== last);
    expect(reconciled(UNTAGGED, changes, without).lost).toEqual([`${FOUND} resolved`]);
  });

  it("at each topic that got it", () => {
    const paid = { ...UNTAGGED, tags: { ...UNTAGGED.tags, team: "payments" } };
    const alerts = [violating(60), violating(60, "payments"), resolved(345)];
    expect(reconciled(paid, [change(300, FIX)], alerts).lost).toEqual([`${ID} required-tags payments resolved`]);
  });

  it("but not when it was broken again within the grace", () => {
    const changes = [change(300, FIX), change(320, BREAK)];
    expect(reconciled(UNTAGGED, changes, [violating(60), violating(365)])).toMatchObject({ balanced: true });
  });
});

describe("a resolved finding is false", () => {
  it.each<[string, Lifecycle, readonly Change[], readonly PublishedAlert[]]>([
    ["when nothing was ever violated", TAGGED, [], [resolved(60)]],
    ["when a compliant instance was terminated", TAGGED, [change(300, null)], [resolved(310)]],
    ["when the tags came within the grace of the launch", UNTAGGED, [change(20, FIX)], [resolved(65)]],
    ["when the instance was terminated within the grace", UNTAGGED, [change(20, null)], [resolved(30)]],
    ["when it is still violated", UNTAGGED, [], [violating(60), resolved(100)]],
    ["before the grace of the change has passed", UNTAGGED, [change(300, FIX)], [violating(60), resolved(320)]],
    [
      "when it was broken again within the grace",
      UNTAGGED,
      [change(300, FIX), change(320, BREAK)],
      [violating(60), violating(365), resolved(346)],
    ],
    ["at a topic that cannot have got it", UNTAGGED, [change(300, FIX)], [violating(60), resolved(345, "lab")]],
  ])("%s", (_, lifecycle, changes, alerts) => {
    const found = reconciled(lifecycle, changes, alerts).false;
    expect(found.filter((name) => name.endsWith(" resolved"))).toHaveLength(1);
  });
});

describe("a resolved finding that was never alerted is counted with a reason", () => {
  it.each<[string, Lifecycle, readonly Change[], readonly PublishedAlert[]]>([
    ["a tag changed from one allowed value to another", TAGGED, [change(300, { service: "store" })], [resolved(345)]],
    [
      "the violation ended within the grace of the tag change that caused it",
      TAGGED,
      [change(300, BREAK), change(320, FIX)],
      [resolved(365)],
    ],
    ["the violation ended before its alert was sent", UNTAGGED, [change(300, FIX)], [resolved(345)]],
    ["the violation ended before its alert was sent", UNTAGGED, [change(40, null)], [resolved(50)]],
    [
      "the topic's route depends on a tag that changed",
      UNTAGGED,
      [change(300, { ...FIX, team: "payments" })],
      [violating(60), resolved(345), resolved(345, "payments")],
    ],
  ])("%s", (reason, lifecycle, changes, alerts) => {
    const found = reconciled(lifecycle, changes, alerts, { quiet: false });
    expect(found).toMatchObject({ balanced: true, unknowable: [[reason, 1]] });
  });
});

describe("a termination whose event is read when EC2 has removed the tags", () => {
  const changes = [change(300, null)];

  it("may resolve nothing, which is counted", () => {
    const alerts = [violating(60)];
    expect(reconciled(UNTAGGED, changes, alerts, { settledAfter: 611 })).toMatchObject({
      balanced: true,
      forgotten: 1,
    });
    expect(reconciled(UNTAGGED, changes, alerts, { settledAfter: 400 })).toMatchObject({ balanced: false });
  });

  it("may resolve at all topics", () => {
    const alerts = [violating(60), resolved(611), resolved(611, "payments")];
    expect(reconciled(UNTAGGED, changes, alerts)).toMatchObject({
      balanced: true,
      unknowable: [["the topic's route depends on a tag that EC2 had removed", 1]],
    });
  });
});

describe("a resolved finding that is repeated", () => {
  const alerts = [violating(60), resolved(345), resolved(350)];

  it("must have a cause", () => {
    expect(reconciled(UNTAGGED, [change(300, FIX)], alerts).unexplained).toEqual([`${FOUND} resolved`]);
    const at = LAUNCHED + 345 * SECOND;
    const causes: CauseAt[] = [{ instanceId: ID, cause: "the response to Publish was lost", at, topic: null }];
    expect(reconciled(UNTAGGED, [change(300, FIX)], alerts, { causes }).unexplained).toEqual([]);
  });
});
