import { describe, expect, test } from "vitest";
import type { Plan } from "./plan.ts";
import { BURST, scalePlan } from "./scale-plan.ts";

const SIZE = { accounts: 10, launchesPerDay: 100_000, minutes: 3 };
const PLAN = scalePlan(SIZE);
const MINUTE = 60_000;

/** How many instances are launched by those launches of a plan. */
function instances({ launches }: Plan, which: (launch: Plan["launches"][number]) => boolean): number {
  return launches.filter(which).reduce((sum, { count }) => sum + count, 0);
}

describe("a slice of an organisation's day", () => {
  test("is the same for the same size, and another for another", () => {
    expect(scalePlan(SIZE)).toEqual(PLAN);
    expect(scalePlan({ ...SIZE, accounts: 11 })).not.toEqual(PLAN);
  });

  test("has five times the day's mean rate, beside the burst", () => {
    const meanPerMinute = 100_000 / (24 * 60);
    expect(instances(PLAN, ({ group }) => group === null)).toBe(Math.round(5 * meanPerMinute * 3));
  });

  test("has a burst of one Auto Scaling group, in one account and region, at one moment", () => {
    const burst = PLAN.launches.filter(({ group }) => group !== null);
    expect(instances(PLAN, ({ group }) => group !== null)).toBe(BURST);
    expect(new Set(burst.map(({ at, place, group }) => JSON.stringify({ at, place, group })))).toHaveLength(1);
  });

  test("has one launch in twenty without a tag, in the burst as elsewhere", () => {
    const untagged = ({ story }: Plan["launches"][number]) => story.kind === "untagged";
    expect(instances(PLAN, (launch) => launch.group !== null && untagged(launch))).toBe(BURST / 20);
    const singles = instances(PLAN, ({ group }) => group === null);
    expect(instances(PLAN, (launch) => launch.group === null && untagged(launch))).toBe(Math.ceil(singles / 20));
  });

  test("launches in every account and in three regions, and nowhere else", () => {
    expect(new Set(PLAN.launches.map(({ place }) => place.account))).toHaveLength(SIZE.accounts);
    expect(new Set(PLAN.launches.map(({ place }) => place.region))).toHaveLength(3);
  });

  test("launches in order, within its minutes, and ends when the last message can have come to an end", () => {
    const times = PLAN.launches.map(({ at }) => at);
    expect(times).toEqual([...times].sort((a, b) => a - b));
    expect(times.at(-1)).toBeLessThan(3 * MINUTE);
    expect(PLAN.endsAt).toBeGreaterThan(3 * MINUTE + MINUTE);
  });

  test("goes without trouble: what is counted is the load alone", () => {
    expect(PLAN).toMatchObject({
      outages: [],
      kills: [],
      garbageAt: [],
      secretRotations: [],
      certificateRotations: [],
    });
  });
});
