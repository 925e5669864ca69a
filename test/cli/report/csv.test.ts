import { parse } from "csv-parse/sync";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { renderCsv } from "../../../src/cli/report/csv.ts";
import { guardFormulas, unguardFormulas } from "../../../src/cli/report/formulas.ts";
import type { ExemptLine, FindingLine, Line, ResolvedLine, VerdictLine } from "../../../src/cli/report/lines.ts";
import { openReport } from "../../../src/cli/report/read-lines.ts";
import { oneLine } from "../../../src/util/text.ts";
import { sampleLines } from "../../support/report.ts";
import { collect, openSample, writeReport } from "../../support/report-file.ts";

const [HEADER, FINDING, ...REST] = [...sampleLines({ findings: 2, since: true })];
if (HEADER?.type !== "report" || FINDING?.type !== "finding") throw new Error("the sample must have a finding");
const { firstSeen, type: _, status: __, ...FIELDS } = FINDING;
const EXEMPT: ExemptLine = { ...FIELDS, type: "exempt", exemption: 0 };
const RESOLVED: ResolvedLine = { ...FIELDS, firstSeen, type: "resolved", resolution: "terminated" };

async function csvOf(lines: Iterable<Line>): Promise<string> {
  return (await collect(renderCsv(await openReport({ folder: "/" }, writeReport(lines))))).join("");
}

/** Most readers end a row at any line break outside quotes. */
const ANY_BREAK = ["\r\n", "\n", "\r"];

/** Reads a file as a program does that knows of the guard. */
function rowsOf(csv: string): Record<string, string>[] {
  return parse(csv, { bom: true, columns: true, record_delimiter: ANY_BREAK, cast: (text) => unguardFormulas(text) });
}

/** The field of a line that a cell shows, with the cell's text as its value. */
function cellsOf(line: VerdictLine): Record<string, string> {
  const { remedy, tags, ...fields } = line;
  const texts = Object.entries({ ...fields, remedy: remedy.join("\n"), tags: JSON.stringify(tags) });
  return Object.fromEntries(texts.map(([key, value]) => [key, String(value ?? "")]));
}

const TEXT = fc.oneof(
  fc.string({ unit: "binary", maxLength: 12 }),
  fc.string({ unit: fc.constantFrom(..."='\"-+@;,|\t\r\n ＝＠ab\u202e\u001b"), maxLength: 8 }),
);

describe("renderCsv", () => {
  it("writes one row for each line, with all its fields", async () => {
    const report = await openSample({ findings: 450, since: true });
    const rows = rowsOf((await collect(renderCsv(report))).join(""));
    const lines = await collect(report.verdicts());
    expect(rows).toHaveLength(450);
    lines.forEach((line, index) => {
      const { type, ...cells } = cellsOf(line);
      expect(rows[index]).toMatchObject(cells);
    });
    expect(rows[0]).toMatchObject({ accountName: "prod-core", owner: "payments", service: "" });
  });

  it("says of exempt and resolved findings why", async () => {
    const rows = rowsOf(
      await csvOf([HEADER, FINDING, EXEMPT, { ...EXEMPT, exemption: 9 }, RESOLVED, ...REST.slice(-1)]),
    );
    expect(
      rows.map(({ status, resolution, reason, until, firstSeen: seen }) => [status, resolution, reason, until, seen]),
    ).toEqual([
      ["new", "", "", "", firstSeen],
      ["exempt", "", "The vendor's agent needs IMDSv1", "2026-12-31", ""],
      ["exempt", "", "", "", ""],
      ["resolved", "terminated", "", "", firstSeen],
    ]);
  });

  it("writes texts that a reader gets back, whatever is in them", async () => {
    const lines = fc.array(fc.record({ message: TEXT, name: TEXT, key: TEXT, value: TEXT, remedy: TEXT }), {
      maxLength: 4,
    });
    await fc.assert(
      fc.asyncProperty(lines, async (texts) => {
        const findings = texts.map(({ message, name, key, value, remedy }): FindingLine => {
          const tags = JSON.parse(`{${JSON.stringify(key)}: ${JSON.stringify(value)}}`);
          return { ...FINDING, message, name, remedy: [remedy, remedy], tags };
        });
        const file = writeReport([HEADER, ...findings, ...REST.slice(-1)]);
        const report = await openReport({ folder: "/" }, file);
        const csv = (await collect(renderCsv(report))).join("");
        for (const row of parse(csv, { bom: true, from: 2, record_delimiter: ANY_BREAK })) {
          for (const cell of row) expect(cell).not.toMatch(/^["\s]*[=+\-@＝＋－＠]|;["\s]*[=+\-@]/);
        }
        const rows = rowsOf(csv);
        const read = await collect(report.verdicts());
        expect(rows.map(({ message, name, tags, remedy }) => ({ message, name, tags, remedy }))).toEqual(
          read.map(({ message, name, tags, remedy }) => ({
            message,
            name,
            tags: JSON.stringify(tags),
            remedy: remedy.join("\n"),
          })),
        );
        expect(read.map(({ message }) => message)).toEqual(texts.map(({ message }) => oneLine(message)));
      }),
      { numRuns: 200 },
    );
  });

  it("quotes a remedy of several lines", async () => {
    const csv = await csvOf([HEADER, { ...FINDING, remedy: ["aws ec2 a \\", "  --b"] }, ...REST.slice(-1)]);
    expect(csv).toContain(',"aws ec2 a \\\n  --b",');
  });

  it("begins with a byte order mark, and ends lines with CRLF", async () => {
    const csv = await csvOf([HEADER, ...REST.slice(-1)]);
    expect(csv).toMatch(/^\uFEFFseverity,status,account,.*,tags\r\n$/);
  });
});

describe("guardFormulas", () => {
  it.each([
    ["=HYPERLINK(1)", "'=HYPERLINK(1)"],
    ["+1", "'+1"],
    ["-2+3", "'-2+3"],
    ["@SUM(A1)", "'@SUM(A1)"],
    ["\t=1", "'\t=1"],
    ["\r=1", "'\r=1"],
    ["  =1", "'  =1"],
    ['"=1', "'\"=1"],
    ["'=1", "''=1"],
    ["＝1", "'＝1"],
    ["a;=1;b", "a;'=1;b"],
    ["a-b", "a-b"],
    ["'a", "'a"],
    ["", ""],
  ])("writes %j as %j", (text, guarded) => {
    expect(guardFormulas(text)).toBe(guarded);
    expect(unguardFormulas(guarded)).toBe(text);
  });

  it("can be undone", () => {
    fc.assert(fc.property(TEXT, (text) => unguardFormulas(guardFormulas(text)) === text));
  });
});
