import type { Launch } from "../../src/launches/events.ts";
import { ACCOUNT, AT, INSTANCE, REGION } from "./events.ts";

/** Returns the launch of the sample events, with changes. */
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

/** Returns a clock that stands still until a test changes it. */
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
