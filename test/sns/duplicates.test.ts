import { describe, expect, it } from "vitest";
import { createRunOnce, MAX_SETTLED } from "../../src/sns/duplicates.ts";

const newOnce = () => createRunOnce((result: string) => result === "settled");
const settle = async () => "settled";
const fail = async () => "failed";

describe("settled deliveries", () => {
  it("are limited to the newest ten thousand, so that the memory of a container is bounded", async () => {
    const once = newOnce();
    for (let number = 0; number <= MAX_SETTLED; number += 1) await once(String(number), settle);
    expect(MAX_SETTLED).toBe(10_000);
    expect(await once("1", fail)).toBeNull();
    expect(await once("0", fail)).toBe("failed");
  });

  it("do not include a delivery that failed: the engine delivers it again", async () => {
    const once = newOnce();
    expect(await once("a", fail)).toBe("failed");
    expect(await once("a", settle)).toBe("settled");
    expect(await once("a", settle)).toBeNull();
  });

  it("do not include work that threw, and its other callers get the error", async () => {
    const once = newOnce();
    const broken = () => Promise.reject(new Error("x"));
    const both = await Promise.allSettled([once("a", broken), once("a", settle)]);
    expect(both.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    expect(await once("a", settle)).toBe("settled");
  });
});

describe("a duplicate of a pending delivery", () => {
  it.each([
    ["shares a result that does not settle it", "failed", "failed"],
    ["is settled with it", "settled", null],
  ])("%s, and does not run again", async (_, result, shared) => {
    const once = newOnce();
    let finish = (_result: string) => {};
    let times = 0;
    const work = () => {
      times += 1;
      return new Promise<string>((resolve) => {
        finish = resolve;
      });
    };
    const all = [once("a", work), once("a", work), once("a", work)];
    finish(result);
    expect(await Promise.all(all)).toEqual([result, shared, shared]);
    expect(times).toBe(1);
  });
});
