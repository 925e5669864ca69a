import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import type { FindingLine, Header, Line, Sums } from "../../../../src/cli/report/lines.ts";
import { pageData } from "../../../../src/cli/report/page/data.ts";
import type { Name, Packed, Value } from "../../../../src/cli/report/page/packed.ts";
import { type Sample, sampleLines } from "../../../support/report.ts";

interface Parts {
  readonly header: Header;
  readonly findings: readonly FindingLine[];
  readonly sums: Sums;
}

function sample(options: Sample): Parts {
  const lines: readonly Line[] = [...sampleLines(options)];
  const [header] = lines;
  const sums = lines.at(-1);
  if (header?.type !== "report" || sums?.type !== "sums") throw new Error("the sample is incomplete");
  return { header, sums, findings: lines.flatMap((line) => (line.type === "finding" ? [line] : [])) };
}

async function packed({ header, findings, sums }: Parts, max?: number): Promise<Packed> {
  const data = pageData(header, sums, max);
  for (const finding of findings) data.add(finding);
  const element = await data.element();
  const [, base64 = ""] =
    /^<script type="application\/gzip\+base64" id="data">([\w+/=]+)<\/script>$/.exec(element) ?? [];
  return JSON.parse(gunzipSync(Buffer.from(base64, "base64")).toString("utf8"));
}

function valuesOf({ columns }: Packed, name: Name): (Value | undefined)[] {
  const { values, codes } = columns[name];
  let next = 0;
  return codes.map((code) => values[code === 0 ? next++ : code - 1]);
}

const unknown = (line: FindingLine): FindingLine => ({ ...line, status: "unknown" });

describe("pageData", () => {
  it("holds every finding, the gravest first, then by account, region and instance", async () => {
    const data = await packed(sample({ findings: 200 }));
    const order = ["critical", "high", "medium", "low"];
    const keys = valuesOf(data, "severity").map((severity, row) =>
      [
        order.indexOf(String(severity)),
        ...(["account", "region", "instanceId"] as const).map((name) => valuesOf(data, name)[row]),
      ].join(),
    );
    expect(data.findings).toBe(200);
    expect(new Set(valuesOf(data, "instanceId")).size).toBe(200);
    expect(keys).toEqual([...keys].sort());
  });

  it("puts new findings before open ones", async () => {
    const data = await packed(sample({ findings: 100, since: true }));
    const critical = valuesOf(data, "status").slice(0, 8);
    expect(data.compared).toBe(true);
    expect(critical).toEqual(["new", ...Array(7).fill("open")]);
  });

  it("holds the texts of an instance's tags, of its launcher and of its times", async () => {
    const parts = sample({ findings: 1 });
    const [line] = parts.findings;
    const data = await packed(parts);
    const names = ["name", "owner", "service", "launchedBy", "instanceType", "launchTime", "firstSeen"] as const;
    expect(names.map((name) => valuesOf(data, name)[0])).toEqual([
      line?.name,
      line?.tags.owner,
      null,
      line?.launchedBy,
      "t3.micro",
      0,
      0,
    ]);
  });

  it("holds remedies that differ only in the instance and the region once", async () => {
    const { columns } = await packed(sample({ findings: 1_000 }));
    expect(columns.remedy.values).toHaveLength(4);
    expect(columns.remedy.values).toContain(
      "aws ec2 create-tags --region \u0002 --resources \u0001 --tags Key=owner,Value=",
    );
  });

  it("holds the gravest findings of a report with too many, whatever their order", async () => {
    const { header, findings, sums } = sample({ findings: 1_000 });
    const data = await packed({ header, findings: [...findings].reverse(), sums }, 300);
    const severities = valuesOf(data, "severity");
    expect(data.findings).toBe(1_000);
    expect(severities.filter((severity) => severity === "critical")).toHaveLength(80);
    expect(severities.filter((severity) => severity === "high")).toHaveLength(220);
    expect(severities).toHaveLength(300);
  });

  it("holds findings that are not confirmed by their severity, as the others", async () => {
    const { header, findings, sums } = sample({ findings: 100, since: true });
    const others = findings.map(unknown);
    const { severities } = sums.totals;
    const since = sums.since && { ...sums.since, unknown: others.length, unknownSeverities: severities };
    const data = await packed({ header, findings: [...findings, ...others], sums: { ...sums, since } }, 60);
    expect(data.findings).toBe(200);
    expect(valuesOf(data, "severity")).toEqual([...Array(16).fill("critical"), ...Array(44).fill("high")]);
    expect(valuesOf(data, "status").filter((status) => status === "unknown")).toHaveLength(8 + 7);
  });

  it("leaves out a link that is not to a web page", async () => {
    const { header, findings, sums } = sample({ findings: 1 });
    const rules = header.rules.map((rule, index) => (index === 0 ? { ...rule, link: "javascript:alert(1)" } : rule));
    const { links, consoles } = await packed({ header: { ...header, rules }, findings, sums });
    expect(Object.keys(links)).toEqual(["imdsv2", "approved-images", "required-tags"]);
    expect(consoles).toEqual({
      "us-east-1": "https://console.aws.amazon.com/ec2/home?region=us-east-1#InstanceDetails:instanceId=",
    });
  });
});
