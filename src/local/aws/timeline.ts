/**
 * Things that become due at a moment, kept in order of that moment (and of arrival within it). Most arrive with a later
 * moment than those before them, so that `add` is nearly always a push.
 */
export class Timeline<T> {
  readonly #entries: ({ at: number; item: T } | undefined)[] = [];
  /** Where those that are not taken begin: to move all the others up for each that is taken would cost more than all else. */
  #head = 0;

  /** The moment (ms epoch) the next item is due, or undefined when there is none. */
  get nextAt(): number | undefined {
    return this.#entries[this.#head]?.at;
  }

  /** Adds `item`, due at `at` (ms epoch), behind all that are due at the same moment. */
  add(at: number, item: T): void {
    let low = this.#head;
    let high = this.#entries.length;
    if (low === high || (this.#entries[high - 1]?.at ?? -Infinity) <= at) low = high;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#entries[middle]?.at ?? Infinity) <= at) low = middle + 1;
      else high = middle;
    }
    this.#entries.splice(low, 0, { at, item });
  }

  /** Takes out and gives the first item that is due at `now` (ms epoch), or undefined. */
  take(now: number): T | undefined {
    const first = this.#entries[this.#head];
    if (first === undefined || first.at > now) return undefined;
    this.#entries[this.#head] = undefined;
    this.#head += 1;
    if (this.#head > 1_000 && this.#head * 2 > this.#entries.length) {
      this.#entries.splice(0, this.#head);
      this.#head = 0;
    }
    return first.item;
  }

  /** All items, due or not, in order. */
  items(): T[] {
    return this.#entries.flatMap((entry) => (entry === undefined ? [] : [entry.item]));
  }

  /** Forgets everything. */
  clear(): void {
    this.#entries.length = 0;
    this.#head = 0;
  }
}
