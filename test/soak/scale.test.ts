import { describe, expect, it } from "vitest";
import { BUILT_FILE } from "../support/hosts.ts";
import { account } from "./ledger.ts";
import { callsOf } from "./report.ts";
import { play } from "./run.ts";
import { BURST, scalePlan } from "./scale-plan.ts";

/** A small organisation in each test run; `npm run scale` plays the large ones. */
const PLAN = scalePlan({ accounts: 3, launchesPerDay: 9_000, minutes: 1 });

describe.each(["lambda", "webtask"] as const)("the deployed file as a %s, for an organisation", (face) => {
  it("accounts for every launch within EC2's limits, and shares its calls and roles", {
    timeout: 180_000,
  }, async () => {
    const scene = { plan: PLAN, face, file: BUILT_FILE, subscribes: "itself", stage: "request limits" } as const;
    const run = await play(scene, () => {});
    const told = account(run.records);
    expect(told).toMatchObject({ closes: true, deadLetters: 0 });
    expect(told.delays.length).toBeGreaterThanOrEqual(BURST / 20);
    expect(run.throttled).toBe(0);
    // Of one burst of 300: a call for each batch, and not for each launch.
    expect(callsOf(run, "ec2:")).toBeLessThan(told.launches / 2);
    // Two accounts that are not the function's; two containers at the most.
    expect(callsOf(run, "sts:AssumeRole")).toBeGreaterThanOrEqual(2);
    expect(callsOf(run, "sts:AssumeRole")).toBeLessThanOrEqual(4);
    expect(run.waits.length).toBeGreaterThan(0);
    expect(run.logged.get("compliant")).toBeGreaterThan(0);
  });
});
