import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { contentOf, formatOf } from "../../../src/cli/report/formats.ts";
import { openReport } from "../../../src/cli/report/read-lines.ts";
import { sampleLines } from "../../support/report.ts";
import { collect, openSample, writeReport } from "../../support/report-file.ts";

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
  it("copies the lines of a report as they are", async () => {
    const lines = [...sampleLines({ findings: 300, since: true, hostile: "é\u202e" })];
    const file = writeReport(lines);
    const format = formatOf("copy.jsonl");
    if ("problem" in format) throw new Error(format.problem);
    const content = await collect(contentOf(await openReport({ folder: "/" }, file), format));
    expect(Buffer.concat(content.map((part) => Buffer.from(part))).equals(readFileSync(file))).toBe(true);
  });

  it.each(["copy.jsonl", "a.ocsf.jsonl", "a.csv", "a.md", "a.html"])(
    "makes no %s of a damaged report",
    async (name) => {
      const [header = "", ...lines] = [...sampleLines({ findings: 3 })].map((line) => JSON.stringify(line));
      const report = await openReport({ folder: "/" }, writeReport([header, "{}", ...lines]));
      const format = formatOf(name);
      if ("problem" in format) throw new Error(format.problem);
      await expect(collect(contentOf(report, format))).rejects.toThrow(/^line 2 of .* is damaged: it is not a line/);
    },
  );

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
