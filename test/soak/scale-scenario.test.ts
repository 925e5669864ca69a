import { describe, expect, it } from "vitest";
import { BURST, scaleScenario } from "./scale-scenario.ts";
import { NO_FAULTS, type Scenario } from "./scenario.ts";

const SIZE = { accounts: 10, launchesPerDay: 100_000, minutes: 3 };
const SCENARIO = scaleScenario(SIZE);
const MINUTE = 60_000;

/** The number of instances in the selected launches of a scenario. */
function instances({ launches }: Scenario, which: (launch: Scenario["launches"][number]) => boolean): number {
  return launches.filter(which).reduce((sum, { count }) => sum + count, 0);
}

describe("a slice of an organisation's day", () => {
  it("depends on the size only", () => {
    expect(scaleScenario(SIZE)).toEqual(SCENARIO);
    expect(scaleScenario({ ...SIZE, accounts: 11 })).not.toEqual(SCENARIO);
  });

  it("has five times the day's mean rate, without the burst", () => {
    const meanPerMinute = 100_000 / (24 * 60);
    expect(instances(SCENARIO, ({ group }) => group === null)).toBe(Math.round(5 * meanPerMinute * 3));
  });

  it("has a burst of one Auto Scaling group, in one account and region, at one moment", () => {
    const burst = SCENARIO.launches.filter(({ group }) => group !== null);
    expect(instances(SCENARIO, ({ group }) => group !== null)).toBe(BURST);
    expect(new Set(burst.map(({ at, place, group }) => JSON.stringify({ at, place, group })))).toHaveLength(1);
  });

  it("has one launch in twenty without a tag, in the burst as elsewhere", () => {
    const untagged = ({ lifecycle }: Scenario["launches"][number]) => lifecycle.kind === "untagged";
    expect(instances(SCENARIO, (launch) => launch.group !== null && untagged(launch))).toBe(BURST / 20);
    const singles = instances(SCENARIO, ({ group }) => group === null);
    expect(instances(SCENARIO, (launch) => launch.group === null && untagged(launch))).toBe(Math.ceil(singles / 20));
  });

  it("launches in every account and in three regions only", () => {
    expect(new Set(SCENARIO.launches.map(({ place }) => place.account))).toHaveLength(SIZE.accounts);
    expect(new Set(SCENARIO.launches.map(({ place }) => place.region))).toHaveLength(3);
  });

  it("launches in order, within its minutes, and ends after the last message", () => {
    const times = SCENARIO.launches.map(({ at }) => at);
    expect(times).toEqual([...times].sort((a, b) => a - b));
    expect(times.at(-1)).toBeLessThan(3 * MINUTE);
    expect(SCENARIO.endsAt).toBeGreaterThan(3 * MINUTE + MINUTE);
  });

  it("has no faults, so that its figures show the load alone", () => {
    expect(SCENARIO).toMatchObject(NO_FAULTS);
  });
});
