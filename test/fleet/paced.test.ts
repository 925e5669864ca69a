import { DescribeInstancesCommand, DescribeVolumesCommand, EC2Client } from "@aws-sdk/client-ec2";
import { beforeEach, describe, expect, it } from "vitest";
import { type Pace, paced } from "../../src/fleet/paced.ts";
import { awsError, mockEc2 } from "../support/aws.ts";
import { REGION } from "../support/events.ts";
import { paceAt } from "./pace.ts";

const { mock, start } = mockEc2();
beforeEach(start);

const client = (pace: Pace) => paced(new EC2Client({ region: REGION }), pace);
const page = () => new DescribeInstancesCommand({});
const times = (count: number) => Array.from({ length: count }, (_, index) => index);

const THROTTLED = awsError("RequestLimitExceeded", "Request limit exceeded.");
const FAILURES = [
  Object.assign(awsError("InternalError", "An internal error has occurred"), { $metadata: { httpStatusCode: 500 } }),
  Object.assign(awsError("Unavailable", "The service is unavailable"), { $metadata: { httpStatusCode: 503 } }),
  Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" }),
  awsError("TimeoutError", "the request timed out"),
];

/** Makes EC2 fail with an error, for each of the first calls of an action or for all. */
function fail(error: Error, calls = Number.POSITIVE_INFINITY): void {
  let left = calls;
  mock.on(DescribeInstancesCommand).callsFake(async () => {
    left -= 1;
    if (left >= 0) throw error;
    return { Reservations: [] };
  });
}

describe("the calls of a place", () => {
  it("are made at once up to EC2's burst of 100, and then 20 a second", async () => {
    const { pace, waits } = paceAt();
    const ec2 = client({ ...pace, pause: async (milliseconds) => void waits.push(milliseconds) });
    await Promise.all(times(103).map(() => ec2.send(page())));
    expect([ec2.calls, waits]).toEqual([103, [50, 100, 150]]);
  });

  it("have a limit for each action", async () => {
    const { pace, waits } = paceAt();
    const ec2 = client(pace);
    await Promise.all(times(100).flatMap(() => [ec2.send(page()), ec2.send(new DescribeVolumesCommand({}))]));
    expect(waits).toEqual([]);
  });

  it("may come in a burst again after a pause", async () => {
    const { pace, clock, waits } = paceAt();
    const ec2 = client(pace);
    await Promise.all(times(100).map(() => ec2.send(page())));
    clock.pass(5);
    await Promise.all(times(100).map(() => ec2.send(page())));
    expect(waits).toEqual([]);
  });
});

describe("a throttled call", () => {
  it("is reported, counted and retried after a backoff that doubles", async () => {
    fail(THROTTLED, 3);
    const { pace, waits, throttled } = paceAt();
    const ec2 = client(pace);
    expect(await ec2.send(page())).toEqual({ Reservations: [] });
    expect(ec2.calls).toBe(4);
    expect(throttled()).toBe(3);
    expect(waits.filter((wait) => wait >= 500)).toEqual([500, 1_000, 2_000]);
  });

  it("has a backoff with jitter: at least half of it", async () => {
    fail(THROTTLED, 1);
    const { pace, waits } = paceAt();
    await client({ ...pace, random: () => 0 }).send(page());
    expect(waits[0]).toBe(250);
  });

  it("empties the bucket and halves the rate, once for all calls that were sent before", async () => {
    fail(THROTTLED, 2);
    const { pace, waits } = paceAt();
    const ec2 = client(pace);
    await Promise.all([ec2.send(page()), ec2.send(page())]);
    await Promise.all(times(100).map(() => ec2.send(page())));
    waits.length = 0;
    await ec2.send(page());
    // About 10 calls a second, and a little more: the rate rises again by one each second.
    expect(waits[0]).toBeGreaterThan(20);
    expect(waits[0]).toBeLessThanOrEqual(100);
  });

  it("slows down the following calls, until the rate has risen again", async () => {
    fail(THROTTLED, 1);
    const { pace, clock } = paceAt();
    const ec2 = client(pace);
    await ec2.send(page());
    const secondsOf = async (calls: number) => {
      const from = clock.now();
      for (const _ of times(calls)) await ec2.send(page());
      return (clock.now() - from) / 1000;
    };
    expect(await secondsOf(20)).toBeGreaterThan(1.4);
    await secondsOf(200);
    expect(await secondsOf(200)).toBeCloseTo(10, 0);
  });

  it("fails with EC2's error after ten attempts, within about a minute", async () => {
    fail(THROTTLED);
    const { pace, clock } = paceAt();
    const [ec2, from] = [client(pace), clock.now()];
    await expect(ec2.send(page())).rejects.toBe(THROTTLED);
    expect(ec2.calls).toBe(10);
    expect((clock.now() - from) / 1000).toBeLessThan(90);
  });
});

describe("a call that fails", () => {
  it.each(FAILURES)("with $name is made four times", async (error) => {
    fail(error, 3);
    const ec2 = client(paceAt().pace);
    await ec2.send(page());
    expect(ec2.calls).toBe(4);
    fail(error);
    await expect(ec2.send(page())).rejects.toBe(error);
    expect(ec2.calls).toBe(8);
  });

  it("for a reason that another attempt does not change is made once", async () => {
    const denied = awsError("UnauthorizedOperation", "You are not authorized to perform this operation.");
    fail(denied);
    const ec2 = client(paceAt().pace);
    await expect(ec2.send(page())).rejects.toBe(denied);
    expect(ec2.calls).toBe(1);
  });
});

describe("an abort", () => {
  it("ends a call that waits, without making it", async () => {
    fail(THROTTLED);
    const { pace, abort } = paceAt();
    const ec2 = client({ ...pace, throttled: abort });
    await expect(ec2.send(page())).rejects.toMatchObject({ name: "AbortError" });
    expect(ec2.calls).toBe(1);
  });

  it("ends a call in flight, whatever its error", async () => {
    const { pace, abort } = paceAt();
    mock.on(DescribeInstancesCommand).callsFake(async () => {
      abort();
      throw new Error("aborted");
    });
    await expect(client(pace).send(page())).rejects.toMatchObject({ name: "AbortError" });
  });
});
