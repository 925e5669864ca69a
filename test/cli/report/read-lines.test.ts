import { readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { describe, expect, it } from "vitest";
import { CliError } from "../../../src/cli/cli-error.ts";
import { openReport } from "../../../src/cli/report/read-lines.ts";
import { sampleLines } from "../../support/report.ts";
import { collect, openSample, writeReport } from "../../support/report-file.ts";

const LINES = [...sampleLines({ findings: 30, since: true })].map((line) => JSON.stringify(line));
const VERDICTS = LINES.filter((line) => line.startsWith('{"type":"finding"'));

/** Reads all of a file. Returns the problem and the hint, without the name of the file. */
async function problemOf(content: string): Promise<string> {
  const file = writeReport([]);
  writeFileSync(file, content);
  try {
    const report = await openReport({ folder: dirname(file) }, "report.jsonl");
    await collect(report.verdicts());
  } catch (error) {
    if (error instanceof CliError) return `${error.message}. ${error.hint}`;
    throw error;
  }
  return "none";
}

const NOT_A_REPORT =
  "report.jsonl is not a report of ec2-audit. Specify a complete .jsonl file that ec2-audit report --out wrote.";

describe("openReport", () => {
  it("returns header, places and sums, and yields the findings as often as asked", async () => {
    const report = await openSample({ findings: 30, since: true });
    expect(JSON.stringify(report.header)).toBe(LINES[0]);
    expect(report.places.map((place) => JSON.stringify(place))).toEqual(LINES.slice(31, -1));
    expect(JSON.stringify(report.sums)).toBe(LINES.at(-1));
    for (const _ of [1, 2]) {
      expect((await collect(report.verdicts())).map((line) => JSON.stringify(line))).toEqual(VERDICTS);
    }
  });

  it("reads a report whose places and findings take many reads", async () => {
    const report = await openSample({ findings: 2000, accounts: 400 });
    expect(report.places).toHaveLength(2000);
    expect(report.places[0]).toMatchObject({ account: "210000000000", region: "us-east-1" });
    expect(await collect(report.verdicts())).toHaveLength(2000);
  });

  it("reads a report without findings, without places, and without a last line break", async () => {
    const file = writeReport([LINES[0] ?? "", LINES.at(-1) ?? ""]);
    writeFileSync(file, readFileSync(file, "utf8").trimEnd());
    const report = await openReport({ folder: "/" }, file);
    expect(report.places).toEqual([]);
    expect(report.sums.type).toBe("sums");
    expect(await collect(report.verdicts())).toEqual([]);
  });

  it("replaces control characters and bidirectional marks in texts and keys, however they are written", async () => {
    const hostile = '\u001b[31m\n\t\u0007\u0085\u202e\u2028\\"é\u{1f600}/';
    const plain = ' [31m      \\"é\u{1f600}/';
    const [header = "", ...others] = [...sampleLines({ findings: 7, hostile })].map((line) => JSON.stringify(line));
    const escaped = others.map((line) => line.replaceAll("\u202e", "\\u202E").replaceAll("\u2028", "\\u2028"));
    for (const lines of [others, escaped]) {
      const report = await openReport({ folder: "/" }, writeReport([header, ...lines]));
      const [line] = await collect(report.verdicts());
      expect(line?.message.endsWith(plain)).toBe(true);
      expect(line?.tags.owner).toBe(`payments${plain}`);
      expect(report.header.exemptions[0]?.reason).toBe(`The vendor's agent needs IMDSv1${plain}`);
    }
    const key = VERDICTS[0]?.replace('"tags":{', '"tags":{"a\\u001bb":"c","__proto__":"d",') ?? "";
    const report = await openReport({ folder: "/" }, writeReport([LINES[0] ?? "", key, LINES.at(-1) ?? ""]));
    const [line] = await collect(report.verdicts());
    expect(Object.entries(line?.tags ?? {}).slice(0, 2)).toEqual([
      ["a b", "c"],
      ["__proto__", "d"],
    ]);
  });

  it.each([
    ["empty", "", "report.jsonl is empty. Specify a complete .jsonl file that ec2-audit report --out wrote."],
    ["text", "hello\n", NOT_A_REPORT],
    ["binary", "\0\u0001\u0002".repeat(1000), NOT_A_REPORT],
    ["a list", "[]\n", NOT_A_REPORT],
    ["null", "null", NOT_A_REPORT],
    ["an alert", '{"schema":"urn:ec2-audit:alert:1"}', NOT_A_REPORT],
    ["OCSF", '{"class_uid":2003}\n', NOT_A_REPORT],
    ["findings without a header", `${VERDICTS[0]}\n${LINES.at(-1)}\n`, NOT_A_REPORT],
  ])("refuses a file that is %s", async (_, content, problem) => {
    expect(await problemOf(content)).toBe(problem);
  });

  it("refuses a report of a later version", async () => {
    expect(await problemOf('{"type":"report","schema":"urn:ec2-audit:report:2","more":true}\n')).toBe(
      "report.jsonl is a report of version 2, and this ec2-audit reads version 1. Update ec2-audit: npm install --global ec2-audit@latest",
    );
  });

  it("refuses a report that is cut off anywhere", async () => {
    const whole = `${LINES.join("\n")}\n`;
    const header = LINES[0]?.length ?? 0;
    const incomplete =
      /^report.jsonl is incomplete: line \d+, the last one, is not the sums of a report\. The report was ended/;
    for (let length = header + 1; length < whole.length - 1; length += 997) {
      expect(await problemOf(whole.slice(0, length))).toMatch(incomplete);
    }
    expect(await problemOf(whole.slice(0, 200))).toBe(NOT_A_REPORT);
    expect(await problemOf(`${LINES.slice(0, 4).join("\n")}\n{"type":"fin`)).toContain("incomplete: line 5,");
  });

  it("states the number and the problem of a damaged line", async () => {
    const damaged = (at: number, text: string) => problemOf(LINES.with(at, text).join("\n"));
    const fix = "Specify another report, or make this one again.";
    expect(await damaged(3, '{"type":')).toBe(`line 4 of report.jsonl is damaged: it is not JSON. ${fix}`);
    expect(await damaged(3, "")).toBe(`line 4 of report.jsonl is damaged: it is not JSON. ${fix}`);
    expect(await damaged(3, "7")).toBe(`line 4 of report.jsonl is damaged: it is not a line of a report. ${fix}`);
    expect(await damaged(3, '{"type":"constructor"}')).toContain("line 4 of report.jsonl is damaged: it is not a line");
    expect(await damaged(3, '{"type":"finding"}')).toContain("it must have required property 'status'");
    expect(await damaged(3, VERDICTS[0]?.replace('"critical"', '"worst"') ?? "")).toContain(
      "damaged: severity must be",
    );
    expect(await damaged(3, VERDICTS[0]?.replace('"remedy":[', '"remedy":[7,') ?? "")).toContain(
      "remedy.0 must be string",
    );
    expect(await damaged(3, LINES[0] ?? "")).toContain("line 4 of report.jsonl is damaged: it is in the wrong place");
    expect(await damaged(LINES.length - 1, '{"type":"sums"}')).toContain(
      `line ${LINES.length} of report.jsonl is damaged`,
    );
    expect(await damaged(33, '{"type":"place"}')).toContain("line 34 of report.jsonl is damaged: it must have");
  });

  it.each([
    ["missing.jsonl", "missing.jsonl does not exist"],
    [".", ". is not a file"],
  ])("refuses %s", async (name, problem) => {
    await expect(openReport({ folder: dirname(writeReport([])) }, name)).rejects.toThrow(problem);
  });
});
