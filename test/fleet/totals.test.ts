import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { JudgedInstance } from "../../src/fleet/read-place.ts";
import { FleetTotals, type Totals } from "../../src/fleet/totals.ts";
import type { Verdict } from "../../src/policy/evaluate.ts";
import { instanceOf } from "../support/findings.ts";
import { policyOf } from "../support/policy.ts";

const POLICY = policyOf({
  rules: [
    { rule: "required-tags", id: "tags", severity: "high", tags: ["owner"] },
    { rule: "key-pair", id: "keys", severity: "low", none: true },
  ],
  exemptions: [
    { rules: ["keys"], when: { tag: "env", in: ["dev"] }, reason: "they are short-lived", until: "2099-12-31" },
    { rules: ["keys"], when: { tag: "env", in: ["test"] }, reason: "they are tested", until: "2099-12-31" },
  ],
});
const [TAGS, KEYS] = POLICY.rules;
const [, TESTED] = POLICY.exemptions;
if (!TAGS || !KEYS || !TESTED) throw new Error("the policy lacks a rule or an exemption");

const violation = {
  message: "it is wrong",
  summary: () => "is wrong",
  action: () => "Correct it",
  remedy: () => [],
  details: {},
};
const COMPLIANT = { kind: "compliant", rule: TAGS, because: "it is fine" } as const;
const VIOLATION = { kind: "violation", rule: TAGS, violation } as const;
const UNJUDGED = { kind: "not-judged", rule: KEYS, because: "it is not known", late: false } as const;
const EXEMPT = { kind: "exempt", rule: KEYS, exemption: TESTED, violation } as const;
const OUT = { kind: "out-of-scope", rule: KEYS, because: "it applies to others", mayChange: false } as const;

const judged = (
  verdicts: readonly Verdict[],
  tags: Readonly<Record<string, string>> = {},
  more: Partial<JudgedInstance["instance"]> = {},
  launchedBy: string | null = null,
): JudgedInstance => ({ instance: instanceOf({ tags: new Map(Object.entries(tags)), ...more }), launchedBy, verdicts });

function totalsOf(instances: readonly JudgedInstance[]): Totals {
  const totals = new FleetTotals(POLICY, { ownerTag: "owner", serviceTag: "Service" });
  for (const instance of instances) totals.add(instance);
  return totals.toJSON();
}

const NONE = { low: 0, medium: 0, high: 0, critical: 0 };

describe("the totals of a fleet", () => {
  it("count instances by outcome, findings by severity, verdicts by rule, and exempt violations by exemption", () => {
    const all = [
      judged([COMPLIANT, OUT]),
      judged([VIOLATION, UNJUDGED]),
      judged([COMPLIANT, UNJUDGED]),
      judged([VIOLATION, EXEMPT]),
    ];
    expect(totalsOf(all)).toMatchObject({
      instances: 4,
      compliant: 1,
      violating: 2,
      notJudged: 1,
      findings: 2,
      exempt: 1,
      severities: { ...NONE, high: 2 },
      rules: {
        tags: { compliant: 2, violation: 2, notJudged: 0, exempt: 0, outOfScope: 0 },
        keys: { compliant: 0, violation: 0, notJudged: 2, exempt: 1, outOfScope: 1 },
      },
      exemptions: { 0: 0, 1: 1 },
    });
  });

  it("group instances by owner, service, month of the first launch and launcher, most violating ones first", () => {
    const old = { launchTime: "2026-03-02T08:00:00.000Z", firstLaunchTime: "2025-01-31T23:00:00.000Z" };
    const { owners, services, months, launchers } = totalsOf([
      judged([COMPLIANT], { OWNER: "a", service: "shop" }, old),
      judged([COMPLIANT], { Owner: "a", service: "shop" }),
      judged([VIOLATION], { owner: "b" }, {}, "Auto Scaling group web"),
    ]);
    expect(owners.groups).toEqual([
      { value: "b", instances: 1, violating: 1, severities: { ...NONE, high: 1 } },
      { value: "a", instances: 2, violating: 0, severities: NONE },
    ]);
    expect(services.groups.map(({ value, instances }) => [value, instances])).toEqual([
      [null, 1],
      ["shop", 2],
    ]);
    expect(months.groups.map(({ value }) => value)).toEqual(["2021-11", "2025-01"]);
    expect(launchers.groups.map(({ value }) => value)).toEqual(["Auto Scaling group web", null]);
  });

  it("hide secrets and control characters in values, and count blank values as none", () => {
    const { owners } = totalsOf(
      ["AKIAIOSFODNN7EXAMPLE", "ASIAIOSFODNN7EXAMPLE", "ops\u001b[2J\u202e", " ", ""].map((owner) =>
        judged([COMPLIANT], { owner }),
      ),
    );
    expect(owners.groups.map(({ value, instances }) => [value, instances])).toEqual([
      [null, 2],
      ["(hidden: an AWS access key id)", 2],
      ["ops [2J", 1],
    ]);
  });

  it("have at most 1,000 groups of a kind and the one without a value, and sum up the others", () => {
    const compliant = judged([COMPLIANT]);
    const all = Array.from({ length: 1_200 }, (_, index) =>
      judged([VIOLATION], { owner: `team-${String(index).padStart(4, "0")}` }),
    );
    const { owners } = totalsOf([compliant, ...all]);
    expect(owners.groups.map(({ value }) => value).slice(998)).toEqual(["team-0998", "team-0999", null]);
    expect(owners.others).toEqual({
      values: 200,
      instances: 200,
      violating: 200,
      severities: { ...NONE, high: 200 },
    });
  });

  it("tell at most 10,000 values of a kind apart, so that memory is bounded", () => {
    const all = Array.from({ length: 10_100 }, (_, index) => judged([COMPLIANT], { owner: `${index}` }));
    const { owners } = totalsOf(all);
    expect([owners.others.values, owners.others.instances]).toEqual([9_000, 9_100]);
  });

  it("are the same when they are added up from parts as JSON, in any order", () => {
    const instance = fc
      .record({
        verdicts: fc.subarray<Verdict>([COMPLIANT, VIOLATION, UNJUDGED, EXEMPT, OUT]),
        owner: fc.constantFrom("a", "b", "c", "__proto__", "AKIAIOSFODNN7EXAMPLE"),
        launchedBy: fc.constantFrom(null, "a"),
      })
      .map(({ verdicts, owner, launchedBy }) => judged(verdicts, { owner }, {}, launchedBy));
    fc.assert(
      fc.property(fc.array(fc.array(instance)), (parts) => {
        const sum = new FleetTotals(POLICY, { ownerTag: "owner", serviceTag: "service" });
        for (const part of parts.toReversed()) sum.merge(JSON.parse(JSON.stringify(totalsOf(part))));
        expect(JSON.parse(JSON.stringify(sum))).toEqual(JSON.parse(JSON.stringify(totalsOf(parts.flat()))));
      }),
    );
  });
});
