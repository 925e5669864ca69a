import { describeError } from "../util/errors.ts";
import type { Unit } from "./batch.ts";
import { type Outcome, TOO_LONG } from "./outcome.ts";

/** Audits units of one account and region. Returns the outcomes of each unit, in their order. */
export type RunLane = (account: string, region: string, units: readonly Unit[]) => Promise<Outcome[][]>;

interface Waiting {
  readonly unit: Unit;
  readonly settle: (outcomes: Outcome[]) => void;
}

/**
 * Gathers deliveries into batches. Each account and region has a lane: deliveries that arrive during a batch of the lane form
 * its next batch. A single launch is audited at once. The denser a burst, the fewer batches, calls and alerts it takes. When
 * deliveries arrive faster than batches end, the lane awaits `pause` between batches, so that fast responses from EC2 do not
 * lead to more calls.
 */
export function createLanes(run: RunLane, pause: () => Promise<void>): (unit: Unit) => Promise<Outcome[]> {
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
        // If no caller waits any longer, the engine delivers the launch again. Auditing it now would only delay the others.
        if (each.unit.isAwaited()) batch.push(each);
        else each.settle(tooLate(each.unit));
      }
      if (batch.length === 0) continue;
      const units = batch.map(({ unit }) => unit);
      const outcomes = await runSafely(account, region, units);
      batch.forEach(({ unit, settle }, index) => {
        settle(outcomes[index] ?? failedBy(new Error("the batch returned no outcome for this launch"))(unit));
      });
      if (batch.length > 1 && queue.length > 0) await pause();
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
        // Starts after the caller has submitted all its units, so that a queue's batch of messages stays one batch.
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
