import { stripVTControlCharacters } from "node:util";
import pc from "picocolors";
import { describe, expect, it } from "vitest";
import { widthOf } from "../../../src/cli/report/columns.ts";
import type { Line, Sums } from "../../../src/cli/report/lines.ts";
import { openReport } from "../../../src/cli/report/read-lines.ts";
import { summaryText } from "../../../src/cli/report/terminal.ts";
import { type Sample, sampleLines } from "../../support/report.ts";
import { writeReport } from "../../support/report-file.ts";

const PLAIN = pc.createColors(false);

/** Returns the summary of lines, of which `change` may change each. */
async function summaryOf(sample: Sample, columns = 80, change = (line: Line): Line => line, colours = PLAIN) {
  const lines = [...sampleLines(sample)].map(change);
  const report = await openReport({ folder: "/" }, writeReport(lines));
  const step = { command: "ec2-audit report --out fleet.html", does: "write all findings as a page" };
  return summaryText(report, { colours, columns }, [step]);
}

/** Changes a report so that each of its instances complies. */
function compliant(line: Line): Line {
  if (line.type === "place") return { ...line, status: "complete", reason: null, compliant: 10, instances: 10 };
  if (line.type !== "sums") return line;
  const { totals } = line;
  return { ...line, totals: { ...totals, instances: 12_480, compliant: 12_480, exempt: 0 } };
}

describe("summaryText", () => {
  it("states the answer first, then what changed, the rules, and the gravest findings with their remedies", async () => {
    const text = await summaryOf({ findings: 724, since: true });
    expect(text.split("\n").slice(0, 6)).toEqual([
      "90.0 % compliant",
      "724 of 7,240 instances violate the policy.",
      "724 findings: 64 critical, 275 high, 385 medium.",
      "41 new findings, 206 resolved (171 fixed, 32 terminated and 3 exempted), 683",
      "still open. 12 violations are exempt.",
      "! 1 of 25 places could not be read completely. These figures lack what was not",
    ]);
    expect(text).toContain(`
Rule                 Severity  Findings  New  Resolved  Compliant
closed-to-the-world  critical        64    0         0     99.1 %
imdsv2               high           156    4        31     97.8 %
`);
    expect(text).toContain("\nsecurity   us-west-2            37        370     90.0 %\n");
    expect(text).toContain("\nand 12 other places with violations\n");
    expect(text).toContain(`
The 10 gravest of 724 findings
 1. critical etl-nightly-0 · i-00000000000000000 · prod-core · us-east-1 · new
    The world (0.0.0.0/0) reaches TCP port 22 through sg-0a1b2c3d4e5f60000
    (launch-wizard-0).
    aws ec2 revoke-security-group-ingress --region us-east-1 `);
    expect(text).toContain("✗ security ap-southeast-2: denied, the credentials do not allow\n");
    expect(text).toContain("\nNext steps\n  ec2-audit report --out fleet.html\n    write all findings as a page");
  });

  it("compares with the previous report if every place was read", async () => {
    const complete = (line: Line): Line => (line.type === "place" ? { ...line, status: "complete" } : line);
    expect(await summaryOf({ findings: 724, since: true }, 200, complete)).toContain(
      "724 of 7,240 instances violate the policy. That is 16 fewer than in the report of 24 Nov 2026, which had 89.7 %.",
    );
  });

  it("states what is not known: an interruption, rules that could not be judged, unconfirmed findings", async () => {
    const text = await summaryOf({ findings: 20, since: true }, 120, (line) => {
      if (line.type === "finding") return { ...line, status: "unknown" };
      if (line.type === "sums" && line.since) {
        return { ...line, interrupted: true, since: { ...line.since, unknown: 20 } };
      }
      if (line.type !== "place" || line.region !== "us-west-2") return line;
      return {
        ...line,
        notJudgedRules: [{ ruleId: "image", reason: "the credentials do not allow it", instances: 3 }],
      };
    });
    expect(text).toContain("! The report was interrupted. It has what was read until then.");
    expect(text).toContain("! image on 15 instances: the credentials do not allow it.");
    expect(text).toContain("still open, and 20 not confirmed");
    expect(text).toContain("us-east-1 · not confirmed");
  });

  it("names a place that stands for all regions of an account", async () => {
    const text = await summaryOf({ findings: 20 }, 80, (line) =>
      line.type === "place" && line.status === "denied" ? { ...line, region: "*" } : line,
    );
    expect(text).toContain("\n✗ security all regions: denied, the credentials do not allow\n");
    expect(text).toContain("5 accounts, 5 regions");
  });

  it("states which exemptions end soon or have ended", async () => {
    const text = await summaryOf({ findings: 20 }, 120, (line) => {
      if (line.type !== "report") return line;
      const [exemption] = line.exemptions;
      if (exemption === undefined) return line;
      const until = (day: string, ...rules: string[]) => ({ ...exemption, until: day, rules });
      return {
        ...line,
        exemptions: [until("2026-12-24", "a"), until("2026-11-20", "b", "c"), until("2026-12-26", "d")],
      };
    });
    expect(text).toContain(`
Exemptions that end soon
! b, c: has ended (20 Nov 2026); its violations are findings again. The vendor's agent needs IMDSv1.
! a: ends in 30 days (24 Dec 2026); 12 exempt violations. The vendor's agent needs IMDSv1.

`);
  });

  it("says that all instances comply", async () => {
    expect(await summaryOf({ findings: 0 }, 80, compliant)).toBe(`✓ 100 % compliant
All 12,480 instances comply with the policy.
25 Nov 2026, 06:00 UTC: 5 accounts, 5 regions, 4 rules. 1,704 calls in 41
seconds.

4 rules, none violated

Next steps
  ec2-audit report --out fleet.html
    write all findings as a page`);
  });

  it("says that there is no instance", async () => {
    const empty = (line: Line): Line => (line.type === "place" ? { ...line, status: "complete", reason: null } : line);
    const text = await summaryOf({ findings: 0 }, 80, empty);
    expect(text.split("\n").slice(0, 2)).toEqual([
      "No instances",
      "No instance was found in the 25 places that were read.",
    ]);
  });

  it.each([40, 80, 120])("takes at most %i columns, except in commands", async (columns) => {
    const hostile = "\u001b[31m日本語の名前がとても長いです\u200b\u202e|`@x`aVeryLongWordWithoutAnySpaceInItWhatsoever";
    for (const colours of [PLAIN, pc.createColors(true)]) {
      const text = await summaryOf({ findings: 30, since: true, hostile }, columns, (line) => line, colours);
      const lines = stripVTControlCharacters(text).split("\n");
      const wide = lines.filter((line) => widthOf(line) > columns);
      expect(wide.filter((line) => !/^ *(?:aws ec2|Launch a new|ec2-audit report)/.test(line))).toEqual([]);
    }
  });

  it("leaves no control character or invisible character of AWS in the text", async () => {
    const hostile = "\u001b[31m\u0007\r\n\u009b2J\u202e\u200b\u2066";
    const text = await summaryOf({ findings: 60, since: true, hostile });
    expect(text.replaceAll("\n", "")).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
  });

  it("draws a bar only in colour", async () => {
    expect(await summaryOf({ findings: 30 })).not.toContain("━");
    const text = await summaryOf({ findings: 30 }, 40, (line) => line, pc.createColors(true));
    expect(text).toContain(`\u001b[32m${"━".repeat(36)}\u001b[39m\u001b[31m${"━".repeat(4)}\u001b[39m`);
  });

  it("counts instances that could not be judged", async () => {
    const text = await summaryOf({ findings: 20 }, 80, (line): Line => {
      if (line.type !== "sums") return line;
      const totals: Sums["totals"] = { ...line.totals, compliant: 150, notJudged: 30 };
      return { ...line, totals };
    });
    expect(text).toContain("88.2 % compliant\n20 of 200 instances violate the policy.");
    expect(text).toContain("30 instances could not be judged.");
  });
});
