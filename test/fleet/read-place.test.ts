import { EC2Client } from "@aws-sdk/client-ec2";
import { STSClient } from "@aws-sdk/client-sts";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createAssumedRole } from "../../src/aws/assumed-role.ts";
import type { PlaceResult } from "../../src/fleet/place.ts";
import { type JudgedInstance, readPlace } from "../../src/fleet/read-place.ts";
import { fleetTransport } from "../../src/fleet/transport.ts";
import { type EmbeddedAws, type Fault, startEmbeddedAws } from "../../src/local/aws/index.ts";
import type { Policy } from "../../src/policy/policy.ts";
import { ACCOUNT, REGION } from "../support/events.ts";
import { policyOf, requiring } from "../support/policy.ts";
import { paceAt } from "./pace.ts";

/** One account and region of the embedded AWS, read over HTTP. */

const OTHER = "210987654321";
const IMAGES = ["ami-00000000000000001", "ami-00000000000000002", "ami-00000000000000003"];

let aws: EmbeddedAws;
beforeEach(async () => {
  aws = await startEmbeddedAws({ accountId: ACCOUNT });
});
afterEach(() => aws.close());

const EVERY_FACT = policyOf({
  rules: [
    { rule: "required-tags", tags: ["owner"] },
    { rule: "image", id: "images", owners: ["amazon"] },
    { rule: "encrypted-volumes", id: "volumes" },
    { rule: "security-groups", id: "groups", closed: [22] },
    { rule: "network", id: "network", defaultVpc: false },
    { rule: "key-pair", id: "keys", mode: "report", none: true },
  ],
});

interface Read {
  readonly pages: readonly (readonly JudgedInstance[])[];
  readonly result: PlaceResult;
}

/** Reads the account's region. `each` is called after each page, with a function that interrupts the reading. */
async function read(policy: Policy, { account = ACCOUNT, each = (_: () => void) => {} } = {}): Promise<Read> {
  const { pace, abort } = paceAt(Date.now());
  const credentials = { accessKeyId: "operator", secretAccessKey: "operator-secret" };
  const common = { region: REGION, endpoint: aws.endpoint, maxAttempts: 1, requestHandler: fleetTransport(Date.now) };
  const sts = new STSClient({ ...common, credentials });
  const role = createAssumedRole(sts, `arn:aws:iam::${account}:role/ec2-audit`, Date.now);
  const ec2 = new EC2Client({ ...common, credentials: account === ACCOUNT ? credentials : role.credentials });
  const reading = readPlace(ec2, { account, region: REGION }, policy, pace);
  const pages: (readonly JudgedInstance[])[] = [];
  for await (const page of reading.pages) {
    pages.push(page);
    each(abort);
  }
  return { pages, result: reading.result() };
}

/** Generates a fleet with three images. Every tenth instance lacks an owner. */
function generate(count: number, more: object = {}): (index: number) => string {
  return aws.generate({
    account: ACCOUNT,
    region: REGION,
    count,
    instance: (index) => ({
      imageId: IMAGES[index % IMAGES.length] ?? "",
      launchedAt: Date.parse("2026-01-01T00:00:00Z"),
      tags: index % 10 === 0 ? { Name: "web" } : { owner: "team-a" },
      ...more,
    }),
  });
}

const callsTo = () =>
  Object.fromEntries([...aws.callCounts].map(([action, count]) => [action.replace("ec2:", ""), count]));
const fault = (action: string, kind: Fault["kind"], more: Partial<Fault> = {}) =>
  aws.faults.add({ service: "ec2", action, kind, ...more });

describe("readPlace", () => {
  it("judges every instance by the whole policy, page by page, and counts them", async () => {
    generate(1_100);
    const { pages, result } = await read(EVERY_FACT);
    expect(pages.map((page) => page.length)).toEqual([1_000, 100]);
    const verdicts = pages.flat().map((judged) => judged.verdicts.map(({ kind }) => kind).join());
    expect(verdicts.filter((kinds) => kinds.startsWith("violation"))).toHaveLength(110);
    expect(result).toMatchObject({
      account: ACCOUNT,
      region: REGION,
      status: "complete",
      reason: null,
      instances: 1_100,
      notJudgedRules: [],
    });
    expect(result.findings).toBe(
      pages.flat().flatMap((one) => one.verdicts.filter((v) => v.kind === "violation")).length,
    );
  });

  it("asks for each image, each security group and the default VPC once, and for volumes 200 instances at a time", async () => {
    generate(1_100);
    const { result } = await read(EVERY_FACT);
    expect(callsTo()).toEqual({
      DescribeInstances: 2,
      DescribeInstanceImageMetadata: 1,
      DescribeSecurityGroups: 1,
      DescribeVolumes: 5 + 1,
      DescribeVpcs: 1,
    });
    expect(result.calls).toBe(2 + 1 + 1 + 6 + 1);
  });

  it("leaves out instances that are terminated, and names the launcher of the others", async () => {
    const [gone = ""] = aws.launch({ count: 1 });
    aws.launch({ count: 1, group: "web" });
    aws.terminate([gone]);
    const { pages } = await read(requiring("owner"));
    expect(pages.flat().map(({ launchedBy }) => launchedBy)).toEqual(["Auto Scaling group web"]);
  });

  it("is complete when EC2 throttles a fifth of the calls", async () => {
    generate(1_100);
    aws.faults.add({ service: "ec2", kind: "throttle", share: 0.2 });
    const { result } = await read(EVERY_FACT);
    expect(result).toMatchObject({ status: "complete", instances: 1_100, violating: 1_100, notJudgedRules: [] });
    expect(result.calls).toBe([...aws.callCounts.values()].reduce((sum, count) => sum + count, 0));
  });

  it("is complete for a place without instances, after one call", async () => {
    expect((await read(EVERY_FACT)).result).toMatchObject({ status: "complete", instances: 0, calls: 1 });
  });
});

describe("a fact that cannot be read", () => {
  it.each([
    ["DescribeInstanceImageMetadata", "images"],
    ["DescribeVolumes", "volumes"],
    ["DescribeSecurityGroups", "groups"],
    ["DescribeVpcs", "network"],
  ])("for want of the permission to call %s leaves only its rule not judged", async (action, ruleId) => {
    generate(10);
    aws.deny(`ec2:${action}`);
    const { result } = await read(EVERY_FACT);
    const reason = `the credentials do not allow ec2:${action}`;
    expect(result).toMatchObject({ status: "complete", instances: 10 });
    expect(result.notJudgedRules).toEqual([{ ruleId, reason, instances: 10 }]);
  });

  it("for want of a permission is not asked for again with the next page", async () => {
    generate(1_001);
    for (const action of ["DescribeVolumes", "DescribeVpcs"]) aws.deny(`ec2:${action}`);
    const { result } = await read(EVERY_FACT);
    expect(callsTo()).toMatchObject({ DescribeVolumes: 5, DescribeVpcs: 1 });
    expect(result.notJudgedRules.map(({ instances }) => instances)).toEqual([1_001, 1_001]);
  });

  it("because EC2 fails leaves only its rule not judged, for the instances of the failed calls", async () => {
    const idOf = generate(300);
    fault("DescribeVolumes", "error", { when: ({ params }) => JSON.stringify(params).includes(idOf(250)) });
    const { result } = await read(EVERY_FACT);
    const reason = "ec2:DescribeVolumes failed: InternalError: An internal error has occurred";
    expect(result).toMatchObject({ status: "complete", instances: 300 });
    expect(result.notJudgedRules).toEqual([{ ruleId: "volumes", reason, instances: 100 }]);
  });

  it("at first is asked for again with the next page", async () => {
    generate(1_001);
    fault("DescribeInstanceImageMetadata", "error", { times: 4 });
    expect((await read(EVERY_FACT)).result.notJudgedRules).toMatchObject([{ ruleId: "images", instances: 1_000 }]);
  });

  it("counts an instance without a violation as not judged", async () => {
    generate(10, { tags: { owner: "team-a" } });
    aws.deny("ec2:DescribeVolumes");
    const policy = policyOf({ rules: [{ rule: "required-tags", tags: ["owner"] }, { rule: "encrypted-volumes" }] });
    expect((await read(policy)).result).toMatchObject({ compliant: 0, violating: 0, notJudged: 10 });
  });
});

describe("a place that cannot be read", () => {
  it("is denied when the credentials do not allow ec2:DescribeInstances", async () => {
    aws.deny("ec2:DescribeInstances");
    expect((await read(requiring("owner"))).result).toMatchObject({
      status: "denied",
      reason: "the credentials do not allow ec2:DescribeInstances",
      instances: 0,
      calls: 1,
    });
  });

  it("is denied when the role of its account cannot be assumed", async () => {
    aws.deny("sts:AssumeRole");
    expect((await read(requiring("owner"), { account: OTHER })).result).toMatchObject({
      status: "denied",
      reason: "the credentials do not allow sts:AssumeRole for the account",
    });
  });

  it("is off when EC2 refuses credentials in the region that others accept", async () => {
    fault("DescribeInstances", "bad-key");
    expect((await read(requiring("owner"))).result).toMatchObject({
      status: "off",
      reason: "the region is not enabled for the account, or it refuses the credentials",
    });
  });

  it.each([
    ["error", "ec2:DescribeInstances failed: InternalError: An internal error has occurred"],
    ["html", "ec2:DescribeInstances failed: Error: the response to DescribeInstances is not from EC2"],
  ] as const)("is failed after a fault of the kind %s", async (kind, reason) => {
    fault("DescribeInstances", kind);
    expect((await read(requiring("owner"))).result).toMatchObject({ status: "failed", reason });
  });

  it("is partial when a later page fails, with the pages before it", async () => {
    generate(1_001);
    fault("DescribeInstances", "error", { skip: 1 });
    const { pages, result } = await read(requiring("owner"));
    expect(pages).toHaveLength(1);
    expect(result).toMatchObject({ status: "partial", instances: 1_000, violating: 100 });
    expect(result.reason).toMatch(/^ec2:DescribeInstances failed/);
  });

  it("is partial when it is interrupted, and makes no further call", async () => {
    generate(1_001);
    const { pages, result } = await read(requiring("owner"), { each: (interrupt) => interrupt() });
    expect(pages).toHaveLength(1);
    expect(result).toMatchObject({ status: "partial", reason: "the report was interrupted", instances: 1_000 });
    expect(callsTo()).toMatchObject({ DescribeInstances: 1 });
  });
});
