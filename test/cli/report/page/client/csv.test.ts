import { parse } from "csv-parse/sync";
import { expect, it } from "vitest";
import { renderCsv } from "../../../../../src/cli/report/csv.ts";
import { csvOf } from "../../../../../src/cli/report/page/client/csv.ts";
import { collect, openSample } from "../../../../support/report-file.ts";
import { findingsOf } from "./findings.ts";

it("writes the cells that the report's own file has", async () => {
  const findings = await findingsOf(300);
  const read = (text: string): Record<string, string>[] => parse(text, { bom: true, columns: true });
  const own = read([...csvOf(findings, findings.column("severity").codes.keys())].join(""));
  const file = read((await collect(renderCsv(await openSample({ findings: 300 })))).join(""));
  const byId = new Map(file.map((row) => [row.instanceId, row]));
  for (const row of own) {
    const { launchTime = "", firstSeen = "", ...others } = row;
    const expected = byId.get(row.instanceId ?? "");
    expect(expected).toMatchObject(others);
    expect(expected?.launchTime?.slice(0, 16)).toBe(launchTime.slice(0, 16));
    expect(expected?.firstSeen?.slice(0, 16)).toBe(firstSeen.slice(0, 16));
  }
  expect(own).toHaveLength(300);
});

it("guards cells that a spreadsheet would execute", async () => {
  const findings = await findingsOf(1, (line) => ({ ...line, name: '=HYPERLINK("http://x","y")' }));
  expect([...csvOf(findings, [0])].at(-1)).toContain(`,"'=HYPERLINK(""http://x"",""y"")",`);
});
