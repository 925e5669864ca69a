import { describe, expect, it } from "vitest";
import type { Line } from "../../../src/cli/report/lines.ts";
import { renderPage } from "../../../src/cli/report/page/page.ts";
import { openReport } from "../../../src/cli/report/read-lines.ts";
import { type Sample, sampleLines } from "../../support/report.ts";
import { collect, writeReport } from "../../support/report-file.ts";

/** Returns the page of a made-up report, whose lines `change` can replace. */
async function pageOf(sample: Sample, change = (line: Line): Line => line): Promise<string> {
  const report = await openReport({ folder: "." }, writeReport([...sampleLines(sample)].map(change)));
  return (await collect(renderPage(report))).join("");
}

describe("renderPage", () => {
  it("begins with the answer, and puts the sections in order below level-2 headings", async () => {
    const page = await pageOf({ findings: 300, since: true });
    const headings = [...page.matchAll(/<h([123])[^>]*>([^<]*)/g)].map(([, level, text]) => `${level} ${text}`);
    expect(headings.filter((heading) => !heading.startsWith("3"))).toEqual([
      "1 EC2 audit",
      "2 Compliance",
      "2 What is violated",
      "2 Where",
      "2 Whose",
      "2 Since when",
      "2 What is not known",
      "2 Exemptions",
      "2 Resolved",
      "2 Findings",
    ]);
  });
});
