import type { EC2Client } from "@aws-sdk/client-ec2";
import { isServerError, isThrottlingError, isTransientError } from "@smithy/core/retry";

/** The time, chance and operator that paced calls depend on. */
export interface Pace {
  /** In milliseconds since 1970. */
  readonly now: () => number;
  /** Resolves after a number of milliseconds. Rejects when the signal aborts. */
  readonly pause: (milliseconds: number, signal: AbortSignal) => Promise<void>;
  /** A number from 0 up to 1, for jitter. */
  readonly random: () => number;
  /** Stops the calls and the pauses. */
  readonly signal: AbortSignal;
  /** Called when EC2 throttles a call. */
  readonly throttled: () => void;
}

/** An EC2 client that keeps to EC2's request limits. */
export interface PacedClient extends Pick<EC2Client, "send"> {
  /** The calls so far, each attempt counted. */
  readonly calls: number;
}

/**
 * EC2's limits of filtered or paginated describe calls, for each action, account and region. Others share them, so they are a
 * maximum. https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html
 */
const CAPACITY = 100;
const PER_SECOND = 20;

/** The lowest rate after throttling, and by how much it rises again each second, in calls a second. */
const LEAST_PER_SECOND = 0.5;
const RISE = 1;

/** The attempts of a call that EC2 throttles. Their backoff adds up to about a minute. */
const THROTTLED_ATTEMPTS = 10;
/** The attempts of a call that fails in EC2 or on the network. */
const FAILED_ATTEMPTS = 4;

/** The backoff before the second attempt and its maximum, in milliseconds. It doubles each time. */
const BACKOFF_MS = 250;
const MAX_BACKOFF_MS = 10_000;

/**
 * Returns a client for the calls of one account and region. It spreads them within EC2's request limits, slows down when EC2
 * throttles, and repeats calls that were throttled or failed on the way; the wrapped client should make one attempt. `send` throws
 * the last error of a call, and the signal's reason after an abort.
 */
export function paced(ec2: Pick<EC2Client, "send">, pace: Pace): PacedClient {
  const { signal } = pace;
  /** By the class of the command. Its name is not the action's in a minified file. */
  const buckets = new Map<unknown, Bucket>();
  let calls = 0;

  const send = async (command: Parameters<EC2Client["send"]>[0]): Promise<unknown> => {
    const bucket = buckets.get(command.constructor) ?? new Bucket(pace.now());
    buckets.set(command.constructor, bucket);
    for (let attempt = 1; ; attempt++) {
      const wait = bucket.take(pace.now());
      if (wait > 0) await pace.pause(wait, signal);
      signal.throwIfAborted();
      calls += 1;
      const sentAt = pace.now();
      try {
        return await ec2.send(command, { abortSignal: signal });
      } catch (error) {
        signal.throwIfAborted();
        if (!isSdkError(error)) throw error;
        const isThrottled = isThrottlingError(error);
        if (isThrottled) {
          bucket.throttle(sentAt, pace.now());
          pace.throttled();
        }
        const isTemporary = isThrottled || isTransientError(error) || isServerError(error);
        if (!isTemporary || attempt >= (isThrottled ? THROTTLED_ATTEMPTS : FAILED_ATTEMPTS)) throw error;
        const backoff = Math.min(MAX_BACKOFF_MS, BACKOFF_MS * 2 ** attempt);
        await pace.pause(backoff * (0.5 + pace.random() / 2), signal);
      }
    }
  };

  return {
    // The overloads of `send` tie the output to the command, as the wrapped client does. None of our calls takes a callback.
    send: send as EC2Client["send"],
    get calls() {
      return calls;
    },
  };
}

/** Narrows an error to the type of the SDK's own predicates, which look only at what is there. */
function isSdkError(error: unknown): error is Parameters<typeof isThrottlingError>[0] {
  return error instanceof Error;
}

/** The calls that may be made now, as EC2 counts them. */
class Bucket {
  /** Less than zero while calls wait: each has its place in time. */
  #tokens = CAPACITY;
  #perSecond = PER_SECOND;
  #filledAt: number;
  #slowedAt = Number.NEGATIVE_INFINITY;

  constructor(now: number) {
    this.#filledAt = now;
  }

  /** Takes a token, and returns the milliseconds until it is there. */
  take(now: number): number {
    this.#fill(now);
    this.#tokens -= 1;
    return this.#tokens >= 0 ? 0 : (-this.#tokens / this.#perSecond) * 1000;
  }

  /** Empties the bucket and halves its rate, once for all calls that were sent before it slowed down. */
  throttle(sentAt: number, now: number): void {
    this.#fill(now);
    this.#tokens = Math.min(0, this.#tokens);
    if (sentAt < this.#slowedAt) return;
    this.#slowedAt = now;
    this.#perSecond = Math.max(LEAST_PER_SECOND, this.#perSecond / 2);
  }

  #fill(now: number): void {
    const seconds = Math.max(0, now - this.#filledAt) / 1000;
    this.#filledAt = now;
    this.#tokens = Math.min(CAPACITY, this.#tokens + seconds * this.#perSecond);
    this.#perSecond = Math.min(PER_SECOND, this.#perSecond + seconds * RISE);
  }
}
