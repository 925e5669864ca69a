import { describe, expect, it } from "vitest";
import type { FindingLine, Line, PlaceLine, ResolvedLine, Sums } from "../../../../src/cli/report/lines.ts";
import { renderPage } from "../../../../src/cli/report/page/page.ts";
import { openReport } from "../../../../src/cli/report/read-lines.ts";
import { type Sample, sampleLines } from "../../../support/report.ts";
import { collect, writeReport } from "../../../support/report-file.ts";

type Change = (line: Line) => Line | Line[];

/** Returns the page of a made-up report, whose lines `change` can replace. */
async function pageOf(sample: Sample, change: Change = (line) => line): Promise<string> {
  const report = await openReport({ folder: "." }, writeReport([...sampleLines(sample)].flatMap(change)));
  return (await collect(renderPage(report))).join("");
}

/** Returns the markup that a reader without scripts sees. */
function documentOf(page: string): string {
  return page.slice(page.indexOf("<main>"), page.indexOf("</main>"));
}

/** Returns the text of a document, or of a section of it. */
function textOf(page: string, id?: string): string {
  const document = documentOf(page);
  const from = id === undefined ? 0 : document.indexOf(`<section id="${id}"`);
  expect(from).not.toBe(-1);
  const part = id === undefined ? document : document.slice(from, document.indexOf("</section>", from));
  return part
    .replaceAll(/<[^>]*>/g, " ")
    .replaceAll(/\s+/g, " ")
    .replaceAll("&quot;", '"')
    .replaceAll("&#39;", "'")
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&amp;", "&");
}

const place = (change: (place: PlaceLine) => Partial<PlaceLine>): Change => {
  return (line) => (line.type === "place" ? { ...line, ...change(line) } : line);
};
const complete = { status: "complete", reason: null } as const;
const nothing = { instances: 0, compliant: 0, violating: 0, notJudged: 0, findings: 0 };

const sumsOf = (change: (sums: Sums) => Partial<Sums>): Change => {
  return (line) => (line.type === "sums" ? { ...line, ...change(line) } : line);
};

const all =
  (...changes: readonly Change[]): Change =>
  (line) =>
    changes.reduce<Line[]>((lines, change) => lines.flatMap(change), [line]);

const HOSTILE = `"><script>alert(1)</script>'&quot; =cmd|'x' \u202e\u0007<img src=x onerror=alert(1)> javascript:alert(1)`;

describe("renderPage", () => {
  it("puts the answer first, and the sections in order below level-2 headings", async () => {
    const page = await pageOf({ findings: 300, since: true });
    const headings = [...documentOf(page).matchAll(/<h([1-6])[^>]*>([^<]*)/g)].map(([, level, text]) => ({
      level,
      text,
    }));
    expect(headings.filter(({ level }) => level !== "3").map(({ text }) => text)).toEqual([
      "EC2 audit",
      "Compliance",
      "What is violated",
      "Where",
      "Whose",
      "Since when",
      "What is not known",
      "Exemptions",
      "Resolved",
      "Findings",
    ]);
    expect(page).toContain("<title>EC2 audit: 90.0 % compliant, 25 Nov 2026</title>");
  });

  it("holds well-formed markup, unique ids, and nothing that a strict content security policy refuses", async () => {
    const page = await pageOf({ findings: 300, since: true, hostile: HOSTILE });
    const document = documentOf(page);
    const open: string[] = [];
    for (const [, slash, name = "", attributes = ""] of document.matchAll(/<(\/?)([a-z][a-z0-9]*)([^<>]*)>/g)) {
      expect(attributes).toMatch(/^(?: [a-z][\w:-]*(?:="[^"<>]*")?)*\/?$/i);
      expect(attributes.replaceAll(/"[^"]*"/g, "")).not.toMatch(/ (?:style|on\w+|src)[= ]/);
      if (slash) expect(name).toBe(open.pop());
      else if (!attributes.endsWith("/") && !/^(?:br|hr|img|input|meta|wbr)$/.test(name)) open.push(name);
    }
    expect(open).toEqual(["main"]);
    const ids = [...page.matchAll(/ id="([^"]*)"/g)].map(([, id]) => id);
    expect(ids).toEqual([...new Set(ids)]);
    expect(page.match(/<style/g)).toHaveLength(1);
    expect([...page.matchAll(/<script[^>]*>/g)].map(([tag]) => tag)).toEqual([
      '<script type="application/gzip+base64" id="data">',
      "<script>",
    ]);
    expect(page).not.toMatch(/<(?:link|img|iframe|object|embed)\b/);
    for (const [, link] of document.matchAll(/ href="([^"]*)"/g)) expect(link).toMatch(/^(?:https:\/\/|#)/);
  });

  it("shows texts out of AWS as text, without the characters that reorder it", async () => {
    const page = await pageOf({ findings: 300, since: true, hostile: HOSTILE });
    expect(documentOf(page)).not.toMatch(/<script|<img|\p{Bidi_Control}|(?!\n)\p{Cc}/u);
    expect(textOf(page, "findings")).toContain(
      `"><script>alert(1)</script>'&quot; =cmd|'x' <img src=x onerror=alert(1)>`,
    );
  });

  it("links only to web pages, and to the instance's page in the console", async () => {
    const link =
      (url: string): Change =>
      (line) =>
        line.type === "report"
          ? { ...line, rules: line.rules.map((rule) => ({ ...rule, link: url })) }
          : line.type === "finding"
            ? { ...line, link: url }
            : line;
    const links = (page: string) => [...new Set([...page.matchAll(/href="([^"#][^"]*)"/g)].map(([, url]) => url))];
    expect(links(await pageOf({ findings: 1 }, link("javascript:alert(1)")))).toEqual([
      "https://console.aws.amazon.com/ec2/home?region=us-east-1#InstanceDetails:instanceId=i-00000000000000000",
    ]);
    expect(links(await pageOf({ findings: 1 }, link("https://wiki.example.com/a?b&c")))).toContain(
      "https://wiki.example.com/a?b&amp;c",
    );
  });

  it("describes each chart, and has its numbers in a table", async () => {
    const page = await pageOf({ findings: 300 });
    const document = documentOf(page);
    const charts = [...document.matchAll(/<figure>[\s\S]*?<\/figure>/g)].flatMap(([figure]) =>
      figure.includes("<svg") ? [figure] : [],
    );
    expect(charts).toHaveLength(3);
    for (const chart of charts) {
      expect(chart).toMatch(
        /<svg class="plot" role="img" aria-label="Findings by [^"]+ \d+\. The table below has all numbers\."/,
      );
      expect(chart).toMatch(/<details class="data"><summary>Data<\/summary>/);
      expect(chart).not.toContain('aria-roledescription="rect mark container"');
    }
    for (const [svg] of document.matchAll(/<svg [^>]*>/g))
      expect(svg).toMatch(/role="img" aria-label="[^"]|aria-hidden="true"/);
    expect(textOf(page, "since-when")).toContain("Mar 2026 31 0 6 25 0 31 of 310");
  });

  it("has the 200 gravest findings, with what to do", async () => {
    const page = await pageOf({ findings: 749, since: true });
    const section = documentOf(page).slice(documentOf(page).indexOf('<section id="findings"'));
    expect(section).toContain('<div id="tools" hidden></div>');
    expect(section.match(/<tr>/g)).toHaveLength(201);
    const severities = [...section.matchAll(/class="sev (\w+)"/g)].map(([, severity]) => severity);
    expect(severities.slice(0, 64)).toEqual(Array(64).fill("critical"));
    expect(severities.slice(64)).toEqual(Array(136).fill("high"));
    expect(section).toMatch(/<summary>Remedy<\/summary><pre>aws ec2 revoke-security-group-ingress --region/);
    expect(textOf(page, "findings")).toContain("The 200 gravest of 749 findings.");
  });

  it("marks new findings, and those that could not be confirmed", async () => {
    const unknown: Change = (line) =>
      line.type === "finding" && line.status === "open" ? { ...line, status: "unknown" } : line;
    const text = textOf(await pageOf({ findings: 20, since: true }, unknown), "findings");
    expect(text).toContain("etl-nightly-0 new i-00000000000000000");
    expect(text).toContain("not confirmed");
  });

  it("compares the fleet with the previous report", async () => {
    const text = textOf(
      await pageOf(
        { findings: 749, since: true },
        place(() => complete),
      ),
      "answer",
    );
    expect(text).toContain(
      "749 of 7,490 instances violate the policy. That is 16 fewer than in the report of 24 Nov 2026",
    );
    expect(text).toContain("new findings since 24 Nov 2026 42");
    expect(text).toContain("resolved: 171 fixed, 32 terminated and 3 exempted 206");
    expect(text).toContain("still open, the oldest for 358 days 707");
  });

  it("does not call the fleet better or worse when a place is missing", async () => {
    const text = textOf(await pageOf({ findings: 749, since: true }), "answer");
    expect(text).toContain("Since the report of 24 Nov 2026, 42 findings are new and 206 are resolved.");
    expect(text).toContain("1 of 25 places could not be read completely.");
  });

  it("has the gravest resolved findings with the reason", async () => {
    const resolved: Change = (line) => {
      if (line.type !== "finding") return line;
      const { status, ...others }: FindingLine = line;
      const gone: ResolvedLine = { ...others, type: "resolved", resolution: "terminated" };
      return gone;
    };
    const text = textOf(await pageOf({ findings: 60, since: true }, resolved), "resolved");
    expect(text).toContain("The 50 gravest");
    expect(text.match(/The instance was terminated\./g)).toHaveLength(50);
  });

  it("names the places that were not read, with what to do, and the rules that were not judged", async () => {
    const reason = "the credentials do not allow ec2:DescribeSecurityGroups";
    const rule = { ruleId: "closed-to-the-world", reason, instances: 38 };
    const change = place(({ region, status }) =>
      region === "us-east-1"
        ? { notJudgedRules: [rule] }
        : region === "eu-west-1"
          ? { status: "off", reason: "the region is off" }
          : { status },
    );
    const text = textOf(await pageOf({ findings: 100 }, change), "unread");
    expect(text).toContain("6 places of 25 not read completely");
    expect(text).toContain(
      "security ap-southeast-2 denied the credentials do not allow ec2:DescribeInstances Allow the action",
    );
    expect(text).toContain(
      "prod-core, prod-data, staging, sandbox and security eu-west-1 off the region is off Enable",
    );
    expect(text).toContain(`closed-to-the-world ${reason} 190 5`);
  });

  it("tells which exemptions are used, unused, ending soon and expired", async () => {
    const [rules, when] = [["imdsv2"], 'the state is "running"'];
    const ends = ["2026-12-31", "2026-11-30", "2026-11-25", "2026-11-01"];
    const change: Change = (line) =>
      line.type === "report"
        ? { ...line, exemptions: ends.map((until, index) => ({ rules, when, until, reason: `Reason ${index}` })) }
        : line;
    const text = textOf(await pageOf({ findings: 10 }, change), "exemptions");
    expect(text).toContain("imdsv2 1 Nov 2026 expired its violations are findings again 0 Reason 2");
    expect(text).toContain("25 Nov 2026 ends today 0 unused");
    expect(text).toContain("30 Nov 2026 ends in 6 days 0 unused");
    expect(text).toContain("31 Dec 2026 37 days left 12");
  });

  it("has rows for the 20 worst accounts, and one for the others", async () => {
    const page = await pageOf({ findings: 3000, accounts: 100 });
    const text = textOf(page, "where");
    expect(text).toContain("80 other accounts");
    expect(text).toContain("All accounts");
    expect(
      documentOf(page)
        .match(/class="heat"[\s\S]*?<\/table>/)?.[0]
        .match(/<tr>/g),
    ).toHaveLength(23);
    expect(text).toContain("denied");
  });

  it("charts at most 15 launchers, and sums up the others", async () => {
    const text = textOf(await pageOf({ findings: 749 }), "whose");
    expect(text).toContain("17 other launchers");
    expect(text).toContain("All findings are of instances with no tag service.");
  });

  it("charts the latest months, and sums up the earlier ones", async () => {
    const months = (line: Line): Line => {
      if (line.type !== "sums") return line;
      const [group] = line.totals.months.groups;
      if (group === undefined) return line;
      const groups = ["2023-07", "2024-02", "2026-10", null].map((value) => ({ ...group, value }));
      return { ...line, totals: { ...line.totals, months: { ...line.totals.months, groups } } };
    };
    const page = await pageOf({ findings: 1 }, months);
    expect(textOf(page, "since-when")).toMatch(/ earlier Jul Aug .* Oct Nov unknown 2025 2026 Data /);
    expect(textOf(page, "since-when")).toMatch(/ earlier 2 2 .* Oct 2026 1 1 .* Nov 2026 0 0 .* unknown 1 1 /);
  });

  const answers: readonly [string, Sample, Change, string, string][] = [
    [
      "no instance",
      { findings: 0 },
      place(() => complete),
      "No instances",
      "No instance was found in the 25 places that were read.",
    ],
    [
      "no place that could be read",
      { findings: 0 },
      place(() => ({ ...nothing, status: "denied", reason: "the credentials do not allow ec2:DescribeInstances" })),
      "Unknown",
      "No place could be read, so nothing is known about compliance.",
    ],
    [
      "one finding",
      { findings: 1 },
      place(() => complete),
      "90.0 % compliant",
      "1 of 10 instances violates the policy.",
    ],
    [
      "only compliant instances",
      { findings: 0 },
      all(
        place(() => complete),
        totals({ instances: 2500, compliant: 2500 }),
      ),
      "100 % compliant",
      "All 2,500 instances comply with the policy.",
    ],
    [
      "only compliant instances in what was read",
      { findings: 0 },
      totals({ instances: 2500, compliant: 2500 }),
      "100 % compliant",
      "All 2,500 instances that were read comply with the policy. 1 of 25 places could not be read completely.",
    ],
    [
      "instances that could not be judged",
      { findings: 0 },
      all(
        place(() => complete),
        totals({ instances: 2500, compliant: 2400, notJudged: 100 }),
      ),
      "100 % compliant",
      "All 2,400 instances that could be judged comply with the policy.",
    ],
    [
      "no instance that could be judged",
      { findings: 0 },
      all(
        place(() => complete),
        totals({ instances: 38, notJudged: 38 }),
      ),
      "Unknown",
      "No instance could be judged.",
    ],
    [
      "few violations",
      { findings: 0 },
      all(
        place(() => complete),
        totals({ instances: 100_000, compliant: 99_999, violating: 1 }),
      ),
      "99.9 % compliant",
      "1 of 100,000 instances violates the policy.",
    ],
    [
      "an interruption",
      { findings: 10 },
      sumsOf(() => ({ interrupted: true })),
      "90.0 % compliant",
      "The report is incomplete. It was interrupted, and contains what was read until then.",
    ],
  ];

  it.each(answers)("answers rightly for a report with %s", async (_, sample, change, figure, sentence) => {
    const page = await pageOf(sample, change);
    expect(page).toContain(`<title>EC2 audit: ${figure}, 25 Nov 2026</title>`);
    expect(textOf(page, "answer")).toContain(sentence);
  });

  it("does not say that rules are complied with when nothing was judged", async () => {
    const page = await pageOf(
      { findings: 0 },
      place(() => ({ ...nothing, status: "failed", reason: "EC2 failed" })),
    );
    expect(textOf(page, "rules")).toContain("No instance was judged.");
    expect(textOf(page, "findings")).toContain("There is no finding in what was read.");
  });

  it("gives the same bytes for the same report", async () => {
    expect(await pageOf({ findings: 60, since: true })).toBe(await pageOf({ findings: 60, since: true }));
  });
});

function totals(change: Partial<Sums["totals"]>): Change {
  return sumsOf((sums) => ({ totals: { ...sums.totals, ...change } }));
}
