import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CreateTagsCommand, EC2Client } from "@aws-sdk/client-ec2";
import { beforeEach, describe, expect, it } from "vitest";
import { aws, documentOf, folder, linesIn, MEMBER, OWN, POLICY, report, useFleet, writePolicy } from "./fleet.ts";

/** Tests `--since` against the embedded AWS, over two reports of a fleet that changes between them. */

useFleet();

const OWNED = { owner: "web" };
const BOTH = ["--accounts", `${OWN},${MEMBER}`, "--role", "audit"];
const YESTERDAY = Date.UTC(2026, 10, 28, 6);
const firstSeen = new Date(YESTERDAY).toISOString();

/** Launches instances without tags, whose policy demands one. */
let broken: string[];
beforeEach(async () => {
  broken = aws.launch({ count: 6, tags: {} });
  aws.launch({ count: 4, tags: OWNED });
  aws.launch({ count: 2, tags: {}, region: "eu-west-1" });
  aws.launch({ count: 3, tags: {}, account: MEMBER });
  const { code } = await report([...BOTH, "--out", "old.jsonl"], { now: () => YESTERDAY });
  expect(code).toBe(1);
});

function again(args: readonly string[] = []) {
  return report([...BOTH, "--since", "old.jsonl", "--out", "new.jsonl", "--json", ...args]);
}

function stateOf(instanceId: string | undefined): string {
  const states = [
    ...linesIn("new.jsonl", "finding").map((line) => ({ ...line, state: line.status })),
    ...linesIn("new.jsonl", "resolved").map((line) => ({ ...line, state: line.resolution })),
  ];
  return states.flatMap((line) => (line.instanceId === instanceId ? [line.state] : [])).join();
}

function sinceSums() {
  return linesIn("new.jsonl", "sums")[0]?.since;
}

describe("ec2-audit report --since", () => {
  it("tells fixed, terminated, new and open findings apart", async () => {
    aws.tag(broken.slice(0, 1), OWNED);
    aws.terminate(broken.slice(1, 2));
    const [fresh] = aws.launch({ count: 1, tags: {} });
    const ran = await again();
    expect(stateOf(broken[0])).toBe("fixed");
    expect(stateOf(broken[1])).toBe("terminated");
    expect(stateOf(broken[2])).toBe("open");
    expect(stateOf(fresh)).toBe("new");
    expect(documentOf(ran)).toMatchObject({ instances: 15, findings: 10, since: { new: 1, resolved: 2, open: 9 } });
    expect(sinceSums()).toEqual({
      new: 1,
      open: 9,
      unknown: 0,
      unknownSeverities: { low: 0, medium: 0, high: 0, critical: 0 },
      resolved: { fixed: 1, terminated: 1, exempted: 0, scope: 0, policy: 0 },
      rules: { "required-tags": { new: 1, resolved: 2 } },
      previous: { instances: 15, compliant: 4, violating: 11, notJudged: 0, findings: 11 },
    });
  });

  it("keeps the time since which an open finding is known, also over several reports", async () => {
    await again();
    await report([...BOTH, "--since", "new.jsonl", "--out", "new.jsonl"]);
    const findings = linesIn("new.jsonl", "finding");
    expect(findings).toHaveLength(11);
    expect(new Set(findings.map((line) => `${line.status} ${line.firstSeen}`))).toEqual(new Set([`open ${firstSeen}`]));
  });

  it("gives a resolved finding all fields of the previous report", async () => {
    aws.terminate(broken.slice(0, 1));
    await again();
    const before = linesIn("old.jsonl", "finding").find(({ instanceId }) => instanceId === broken[0]);
    const { type: _, status: __, ...fields } = before ?? { type: "", status: "" };
    expect(linesIn("new.jsonl", "resolved")).toEqual([{ type: "resolved", resolution: "terminated", ...fields }]);
  });

  it("tells that an exemption resolves a finding", async () => {
    aws.tag(broken.slice(0, 1), { app: "legacy" });
    const exemption = { rules: ["*"], when: { tag: "app", in: "legacy" }, reason: "It ends soon", until: "2099-12-31" };
    writePolicy({ ...POLICY, exemptions: [exemption] });
    const ran = await again();
    expect(stateOf(broken[0])).toBe("exempted");
    expect(linesIn("new.jsonl", "exempt")).toMatchObject([{ instanceId: broken[0], exemption: 0 }]);
    expect(documentOf(ran).since).toEqual({ new: 0, resolved: 1, open: 10 });
  });

  it("tells that an instance left the scope of an unchanged rule", async () => {
    const scoped = { ...POLICY, rules: [{ ...POLICY.rules[0], when: { not: { tag: "team", in: "lab" } } }] };
    writePolicy(scoped);
    await report([...BOTH, "--out", "old.jsonl"], { now: () => YESTERDAY });
    aws.tag(broken.slice(0, 1), { team: "lab" });
    await again();
    expect(stateOf(broken[0])).toBe("scope");
  });

  it.each([
    ["demands something else", { rule: "required-tags", id: "required-tags", tags: ["team"] }],
    ["applies to other instances", { rule: "required-tags", tags: ["owner"], when: { region: "ap-south-1" } }],
    ["is not in the policy", { rule: "instance-type", allowed: "*" }],
  ])("tells that a changed policy resolves a finding: its rule %s", async (_, rule) => {
    aws.tag(broken, { team: "web" });
    writePolicy({ rules: [rule] });
    await again();
    expect(broken.map(stateOf)).toEqual(broken.map(() => "policy"));
  });

  it("reports a finding that is violated again after it was fixed as new", async () => {
    aws.tag(broken.slice(0, 1), OWNED);
    await again();
    const ec2 = new EC2Client({
      region: "us-east-1",
      endpoint: aws.endpoint,
      credentials: { accessKeyId: "a", secretAccessKey: "b" },
    });
    await ec2.send(new CreateTagsCommand({ Resources: broken.slice(0, 1), Tags: [{ Key: "owner", Value: "" }] }));
    await report([...BOTH, "--since", "new.jsonl", "--out", "new.jsonl"]);
    expect(stateOf(broken[0])).toBe("new");
  });
});

describe("ec2-audit report --since without some places", () => {
  const unknown = () => linesIn("new.jsonl", "finding").filter(({ status }) => status === "unknown");

  it("keeps the findings of a region that is down, and resolves none of them", async () => {
    aws.faults.add({
      service: "ec2",
      action: "DescribeInstances",
      kind: "error",
      when: ({ region }) => region === "eu-west-1",
    });
    const ran = await again();
    expect(ran.code).toBe(2);
    expect(documentOf(ran)).toMatchObject({ findings: 9, since: { new: 0, resolved: 0, open: 11 } });
    const before = linesIn("old.jsonl", "finding").filter(({ region }) => region === "eu-west-1");
    expect(unknown()).toEqual(before.map((line) => ({ ...line, status: "unknown" })));
  });

  it("counts findings that were unknown as open when the region is back", async () => {
    aws.faults.add({
      service: "ec2",
      action: "DescribeInstances",
      kind: "error",
      when: ({ region }) => region === "eu-west-1",
    });
    await again();
    aws.faults.clear();
    const ran = await report([...BOTH, "--since", "new.jsonl", "--out", "new.jsonl", "--json"]);
    expect(documentOf(ran).since).toEqual({ new: 0, resolved: 0, open: 11 });
    expect(unknown()).toEqual([]);
    expect(new Set(linesIn("new.jsonl", "finding").map((line) => line.firstSeen))).toEqual(new Set([firstSeen]));
  });

  it("keeps the findings of an account and of regions that are not read", async () => {
    const ran = await report(["--regions", "us-east-1", "--since", "old.jsonl", "--out", "new.jsonl", "--json"]);
    expect(ran.code).toBe(1);
    expect(
      unknown()
        .map(({ account, region }) => `${account} ${region}`)
        .sort(),
    ).toEqual([...Array(2).fill(`${OWN} eu-west-1`), ...Array(3).fill(`${MEMBER} us-east-1`)]);
  });

  it("resolves nothing in a place that was read partly, and keeps what is open in it", async () => {
    aws.launch({ count: 1_000, tags: {} });
    await report(["--regions", "us-east-1", "--out", "old.jsonl"], { now: () => YESTERDAY });
    const [first] = linesIn("old.jsonl", "finding");
    aws.tag([first?.instanceId ?? ""], OWNED);
    aws.faults.add({ service: "ec2", action: "DescribeInstances", kind: "error", skip: 1 });
    const ran = await report(["--regions", "us-east-1", "--since", "old.jsonl", "--out", "new.jsonl", "--json"]);
    expect(documentOf(ran)).toMatchObject({
      places: [{ status: "partial" }],
      since: { new: 0, resolved: 0, open: 1006 },
    });
    expect(stateOf(first?.instanceId)).toBe("unknown");
    expect(sinceSums()).toMatchObject({ unknown: 11, unknownSeverities: { high: 11 } });
  });

  it("keeps the findings of a rule that cannot be judged", async () => {
    const images = { rule: "image", owners: "amazon" };
    writePolicy({ rules: [images] });
    await report(["--out", "old.jsonl"], { now: () => YESTERDAY });
    aws.faults.add({ service: "ec2", action: "DescribeInstanceImageMetadata", kind: "deny" });
    const ran = await report(["--since", "old.jsonl", "--out", "new.jsonl", "--json"]);
    expect(linesIn("new.jsonl", "resolved")).toEqual([]);
    expect(unknown()).toHaveLength(linesIn("old.jsonl", "finding").length);
    expect(documentOf(ran).notJudged).toBeGreaterThan(0);
  });
});

describe("the file of ec2-audit report --since", () => {
  it("can be a file that the report replaces at its end", async () => {
    const ran = await report([...BOTH, "--since", "old.jsonl", "--out", "old.jsonl", "--json"]);
    expect(documentOf(ran).since).toEqual({ new: 0, resolved: 0, open: 11 });
    expect(linesIn("old.jsonl", "report")[0]?.since).toBe(firstSeen);
  });

  it("may be missing if the report makes it, and the report is then the first one and says so", async () => {
    const args = ["--since", "./state.jsonl", "--out", "state.jsonl", "--json"];
    const first = await report(args);
    expect([first.code, documentOf(first).since]).toEqual([1, undefined]);
    expect(first.err).toBe("./state.jsonl does not exist yet, so this is the first report. It is compared with none.");
    expect(linesIn("state.jsonl", "report")[0]?.since).toBe(null);
    const second = await report(args);
    expect([second.err, documentOf(second).since]).toEqual(["", { new: 0, resolved: 0, open: 8 }]);
  });

  it("is refused when it is missing and the report does not make it", async () => {
    const { code, err } = await report(["--since", "state.jsonl", "--out", "new.jsonl"]);
    expect([code, err.split("\n")[0]]).toEqual([2, "error: state.jsonl does not exist"]);
  });

  it.each([
    ["has no last line", (text: string) => text.slice(0, text.lastIndexOf("\n", text.length - 2) + 1), "is incomplete"],
    [
      "lacks a finding",
      (text: string) => text.replace(/\{"type":"finding".*\n/, ""),
      "it has 10 findings, and its sums count 11",
    ],
    ["has another version", (text: string) => text.replace("report:1", "report:2"), "is a report of version 2"],
    ["is no report", () => '{"a": 1}\n', "is not a report"],
  ])("is refused before AWS is called when it %s", async (_, change, error) => {
    writeFileSync(join(folder, "old.jsonl"), change(readFileSync(join(folder, "old.jsonl"), "utf8")));
    const calls = aws.calls.length;
    const { code, err } = await again();
    expect(code).toBe(2);
    expect(err).toContain(error);
    expect(aws.calls.length).toBe(calls);
  });
});
