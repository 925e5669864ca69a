import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { aws, folder, MEMBER, OWN, report, useFleet } from "./fleet.ts";

/** Tests `--from`: the formats are made again from the lines of a report, without AWS. */

useFleet();

const FORMATS = ["all.jsonl", "all.html", "all.ocsf.jsonl", "all.csv", "all.md"];
const NO_AWS = {
  AWS_ENDPOINT_URL: "http://127.0.0.1:9",
  AWS_REGION: "",
  AWS_ACCESS_KEY_ID: "",
  AWS_SECRET_ACCESS_KEY: "",
};

beforeEach(() => {
  aws.launch({ count: 20, tags: { Name: "=cmd|' /C calc'!A0", owner: "" }, keyName: "ops" });
  aws.launch({ count: 4, tags: { owner: "web" }, account: MEMBER });
});

const outs = (prefix: string) => FORMATS.flatMap((name) => ["--out", prefix + name]);
const read = (name: string) => readFileSync(join(folder, name), "utf8");

const withoutSteps = (out: string) => out.replace(/\n\nNext steps\n.*?\n\n/s, "\n\n");

describe("ec2-audit report --from", () => {
  it("writes the same bytes as the run itself in every format, and prints the same, without AWS", async () => {
    aws.faults.add({
      service: "ec2",
      action: "DescribeInstances",
      kind: "deny",
      when: ({ region }) => region === "us-west-2",
    });
    await report(["--accounts", `${OWN},${MEMBER}`, "--role", "audit", "--out", "old.jsonl"]);
    const run = ["--accounts", `${OWN},${MEMBER}`, "--role", "audit", "--since", "old.jsonl"];
    const first = await report([...run, ...outs("run-")]);
    const calls = aws.calls.length;
    const again = await report(["--from", "run-all.jsonl", ...outs("from-")], { env: NO_AWS });
    for (const name of FORMATS) expect(read(`from-${name}`), name).toBe(read(`run-${name}`));
    expect(withoutSteps(again.out)).toBe(withoutSteps(first.out).replaceAll("run-", "from-"));
    expect([again.code, again.err]).toEqual([2, ""]);
    expect(aws.calls.length).toBe(calls);
  });

  it("prints the document of --json as the run itself", async () => {
    const first = await report(["--json", "--out", "all.jsonl"]);
    const again = await report(["--from", "all.jsonl", "--json"], { env: NO_AWS });
    expect(again).toEqual(first);
    expect(again.code).toBe(1);
  });

  it.each(["--since", "--regions", "--accounts", "--policy", "--role"])("cannot be used with %s", async (option) => {
    const { code, err } = await report(["--from", "all.jsonl", option, "x"]);
    expect(code).toBe(2);
    expect(err).toContain(`error: option '--from <file>' cannot be used with option '${option}`);
  });

  it("refuses a file that lacks a finding, and writes nothing", async () => {
    await report(["--out", "all.jsonl"]);
    writeFileSync(join(folder, "all.jsonl"), read("all.jsonl").replace(/\{"type":"finding".*\n/, ""));
    const { code, err } = await report(["--from", "all.jsonl", "--out", "all.csv"]);
    expect([code, err.split("\n")[0]]).toEqual([
      2,
      expect.stringMatching(/^error: all\.jsonl is damaged: it has \d+ findings, and its sums count \d+$/),
    ]);
    expect(() => read("all.csv")).toThrow("ENOENT");
  });

  it("refuses a file that is not a report, and writes nothing", async () => {
    writeFileSync(join(folder, "other.jsonl"), "{}\n");
    const { code, err } = await report(["--from", "other.jsonl", "--out", "all.csv"]);
    expect(code).toBe(2);
    expect(err).toContain("error: other.jsonl is not a report of ec2-audit");
    expect(() => read("all.csv")).toThrow("ENOENT");
  });
});

describe("ec2-audit report of an empty fleet", () => {
  it("writes every format, and exits with 0", async () => {
    const ran = await report(["--regions", "eu-west-1", ...outs("")]);
    expect([ran.code, ran.err]).toEqual([0, ""]);
    for (const name of FORMATS.filter((each) => each !== "all.ocsf.jsonl")) expect(read(name), name).not.toBe("");
  });
});
