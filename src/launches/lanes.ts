import { describeError } from "../util/errors.ts";
import type { Unit } from "./batch.ts";
import { type Outcome, TOO_LONG } from "./outcome.ts";

/** Runs the units of one account and region, and answers the outcomes of each, in their order. */
export type RunLane = (account: string, region: string, units: readonly Unit[]) => Promise<Outcome[][]>;

interface Waiting {
  readonly unit: Unit;
  readonly settle: (outcomes: Outcome[]) => void;
}

/**
 * Gathers deliveries into batches: there is a lane for each account and region, and what arrives while the lane's batch is
 * at work makes the next batch. A lone launch is audited at once; of a burst, the closer its deliveries come, the fewer are
 * its batches, its calls and its alerts. Where they come faster than batches end, `breathe` is awaited between two of them:
 * how quickly EC2 answers must not decide how often it is asked.
 */
export function createLanes(run: RunLane, breathe: () => Promise<void>): (unit: Unit) => Promise<Outcome[]> {
  const lanes = new Map<string, Waiting[]>();

  const runSafely: RunLane = async (account, region, units) => {
    try {
      return await run(account, region, units);
    } catch (error) {
      return units.map(failedBy(error));
    }
  };

  const work = async (key: string, account: string, region: string, queue: Waiting[]): Promise<void> => {
    while (queue.length > 0) {
      const waiting = queue.splice(0);
      const batch: Waiting[] = [];
      for (const each of waiting) {
        // A launch that nobody waits for any more will be brought again; to audit it now would keep the others waiting.
        if (each.unit.isAwaited()) batch.push(each);
        else each.settle(tooLate(each.unit));
      }
      if (batch.length === 0) continue;
      const units = batch.map(({ unit }) => unit);
      const outcomes = await runSafely(account, region, units);
      batch.forEach(({ unit, settle }, index) => {
        settle(outcomes[index] ?? failedBy(new Error("the batch did not answer for it"))(unit));
      });
      if (batch.length > 1 && queue.length > 0) await breathe();
    }
    lanes.delete(key);
  };

  return (unit) => {
    const [launch] = unit.launches;
    if (launch === undefined) return Promise.resolve([]);
    const { account, region } = launch;
    const key = `${account}/${region}`;
    return new Promise((settle) => {
      const queue = lanes.get(key);
      if (queue) {
        queue.push({ unit, settle });
      } else {
        const own = [{ unit, settle }];
        lanes.set(key, own);
        // Not before all that is handed over in one go is in the lane: a batch of a queue's messages stays one batch.
        queueMicrotask(() => void work(key, account, region, own));
      }
    });
  };
}

function tooLate(unit: Unit): Outcome[] {
  return unit.launches.map((launch) => ({ kind: "failed", launch, reason: TOO_LONG }));
}

function failedBy(error: unknown): (unit: Unit) => Outcome[] {
  return (unit) => unit.launches.map((launch) => ({ kind: "failed", launch, reason: describeError(error) }));
}
