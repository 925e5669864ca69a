import type { Launch } from "../launches/events.ts";
import { isUnsettled, type Outcome } from "../launches/outcome.ts";

/** Does the work of a delivery, and answers its outcomes; null when the delivery was settled before. */
export type Once = (work: () => Promise<Outcome[]>) => Promise<Outcome[] | null>;

/** The deliveries that are settled or in progress. */
export interface Repetitions {
  /**
   * Does the work for a key, or returns null when it was settled before. Callers that ask for a key in progress wait for it,
   * and share its outcomes when they are not settled. Work that was not settled is done again when it is next asked for.
   */
  once(key: string, work: () => Promise<Outcome[]>): Promise<Outcome[] | null>;
}

/**
 * How many settled deliveries are remembered; then the oldest is forgotten. A delivery can be repeated until it is two hours
 * old, so at up to 83 deliveries a minute all repetitions are found; beyond that some are audited again. Only verified
 * deliveries get here, so a stranger cannot fill the memory. A key has about 100 characters, so all take about 2 MB.
 */
export const MAX_SETTLED = 10_000;

/** Remembers deliveries when they are settled, even if that is after their deadline and the caller got another answer. */
export function createRepetitions(): Repetitions {
  const settled = new Set<string>();
  const working = new Map<string, Promise<Outcome[]>>();

  const begin = async (key: string, work: () => Promise<Outcome[]>): Promise<Outcome[]> => {
    try {
      const outcomes = await work();
      if (outcomes.some(isUnsettled)) return outcomes;
      const [oldest] = settled;
      if (settled.size >= MAX_SETTLED && oldest !== undefined) settled.delete(oldest);
      settled.add(key);
      return outcomes;
    } finally {
      working.delete(key);
    }
  };

  return {
    async once(key, work) {
      if (settled.has(key)) return null;
      const other = working.get(key);
      if (other !== undefined) {
        const outcomes = await other;
        return settled.has(key) ? null : outcomes;
      }
      const own = begin(key, work);
      working.set(key, own);
      return own;
    },
  };
}

/** The one outcome of a delivery that was settled before. Takes its launches, which are of one account and region. */
export function repeated(launches: readonly Launch[] = []): Outcome {
  const [first, ...others] = launches;
  const { instanceId: _, ...common } = { ...first };
  const launch = others.length === 0 ? { ...first } : common;
  return { kind: "ignored", reason: "this delivery was settled before, and is not audited again", launch };
}
