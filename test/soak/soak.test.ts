import { describe, expect, it } from "vitest";
import { BUILT_FILE } from "../support/hosts.ts";
import { soakPlan } from "./plan.ts";
import { complaints, isGood, table, tell } from "./report.ts";
import { play } from "./run.ts";

/** A small soak in each test run; `npm run soak` is the large one. */
describe.each(["webtask", "lambda"] as const)("the deployed file as a %s, on a bad day", (face) => {
  it("loses no alert, sends no false one, and leaves no launch unaccounted for", { timeout: 180_000 }, async () => {
    const scene = { plan: soakPlan(3, 400), face, file: BUILT_FILE, subscribes: "itself", stage: "bad day" } as const;
    const run = await play(scene, () => {});
    const told = tell(face, run, 0);
    expect(complaints(told)).toEqual([]);
    expect(isGood(told)).toBe(true);
    expect(table([told])).toContain("| alerts lost | 0 |");
    // The day was bad, and something was there to be alerted.
    expect(run.kills).toBeGreaterThan(0);
    expect(run.outcomes.get("failed")).toBeGreaterThan(0);
    expect(run.records.alerts.length).toBeGreaterThan(0);
  });
});
