import { Ajv2020 } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import { describe, expect, it } from "vitest";
import type { ExemptLine, FindingLine, Line, ResolvedLine } from "../../../src/cli/report/lines.ts";
import { renderOcsf } from "../../../src/cli/report/ocsf.ts";
import { openReport } from "../../../src/cli/report/read-lines.ts";
import { sampleLines } from "../../support/report.ts";
import { collect, openSample, writeReport } from "../../support/report-file.ts";
import schema from "./ocsf-1.6.0-compliance_finding.schema.json";

const ajv = new Ajv2020({ strict: false, allErrors: true });
addFormats.default(ajv);
const validate = ajv.compile(schema);

/** The life of a finding, as its event tells it. */
function lifeOf(text: string): unknown {
  expect(text.endsWith("}\n")).toBe(true);
  const event = JSON.parse(text);
  expect(validate(event), JSON.stringify(validate.errors)).toBe(true);
  const { activity_name, status, compliance, status_detail } = event;
  return [activity_name, status, compliance.status, status_detail];
}

const [HEADER, ...REST] = [...sampleLines({ findings: 40, since: true })];
const FINDING = REST.find((line): line is FindingLine => line.type === "finding");
if (HEADER?.type !== "report" || FINDING === undefined) throw new Error("the sample must have a finding");
const { type: _, status: __, ...FIELDS } = FINDING;

const eventsOf = async (...lines: Line[]): Promise<string[]> => {
  const file = writeReport([HEADER, ...lines, ...REST.slice(-1)]);
  return collect(renderOcsf(await openReport({ folder: "/" }, file)));
};

describe("renderOcsf", () => {
  it("writes a valid event for each finding", async () => {
    const events = await collect(renderOcsf(await openSample({ findings: 200, since: true })));
    expect(events.map(lifeOf)).toContainEqual(["Create", "New", "Fail", undefined]);
    expect(events).toHaveLength(200);
  });

  it("creates all findings of a report without a previous one", async () => {
    const events = await collect(renderOcsf(await openSample({ findings: 200 })));
    expect(new Set(events.map((event) => String(lifeOf(event))))).toEqual(new Set(["Create,New,Fail,"]));
  });

  it("tells the life of a finding", async () => {
    const resolved = { ...FIELDS, type: "resolved" } as const;
    const { firstSeen: _, ...seen } = FIELDS;
    const exempt: ExemptLine = { ...seen, type: "exempt", exemption: 0 };
    const lines: Line[] = [
      { ...FINDING, status: "new" },
      { ...FINDING, status: "open" },
      { ...FINDING, status: "unknown" },
      exempt,
      { ...exempt, exemption: 7 },
      ...(["fixed", "terminated", "exempted", "scope", "policy"] as const).map(
        (resolution): ResolvedLine => ({ ...resolved, resolution }),
      ),
    ];
    const notConfirmed = "Not confirmed: the account and region were not read completely, or the rule was not judged.";
    expect((await eventsOf(...lines)).map(lifeOf)).toEqual([
      ["Create", "New", "Fail", undefined],
      ["Update", "New", "Fail", undefined],
      ["Update", "New", "Warning", notConfirmed],
      ["Update", "Suppressed", "Fail", "Exempt until 2026-12-31: The vendor's agent needs IMDSv1"],
      ["Update", "Suppressed", "Fail", undefined],
      ["Close", "Resolved", "Pass", "The instance complies."],
      ["Close", "Resolved", "Not applicable", "The instance is terminated."],
      // The exempt line tells of the finding that an exemption resolved.
      ["Close", "Resolved", "Not applicable", "The instance left the scope of the rule."],
      ["Close", "Resolved", "Not applicable", "The policy has changed."],
    ]);
  });

  it("writes what Security Hub identifies a finding and its resource by", async () => {
    const [text = ""] = await eventsOf({ ...FINDING, status: "new", missing: ["owner"] } as Line);
    expect(JSON.parse(text)).toMatchObject({
      class_uid: 2003,
      type_uid: 200301,
      time: 1795586400000,
      time_dt: "2026-11-25T06:00:00.000Z",
      severity_id: 5,
      severity: "Critical",
      metadata: { version: "1.6.0", profiles: ["cloud", "datetime"], product: { uid: "ec2-audit", version: "1.0.0" } },
      cloud: { provider: "AWS", account: { uid: "210000000000", name: "prod-core" }, region: "us-east-1" },
      finding_info: { uid: FINDING.dedupKey, title: "The world must not reach ports 22 and 3389" },
      compliance: { status_id: 3, control: "closed-to-the-world" },
      resources: [
        {
          uid: FINDING.instanceId,
          uid_alt: `arn:aws:ec2:us-east-1:210000000000:instance/${FINDING.instanceId}`,
          name: "etl-nightly-0",
          type: "AWS::EC2::Instance",
          owner: { name: "payments", account: { uid: "210000000000" } },
          tags: [
            { name: "owner", value: "payments" },
            { name: "Name", value: "etl-nightly-0" },
          ],
        },
      ],
      remediation: { desc: FINDING.remedy.join("\n"), references: ["https://wiki.example.com/ec2"] },
      unmapped: { id: FINDING.id, missing: ["owner"] },
    });
  });

  it("titles a finding with what its rule demands", async () => {
    const titleOf = async (demands: string) => {
      const rules = HEADER.rules.map((rule) => ({ ...rule, demands }));
      const file = writeReport([{ ...HEADER, rules }, FINDING, ...REST.slice(-1)]);
      const [text = ""] = await collect(renderOcsf(await openReport({ folder: "/" }, file)));
      return JSON.parse(text).finding_info.title;
    };
    expect(await titleOf("must have no key pair")).toBe("An instance must have no key pair");
    expect(await titleOf("")).toBe("closed-to-the-world");
    expect(await titleOf("a".repeat(300))).toBe(`A${"a".repeat(252)}...`);
  });

  it.each(["\u001b[31m\u0000\u202e\u2028\n", "</script>|=1`@x", '"\\'])(
    "writes a valid event, on one line, for the text %j",
    async (hostile) => {
      const report = await openSample({ findings: 60, hostile });
      for (const event of await collect(renderOcsf(report))) {
        lifeOf(event);
        expect(event.slice(0, -1)).not.toMatch(/[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/u);
      }
    },
  );

  it("writes a valid event for a finding with no optional field", async () => {
    const bare = { name: null, link: null, privateIp: "nowhere", availabilityZone: null, tags: {} };
    const [text = ""] = await eventsOf({
      ...FINDING,
      ...bare,
      ruleId: "gone",
      launchedBy: null,
      launchTime: "soon",
      region: "cn-north-1",
    });
    lifeOf(text);
    expect(JSON.parse(text)).toMatchObject({
      finding_info: { title: "gone" },
      resources: [{ name: FINDING.instanceId, cloud_partition: "aws-cn" }],
    });
  });
});
