/**
 * Remembers what was published for a delivery that the engine repeats, so that the repetition does not publish it again: the id
 * of the alert, by finding and topic. The memory is that of one container.
 */
export interface Sent {
  get(key: string): string | undefined;
  add(key: string, alertId: string): void;
}

/** The maximum number of findings in memory; then the oldest is evicted. A key has up to 600 characters: 6 MB in all. */
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
  };
}
