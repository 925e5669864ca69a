import { type Expected, GRACE_MS, type Judgement, type Span } from "./expectation.ts";
import type { Cause, CauseAt, PublishedFinding } from "./ledger.ts";
import type { Topic } from "./policy.ts";

/** A finding may be published this many ms after the fix: the function had read the facts before. */
const IN_PROGRESS_MS = 15_000;
/** EC2 and EventBridge give times in whole seconds. */
const ROUNDING_MS = 1_000;
/** A violation that lasts this long, in ms, is alerted if there is no fault. */
const CERTAIN_MS = 120_000;

/** The result for one rule on one instance at one topic. */
export interface StreamResult {
  readonly isLost: boolean;
  readonly isFalse: boolean;
  /** The cause of each finding that no occasion explains; null where there is none. */
  readonly repeats: readonly (Cause | null)[];
}

/** Judges the findings about a rule on an instance that a topic got, in the order of their times. */
export function judgeStream(
  findings: readonly (PublishedFinding & { readonly at: number })[],
  topic: Topic,
  { violated, must, may }: Judgement,
  { occasions, reachable }: Expected,
  causes: readonly CauseAt[],
): StreamResult {
  const violating = findings.map(({ at }) => at);
  const isQuiet = (at: number) => occasions.some((occasion) => occasion.at === at && occasion.quiet);
  const isCertain = ({ from, until }: Span) => until === null || (until - from >= CERTAIN_MS && isQuiet(from));
  const due = violated.filter(isCertain);
  const starts = occasions.filter(({ at, kind }) => kind !== "termination" && violated.some((span) => holds(span, at)));
  return {
    isLost: reachable && must.includes(topic) && due.some((span) => !violating.some((at) => mayAlert(span, at))),
    isFalse:
      violating.length > 0 &&
      !(reachable && may.includes(topic) && violating.every((at) => violated.some((span) => mayAlert(span, at)))),
    repeats: explain(
      violating,
      starts.map(({ at }) => at),
      causes.filter((cause) => cause.topic === null || cause.topic === topic),
    ),
  };
}

function holds({ from, until }: Span, at: number): boolean {
  return from <= at && (until === null || at < until);
}

/** Returns whether a violation may be alerted at a time: it is judged when the grace has passed. */
function mayAlert({ from, until }: Span, at: number): boolean {
  const judged = from + GRACE_MS - ROUNDING_MS;
  return judged <= at && (until === null || (judged <= until && at <= until + IN_PROGRESS_MS));
}

/**
 * Returns the cause of each finding that no occasion explains; null where there is none. An occasion explains one finding after
 * it. A cause explains one later finding, and comes first: it is later than the previous finding. Only the copy of an event may be
 * earlier, because it may wait in a queue.
 */
function explain(times: readonly number[], starts: readonly number[], causes: readonly CauseAt[]): (Cause | null)[] {
  const occasions = [...starts];
  const copies = causes.filter(({ cause }) => cause === COPY);
  const others = causes.filter(({ cause }) => cause !== COPY).sort((a, b) => a.at - b.at);
  return times.flatMap((at, index) => {
    const before = times[index - 1] ?? Number.POSITIVE_INFINITY;
    const since = take(others, (each) => each.at >= before && each.at <= at);
    if (since !== undefined) return [since.cause];
    if (take(occasions, (start) => start <= at) !== undefined) return [];
    return [take(copies, (each) => each.at <= at)?.cause ?? null];
  });
}

const COPY: Cause = "EventBridge delivered the event twice";

/** Removes the first item for which `is` returns true, and returns it. */
function take<T>(items: T[], is: (item: T) => boolean): T | undefined {
  const index = items.findIndex(is);
  return index < 0 ? undefined : items.splice(index, 1)[0];
}
