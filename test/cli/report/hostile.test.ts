import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import { parse } from "csv-parse/sync";
import { expect, it } from "vitest";
import alertSchema from "../../../src/alerts/alert.schema.json";
import reportSchema from "../../../src/cli/report/report.schema.json";
import { aws, folder, linesIn, report, useFleet } from "./fleet.ts";
import ocsfSchema from "./ocsf-1.6.0-compliance_finding.schema.json";

/** Runs `ec2-audit report` over instances whose tags attack what shows them. */

useFleet();

const ajv = new Ajv2020({ strict: false, schemas: [alertSchema] });
addFormats.default(ajv);
const isLine = ajv.compile(reportSchema);
const isEvent = ajv.compile(ocsfSchema);

const NAMES = [
  "<script>alert(1)</script><img src=x onerror=alert(1)>",
  '=HYPERLINK("https://evil.example","click")',
  "  @SUM(1+1)*cmd|' /C calc'!A0",
  "a;=1+1",
  "\u001b]0;title\u0007\u001b[31m\u009b2J",
  "line\r\nbreak\u2028\u2029\u0000",
  "\u202egnp.exe\u2066",
  "| a | b |\n\n# [link](https://evil.example) @org/team #1",
  "`````",
];
const UNSEEN = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/u;

it("writes hostile tags as text in every format", async () => {
  for (const name of NAMES) aws.launch({ count: 1, tags: { Name: name, [`key ${name}`]: name } });
  const outs = ["all.jsonl", "all.ocsf.jsonl", "all.csv", "all.md"];
  const ran = await report(outs.flatMap((out) => ["--out", out]));
  const [lines, events, csv, markdown] = outs.map((out) => readFileSync(join(folder, out), "utf8"));

  for (const line of lines?.trimEnd().split("\n") ?? []) {
    expect(isLine(JSON.parse(line)), line).toBe(true);
    expect(line).not.toMatch(UNSEEN);
  }
  const findings = linesIn("all.jsonl", "finding");
  expect(new Set(findings.map(({ name }) => name)).size).toBe(NAMES.length);

  const parsed = (events ?? "")
    .trimEnd()
    .split("\n")
    .map((event) => JSON.parse(event));
  expect(parsed.filter((event) => !isEvent(event))).toEqual([]);
  expect(parsed.map(({ resources }) => resources[0].name)).toEqual(findings.map(({ name }) => name));
  expect(events?.replaceAll("\n", "")).not.toMatch(UNSEEN);

  const rows: string[][] = parse(csv ?? "", { bom: true, from: 2, record_delimiter: ["\r\n", "\n"] });
  expect(rows).toHaveLength(findings.length);
  expect(rows.flat().filter((cell) => /^["'\s]*[=+\-@]/.test(cell) && !cell.startsWith("'"))).toEqual([]);
  expect(csv?.replaceAll(/\r?\n/g, "")).not.toMatch(UNSEEN);

  const outsideCode = markdown
    ?.replaceAll(/^( *)(`{3,})\n[\s\S]*?\n\1\2\n/gm, "")
    .replaceAll(/(?<!`)(`+)(?!`).*?[^`]\1(?!`)/g, "");
  expect(outsideCode).not.toMatch(/<|evil|calc|HYPERLINK|#1|@org|gnp/);
  expect(markdown?.replaceAll("\n", "")).not.toMatch(UNSEEN);

  expect(ran.out.replaceAll("\n", "")).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
});
