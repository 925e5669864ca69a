import { describe, expect, it } from "vitest";
import { createPacer } from "../../src/alerts/pacer.ts";
import { clockAt } from "../support/launches.ts";

/** A pacer of ten turns per second, and the pauses that it made. */
function start() {
  const clock = clockAt(0);
  const pauses: number[] = [];
  const paced = createPacer(10, 1_000, clock.now, async (milliseconds) => {
    pauses.push(milliseconds);
    clock.pass(milliseconds / 1000);
  });
  /** Requests turns at the same time. Returns the time of each; null for one that was not given. */
  const ask = (count: number, isWanted: () => boolean = () => true) =>
    Promise.all(Array.from({ length: count }, () => paced(async () => clock.now(), isWanted)));
  return { clock, pauses, ask, paced };
}

describe("paced work", () => {
  it("starts at once, up to ten pieces per second", async () => {
    const { ask, pauses } = start();
    expect(await ask(10)).toEqual(Array(10).fill(0));
    expect(pauses).toEqual([]);
  });

  it("starts at ten pieces per second, in the order of the requests, and none is lost", async () => {
    const { ask } = start();
    expect(await ask(40)).toEqual([0, 1_000, 2_000, 3_000].flatMap((at) => Array(10).fill(at)));
  });

  it("never starts more than ten pieces in any second, however requests are spread", async () => {
    const { ask, clock } = start();
    const given: (number | null)[] = [];
    for (const [count, pause] of [
      [4, 0.7],
      [9, 0.2],
      [1, 0.9],
      [15, 0.05],
      [3, 0.5],
      [12, 0],
    ] as const) {
      given.push(...(await ask(count)));
      clock.pass(pause);
    }
    expect(given).toHaveLength(44);
    const times = given.filter((at) => at !== null);
    for (const at of times) expect(times.filter((other) => other >= at && other < at + 1_000).length).toBeLessThan(11);
  });

  it("does not delay other work when it is no longer wanted", async () => {
    const { ask, clock, pauses } = start();
    const [, late, after] = await Promise.all([ask(10), ask(5, () => clock.now() > 5_000), ask(1)]);
    expect(late).toEqual(Array(5).fill(null));
    expect(after).toEqual([1_000]);
    expect(pauses).toEqual([1_000]);
  });

  it("does not start when it is no longer wanted by then", async () => {
    const { ask, clock } = start();
    const [, late, after] = await Promise.all([ask(10), ask(1, () => clock.now() < 500), ask(10)]);
    expect(late).toEqual([null]);
    expect(after).toEqual(Array(10).fill(1_000));
  });

  it("starts a second after the end of the tenth piece before it, which may take effect only at its end", async () => {
    const { ask, clock, paced } = start();
    let end = () => {};
    const slow = paced(
      () => new Promise<void>((resolve) => (end = resolve)),
      () => true,
    );
    const nine = await ask(9);
    const eleventh = ask(1);
    clock.pass(3);
    end();
    expect([await slow, nine, await eleventh]).toEqual([undefined, Array(9).fill(0), [4_000]]);
  });

  it.each<[string, () => Promise<never>]>([
    ["fails", () => Promise.reject(new Error("refused"))],
    [
      "throws synchronously",
      () => {
        throw new Error("refused");
      },
    ],
  ])("continues after a piece that %s", async (_, work) => {
    const { ask, paced } = start();
    await expect(paced(work, () => true)).rejects.toThrow("refused");
    expect(await ask(10)).toEqual([...Array(9).fill(0), 1_000]);
  });
});
