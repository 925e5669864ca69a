import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { NO_COUNTS } from "../../src/fleet/counts.ts";
import type { PlaceResult } from "../../src/fleet/place.ts";
import type { JudgedInstance } from "../../src/fleet/read-place.ts";
import { SweepTotals } from "../../src/fleet/sweep-totals.ts";
import { FleetTotals } from "../../src/fleet/totals.ts";
import { evaluate } from "../../src/policy/evaluate.ts";
import { factsOf, instanceOf } from "../support/findings.ts";
import { policyOf } from "../support/policy.ts";
import { ACCOUNT, MEMBER, SATURDAY } from "./sweeps.ts";

const POLICY = policyOf({
  rules: [
    { rule: "required-tags", id: "tags", severity: "high", tags: ["owner"] },
    { rule: "key-pair", id: "keys", severity: "low", none: true },
  ],
  exemptions: [{ rules: ["keys"], when: { tag: "env", in: ["dev"] }, reason: "short-lived", until: "2099-12-31" }],
});
const TIME = { id: "a".repeat(32), scheduledAt: SATURDAY, hours: 24 };
const NOW = Date.parse(SATURDAY);
const HERE = { account: ACCOUNT, region: "us-east-1" };
const HOUR = 3_600_000;

/** An instance of an age in milliseconds, judged by a policy. */
function judged(
  tags: Readonly<Record<string, string>>,
  age = 90 * 24 * HOUR,
  more: object = {},
  policy = POLICY,
): JudgedInstance {
  const launchTime = new Date(NOW - age).toISOString();
  const own = new Map(Object.entries(tags));
  const instance = instanceOf({ tags: own, keyName: null, launchTime, firstLaunchTime: launchTime, ...more });
  const facts = factsOf({ tags: own, instance });
  return { instance, launchedBy: null, verdicts: evaluate(facts, policy, NOW) };
}

function totalsOf(...instances: readonly JudgedInstance[]): SweepTotals {
  const totals = new SweepTotals(POLICY, TIME);
  for (const instance of instances) totals.add(HERE, instance);
  return totals;
}

const placeOf = (changes: Partial<PlaceResult>): PlaceResult => ({
  ...{ ...HERE, status: "complete", reason: null, ...NO_COUNTS, calls: 1, notJudgedRules: [] },
  ...changes,
});

describe("the sums of a sweep", () => {
  it("count as a report does, by rule, exemption, owner and account", () => {
    const all = [
      judged({ owner: "web" }),
      judged({}),
      judged({ Owner: "web", env: "dev" }, HOUR, { keyName: "old" }),
      judged({ owner: "web" }, HOUR, { keyName: "old" }),
    ];
    const report = new FleetTotals(POLICY, { ownerTag: "owner", serviceTag: "service" });
    for (const each of all) report.add(each);
    const { instances, compliant, violating, notJudged, findings, owners } = report.toJSON();
    const sums = totalsOf(...all).sums();
    expect(sums.counts).toEqual({ instances, compliant, violating, notJudged, findings });
    expect(sums).toMatchObject({ owners, rules: { tags: 1, keys: 1 }, exemptions: { 0: 1 } });
    expect(sums.accounts.groups).toMatchObject([{ value: ACCOUNT, instances: 4, violating: 2 }]);
  });

  it.each([
    ["new", 24 * HOUR - 1, { fresh: { high: 1 } }],
    ["up to 7 days old", 24 * HOUR, { older: { high: 1 }, ages: { week: 1 } }],
    ["up to 7 days old", 7 * 24 * HOUR, { older: { high: 1 }, ages: { week: 1 } }],
    ["up to 30 days old", 7 * 24 * HOUR + 1, { older: { high: 1 }, ages: { month: 1 } }],
    ["up to 30 days old", 30 * 24 * HOUR, { older: { high: 1 }, ages: { month: 1 } }],
    ["more than 30 days old", 30 * 24 * HOUR + 1, { older: { high: 1 }, ages: { more: 1 } }],
  ])("count a violating instance as %s by its first launch, %i ms before", (_, age, expected) => {
    expect(totalsOf(judged({}, age)).sums()).toMatchObject(expected);
  });

  it("count a violating instance without a launch time as older, of unknown age", () => {
    const unknown = judged({}, 0, { launchTime: null, firstLaunchTime: null });
    expect(totalsOf(unknown).sums()).toMatchObject({ older: { high: 1 }, ages: { unknown: 1 }, worst: [] });
  });

  it("count the instances whose tags may still arrive, and leave out the facts that EC2 shows later", () => {
    const settlingOf = (...given: Parameters<typeof judged>) => totalsOf(judged(...given)).sums().settling;
    expect(settlingOf({}, 299_999)).toBe(1);
    expect(settlingOf({}, -60_000)).toBe(1);
    expect(settlingOf({}, 300_000)).toBe(0);
    // A tag may exempt it from the rule on keys.
    expect(settlingOf({}, 0, { keyName: "old" })).toBe(1);
    const strict = policyOf({ rules: [{ rule: "key-pair", none: true }] });
    expect(settlingOf({}, 0, { keyName: "old" }, strict)).toBe(0);
    expect(settlingOf({ owner: "web" }, 0)).toBe(0);
    const policy = policyOf({ rules: [{ rule: "public-ip" }] });
    const pending = (age: number) => totalsOf(judged({}, age, { state: "pending" }, policy)).sums();
    expect(pending(0)).toMatchObject({ counts: { notJudged: 1 }, notJudged: {} });
    expect(pending(300_000).notJudged).toMatchObject({ "public-ip": { instances: 1 } });
  });

  it("keep the ten most severe new findings, whatever the order of the instances", () => {
    const all = Array.from({ length: 30 }, (_, index) => {
      const more = { instanceId: `i-${String(index).padStart(17, "0")}`, keyName: "old" };
      return judged(index % 3 === 0 ? { Name: "x\n\u202e" } : { owner: "web" }, HOUR, more);
    });
    const { worst } = totalsOf(...all).sums();
    expect(totalsOf(...all.toReversed()).sums().worst).toEqual(worst);
    expect(worst.map(({ severity, ruleId }) => [severity, ruleId])).toEqual(Array(10).fill(["high", "tags"]));
    expect(worst.map(({ instanceId }) => Number(instanceId.slice(2)))).toEqual([0, 3, 6, 9, 12, 15, 18, 21, 24, 27]);
    expect(worst[0]).toMatchObject({
      ...HERE,
      name: expect.stringMatching(/^x *$/),
      message: 'the tag "owner" is missing',
    });
  });

  it("are the same when parts are merged, in any order", () => {
    const one = fc.tuple(
      fc.constantFrom({}, { owner: "a" }, { owner: "b", env: "dev" }),
      fc.nat(60 * 24 * HOUR),
      fc.boolean(),
    );
    fc.assert(
      fc.property(fc.array(one, { maxLength: 12 }), fc.nat(12), fc.boolean(), (given, cut, isReversed) => {
        const all = given.map(([tags, age, hasKey], index) =>
          judged(tags, age, { instanceId: `i-${index}`, keyName: hasKey ? "old" : null }),
        );
        const parts = [all.slice(0, cut), all.slice(cut)].map((part) => totalsOf(...part).sums());
        const merged = new SweepTotals(POLICY, TIME);
        for (const part of isReversed ? parts.reverse() : parts) merged.merge(JSON.parse(JSON.stringify(part)));
        expect(merged.sums()).toEqual(totalsOf(...all).sums());
      }),
    );
  });

  it("name the first fifty places that were not read, and count all; a region that is off is none of them", () => {
    const totals = totalsOf();
    const denied = Array.from({ length: 60 }, (_, index) =>
      placeOf({ account: MEMBER, region: `us-east-${99 - index}`, status: "denied", reason: `no\n${"x".repeat(400)}` }),
    );
    for (const place of [...denied, placeOf({}), placeOf({ status: "off", reason: "off" })]) totals.addPlace(place);
    const { complete, unread, unreadCount } = totals.sums().places;
    expect([complete, unread.length, unreadCount]).toEqual([1, 50, 60]);
    expect(unread.map(({ region }) => region)).toEqual(unread.map(({ region }) => region).toSorted());
    for (const { reason } of unread) expect(reason).toMatch(/^no x{290,297}\.\.\.$/);
  });

  it("keep one reason of a rule that was not judged, whatever the order of the places", () => {
    const unjudged = (because: string): JudgedInstance => {
      const [rule] = POLICY.rules;
      if (rule === undefined) throw new Error("the policy has no rule");
      return { ...judged({}), verdicts: [{ kind: "not-judged", rule, because, late: false }] };
    };
    const both = [unjudged("b is not known"), unjudged("a is not known")];
    const expected = { tags: { instances: 2, reason: "a is not known" } };
    expect(totalsOf(...both).sums().notJudged).toEqual(expected);
    expect(totalsOf(...both.toReversed()).sums().notJudged).toEqual(expected);
  });
});
