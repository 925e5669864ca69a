import { describe, expect, test } from "vitest";
import { isQuiet, LAUNCHING_MS, type Plan, soakPlan } from "./plan.ts";

const PLAN = soakPlan(1, 5_000);
const MINUTE = 60_000;

/** The share of the instances whose story is of this kind. */
function share(plan: Plan, kind: string): number {
  const of = plan.launches.filter(({ story }) => story.kind === kind);
  return of.reduce((sum, { count }) => sum + count, 0) / 5_000;
}

describe("the plan of a soak", () => {
  test("is the same for the same seed, and another for another", () => {
    expect(soakPlan(1, 5_000)).toEqual(PLAN);
    expect(soakPlan(2, 5_000)).not.toEqual(PLAN);
  });

  test("launches as many instances as were asked for", () => {
    expect(PLAN.launches.reduce((sum, { count }) => sum + count, 0)).toBe(5_000);
  });

  test.each([
    ["untagged", 0.1],
    ["tagged late", 0.1],
    ["terminated early", 0.03],
  ])("about as many are %s as should be", (kind, wanted) => {
    expect(share(soakPlan(7, 5_000), kind)).toBeGreaterThan(wanted / 2);
    expect(share(soakPlan(7, 5_000), kind)).toBeLessThan(wanted * 2);
  });

  test("launches at every time, in order", () => {
    const times = PLAN.launches.map(({ at }) => at);
    expect(times).toEqual([...times].sort((a, b) => a - b));
    expect(times.at(-1)).toBeGreaterThan(0.95 * LAUNCHING_MS);
  });

  test("has one outage at a time, all of them while there are launches", () => {
    const spans = [...PLAN.outages].sort((a, b) => a.from - b.from);
    spans.forEach(({ until }, index) => {
      expect(until).toBeLessThanOrEqual(spans[index + 1]?.from ?? LAUNCHING_MS + 10 * MINUTE);
    });
  });

  test("kills in the first fifth only, so that the rest is one process's memory", () => {
    expect(PLAN.kills).toHaveLength(12);
    for (const { from } of PLAN.kills) expect(from).toBeLessThanOrEqual(LAUNCHING_MS / 5);
  });
});

describe("a time is quiet", () => {
  const calm: Plan = { ...PLAN, outages: [], kills: [], secretRotations: [], certificateRotations: [] };

  test("when nothing goes wrong then, nor in the two minutes after", () => {
    expect(isQuiet(calm, 0)).toBe(true);
  });

  test("unless an outage begins before a launch then would be alerted", () => {
    const [outage] = PLAN.outages;
    if (outage === undefined) throw new Error("the plan has no outage");
    const plan = { ...calm, outages: [outage] };
    expect(isQuiet(plan, outage.from - MINUTE)).toBe(false);
    expect(isQuiet(plan, outage.from - 2 * MINUTE)).toBe(true);
    expect(isQuiet(plan, outage.until)).toBe(true);
  });
});
