import type { Clock } from "./clock.ts";

/**
 * `clock.after` for what is cancelled as a rule: cancelling lets go of `run`, and of all that it holds, at once. A clock may
 * keep what it was given until its time has come.
 */
export function timeout(clock: Clock, ms: number, run: () => void): () => void {
  let held: (() => void) | undefined = run;
  const cancel = clock.after(ms, () => held?.());
  return () => {
    held = undefined;
    cancel();
  };
}
