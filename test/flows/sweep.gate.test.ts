/** The sweep of a large fleet on both hosts, against the report of the same fleet. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { type ApiCall, startEmbeddedAws } from "../../src/local/aws/index.ts";
import { operatorAt, runCommand } from "../cli/run.ts";
import { addSizedFleet, expectedOf, FLEET_ACCOUNTS, FLEET_POLICY } from "../support/sized-fleet.ts";
import { SWEEP_HOSTS, type Sweeps, scheduledEvent } from "./sweep-hosts.ts";

const INSTANCES = 100_000;
/** The time of a page on the function's clock. It decides how many pages a step reads, on a fast machine and on a slow one. */
const PAGE_MS = 600;
/** A limit for a loaded machine. On an idle one, a sweep takes half a minute. */
const TIMEOUT_MS = 300_000;

/** The counts of the fleet, from the report. */
let counts: Record<"instances" | "compliant" | "violating" | "notJudged" | "findings", number>;
let sweeps: Sweeps | null = null;

beforeAll(async () => {
  const aws = await startEmbeddedAws();
  const folder = mkdtempSync(join(tmpdir(), "ec2-audit-sweep-"));
  try {
    const expected = expectedOf(addSizedFleet(aws, INSTANCES));
    writeFileSync(join(folder, "policy.json"), JSON.stringify(FLEET_POLICY));
    const where = ["--accounts", FLEET_ACCOUNTS.join(), "--role", "audit"];
    const args = ["report", "--json", "--policy", "policy.json", ...where];
    const { out } = await runCommand(args, { folder, env: operatorAt(aws.endpoint) });
    const { instances, compliant, violating, notJudged, findings } = JSON.parse(out);
    counts = { instances, compliant, violating, notJudged, findings };
    expect(counts).toMatchObject({ instances: INSTANCES, violating: expected.violating, findings: expected.findings });
  } finally {
    await aws.close();
    rmSync(folder, { recursive: true });
  }
}, TIMEOUT_MS);

afterEach(async () => {
  await sweeps?.close();
  sweeps = null;
});

describe.each(SWEEP_HOSTS)("a sweep of 100,000 instances over three accounts on $host", ({ open }) => {
  it("publishes the counts of the report once, though each message is delivered twice and two steps are killed", {
    timeout: TIMEOUT_MS,
  }, async () => {
    let [pages, kills] = [0, 0];
    const onCall = ({ action }: ApiCall, { kill }: Sweeps) => {
      if (action !== "DescribeInstances") return;
      pages += 1;
      if (pages !== 30 && pages !== 90) return;
      kills += 1;
      kill();
    };
    sweeps = await open({ pageMs: PAGE_MS, copies: [0, 0], onCall });
    addSizedFleet(sweeps.aws, INSTANCES);
    await sweeps.send(scheduledEvent());
    await sweeps.pass(600);
    expect(kills).toBe(2);
    expect(await sweeps.digests()).toMatchObject([
      { ...counts, places: { accounts: FLEET_ACCOUNTS.length, complete: 51, unreadCount: 0 } },
    ]);
    const lines = sweeps.lines();
    const steps = lines.flatMap(({ sweep }) => sweep?.step ?? []);
    expect(steps.length).toBeGreaterThanOrEqual(5);
    expect(steps).toEqual(steps.map((_, index) => index + 1));
    // The second copy of each message was not processed.
    expect(lines.filter(({ outcome }) => outcome === "ignored")).toHaveLength(steps.length);
  });
});
