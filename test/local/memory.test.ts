import { randomUUID } from "node:crypto";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { VirtualClock } from "../../src/local/aws/clock.ts";
import { createWorkQueues } from "../../src/local/aws/sns/work-queues.ts";
import { Queue } from "../../src/local/aws/sqs/queue.ts";
import { timeout } from "../../src/local/aws/timeout.ts";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

/** Returns whether the object from `make` is still referenced after `make` has returned. */
async function isKept(make: () => WeakRef<object>): Promise<boolean> {
  const ref = make();
  // A new WeakRef keeps its target until the end of this turn of the event loop.
  await new Promise((resolve) => setImmediate(resolve));
  collect();
  return ref.deref() !== undefined;
}

describe("Memory", () => {
  it("a cancelled timeout releases its callback at once", async () => {
    const clock = new VirtualClock(0);
    const set = (cancelled: boolean) => () => {
      const held = { body: "x" };
      const cancel = timeout(clock, 15_000, () => held.body);
      if (cancelled) cancel();
      return new WeakRef(held);
    };
    expect(await isKept(set(true))).toBe(false);
    expect(await isKept(set(false))).toBe(true);
    await clock.advance(15_000);
  });

  it("a queue releases a deleted message at once", async () => {
    const queue = new Queue("q", "arn:aws:sqs:r:1:q", "http://q", new VirtualClock(0));
    const received = (deleted: boolean) => () => {
      queue.send({ body: randomUUID(), sender: "test" });
      const [message] = queue.receive(1, 43_200_000, Number.POSITIVE_INFINITY, () => {});
      if (message === undefined) throw new Error("nothing was received");
      if (deleted) queue.remove(message.id);
      return new WeakRef(message);
    };
    // Received messages are released in bulk, so one more is received.
    expect(await isKept(received(false))).toBe(true);
    const deleted = received(true)();
    for (let n = 0; n < 2_100; n += 1) received(true)();
    expect(await isKept(() => deleted)).toBe(false);
  });

  it("work queues start the items of a burst in order, up to the limit for each key", async () => {
    const begun: string[] = [];
    const ends: (() => void)[] = [];
    const queues = createWorkQueues<{ name: string }>(2, ({ name }) => {
      begun.push(name);
      return new Promise((resolve) => ends.push(resolve));
    });
    for (const name of ["a", "b", "c", "d"]) queues.add("one", { name });
    queues.add("other", { name: "e" });
    expect(begun).toEqual(["a", "b", "e"]);
    ends[1]?.();
    await new Promise((resolve) => setImmediate(resolve));
    expect(begun).toEqual(["a", "b", "e", "c"]);
    for (const end of ends) end();
    await new Promise((resolve) => setImmediate(resolve));
    expect(begun).toEqual(["a", "b", "e", "c", "d"]);
  });
});
