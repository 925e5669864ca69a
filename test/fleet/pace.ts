import type { Pace } from "../../src/fleet/paced.ts";
import { AT } from "../support/events.ts";
import { clockAt } from "../support/launches.ts";

/** A pace whose pauses pass on a clock of its own, and what was told through it. */
export function paceAt(time = AT) {
  const clock = clockAt(time);
  const abort = new AbortController();
  const waits: number[] = [];
  let throttled = 0;
  const pace: Pace = {
    now: clock.now,
    pause: async (milliseconds, signal) => {
      signal.throwIfAborted();
      waits.push(milliseconds);
      clock.pass(milliseconds / 1000);
    },
    random: () => 1,
    signal: abort.signal,
    throttled: () => {
      throttled += 1;
    },
  };
  return { pace, clock, waits, throttled: () => throttled, abort: () => abort.abort() };
}
