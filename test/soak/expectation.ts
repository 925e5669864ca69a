import { RULES, type RuleId, TOPICS, type Topic, topicsFor } from "./policy.ts";
import type { PlannedLaunch } from "./scenario.ts";
import { type Kind, OUT_OF_REACH, type Tags } from "./stories.ts";

/** The grace of a launch, in ms. */
export const GRACE_MS = 45_000;

/** The event of a termination follows its call after this many ms. */
export const SHUTDOWN_MS = 10_000;

/** A launch or a change of an instance. `at` is in ms since the epoch. */
export interface Occasion {
  readonly at: number;
  readonly kind: "launch" | "tags" | "termination";
  /** Whether its event came at once, and AWS and the function had no fault until two minutes later. */
  readonly quiet: boolean;
}

/** A time during which an instance violates a rule, in ms since the epoch; `until` is null if it does not end. */
export interface Span {
  readonly from: number;
  readonly until: number | null;
}

/** A rule on an instance. */
export interface Judgement {
  readonly ruleId: RuleId;
  readonly violated: readonly Span[];
  /** When its tags changed from allowed values to others, in ms since the epoch. */
  readonly revalued: readonly number[];
  /** The topics that must get its findings, and those that may. */
  readonly must: readonly Topic[];
  readonly may: readonly Topic[];
}

/** A launched instance, and the required end of its audit. */
export interface Expected {
  readonly instanceId: string;
  readonly lifecycle: Kind;
  /** Whether the function can read it. Otherwise its events are dead-lettered. */
  readonly reachable: boolean;
  /** In the order of their times. The first is the launch. */
  readonly occasions: readonly Occasion[];
  readonly judgements: readonly Judgement[];
}

/** Returns what a launch at this moment, in ms since the epoch, requires of a function with or without routes. */
export function expectation(
  instanceId: string,
  { lifecycle: { kind, tags, changes }, group }: Pick<PlannedLaunch, "lifecycle" | "group">,
  launchedAt: number,
  isQuiet: (at: number) => boolean,
  hasRoutes: boolean,
): Expected {
  const states: { at: number; tags: Tags | null }[] = [{ at: launchedAt, tags }];
  for (const change of changes) {
    const after = change.tags && { ...states.at(-1)?.tags, ...change.tags };
    states.push({ at: launchedAt + change.after, tags: after });
  }
  const judgements = RULES.map(({ id: ruleId, tags: keys }): Judgement => {
    const violates = (of: Tags | null) => of !== null && keys.some((key) => !of[key]);
    const violated: { from: number; until: number | null }[] = [];
    for (const state of states) {
      const open = violated.findLast(({ until }) => until === null);
      if (open && !violates(state.tags)) open.until = state.at;
      else if (!open && violates(state.tags)) violated.push({ from: state.at, until: null });
    }
    const revalued = states.flatMap(({ at, tags: now }, index) => {
      const before = states[index - 1]?.tags;
      const complies = before && now && !violates(before) && !violates(now);
      return complies && keys.some((key) => before[key] !== now[key]) ? [at] : [];
    });
    const topicsOf = (of: Tags | null) => (hasRoutes ? topicsFor(ruleId, group, of ?? {}) : TOPICS.slice(0, 1));
    // The first alert is sent when the grace has passed.
    const first = states.findLast((state) => state.tags !== null && state.at <= launchedAt + GRACE_MS);
    const may = new Set(states.flatMap((state) => topicsOf(state.tags)));
    return {
      ruleId,
      violated,
      revalued,
      must: topicsOf(first?.tags ?? null),
      may: TOPICS.filter((topic) => may.has(topic)),
    };
  });
  return {
    instanceId,
    lifecycle: kind,
    reachable: kind !== OUT_OF_REACH,
    occasions: states.map(({ at, tags: now }, index) => ({
      at,
      kind: index === 0 ? "launch" : now === null ? "termination" : "tags",
      quiet: isQuiet(at),
    })),
    judgements,
  };
}
