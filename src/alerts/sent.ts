/**
 * What was published, in the memory of one container: for a delivery that the engine repeats, the ids of its alerts by finding and
 * topic, so that the repetition does not publish it again.
 */
export interface Sent<T = string> {
  get(key: string): T | undefined;
  add(key: string, value: T): void;
  delete(key: string): void;
}

/** The findings that are open, as far as a container knows: the destinations that got each, by `dedupKey`. */
export type Open = Sent<ReadonlySet<string>>;

/** The maximum number of keys in memory; then the oldest is evicted. A key has up to 600 characters: 6 MB in all. */
export const MAX_SENT = 10_000;

/** Creates an empty memory. */
export function createSent<T = string>(): Sent<T> {
  const values = new Map<string, T>();
  return {
    get: (key) => values.get(key),
    add(key, value) {
      values.delete(key);
      const [oldest] = values.keys();
      if (values.size >= MAX_SENT && oldest !== undefined) values.delete(oldest);
      values.set(key, value);
    },
    delete: (key) => void values.delete(key),
  };
}
