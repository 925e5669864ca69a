import { describe, expect, it } from "vitest";
import { BUILT_FILE } from "../support/hosts.ts";
import { evaluate, problems, soakTable } from "./report.ts";
import { soakScenario } from "./scenario.ts";
import { HOSTS } from "./soak-aws.ts";

/** A small soak in each test run; `npm run soak` is the large one. */
describe.each(HOSTS)("the deployed file on %s, with every fault", (host) => {
  it("loses no alert, sends no false one, and leaves no launch unaccounted for", { timeout: 180_000 }, async () => {
    const scenario = soakScenario(3, 400);
    const trial = { scenario, host, file: BUILT_FILE, subscribes: "itself", conditions: "faults" } as const;
    const result = await evaluate(host, trial, () => {});
    expect(problems(result)).toEqual([]);
    expect(soakTable([result])).toContain("| lost alerts | 0 |");
    const { kills, outcomes, records } = result.run;
    expect([kills, outcomes.get("failed"), records.alerts.length].every((many) => Number(many) > 0)).toBe(true);
  });
});
