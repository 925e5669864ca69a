import type { Launch } from "../../src/launches/events.ts";
import { ACCOUNT, AT, INSTANCE, REGION } from "./events.ts";

/** A launch as the sample events tell it, with what a test changes. */
export function launchOf(changes: Partial<Launch> = {}): Launch {
  return {
    account: ACCOUNT,
    region: REGION,
    instanceId: INSTANCE,
    at: AT,
    launchedBy: null,
    event: "EC2 Instance State-change Notification",
    ...changes,
  };
}

/** A clock that stands still until it is told otherwise. */
export function clockAt(time: number): {
  now: () => number;
  set: (time: number) => void;
  pass: (seconds: number) => void;
} {
  let current = time;
  return {
    now: () => current,
    set: (to) => {
      current = to;
    },
    pass: (seconds) => {
      current += seconds * 1000;
    },
  };
}
