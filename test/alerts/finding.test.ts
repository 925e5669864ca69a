import { describe, expect, it } from "vitest";
import { findingsOf, type Origin } from "../../src/alerts/finding.ts";
import type { Instance } from "../../src/facts/instances.ts";
import type { Policy } from "../../src/policy/policy.ts";
import { instanceId } from "../support/events.ts";
import { factsOf, instanceOf, ORIGIN, violationsOf } from "../support/findings.ts";
import { onlyMicro, requiring } from "../support/policy.ts";

function findings(
  changes: Partial<Origin> = {},
  shown: Partial<Instance> = {},
  policy: Policy = requiring("name,service"),
) {
  const instance = instanceOf(shown);
  return findingsOf(violationsOf(factsOf({ instance }), policy), instance, { ...ORIGIN, ...changes });
}
const tags = (name: string) => ({ tags: new Map([["Name", name]]) });

describe("findingsOf", () => {
  it("returns a finding for each violation, with the rule, the instance and the origin", () => {
    const policy = { rules: [...requiring("name").rules, onlyMicro], exemptions: [], routes: [] };
    const [first, second, ...others] = findings({ launchedBy: "Mateo" }, { instanceType: "p5.48xlarge" }, policy);
    expect(first).toMatchObject({ ...ORIGIN, launchedBy: "Mateo", rule: "required-tags", severity: "medium" });
    expect(second).toMatchObject({ rule: "instance-types", ruleId: "instance-types", severity: "high" });
    expect(second?.instance).toBe(first?.instance);
    expect(others).toEqual([]);
  });
});

describe("the id of a finding", () => {
  const idOf = (...of: Parameters<typeof findings>) => findings(...of)[0]?.id;

  it("is the same for another event, launcher or occasion", () => {
    const other = { event: "AWS API Call via CloudTrail", launchedBy: null, occasion: "2021-11-11T22:00:00.000Z" };
    expect(idOf(other)).toBe(idOf());
    expect(idOf()).toMatch(/^[0-9a-f]{32}$/);
  });

  it("is different for another account, region, instance, rule or violation", () => {
    const [rule] = requiring("name,service").rules;
    const ids = [
      idOf(),
      idOf({ account: "210987654321" }),
      idOf({ region: "eu-west-1" }),
      idOf({}, { instanceId: instanceId(1) }),
      idOf({}, {}, { rules: rule ? [{ ...rule, id: "other" }] : [], exemptions: [], routes: [] }),
      idOf({}, tags("x")),
      idOf({}, tags("")),
    ];
    expect(new Set(ids).size).toBe(7);
  });
});

describe("the deduplication key of a finding", () => {
  it("is the same for each violation of a rule by an instance, and differs from the id of every finding", () => {
    const found = [...findings(), ...findings({}, tags("x"))];
    expect(new Set(found.map(({ dedupKey }) => dedupKey)).size).toBe(1);
    expect(new Set(found.flatMap(({ id, dedupKey }) => [id, dedupKey])).size).toBe(3);
  });
});
