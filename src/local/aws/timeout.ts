import type { Clock } from "./clock.ts";

/**
 * Sets a timer that is usually cancelled: cancelling releases `run` and everything that it references at once. A clock may
 * keep a callback until its time.
 */
export function timeout(clock: Clock, ms: number, run: () => void): () => void {
  let held: (() => void) | undefined = run;
  const cancel = clock.after(ms, () => held?.());
  return () => {
    held = undefined;
    cancel();
  };
}
