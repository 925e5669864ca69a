/**
 * The ids of published alerts by key, in the memory of one container. It keeps what was published for a delivery that the engine
 * repeats, by finding and topic, so that the repetition does not publish it again; and the findings that are open, by `dedupKey`.
 */
export interface Sent {
  get(key: string): string | undefined;
  add(key: string, alertId: string): void;
  delete(key: string): void;
}

/** The maximum number of keys in memory; then the oldest is evicted. A key has up to 600 characters: 6 MB in all. */
export const MAX_SENT = 10_000;

/** Creates an empty memory. */
export function createSent(): Sent {
  const alertIds = new Map<string, string>();
  return {
    get: (key) => alertIds.get(key),
    add(key, alertId) {
      alertIds.delete(key);
      const [oldest] = alertIds.keys();
      if (alertIds.size >= MAX_SENT && oldest !== undefined) alertIds.delete(oldest);
      alertIds.set(key, alertId);
    },
    delete: (key) => void alertIds.delete(key),
  };
}
