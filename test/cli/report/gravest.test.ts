import { describe, expect, it } from "vitest";
import { byGravity, gravestOf } from "../../../src/cli/report/gravest.ts";
import { collect, openSample } from "../../support/report-file.ts";

describe("gravestOf", () => {
  it("returns the gravest findings in order, new ones first", async () => {
    const report = await openSample({ findings: 500, since: true });
    const gravest = await gravestOf(report, 60);
    const all = await collect(report.verdicts());
    const sorted = all.flatMap((line) => (line.type === "finding" ? [line] : [])).sort(byGravity);
    expect(gravest).toEqual(sorted.slice(0, 60));
    expect(gravest[0]).toMatchObject({ severity: "critical", status: "new" });
    expect(gravest[59]).toMatchObject({ severity: "high" });
  });

  it("returns all findings of a report that has fewer", async () => {
    expect(await gravestOf(await openSample({ findings: 3 }), 60)).toHaveLength(3);
  });
});
