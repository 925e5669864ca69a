import { describe, expect, it } from "vitest";
import { isQuiet, LAUNCHING_MS, type Scenario, soakScenario } from "./scenario.ts";

const SCENARIO = soakScenario(1, 5_000);
const MINUTE = 60_000;

/** The share of the instances whose lifecycle is of this kind. */
function share(scenario: Scenario, kind: string): number {
  const of = scenario.launches.filter(({ lifecycle }) => lifecycle.kind === kind);
  return of.reduce((sum, { count }) => sum + count, 0) / scenario.launches.reduce((sum, { count }) => sum + count, 0);
}

describe("the scenario of a soak", () => {
  it("depends on the seed only", () => {
    expect(soakScenario(1, 5_000)).toEqual(SCENARIO);
    expect(soakScenario(2, 5_000)).not.toEqual(SCENARIO);
  });

  it("launches the requested number of instances", () => {
    expect(SCENARIO.launches.reduce((sum, { count }) => sum + count, 0)).toBe(5_000);
  });

  it.each([
    ["untagged", 0.1],
    ["tagged late", 0.1],
    ["terminated early", 0.03],
  ])("has about the expected share of instances that are %s", (kind, expected) => {
    expect(share(soakScenario(7, 20_000), kind)).toBeGreaterThan(expected / 2);
    expect(share(soakScenario(7, 20_000), kind)).toBeLessThan(expected * 2);
  });

  it("launches over the whole span, in order", () => {
    const times = SCENARIO.launches.map(({ at }) => at);
    expect(times).toEqual([...times].sort((a, b) => a - b));
    expect(times.at(-1)).toBeGreaterThan(0.95 * LAUNCHING_MS);
  });

  it("has one outage at a time, each during the launches", () => {
    const spans = [...SCENARIO.outages].sort((a, b) => a.from - b.from);
    spans.forEach(({ until }, index) => {
      expect(until).toBeLessThanOrEqual(spans[index + 1]?.from ?? LAUNCHING_MS + 10 * MINUTE);
    });
  });

  it("kills during the first fifth only, so that one process serves the rest", () => {
    expect(SCENARIO.kills).toHaveLength(14);
    for (const { from } of SCENARIO.kills) expect(from).toBeLessThanOrEqual(LAUNCHING_MS / 5);
  });
});

describe("a time is quiet", () => {
  const calm: Scenario = { ...SCENARIO, outages: [], kills: [], secretRotations: [], certificateRotations: [] };

  it("when there is no fault then, nor in the two minutes after", () => {
    expect(isQuiet(calm, 0)).toBe(true);
  });

  it("unless an outage begins before a launch then would be alerted", () => {
    const [outage] = SCENARIO.outages;
    if (outage === undefined) throw new Error("the scenario has no outage");
    const scenario = { ...calm, outages: [outage] };
    expect(isQuiet(scenario, outage.from - MINUTE)).toBe(false);
    expect(isQuiet(scenario, outage.from - 2 * MINUTE)).toBe(true);
    expect(isQuiet(scenario, outage.until)).toBe(true);
  });
});
