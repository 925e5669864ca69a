/**
 * Things that become due at a moment, kept in order of that moment (and of arrival within it). Most arrive with a later
 * moment than those before them, so that `add` is nearly always a push.
 */
export class Timeline<T> {
  readonly #entries: { at: number; item: T }[] = [];

  /** The moment (ms epoch) the next item is due, or undefined when there is none. */
  get nextAt(): number | undefined {
    return this.#entries[0]?.at;
  }

  /** Adds `item`, due at `at` (ms epoch), behind all that are due at the same moment. */
  add(at: number, item: T): void {
    let low = 0;
    let high = this.#entries.length;
    if ((this.#entries[high - 1]?.at ?? -Infinity) <= at) low = high;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#entries[middle]?.at ?? Infinity) <= at) low = middle + 1;
      else high = middle;
    }
    this.#entries.splice(low, 0, { at, item });
  }

  /** Takes out and gives the first item that is due at `now` (ms epoch), or undefined. */
  take(now: number): T | undefined {
    const first = this.#entries[0];
    if (first === undefined || first.at > now) return undefined;
    this.#entries.shift();
    return first.item;
  }

  /** All items, due or not, in order. */
  items(): T[] {
    return this.#entries.map((entry) => entry.item);
  }

  /** Forgets everything. */
  clear(): void {
    this.#entries.length = 0;
  }
}
