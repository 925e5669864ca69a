/**
 * Items with a due time, in the order of that time, then of arrival. Most arrive with a later
 * due time than the previous ones, so `add` is nearly always a push.
 */
export class Timeline<T> {
  readonly #entries: ({ at: number; item: T } | undefined)[] = [];
  /** The index of the first item that was not taken: removing each taken item from the array would be slow. */
  #head = 0;

  /** The due time of the next item (ms epoch); undefined if there is none. */
  get nextAt(): number | undefined {
    return this.#entries[this.#head]?.at;
  }

  /** Adds `item`, due at `at` (ms epoch), after all items with the same due time. */
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

  /** Removes and returns the first item that is due at `now` (ms epoch); undefined if there is none. */
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

  /** Removes all items. */
  clear(): void {
    this.#entries.length = 0;
    this.#head = 0;
  }
}
