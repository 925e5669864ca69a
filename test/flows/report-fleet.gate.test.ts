import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type EmbeddedAws, startEmbeddedAws } from "../../src/local/aws/index.ts";
import { operatorAt } from "../cli/run.ts";
import {
  addSizedFleet,
  type ExpectedPlace,
  expectedOf,
  FLEET_ACCOUNTS,
  FLEET_POLICY,
  FLEET_REGIONS,
} from "../support/sized-fleet.ts";

/** The built command against a fleet of which it is known how it was made: 10,000 instances over 8 regions and 3 accounts. */
describe("a fleet report of 10,000 instances", () => {
  let aws: EmbeddedAws;
  let folder: string;
  let places: ExpectedPlace[];
  beforeEach(async () => {
    aws = await startEmbeddedAws();
    places = addSizedFleet(aws, 10_000);
    folder = mkdtempSync(join(tmpdir(), "ec2-audit-fleet-"));
    writeFileSync(join(folder, "policy.json"), JSON.stringify(FLEET_POLICY));
  });
  afterEach(async () => {
    await aws.close();
    rmSync(folder, { recursive: true });
  });

  async function report(regions: readonly string[]) {
    const command = join(import.meta.dirname, "../../dist/ec2-audit.mjs");
    const where = ["--accounts", FLEET_ACCOUNTS.join(), "--role", "audit", "--regions", regions.join()];
    const args = [command, "report", "--json", "--policy", "policy.json", ...where];
    const env = { PATH: process.env.PATH, HOME: folder, ...operatorAt(aws.endpoint) };
    const child = spawn(process.execPath, args, { cwd: folder, env });
    let [out, err] = ["", ""];
    child.stdout.on("data", (text) => {
      out += text;
    });
    child.stderr.on("data", (text) => {
      err += text;
    });
    const [code] = await once(child, "close");
    return { code, err, document: JSON.parse(out) };
  }

  it("has exactly its counts, and makes one call for each page", async () => {
    const { code, document } = await report(FLEET_REGIONS);
    const { instances, violating, findings } = expectedOf(places);
    const counts = { instances, violating, findings, compliant: instances - violating, notJudged: 0 };
    expect([code, document]).toMatchObject([1, counts]);
    for (const { account, region, instances } of places) {
      expect(document.places).toContainEqual({ account, region, status: "complete", instances, calls: 1 });
    }
    expect(aws.callCounts.get("ec2:DescribeInstances")).toBe(places.length);
  }, 120_000);

  it("is complete for the other places with one denied, one switched off, and a fifth of the calls throttled", async () => {
    const denied = ({ account, region }: { account: string; region: string }) =>
      account === FLEET_ACCOUNTS[1] && region === "eu-west-1";
    aws.faults.add({ service: "ec2", action: "DescribeInstances", kind: "deny", when: denied });
    aws.faults.add({ service: "ec2", kind: "throttle", share: 0.2 });
    for (const account of FLEET_ACCOUNTS.slice(1)) aws.enableRegion("af-south-1", account);
    const { code, document, err } = await report([...FLEET_REGIONS, "af-south-1"]);
    expect(code).toBe(2);
    expect(err).toMatch(/throttled/);
    const { instances, violating, findings } = expectedOf(places.filter((place) => !denied(place)));
    expect(document).toMatchObject({ instances, violating, findings });
    const incomplete = document.places.filter(({ status }: { status: string }) => status !== "complete");
    expect(incomplete).toMatchObject([
      { account: FLEET_ACCOUNTS[0], region: "af-south-1", status: "off", instances: 0 },
      { account: FLEET_ACCOUNTS[1], region: "eu-west-1", status: "denied", instances: 0 },
    ]);
    expect(document.places).toHaveLength(27);
  }, 120_000);
});
