/**
 * A token bucket as EC2 describes its own: full at first, and "a set number of tokens is added back to it every second until
 * it reaches its maximum capacity". The seconds count from the first call.
 * https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html#throttling-rate-based
 */
export class TokenBucket {
  readonly #capacity: number;
  readonly #perSecond: number;
  #tokens: number;
  #refilledAt: number | undefined;

  /** @param perSecond the tokens that are added each second */
  constructor(capacity: number, perSecond: number) {
    this.#capacity = capacity;
    this.#perSecond = perSecond;
    this.#tokens = capacity;
  }

  /** Takes `count` tokens; returns false and takes none if there are fewer. @param now in ms of AWS's time */
  take(count: number, now: number): boolean {
    this.#refilledAt ??= now;
    const seconds = Math.floor((now - this.#refilledAt) / 1000);
    this.#refilledAt += seconds * 1000;
    this.#tokens = Math.min(this.#capacity, this.#tokens + seconds * this.#perSecond);
    if (this.#tokens < count) return false;
    this.#tokens -= count;
    return true;
  }
}
