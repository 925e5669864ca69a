import { expect, it } from "vitest";
import { expectation } from "./expectation.ts";
import { histories } from "./history.ts";
import type { Balance } from "./ledger.ts";
import type { Run } from "./run.ts";
import { UNTAGGED } from "./stories.ts";

const AT = Date.parse("2026-11-23T03:00:00Z");

it("shows what happened to an instance for which a run does not balance, in the order of time", () => {
  const finding = { instanceId: "i-1", ruleId: "required-tags", status: "violating", dedupKey: "1" } as const;
  const run = {
    records: {
      expected: ["i-1", "i-2"].map((id) => expectation(id, { lifecycle: UNTAGGED, group: null }, AT, () => true, true)),
      alerts: [{ at: AT + 60_000, topic: "lab", findings: [finding, { ...finding, instanceId: "i-2" }] }],
      causes: [{ instanceId: "i-1", at: AT + 59_500, topic: null, cause: "the delivery timed out" }],
    },
    settlings: new Map([["i-1", [{ at: AT + 61_000, text: "violating" }]]]),
  } as unknown as Run;
  const none = { lost: [], false: [], settledAgain: [], unsettled: [] };
  const balance = { ...none, unexplained: ["i-1 required-tags lab", "i-1 required-tags oncall"] } as unknown as Balance;
  expect(histories(run, balance)).toEqual([
    [
      "i-1, untagged:",
      "     0.000 s  launch",
      "    59.500 s  all topics: the delivery timed out",
      "    60.000 s  lab: got required-tags violating",
      "    61.000 s  violating",
    ].join("\n"),
  ]);
});
