import { describe, expect, it } from "vitest";
import { createPacer } from "../../src/alerts/pacer.ts";
import { clockAt } from "../support/launches.ts";

/** A pacer of ten turns a second, and what was asked of its clock. */
function start() {
  const clock = clockAt(0);
  const pauses: number[] = [];
  const inTurn = createPacer(10, 1_000, clock.now, async (milliseconds) => {
    pauses.push(milliseconds);
    clock.pass(milliseconds / 1000);
  });
  /** Asks for turns in one go; answers when each came, null for one that did not. */
  const ask = (count: number, wanted: () => boolean = () => true) =>
    Promise.all(Array.from({ length: count }, () => inTurn(async () => clock.now(), wanted)));
  return { clock, pauses, ask, inTurn };
}

describe("turns", () => {
  it("come at once while there are fewer than ten within a second", async () => {
    const { ask, pauses } = start();
    expect(await ask(10)).toEqual(Array(10).fill(0));
    expect(pauses).toEqual([]);
  });

  it("are ten a second, in the order they are asked for, and none is lost", async () => {
    const { ask } = start();
    expect(await ask(40)).toEqual([0, 1_000, 2_000, 3_000].flatMap((at) => Array(10).fill(at)));
  });

  it("are never more than ten in any second, however they are spread", async () => {
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

  it("that are no longer wanted take no time from those after them", async () => {
    const { ask, clock, pauses } = start();
    const [, late, after] = await Promise.all([ask(10), ask(5, () => clock.now() > 5_000), ask(1)]);
    expect(late).toEqual(Array(5).fill(null));
    expect(after).toEqual([1_000]);
    expect(pauses).toEqual([1_000]);
  });

  it("are not given to what is no longer wanted when they come", async () => {
    const { ask, clock } = start();
    const [, late, after] = await Promise.all([ask(10), ask(1, () => clock.now() < 500), ask(10)]);
    expect(late).toEqual([null]);
    expect(after).toEqual(Array(10).fill(1_000));
  });

  it("come a second after the end of the work ten before, which may take effect at its end", async () => {
    const { ask, clock, inTurn } = start();
    let end = () => {};
    const slow = inTurn(
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
      "throws at once",
      () => {
        throw new Error("refused");
      },
    ],
  ])("go on after a work that %s", async (_, work) => {
    const { ask, inTurn } = start();
    await expect(inTurn(work, () => true)).rejects.toThrow("refused");
    expect(await ask(10)).toEqual([...Array(9).fill(0), 1_000]);
  });
});
