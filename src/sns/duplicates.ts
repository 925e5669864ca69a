/**
 * Runs the work of a delivery, unless a delivery with the same key was settled before; then it returns null. Callers with the
 * key of pending work wait for it, and share its result if that does not settle the delivery. Throws the error of the work.
 */
export type RunOnce<T> = (key: string, work: () => Promise<T>) => Promise<T | null>;

/**
 * The maximum number of settled deliveries in memory; then the oldest is evicted. A duplicate can arrive until the delivery is
 * two hours old, so up to 83 deliveries a minute every duplicate is found; above that rate, some are audited again. Only
 * verified deliveries count, so an unauthenticated caller cannot fill the memory. A key has about 100 characters: 2 MB in all.
 */
export const MAX_SETTLED = 10_000;

/**
 * Creates a memory of settled deliveries. Takes the function that decides whether a result settles its delivery. A delivery is
 * also settled by work that ends after its deadline, when the caller already has another response.
 */
export function createRunOnce<T>(settles: (result: T) => boolean): RunOnce<T> {
  const settled = new Set<string>();
  const pending = new Map<string, Promise<T>>();

  const begin = async (key: string, work: () => Promise<T>): Promise<T> => {
    try {
      const result = await work();
      if (!settles(result)) return result;
      const [oldest] = settled;
      if (settled.size >= MAX_SETTLED && oldest !== undefined) settled.delete(oldest);
      settled.add(key);
      return result;
    } finally {
      pending.delete(key);
    }
  };

  return async (key, work) => {
    if (settled.has(key)) return null;
    const other = pending.get(key);
    if (other !== undefined) {
      const result = await other;
      return settled.has(key) ? null : result;
    }
    const own = begin(key, work);
    pending.set(key, own);
    return own;
  };
}
