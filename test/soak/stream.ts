import { type Expected, GRACE_MS, type Judgement, type Span } from "./expectation.ts";
import type { Cause, CauseAt } from "./ledger.ts";
import type { Topic } from "./policy.ts";

/** A finding may be published this many ms after the fix: the function had read the facts before. */
export const IN_PROGRESS_MS = 15_000;
/** EC2 and EventBridge give times in whole seconds. */
export const ROUNDING_MS = 1_000;
/** A violation that lasts this long, in ms, is alerted if there is no fault. */
export const CERTAIN_MS = 120_000;

/** The result for the violation of a rule on an instance at a topic, or for its end. */
export interface StreamResult {
  readonly isLost: boolean;
  readonly isFalse: boolean;
  /** The cause of each finding that no launch or change explains; null where there is none. */
  readonly repeats: readonly (Cause | null)[];
}

/** Judges the times at which a topic got the violation of a rule on an instance. */
export function judgeViolating(
  violating: readonly number[],
  topic: Topic,
  { violated, must, may }: Judgement,
  { occasions, reachable }: Expected,
  causes: readonly CauseAt[],
): StreamResult {
  const isQuiet = (at: number) => occasions.some((occasion) => occasion.at === at && occasion.quiet);
  const isCertain = ({ from, until }: Span) => until === null || (until - from >= CERTAIN_MS && isQuiet(from));
  const due = violated.filter(isCertain);
  // Nothing is alerted within the grace of the launch. Later, an earlier event may still have to be judged.
  const firstAt = (occasions[0]?.at ?? 0) + GRACE_MS - ROUNDING_MS;
  const mayAlert = ({ from, until }: Span, at: number) => {
    const judged = Math.max(from, firstAt);
    return judged <= at && (until === null || (judged <= until && at <= until + IN_PROGRESS_MS));
  };
  // Each is judged when its grace has passed.
  const starts = occasions.flatMap(({ at, kind }) => (kind === "termination" ? [] : at + GRACE_MS - ROUNDING_MS));
  return {
    isLost: reachable && must.includes(topic) && due.some((span) => !violating.some((at) => mayAlert(span, at))),
    isFalse:
      violating.length > 0 &&
      !(reachable && may.includes(topic) && violating.every((at) => violated.some((span) => mayAlert(span, at)))),
    repeats: explain(violating, starts, causes),
  };
}

/**
 * Returns the cause of each finding that no start explains; null where there is none. A start explains one finding after
 * it. A cause explains one later finding, and comes first: it is later than the previous finding. Only the copy of an event, which may
 * wait in a queue, and the retry of a message may be earlier: the previous finding may be that of another message.
 */
export function explain(
  times: readonly number[],
  starts: readonly number[],
  causes: readonly CauseAt[],
): (Cause | null)[] {
  const occasions = [...starts];
  const copies = causes.filter(({ cause }) => cause === COPY);
  const others = causes.filter(({ cause }) => cause !== COPY).sort((a, b) => a.at - b.at);
  return times.flatMap((at, index) => {
    const before = times[index - 1] ?? Number.POSITIVE_INFINITY;
    const since = take(others, (each) => each.at >= before && each.at <= at);
    if (since !== undefined) return [since.cause];
    if (take(occasions, (start) => start <= at) !== undefined) return [];
    const earlier =
      take(copies, (each) => each.at <= at) ?? take(others, (each) => each.cause === RETRY && each.at <= at);
    return [earlier?.cause ?? null];
  });
}

const COPY: Cause = "EventBridge delivered the event twice";
const RETRY: Cause = "another container retried after one topic had failed";

/** Removes the first item for which `is` returns true, and returns it. */
function take<T>(items: T[], is: (item: T) => boolean): T | undefined {
  const index = items.findIndex(is);
  return index < 0 ? undefined : items.splice(index, 1)[0];
}
