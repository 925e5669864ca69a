import { describe, expect, it } from "vitest";
import type { Line } from "../../../src/cli/report/lines.ts";
import { renderMarkdown } from "../../../src/cli/report/markdown.ts";
import { openReport } from "../../../src/cli/report/read-lines.ts";
import { type Sample, sampleLines } from "../../support/report.ts";
import { collect, writeReport } from "../../support/report-file.ts";

/** Returns the Markdown of lines, of which `change` may change each. */
async function markdownOf(sample: Sample, change = (line: Line): Line => line): Promise<string> {
  const file = writeReport([...sampleLines(sample)].map(change));
  return (await collect(renderMarkdown(await openReport({ folder: "/" }, file)))).join("");
}

/** Makes a report that uses every part of the page. */
function full(line: Line): Line {
  if (line.type === "report") {
    return { ...line, exemptions: line.exemptions.map((exemption) => ({ ...exemption, until: "2026-12-01" })) };
  }
  if (line.type !== "place") return line;
  const reason = `denied${line.reason}`;
  return { ...line, reason, notJudgedRules: [{ ruleId: "image", reason, instances: 2 }] };
}

/** Returns Markdown without its code: blocks first, because a block may contain the backticks of a span. */
function withoutCode(markdown: string): string {
  return markdown
    .replaceAll(/^( *)(`{3,})\n[\s\S]*?\n\1\2\n/gm, "[block]\n")
    .replaceAll(/(?<!`)(`+)(?!`)[\s\S]*?[^`]\1(?!`)/g, "[code]");
}

describe("renderMarkdown", () => {
  it("states the answer, what changed, the rules, and the gravest findings", async () => {
    const markdown = await markdownOf({ findings: 724, since: true }, full);
    expect(markdown).toMatch(/^## EC2 audit: 90\.0 % compliant\n\n724 of 7,240 instances violate the policy\./);
    expect(markdown).toContain(`
**1 of 25 places could not be read completely.** These figures lack what was not read.

12 violations are exempt.

41 new findings, 206 resolved (171 fixed, 32 terminated and 3 exempted), 683 still open.

| Rule | Severity | Findings | New | Resolved | Compliant |
| --- | --- | ---: | ---: | ---: | ---: |
| \`closed-to-the-world\` | critical | 64 | 0 | 0 | 99.1 % |
`);
    expect(markdown).toContain("\n- `security ap-southeast-2`: denied, `deniedthe credentials");
    expect(markdown).toContain("\n- `image` on 48 instances: `deniednull`\n");
    expect(markdown).toContain("\n- `imdsv2`: ends in 7 days (1 Dec 2026); 12 exempt violations: `The vendor's");
    expect(markdown).toContain(`
### The 20 gravest of 724 findings

1. **critical**, **new**: \`etl-nightly-0\` \`i-00000000000000000\` in \`prod-core\`, us-east-1 violates \`closed-to-the-world\`${"  "}
   \`the world (0.0.0.0/0) reaches TCP port 22 through sg-0a1b2c3d4e5f60000 (launch-wizard-0)\`

   \`\`\`
   aws ec2 revoke-security-group-ingress --region us-east-1 `);
    expect(markdown).toMatch(
      /\n`ec2-audit 1\.0\.0`, 25 Nov 2026, 06:00 UTC: 25 places, 1,704 calls in 41 seconds\.\n$/,
    );
  });

  it("says that all instances comply", async () => {
    const markdown = await markdownOf({ findings: 0 }, (line): Line => {
      if (line.type === "place") return { ...line, status: "complete", reason: null };
      if (line.type !== "sums") return line;
      return { ...line, totals: { ...line.totals, instances: 12_480, compliant: 12_480, exempt: 0 } };
    });
    expect(markdown).toBe(`## EC2 audit: 100 % compliant

All 12,480 instances comply with the policy.

4 rules without a violation.

\`ec2-audit 1.0.0\`, 25 Nov 2026, 06:00 UTC: 25 places, 1,704 calls in 41 seconds.
`);
  });

  it.each([
    "<script>alert(1)</script><img src=x onerror=alert(1)>&lt;",
    "[link](https://evil.example) ![image](https://evil.example/x.png) https://evil.example www.evil.example",
    "@org/team #123 org/repo#1 GH-1 a@evil.example :tada: $x$",
    "| a | b |\n| --- | --- |\n\n# Heading\n- item\n> quote\n```\n~~~",
    "`code` ``` ````\\",
    "`",
    "\u001b[31m\u202e\u2028\u0000",
    " ",
  ])("keeps %j in code, and changes nothing else", async (hostile) => {
    const [plain, changed] = [
      await markdownOf({ findings: 30, since: true }, full),
      await markdownOf({ findings: 30, since: true, hostile }, full),
    ];
    expect(withoutCode(changed)).toBe(withoutCode(plain));
    expect(changed).not.toMatch(/[^\n\P{Cc}]|[\u202e\u2028]/u);
  });

  it("writes what only looks like code in the remedies as it is", async () => {
    const markdown = await markdownOf({ findings: 1 }, (line) =>
      line.type === "finding" ? { ...line, remedy: ["```", "````", "<b>", " @x"] } : line,
    );
    expect(markdown).toContain("\n   `````\n   ```\n   ````\n   <b>\n    @x\n   `````\n");
  });

  it("takes at most 60,000 bytes", async () => {
    const long = "é`".repeat(5000);
    const markdown = await markdownOf({ findings: 40, since: true, hostile: long }, (line) =>
      line.type === "finding"
        ? ({ ...full(line), remedy: Array.from({ length: 19 }, () => "é".repeat(100)) } as Line)
        : full(line),
    );
    expect(Buffer.byteLength(markdown)).toBeLessThan(60_000);
    expect(markdown).toMatch(/### The 1\d gravest of 40 findings/);
    const places = await markdownOf({ findings: 1, accounts: 100 }, (line) =>
      line.type === "place"
        ? { ...line, status: "failed", reason: `${"日".repeat(300)}${line.account}${line.region}` }
        : line.type === "report"
          ? { ...line, accounts: Object.fromEntries(Object.keys(line.accounts).map((id) => [id, "日".repeat(999)])) }
          : line,
    );
    expect(Buffer.byteLength(places)).toBeLessThan(60_000);
    const commands = await markdownOf({ findings: 1 }, (line) =>
      line.type === "finding" ? { ...line, remedy: ["a".repeat(2001)] } : line,
    );
    expect(commands).toContain("   The remedy is too long for this page.\n");
  });
});
