import type { ApiCall } from "../calls.ts";
import type { Clock } from "../clock.ts";
import { TokenBucket } from "./bucket.ts";
import { chargesOf } from "./documented.ts";

/** AWS's request limits in force. */
export interface Limiter {
  /** Whether a call may pass: takes its tokens. One that a later bucket refuses has spent those of the earlier. */
  allows(call: ApiCall): boolean;
  /** How many calls were refused, by `service:Action`. */
  readonly throttled: ReadonlyMap<string, number>;
}

/** The documented limits, each account and region with buckets of its own, in the time and speed of `clock`. */
export function createLimiter(clock: Clock): Limiter {
  const buckets = new Map<string, TokenBucket>();
  const throttled = new Map<string, number>();

  function bucketOf(key: string, capacity: number, perSecond: number): TokenBucket {
    const bucket = buckets.get(key) ?? new TokenBucket(capacity, perSecond);
    buckets.set(key, bucket);
    return bucket;
  }

  return {
    throttled,
    allows: (call) => {
      const now = clock.now() * (clock.speed ?? 1);
      const passes = chargesOf(call).every(({ bucket, capacity, perSecond, tokens }) =>
        bucketOf(`${call.account} ${call.region} ${bucket}`, capacity, perSecond).take(tokens, now),
      );
      const name = `${call.service}:${call.action}`;
      if (!passes) throttled.set(name, (throttled.get(name) ?? 0) + 1);
      return passes;
    },
  };
}
