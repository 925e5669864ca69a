import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { NOWHERE, operatorAt } from "../run.ts";
import { aws, documentOf, files, folder, linesIn, OWN, report, useFleet } from "./fleet.ts";

/** Tests what a report leaves behind when its process is interrupted or killed while AWS is slow. */

useFleet();

/** The process loads the SDK, which takes seconds on a busy machine. */
const SLOW = { timeout: 60_000 };

/** The built command, because tsx takes seconds to start. */
const COMMAND = join(import.meta.dirname, "../../../dist/ec2-audit.mjs");

let running: ChildProcess | undefined;
afterEach(() => void running?.kill("SIGKILL"));

/** Starts a report of two regions, in each of which EC2 does not answer any more, after a first page of 1,000 in one. */
function startSlowReport(...args: string[]) {
  aws.generate({ count: 1_001, instance: () => ({ imageId: "ami-0abcdef1234567890", launchedAt: 0 }) });
  aws.launch({ count: 5, tags: {}, region: "eu-west-1" });
  aws.faults.add({
    service: "ec2",
    action: "DescribeInstances",
    kind: "timeout",
    when: ({ region }) => region === "eu-west-1",
  });
  aws.faults.add({ service: "ec2", action: "DescribeInstances", kind: "timeout", skip: 1 });
  // The second page is asked for when the first one has been written.
  return startReport(3, ...args);
}

/** Starts a report of two regions, and waits for a number of calls of DescribeInstances. */
async function startReport(calls: number, ...args: string[]) {
  const all = ["report", "--policy", "policy.json", "--regions", "us-east-1,eu-west-1", ...args];
  const env = { PATH: process.env.PATH, ...NOWHERE, ...operatorAt(aws.endpoint) };
  const child = spawn(process.execPath, [COMMAND, ...all], { cwd: folder, env, stdio: ["ignore", "pipe", "pipe"] });
  running = child;
  const said = { out: "", err: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    said.out += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    said.err += text;
  });
  const ended = once(child, "close");
  await vi.waitUntil(() => aws.callCounts.get("ec2:DescribeInstances") === calls, { timeout: 50_000, interval: 20 });
  return { child, ended, said };
}

describe("an interrupted report", SLOW, () => {
  it.each(["SIGINT", "SIGTERM"] as const)("writes what was read so far on %s, marked as partial", async (signal) => {
    const { child, ended, said } = await startSlowReport("--out", "all.jsonl", "--out", "all.csv", "--json");
    child.kill(signal);
    expect(await ended).toEqual([2, null]);
    expect(said.err).toBe("Stopping, and writing what has been read. Ctrl-C again stops at once.\n");
    expect(documentOf({ code: 2, out: said.out, err: "", asked: [] })).toMatchObject({
      instances: 1000,
      findings: 1000,
      places: [
        { account: OWN, region: "eu-west-1", status: "partial", instances: 0 },
        { account: OWN, region: "us-east-1", status: "partial", instances: 1000 },
      ],
    });
    expect(linesIn("all.jsonl", "sums")[0]?.interrupted).toBe(true);
    expect(linesIn("all.jsonl", "place").map(({ reason }) => reason)).toEqual(
      Array(2).fill("the report was interrupted"),
    );
    expect(files()).toEqual(["all.csv", "all.jsonl", "policy.json"]);
  });
});

describe("a report that is interrupted before a page is read", SLOW, () => {
  it("leaves the earlier files as they were", async () => {
    writeFileSync(join(folder, "all.csv"), "the earlier report");
    aws.faults.add({ service: "ec2", action: "DescribeInstances", kind: "timeout" });
    const { child, ended, said } = await startReport(2, "--out", "all.csv");
    child.kill("SIGINT");
    expect(await ended).toEqual([2, null]);
    expect(said.err).toContain("error: interrupted before an instance was read: no file was written");
    expect(readFileSync(join(folder, "all.csv"), "utf8")).toBe("the earlier report");
    expect(files()).toEqual(["all.csv", "policy.json"]);
  });
});

describe("a killed report", SLOW, () => {
  it("leaves the earlier files as they were, and the next report unharmed", async () => {
    writeFileSync(join(folder, "all.csv"), "the earlier report");
    const { child, ended } = await startSlowReport("--out", "all.jsonl", "--out", "all.csv");
    child.kill("SIGKILL");
    expect(await ended).toEqual([null, "SIGKILL"]);
    const [jsonl, csv, ...others] = files();
    expect(others).toEqual(["all.csv", "policy.json"].sort());
    expect([jsonl, csv].every((name) => name?.startsWith(".") && name.endsWith(".tmp"))).toBe(true);
    expect(readFileSync(join(folder, "all.csv"), "utf8")).toBe("the earlier report");

    aws.faults.clear();
    const ran = await report(["--out", "all.jsonl", "--out", "all.csv", "--json"]);
    expect(documentOf(ran).instances).toBe(1_006);
    expect(files()).toEqual(["all.csv", "all.jsonl", "policy.json"]);
  });
});
