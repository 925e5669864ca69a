import { describe, expect, it } from "vitest";
import type { Outcome } from "../../src/launches/outcome.ts";
import { createRepetitions, MAX_SETTLED, repeated } from "../../src/sns/repetitions.ts";
import { ACCOUNT, instanceId, REGION } from "../support/events.ts";
import { launchOf } from "../support/launches.ts";

const SETTLED: Outcome[] = [{ kind: "compliant", launch: launchOf() }];
const FAILED: Outcome[] = [
  { kind: "compliant", launch: launchOf() },
  { kind: "failed", reason: "throttled" },
];

describe("what is settled", () => {
  it("is the newest ten thousand deliveries, so that a container's memory is bounded", async () => {
    const { once } = createRepetitions();
    for (let number = 0; number <= MAX_SETTLED; number += 1) await once(String(number), async () => SETTLED);
    expect(MAX_SETTLED).toBe(10_000);
    expect(await once("1", async () => FAILED)).toBeNull();
    expect(await once("0", async () => FAILED)).toBe(FAILED);
  });

  it("is not what one launch of is unsettled: the engine brings it all again", async () => {
    const { once } = createRepetitions();
    expect(await once("a", async () => FAILED)).toBe(FAILED);
    expect(await once("a", async () => SETTLED)).toBe(SETTLED);
    expect(await once("a", async () => SETTLED)).toBeNull();
  });

  it("does not include work that threw, and callers that waited for it get the error", async () => {
    const { once } = createRepetitions();
    const broken = () => Promise.reject(new Error("x"));
    const both = await Promise.allSettled([once("a", broken), once("a", async () => SETTLED)]);
    expect(both.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    expect(await once("a", async () => SETTLED)).toBe(SETTLED);
  });
});

describe("a delivery that comes again while it is at work", () => {
  it.each([
    ["shares outcomes that are not settled", FAILED, FAILED],
    ["is settled with it", SETTLED, null],
  ])("%s, and is not done twice", async (_, outcomes, shared) => {
    const { once } = createRepetitions();
    let finish = (_outcomes: Outcome[]) => {};
    let times = 0;
    const work = () => {
      times += 1;
      return new Promise<Outcome[]>((resolve) => {
        finish = resolve;
      });
    };
    const all = [once("a", work), once("a", work), once("a", work)];
    finish(outcomes);
    expect(await Promise.all(all)).toEqual([outcomes, shared, shared]);
    expect(times).toBe(1);
  });
});

describe("a repeated delivery", () => {
  it("of one launch names its instance; of several, only where they were", () => {
    const [one, two] = [launchOf({ instanceId: instanceId(1) }), launchOf({ instanceId: instanceId(2) })];
    expect(repeated([one])).toMatchObject({ kind: "ignored", launch: { instanceId: instanceId(1) } });
    expect(repeated([one, two])).toMatchObject({ launch: { account: ACCOUNT, region: REGION } });
    expect(repeated([one, two])).not.toHaveProperty("launch.instanceId");
    expect(repeated()).toMatchObject({ kind: "ignored" });
  });
});
