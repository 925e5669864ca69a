interface HasId {
  readonly id: string;
}

/** Instances that are made when they are asked for, the same ones each time. */
export interface GeneratedInstances<T> {
  readonly count: number;
  /** @param index from 0 to `count` - 1 */
  at(index: number): T;
  /** Returns the index of an id; undefined for an id of no such instance. */
  indexOf(id: string): number | undefined;
}

interface Launched<T> {
  readonly position: number;
  readonly instance: T;
}

/** The position of the first launched instance: after all generated ones. */
const LAUNCHED = 100_000_000;

/**
 * The instances of a place, each at a position that never changes, in the order of their launch. The generated ones come first.
 * A look-up by id and a start at any position cost no more with a million instances.
 */
export class Instances<T extends HasId> {
  #generated: GeneratedInstances<T> | undefined;
  /** The generated instances that differ from what `at` returns, by index; null for one that AWS no longer shows. */
  readonly #changed = new Map<number, T | null>();
  readonly #launched = new Map<string, Launched<T>>();
  /** In the order of their positions. Those that were forgotten stay until they are most of the array. */
  #order: Launched<T>[] = [];
  #next = LAUNCHED;

  /** Sets the generated instances. @throws RangeError if there are some already, or too many */
  generate(generated: GeneratedInstances<T>): void {
    if (this.#generated !== undefined) throw new RangeError("the place has a generated fleet already");
    if (generated.count > LAUNCHED) throw new RangeError(`a place has at most ${LAUNCHED} generated instances`);
    this.#generated = generated;
  }

  get(id: string): T | undefined {
    const launched = this.#launched.get(id);
    if (launched !== undefined) return launched.instance;
    const index = this.#generated?.indexOf(id);
    return index === undefined ? undefined : this.#at(index);
  }

  add(instance: T): void {
    const launched = { position: this.#next, instance };
    this.#next += 1;
    this.#launched.set(instance.id, launched);
    this.#order.push(launched);
  }

  /** Keeps an instance that is going to change. */
  keep(instance: T): void {
    const index = this.#launched.has(instance.id) ? undefined : this.#generated?.indexOf(instance.id);
    if (index !== undefined) this.#changed.set(index, instance);
  }

  forget(id: string): void {
    const index = this.#generated?.indexOf(id);
    if (index !== undefined) this.#changed.set(index, null);
    this.#launched.delete(id);
    if (this.#order.length > 2 * this.#launched.size + 100) this.#order = [...this.#launched.values()];
  }

  /** Yields the instances at a position and after it. */
  *from(position = 0): Generator<Launched<T>> {
    const count = this.#generated?.count ?? 0;
    for (let index = position; index < count; index += 1) {
      const instance = this.#at(index);
      if (instance !== undefined) yield { position: index, instance };
    }
    const order = this.#order;
    for (let index = firstAt(order, position); index < order.length; index += 1) {
      const launched = order[index];
      if (launched !== undefined && this.#launched.has(launched.instance.id)) yield launched;
    }
  }

  #at(index: number): T | undefined {
    const changed = this.#changed.get(index);
    return changed === undefined ? this.#generated?.at(index) : (changed ?? undefined);
  }
}

/** Returns the index of the first one at the position or after it, by bisection. */
function firstAt(order: readonly Launched<HasId>[], position: number): number {
  let [low, high] = [0, order.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((order[middle]?.position ?? 0) < position) low = middle + 1;
    else high = middle;
  }
  return low;
}
