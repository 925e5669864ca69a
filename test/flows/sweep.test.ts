/** The sweep of a fleet on both hosts, from the scheduled event to the subscriber of the digest. */
import { afterEach, describe, expect, it } from "vitest";
import type { ApiCall } from "../../src/local/aws/index.ts";
import { contextWith } from "../support/lambda.ts";
import { addSizedFleet, expectedOf, FLEET_ACCOUNTS, FLEET_REGIONS } from "../support/sized-fleet.ts";
import { sourceFor } from "../support/test-stack.ts";
import {
  ACCOUNT,
  LAUNCH_TOPIC,
  type Line,
  type OpenSweeps,
  SCHEDULED,
  SWEEP_HOSTS,
  type SweepOptions,
  type Sweeps,
  scheduledEvent,
} from "./sweep-hosts.ts";

const MONDAY = "2026-11-23T06:00:00Z";
const TUESDAY = "2026-11-24T06:00:00Z";
/** At this pace, a step reads a few of the 51 places. */
const SLOW = { pageMs: 1_000 };

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** Opens a host with a fleet in three accounts. Returns what a sweep counts in it. */
async function openWith(open: OpenSweeps, instances: number, options: SweepOptions = {}) {
  const sweeps = await open(options);
  closing.push(() => sweeps.close());
  const places = addSizedFleet(sweeps.aws, instances);
  return { sweeps, places, counts: countsOf(expectedOf(places)) };
}

function countsOf({ instances, violating, findings }: { instances: number; violating: number; findings: number }) {
  return { instances, compliant: instances - violating, violating, notJudged: 0, findings };
}

/** Runs a sweep to its end. Returns the digests and the lines of its outcomes. */
async function sweep(sweeps: Sweeps, event: object = scheduledEvent()) {
  await sweeps.send(event);
  await sweeps.pass();
  return { digests: await sweeps.digests(), outcomes: sweeps.lines() };
}

const kinds = (lines: readonly Line[]) => lines.map(({ outcome }) => outcome);

/** Returns whether a call sends a continuation. */
function isContinuation({ action, params }: ApiCall): boolean {
  return action === "SendMessage" || (action === "Publish" && params.TopicArn === LAUNCH_TOPIC);
}

describe.each(SWEEP_HOSTS)("a sweep on $host", ({ host, open }) => {
  it("publishes the counts of a small fleet after one step, and logs it", async () => {
    const { sweeps, counts } = await openWith(open, 480);
    const { digests, outcomes } = await sweep(sweeps);
    expect(digests).toMatchObject([
      { ...counts, account: ACCOUNT, scheduledAt: "2026-11-25T06:00:00.000Z", hours: 24 },
    ]);
    expect(digests[0]?.places).toMatchObject({ accounts: 3, complete: 51, unreadCount: 0 });
    expect(outcomes).toMatchObject([
      {
        ...{ level: "info", outcome: "swept", swept: 1 },
        sweep: { step: 1, instances: 480, violating: counts.violating, placesLeft: 0 },
      },
    ]);
  });

  it("goes on in further invocations, and publishes one digest with the counts of all", async () => {
    const { sweeps, counts } = await openWith(open, 480, SLOW);
    const { digests, outcomes } = await sweep(sweeps);
    expect(digests).toMatchObject([counts]);
    const steps = outcomes.map((line) => line.sweep?.step);
    expect(steps.length).toBeGreaterThan(3);
    expect(steps).toEqual(steps.map((_, index) => index + 1));
    expect(kinds(outcomes)).toEqual([...steps.slice(1).map(() => "continued"), "swept"]);
    expect(new Set(outcomes.map((line) => line.sweep?.id)).size).toBe(1);
    expect(outcomes.at(-1)?.sweep).toMatchObject({ instances: 480, placesLeft: 0 });
  });

  it("publishes one digest if each message is delivered twice", async () => {
    const { sweeps, counts } = await openWith(open, 480, { ...SLOW, copies: [0, 0] });
    const { digests } = await sweep(sweeps);
    expect(digests).toMatchObject([counts]);
  });

  it("publishes digests with one id if two containers get each message", async () => {
    const { sweeps, counts } = await openWith(open, 240, { pageMs: 200, copies: [0, 1] });
    const { digests } = await sweep(sweeps);
    expect(digests.length).toBeGreaterThan(0);
    for (const digest of digests) expect(digest).toMatchObject(counts);
    expect(new Set(digests.map(({ id }) => id)).size).toBe(1);
  });

  it("publishes one digest if the container is killed after it has sent a continuation", async () => {
    let kills = 0;
    const onCall = (call: ApiCall, { kill }: Sweeps) => {
      if (!isContinuation(call) || call.accessKeyId === "operator" || kills > 0) return;
      kills += 1;
      kill();
    };
    const { sweeps, counts } = await openWith(open, 480, { ...SLOW, onCall });
    const { digests } = await sweep(sweeps);
    expect(kills).toBe(1);
    // The new container runs the step again, and sees the end of the sweep twice.
    expect(digests).toMatchObject([counts]);
  });

  it("is retried if the continuation cannot be sent, and then publishes one digest", async () => {
    const { sweeps, counts } = await openWith(open, 480, SLOW);
    const isOwn = (call: ApiCall) => isContinuation(call) && call.accessKeyId !== "operator";
    sweeps.aws.faults.add({ kind: "deny", times: 1, when: isOwn });
    const { digests, outcomes } = await sweep(sweeps);
    expect(outcomes[0]).toMatchObject({ level: "error", outcome: "failed" });
    expect(kinds(outcomes.slice(1))).not.toContain("failed");
    expect(digests).toMatchObject([counts]);
  });

  it("is retried if the digest cannot be published, and then publishes it once", async () => {
    const { sweeps, counts } = await openWith(open, 48);
    sweeps.aws.faults.add({
      ...{ kind: "error", service: "sns", action: "Publish", times: 2 },
      when: ({ params }) => params.TopicArn === sweeps.settings.ALERT_TOPIC_ARN,
    });
    const { digests, outcomes } = await sweep(sweeps);
    expect(kinds(outcomes)).toEqual(["failed", "swept"]);
    expect(digests).toMatchObject([counts]);
  });

  it("is quiet on a Tuesday if nothing is wrong, and publishes a digest on a Monday", async () => {
    const sweeps = await open();
    closing.push(() => sweeps.close());
    sweeps.aws.generate({ account: ACCOUNT, region: "us-east-1", count: 5, instance: () => COMPLIANT });
    const tuesday = await sweep(sweeps, scheduledEvent({}, TUESDAY));
    expect([tuesday.digests, kinds(tuesday.outcomes)]).toEqual([[], ["swept"]]);
    const monday = await sweep(sweeps, scheduledEvent({}, MONDAY));
    expect(monday.digests).toMatchObject([{ instances: 5, compliant: 5, violating: 0 }]);
  });

  it("counts an account whose role it may not assume as a place that was not read", async () => {
    const { sweeps, places } = await openWith(open, 480);
    const [denied] = FLEET_ACCOUNTS.slice(1);
    sweeps.aws.faults.add({
      ...{ kind: "deny", service: "sts", action: "AssumeRole" },
      when: ({ params }) => String(params.RoleArn).includes(`:${denied}:`),
    });
    const { digests } = await sweep(sweeps);
    const read = places.filter(({ account }) => account !== denied);
    expect(digests).toMatchObject([countsOf(expectedOf(read))]);
    expect(digests[0]?.places).toMatchObject({
      ...{ complete: 34, unreadCount: 1 },
      unread: [{ account: denied, region: "*", status: "denied", reason: expect.stringContaining("sts:AssumeRole") }],
    });
  });

  it("counts a place as read in part if it fails in a later step", async () => {
    const sweeps = await open({ pageMs: 8_000 });
    closing.push(() => sweeps.close());
    sweeps.aws.generate({ account: ACCOUNT, region: "us-east-1", count: 2_500, instance: () => COMPLIANT });
    sweeps.aws.faults.add({
      kind: "deny",
      action: "DescribeInstances",
      when: ({ params }) => Boolean(params.NextToken),
    });
    const { digests } = await sweep(sweeps, scheduledEvent({ accounts: [ACCOUNT], regions: ["us-east-1"] }));
    expect(digests).toMatchObject([{ instances: 1_000, compliant: 1_000 }]);
    expect(digests[0]?.places).toMatchObject({
      ...{ complete: 0, unreadCount: 1 },
      unread: [{ account: ACCOUNT, region: "us-east-1", status: "partial" }],
    });
  });

  it("covers the accounts, regions and hours of the event", async () => {
    const { sweeps, places } = await openWith(open, 480);
    const accounts: readonly string[] = FLEET_ACCOUNTS.slice(0, 2);
    const regions: readonly string[] = FLEET_REGIONS.slice(0, 3);
    const launched = Date.parse(SCHEDULED) - 90 * 60_000;
    sweeps.aws.generate({
      ...{ account: ACCOUNT, region: "us-west-1", count: 2 },
      instance: (index) => ({ ...COMPLIANT, keyName: "legacy", launchedAt: launched - index * 3_600_000 }),
    });
    const { digests } = await sweep(sweeps, scheduledEvent({ accounts, regions: [...regions, "us-west-1"], hours: 2 }));
    const read = places.filter(({ account, region }) => accounts.includes(account) && regions.includes(region));
    const { instances, violating } = expectedOf(read);
    expect(digests).toMatchObject([
      { hours: 2, instances: instances + 2, new: { violating: 1 }, older: { violating: violating + 1 } },
    ]);
    expect(digests[0]?.places).toMatchObject({ accounts: 2, complete: 8, unreadCount: 0 });
  });

  it("covers its own account if there is no organization, and says so", async () => {
    const { sweeps, places } = await openWith(open, 480, { organization: null });
    const { digests } = await sweep(sweeps);
    expect(digests).toMatchObject([countsOf(expectedOf(places.filter(({ account }) => account === ACCOUNT)))]);
    expect(digests[0]?.places).toMatchObject({
      ...{ complete: 17, unreadCount: 1 },
      unread: [{ account: ACCOUNT, region: "*", reason: expect.stringContaining("organizations:ListAccounts") }],
    });
  });

  it.each([
    [
      "a continuation without a sweep",
      { "detail-type": "EC2 Audit Sweep Continuation", detail: { state: "H4sIAAAA" } },
    ],
    ["an account that is no id", { detail: { accounts: ["../123"] } }],
    ["a region that is no name", { detail: { regions: ["us-east-1.example.com/"] } }],
    ["hours beyond a month", { detail: { hours: 745 } }],
  ])("refuses %s as malformed, and reads nothing", async (_, changes) => {
    const { sweeps } = await openWith(open, 48);
    await sweeps.send({ ...scheduledEvent(), ...changes });
    await sweeps.pass(60);
    expect(sweeps.lines()[0]).toMatchObject({ outcome: "malformed" });
    expect(sweeps.aws.callCounts.get("ec2:DescribeInstances")).toBeUndefined();
  });

  it.runIf(host === "Lambda")("finishes in one invocation if the event is sent to the function directly", async () => {
    const { sweeps, counts } = await openWith(open, 480);
    const { handler } = sourceFor(sweeps.aws, { env: sweeps.settings, now: sweeps.now });
    expect(await handler(scheduledEvent(), contextWith())).toMatchObject({ outcomes: [{ outcome: "swept" }] });
    expect(await sweeps.digests()).toMatchObject([counts]);
  });

  it.runIf(host === "Lambda")("fails if the event is sent directly and the fleet takes more invocations", async () => {
    const { sweeps } = await openWith(open, 480, SLOW);
    const { handler } = sourceFor(sweeps.aws, { env: sweeps.settings, now: sweeps.now });
    await expect(handler(scheduledEvent(), contextWith())).rejects.toThrow(/queue/);
    expect(await sweeps.digests()).toEqual([]);
  });
});

/** The settings of an instance that complies with the policy. */
const COMPLIANT = {
  imageId: "ami-0a1b2c3d4e5f60001",
  instanceType: "t3.micro",
  launchedAt: Date.parse("2026-10-01T06:00:00Z"),
  metadataOptions: { httpTokens: "required" },
  interfaces: [{ publicIp: false }],
  volumes: [{}],
  tags: { owner: "web", service: "api" },
} as const;
