import { describe, expect, it } from "vitest";
import { violatedRules } from "../../../src/cli/report/rule-results.ts";
import { openSample } from "../../support/report-file.ts";

describe("violatedRules", () => {
  it("returns no change for a rule whose id is the name of a property of all objects", async () => {
    const { header, sums } = await openSample({ findings: 30, since: true });
    const [rule] = header.rules;
    const [sum] = Object.values(sums.totals.rules);
    if (rule === undefined || sum === undefined) throw new Error("the sample has no rule");
    const about = {
      header: { ...header, rules: [{ ...rule, id: "constructor" }] },
      sums: { ...sums, totals: { ...sums.totals, rules: { constructor: { ...sum, violation: 3 } } } },
    };
    expect(violatedRules(about)).toMatchObject([{ violations: 3, new: 0, resolved: 0 }]);
  });
});
