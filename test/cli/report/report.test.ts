import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { aws, documentOf, files, folder, linesIn, MEMBER, OWN, report, useFleet } from "./fleet.ts";

/** Tests `ec2-audit report` against the embedded AWS: its result, its exit code, its files and its calls to AWS. */

useFleet();

const OWNED = { owner: "web" };

describe("ec2-audit report", () => {
  it("counts instances and findings as the fleet was made, in every account and region", async () => {
    aws.launch({ count: 1003, tags: OWNED });
    aws.launch({ count: 7, tags: {} });
    aws.launch({ count: 5, tags: {}, keyName: "ops", region: "eu-west-1" });
    aws.launch({ count: 11, tags: OWNED, keyName: "ops", region: "eu-west-1", account: MEMBER });
    const ran = await report(["--json", "--accounts", `${OWN},${MEMBER}`, "--role", "audit", "--out", "all.jsonl"]);
    expect(ran.err).toBe("");
    expect(documentOf(ran)).toEqual({
      instances: 1026,
      compliant: 1003,
      violating: 23,
      notJudged: 0,
      findings: 28,
      places: [
        { account: OWN, region: "eu-west-1", status: "complete", instances: 5, calls: expect.any(Number) },
        { account: OWN, region: "us-east-1", status: "complete", instances: 1010, calls: 2 },
        { account: OWN, region: "us-west-2", status: "complete", instances: 0, calls: 1 },
        { account: MEMBER, region: "eu-west-1", status: "complete", instances: 11, calls: 1 },
        { account: MEMBER, region: "us-east-1", status: "complete", instances: 0, calls: 1 },
        { account: MEMBER, region: "us-west-2", status: "complete", instances: 0, calls: 1 },
      ],
    });
    expect(ran.code).toBe(1);
    expect(linesIn("all.jsonl", "finding")).toHaveLength(28);
    expect(files()).toEqual(["all.jsonl", "policy.json"]);
  });

  it("shows the value of an owner tag in any case, in every format as in the sums", async () => {
    aws.launch({ count: 1, tags: { Owner: "web", OWNER: "other" }, keyName: "ops" });
    await report(["--out", "all.jsonl", "--out", "all.csv", "--out", "all.ocsf.jsonl", "--out", "all.html"]);
    expect(linesIn("all.jsonl", "sums")[0]?.totals.owners.groups).toMatchObject([{ value: "web", violating: 1 }]);
    const read = (name: string) => readFileSync(join(folder, name), "utf8");
    expect(read("all.csv")).toContain(",web,,");
    expect(read("all.ocsf.jsonl")).toContain('"owner":{"name":"web"');
    expect(read("all.html")).toContain("<td>web</td>");
  });
});
