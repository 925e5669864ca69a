import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cancellable, dueAt, systemClock, VirtualClock } from "../../src/local/aws/clock.ts";
import { Timeline } from "../../src/local/aws/timeline.ts";

describe("Timeline", () => {
  it("returns items in the order of their times; at the same time, in the order of arrival", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 9 })), (moments) => {
        const timeline = new Timeline<[number, number]>();
        for (const [index, at] of moments.entries()) timeline.add(at, [at, index]);
        const taken: [number, number][] = [];
        for (let item = timeline.take(9); item !== undefined; item = timeline.take(9)) taken.push(item);
        expect(taken).toEqual(
          moments.map((at, index): [number, number] => [at, index]).sort((a, b) => a[0] - b[0] || a[1] - b[1]),
        );
      }),
    );
  });

  it("keeps items that are not due", () => {
    const timeline = new Timeline<string>();
    timeline.add(5, "later");
    expect(timeline.take(4)).toBeUndefined();
    expect(timeline.nextAt).toBe(5);
    expect(timeline.take(5)).toBe("later");
  });
});

describe("VirtualClock", () => {
  it("stands still until it is advanced, and runs each timer at its own time", async () => {
    const clock = new VirtualClock(1000);
    const fired: [string, number][] = [];
    clock.after(20, () => fired.push(["second", clock.now()]));
    clock.after(10, () => {
      fired.push(["first", clock.now()]);
      clock.after(5, () => fired.push(["set by the first", clock.now()]));
    });
    clock.after(31, () => fired.push(["not yet", clock.now()]));
    expect(clock.now()).toBe(1000);
    await clock.advance(30);
    expect(fired).toEqual([
      ["first", 1010],
      ["set by the first", 1015],
      ["second", 1020],
    ]);
    expect(clock.now()).toBe(1030);
  });

  it("does not run cancelled timers, one by one or all at once", async () => {
    const clock = new VirtualClock(0);
    const fired: string[] = [];
    clock.after(1, () => fired.push("one"))();
    const scoped = cancellable(clock);
    scoped.after(1, () => fired.push("two"));
    scoped.cancelAll();
    clock.after(1, () => fired.push("three"));
    await clock.advance(10);
    expect(fired).toEqual(["three"]);
  });

  it("waits for pending work before it advances", async () => {
    const clock = new VirtualClock(0);
    const seen: number[] = [];
    clock.after(1, () => {
      clock.busy(
        (async () => {
          for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
          seen.push(clock.now());
        })(),
      );
    });
    clock.after(2, () => seen.push(clock.now()));
    await clock.advance(10);
    expect(seen).toEqual([1, 2]);
  });

  it("advances although work hangs", async () => {
    const clock = new VirtualClock(0);
    let ended = false;
    clock.busy(
      new Promise<void>((resolve) => clock.after(5, resolve)).then(() => {
        ended = true;
      }),
    );
    await clock.advance(5);
    expect(ended).toBe(true);
  });
});

describe("systemClock", () => {
  it("runs faster than real time by its speed, and reports the speed", async () => {
    const clock = systemClock({ speed: 10_000 });
    const before = Date.now();
    await new Promise<void>((resolve) => {
      clock.after(100_000, resolve);
      // The clock's timers do not keep the process alive; this one does until then.
      setTimeout(() => {}, 1_000);
    });
    expect(Date.now() - before).toBeLessThan(5_000);
    expect(dueAt(clock, 100_000) - clock.now()).toBeLessThan(20);
  });

  it("refuses a speed of 0", () => {
    expect(() => systemClock({ speed: 0 })).toThrow(RangeError);
  });
});
