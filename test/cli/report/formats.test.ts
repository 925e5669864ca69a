import { describe, expect, it } from "vitest";
import { contentOf, formatOf } from "../../../src/cli/report/formats.ts";
import { collect, openSample } from "../../support/report-file.ts";

describe("formatOf", () => {
  it.each([
    ["report.html", ".html"],
    ["out/fleet.jsonl", ".jsonl"],
    ["fleet.ocsf.jsonl", ".ocsf.jsonl"],
    ["FLEET.CSV", ".csv"],
    ["a.html.md", ".md"],
  ])("takes the format of %s from its ending %s", (file, ending) => {
    expect(formatOf(file)).toMatchObject({ ending });
  });

  it.each(["report.pdf", "report", "csv", "report.json"])("refuses %s, and lists the endings", (file) => {
    expect(formatOf(file)).toEqual({
      problem: `the name of ${file} must end with .ocsf.jsonl, .jsonl, .html, .csv or .md`,
    });
  });
});

describe("contentOf", () => {
  it("yields few parts, whatever the sizes of the renderer's parts", async () => {
    const parts = ["a".repeat(30_000), "b".repeat(30_000), "c".repeat(30_000), Buffer.from("d"), "e"];
    const render = async function* () {
      yield* parts;
    };
    const content = await collect(
      contentOf(await openSample({ findings: 0 }), { ending: "", load: async () => render }),
    );
    expect(content.map((part) => part.length)).toEqual([60_000, 30_000, 1, 1]);
    expect(content.join("")).toBe(parts.join(""));
  });
});
