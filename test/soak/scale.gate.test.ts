import { describe, expect, it } from "vitest";
import { BUILT_FILE } from "../support/hosts.ts";
import { callsOf, evaluate } from "./report.ts";
import { BURST, scaleScenario } from "./scale-scenario.ts";
import { HOSTS } from "./soak-aws.ts";

/** A small organisation in each test run; `npm run scale` simulates the large ones. */
describe.each(HOSTS)("the deployed file on %s, for an organisation", (host) => {
  it("accounts for every launch within EC2's limits, and shares its calls and roles", {
    timeout: 180_000,
  }, async () => {
    const scenario = scaleScenario({ accounts: 3, launchesPerDay: 9_000, minutes: 1 });
    const trial = { scenario, host, file: BUILT_FILE, subscribes: "itself", conditions: "request limits" } as const;
    const { run, balance } = await evaluate(host, trial, () => {});
    expect(balance).toMatchObject({ balanced: true, deadLetters: 0 });
    expect(balance.delays.length).toBeGreaterThanOrEqual(BURST / 20);
    expect(run.throttled).toBe(0);
    // A call for each batch of the burst, not for each launch.
    expect(callsOf(run, "ec2:")).toBeLessThan(balance.launches / 2);
    // Two accounts other than the function's; at most two containers.
    expect(callsOf(run, "sts:AssumeRole")).toBeGreaterThanOrEqual(2);
    expect(callsOf(run, "sts:AssumeRole")).toBeLessThanOrEqual(4);
    expect(run.waits.length).toBeGreaterThan(0);
    expect(run.logged.get("compliant")).toBeGreaterThan(0);
  });
});
