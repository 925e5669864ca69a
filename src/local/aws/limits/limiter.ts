import type { ApiCall } from "../calls.ts";
import type { Clock } from "../clock.ts";
import { TokenBucket } from "./bucket.ts";
import { chargesOf } from "./documented.ts";

/** AWS's request limits in force. */
export interface Limiter {
  /** Takes the tokens of a call; returns whether it is within the limits. Tokens stay spent if a later bucket refuses. */
  allows(call: ApiCall): boolean;
  /** The number of refused calls, by `service:Action`. */
  readonly throttled: ReadonlyMap<string, number>;
}

/** Returns a limiter with the documented limits for each account and region, in the time and speed of `clock`. */
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
