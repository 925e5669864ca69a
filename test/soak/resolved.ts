import { type Expected, GRACE_MS, type Judgement, SHUTDOWN_MS, type Span } from "./expectation.ts";
import type { CauseAt } from "./ledger.ts";
import type { Topic } from "./policy.ts";
import { CERTAIN_MS, explain, IN_PROGRESS_MS, ROUNDING_MS, type StreamResult } from "./stream.ts";

/** Why a violation was resolved at a topic that never got it. A function without state cannot know any of these. */
export type Unknowable =
  /** The event names the key, not the old value. */
  | "a tag changed from one allowed value to another"
  | "the violation ended within the grace of the tag change that caused it"
  /** The event was late, or AWS failed until the fix. */
  | "the violation ended before its alert was sent"
  /** The route may have matched the old value. */
  | "the topic's route depends on a tag that changed"
  | "the topic's route depends on a tag that EC2 had removed";

/** EC2 removes the tags of a terminated instance after this many ms. */
const TAGS_STAY_MS = 300_000;

/** A violation that ended, and when the next one began. */
interface Fix extends Span {
  readonly until: number;
  /** The time of the event of its end. */
  readonly eventAt: number;
  /** From here on it may be resolved. */
  readonly judged: number;
  readonly next: number;
}

/** The result for what was resolved at a topic. */
export interface ResolvedResult extends StreamResult {
  /** A reason for each finding that was never alerted there. */
  readonly unknowable: readonly Unknowable[];
  /** Whether the end was not published, because EC2 had removed the tags when the instance was read. */
  readonly isForgotten: boolean;
}

/** Judges what a topic was told to be resolved. Takes the times of the findings at the topic, and of the violation at all
 * topics; the causes at the topic; and when the last event of the instance was settled. */
export function judgeResolved(
  { violating, resolved, everywhere }: Readonly<Record<"violating" | "resolved" | "everywhere", readonly number[]>>,
  topic: Topic,
  { violated, revalued, must, may }: Judgement,
  { occasions, reachable }: Expected,
  causes: readonly CauseAt[],
  settledAt: number,
): ResolvedResult {
  const [launch] = occasions;
  const terminated = occasions.find(({ kind }) => kind === "termination")?.at ?? Number.POSITIVE_INFINITY;
  const terminatedEventAt = terminated + SHUTDOWN_MS;
  const fixes = violated.flatMap(({ from, until }, index): Fix[] => {
    if (until === null) return [];
    const eventAt = until === terminated ? terminatedEventAt : until;
    // What was fixed before needs no further grace when the instance is terminated.
    const judged =
      until === terminated ? eventAt : Math.min(until + GRACE_MS - ROUNDING_MS, Math.max(until, terminated));
    return [{ from, until, eventAt, judged, next: violated[index + 1]?.from ?? Number.POSITIVE_INFINITY }];
  });
  const alertedIn = ({ from, until }: Fix, times: readonly number[]) =>
    times.filter((at) => at >= from && at <= until + IN_PROGRESS_MS);
  const mayResolve = ({ judged, next }: Fix, at: number) =>
    judged <= at && judged <= next && at <= next + IN_PROGRESS_MS;

  /** Returns null for what was alerted, and false for what could not have been alerted. */
  const reasonFor = (at: number): Unknowable | null | false => {
    const fix = fixes.findLast((each) => mayResolve(each, at));
    if (!may.includes(topic)) return hasLostTags(at) && "the topic's route depends on a tag that EC2 had removed";
    if (fix === undefined) {
      const isRevalued = revalued.some((when) => when + GRACE_MS - ROUNDING_MS <= at);
      const isViolated = violated.some(({ from, until }) => from <= at - IN_PROGRESS_MS && (until ?? at) >= at);
      return isRevalued && !isViolated && "a tag changed from one allowed value to another";
    }
    if (alertedIn(fix, violating).length > 0) return null;
    if (fix.eventAt - fix.from < GRACE_MS - ROUNDING_MS) {
      return fix.from !== launch?.at && "the violation ended within the grace of the tag change that caused it";
    }
    const isElsewhere = !must.includes(topic) && alertedIn(fix, everywhere).length > 0;
    return isElsewhere
      ? "the topic's route depends on a tag that changed"
      : "the violation ended before its alert was sent";
  };
  const hasLostTags = (at: number) => at >= terminatedEventAt + TAGS_STAY_MS - ROUNDING_MS;
  const reasons = resolved.map((at) => (reachable ? reasonFor(at) : false));
  const isDurable = ({ until, next }: Fix) =>
    next === Number.POSITIVE_INFINITY ||
    (next - until >= CERTAIN_MS && occasions.some(({ at, quiet }) => at === until && quiet));
  const missing = fixes.filter((fix) => {
    const last = alertedIn(fix, violating).at(-1);
    return isDurable(fix) && last !== undefined && !resolved.some((at) => at >= last && mayResolve(fix, at));
  });
  return {
    isLost: missing.length > 0 && !hasLostTags(settledAt),
    isForgotten: missing.length > 0 && hasLostTags(settledAt),
    isFalse: reasons.includes(false),
    repeats: explain(resolved, [...new Set([...fixes.map(({ until }) => until), ...revalued, terminated])], causes),
    unknowable: reasons.filter((reason) => reason !== null && reason !== false),
  };
}
