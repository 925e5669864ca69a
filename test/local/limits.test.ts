import {
  CreateTagsCommand,
  DescribeInstancesCommand,
  DescribeTagsCommand,
  RunInstancesCommand,
} from "@aws-sdk/client-ec2";
import { AssumeRoleCommand } from "@aws-sdk/client-sts";
import { describe, expect, it } from "vitest";
import { startEmbeddedAws } from "../../src/local/aws/index.ts";
import { TokenBucket } from "../../src/local/aws/limits/bucket.ts";
import { chargesOf } from "../../src/local/aws/limits/documented.ts";
import { createLimiter } from "../../src/local/aws/limits/limiter.ts";
import { aws, clock, LAUNCH, NOBODY, of, useEmbeddedAws } from "./embedded-aws.ts";
import { ACCOUNT, clients } from "./targets.ts";

useEmbeddedAws({ requestLimits: "documented" });

/** Returns how many of `count` calls that take one token succeed. */
const takings = (bucket: TokenBucket, count: number, now: number) =>
  Array.from({ length: count }, () => bucket.take(1, now)).filter(Boolean).length;

describe("A token bucket (the example of AWS's page: 100 tokens, 20 a second)", () => {
  it("allows 100 in one second, then 20 each second", () => {
    const bucket = new TokenBucket(100, 20);
    expect([0, 999, 1000, 1999, 2000].map((now) => takings(bucket, 200, now))).toEqual([100, 0, 20, 0, 20]);
  });

  it("is full again after 5 seconds, and never holds more than its maximum", () => {
    const bucket = new TokenBucket(100, 20);
    takings(bucket, 100, 0);
    expect(bucket.take(81, 4_000)).toBe(false);
    expect(bucket.take(80, 4_000)).toBe(true);
    expect(takings(bucket, 200, 3_600_000)).toBe(100);
  });

  it("takes all requested tokens, or none", () => {
    const bucket = new TokenBucket(1000, 2);
    expect([bucket.take(600, 0), bucket.take(600, 0), bucket.take(400, 0), bucket.take(2, 1000)]).toEqual([
      true,
      false,
      true,
      true,
    ]);
  });
});

describe("The tokens of a call", () => {
  const charges = (service: string, action: string, params: Record<string, string | string[]> = {}) =>
    chargesOf({ service, action, params, account: ACCOUNT, region: "us-east-1", accessKeyId: "alice" }).map(
      ({ bucket, capacity, perSecond, tokens }) => [bucket, capacity, perSecond, tokens],
    );

  it.each([
    ["DescribeTags", {}, [["DescribeTags", 100, 20, 1]]],
    ["DescribeInstances", { Filter: ["x"] }, [["DescribeInstances", 100, 20, 1]]],
    ["DescribeInstances", { MaxResults: "5" }, [["DescribeInstances", 100, 20, 1]]],
    ["DescribeInstances", { InstanceId: [NOBODY] }, [["DescribeInstances unfiltered", 50, 10, 1]]],
    ["DescribeInstanceImageMetadata", {}, [["DescribeInstanceImageMetadata", 100, 20, 1]]],
    ["DescribeSecurityGroups", { Filter: ["x"] }, [["DescribeSecurityGroups", 100, 20, 1]]],
    ["DescribeSecurityGroups", { GroupId: ["x"] }, [["DescribeSecurityGroups unfiltered", 50, 10, 1]]],
    ["DescribeVolumes", {}, [["DescribeVolumes unfiltered", 50, 10, 1]]],
    ["DescribeVpcs", {}, [["DescribeVpcs", 100, 20, 1]]],
    ["RevokeSecurityGroupIngress", {}, [["RevokeSecurityGroupIngress", 50, 5, 1]]],
    ["CreateTags", {}, [["CreateTags", 100, 10, 1]]],
    ["DeleteTags", {}, [["DeleteTags", 100, 10, 1]]],
    [
      "RunInstances",
      { MaxCount: "250" },
      [
        ["RunInstances", 5, 2, 1],
        ["RunInstances resources", 1000, 2, 250],
      ],
    ],
    [
      "StartInstances",
      { InstanceId: ["a", "b"] },
      [
        ["StartInstances", 5, 2, 1],
        ["StartInstances resources", 1000, 2, 2],
      ],
    ],
    [
      "StopInstances",
      { InstanceId: ["a"] },
      [
        ["StopInstances", 50, 5, 1],
        ["StopInstances resources", 1000, 20, 1],
      ],
    ],
    [
      "TerminateInstances",
      { InstanceId: ["a"] },
      [
        ["TerminateInstances", 100, 5, 1],
        ["TerminateInstances resources", 1000, 20, 1],
      ],
    ],
    ["toString", {}, [["toString", 50, 5, 1]]],
  ])("EC2's %s with %o", (action, params, expected) => {
    expect(charges("ec2", action, params)).toEqual(expected);
  });

  it("STS's actions share 600 a second; SNS and SQS have no limit", () => {
    expect(charges("sts", "AssumeRole")).toEqual([["sts", 600, 600, 1]]);
    expect(charges("sts", "GetCallerIdentity")).toEqual([["sts", 600, 600, 1]]);
    expect(charges("sns", "Publish")).toEqual([]);
    expect(charges("sqs", "SendMessage")).toEqual([]);
  });
});

describe("Request limits", () => {
  const fates = async (count: number, call: () => Promise<unknown>) => {
    const outcomes = await Promise.allSettled(Array.from({ length: count }, call));
    return outcomes.filter(({ status }) => status === "fulfilled").length;
  };
  const describeTags = () => of().ec2.send(new DescribeTagsCommand({}));

  it("allow a burst of 100 DescribeTags, then 20 a second; the rest is RequestLimitExceeded", async () => {
    expect(await fates(130, describeTags)).toBe(100);
    await expect(describeTags()).rejects.toMatchObject({
      name: "RequestLimitExceeded",
      $metadata: { httpStatusCode: 503 },
    });
    expect(aws.throttled).toEqual(new Map([["ec2:DescribeTags", 31]]));
    await clock.advance(1_000);
    expect(await fates(30, describeTags)).toBe(20);
    expect(aws.callCounts.get("ec2:DescribeTags")).toBe(161);
  });

  it("are separate for each action, region and account", async () => {
    expect(await fates(101, describeTags)).toBe(100);
    expect(await fates(51, () => of().ec2.send(new DescribeInstancesCommand({})))).toBe(50);
    expect(await fates(1, () => of().ec2.send(new DescribeInstancesCommand({ MaxResults: 5 })))).toBe(1);
    expect(await fates(1, () => clients(aws.endpoint, "us-east-1").ec2.send(new DescribeTagsCommand({})))).toBe(1);
    const { Credentials } = await of().sts.send(
      new AssumeRoleCommand({ RoleArn: "arn:aws:iam::210987654321:role/r", RoleSessionName: "test" }),
    );
    const credentials = {
      accessKeyId: Credentials?.AccessKeyId ?? "",
      secretAccessKey: Credentials?.SecretAccessKey ?? "",
    };
    const elsewhere = clients(aws.endpoint, "eu-west-1", credentials).ec2;
    expect(await fates(1, () => elsewhere.send(new DescribeTagsCommand({})))).toBe(1);
  });

  it("limit launches by their instances too", async () => {
    const launch = (count: number) =>
      of().ec2.send(new RunInstancesCommand({ ...LAUNCH, MinCount: count, MaxCount: count }));
    expect(await fates(1, () => launch(200))).toBe(1);
    expect(await fates(1, () => launch(801))).toBe(0);
    expect(await fates(1, () => launch(800))).toBe(1);
    expect(await fates(1, () => launch(1))).toBe(0);
    expect(aws.throttled.get("ec2:RunInstances")).toBe(2);
  });

  it("count no call that fails by a fault", async () => {
    aws.faults.add({ kind: "bad-key", times: 50 });
    expect(await fates(50, describeTags)).toBe(0);
    expect(await fates(101, describeTags)).toBe(100);
  });

  it("allow STS's actions 600 a second, and count the calls above", () => {
    const limiter = createLimiter(clock);
    const call = { service: "sts", action: "AssumeRole", account: "1", region: "r", accessKeyId: "a", params: {} };
    const passed = () => Array.from({ length: 700 }, () => limiter.allows(call)).filter(Boolean).length;
    expect(passed()).toBe(600);
    expect(limiter.throttled.get("sts:AssumeRole")).toBe(100);
  });

  it("follow the speed of the clock", () => {
    let now = 0;
    const limiter = createLimiter({ now: () => now, after: () => () => {}, speed: 10 });
    const call = { service: "ec2", action: "DescribeTags", account: "1", region: "r", accessKeyId: "a", params: {} };
    const passed = () => Array.from({ length: 200 }, () => limiter.allows(call)).filter(Boolean).length;
    expect(passed()).toBe(100);
    now = 100;
    expect(passed()).toBe(20);
  });

  it("are off by default", async () => {
    const unlimited = await startEmbeddedAws({ clock });
    const { ec2 } = clients(unlimited.endpoint);
    const tag = () =>
      ec2
        .send(new CreateTagsCommand({ Resources: [NOBODY], Tags: [{ Key: "a", Value: "b" }] }))
        .catch((error) => error);
    const names = await Promise.all(Array.from({ length: 120 }, tag));
    expect(new Set(names.map(({ name }) => name))).toEqual(new Set(["InvalidInstanceID.NotFound"]));
    await unlimited.close();
  });
});
