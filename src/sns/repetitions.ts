import type { Launch } from "../events.ts";
import { isUnsettled, type Outcome } from "../outcome.ts";

/** Does the work of a delivery, and answers its outcomes; null when the delivery was settled before. */
export type Once = (work: () => Promise<Outcome[]>) => Promise<Outcome[] | null>;

/** The deliveries that are settled, and those at work. */
export interface Repetitions {
  /**
   * Does the work for a key unless it was settled before: then the answer is null. While it is at work, whoever asks for
   * the same key waits for it, and shares its outcomes when they are not settled. What is not settled is done again.
   */
  once(key: string, work: () => Promise<Outcome[]>): Promise<Outcome[] | null>;
}

/**
 * The oldest is forgotten. A delivery can be repeated until it is two hours old, so up to 83 a minute are all remembered; a
 * repetition beyond that is audited again. Only verified deliveries get here: a stranger can fill nothing. A key is some 100
 * characters, so all of them take about 2 MB.
 */
export const MAX_SETTLED = 10_000;

/** Remembers deliveries as they are settled, which may be after their time was over, when something else was answered. */
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
