import type { Ending, Lifecycle } from "./scenario.ts";

/** A launched instance, and the required end of its audit. */
export interface Expected {
  readonly instanceId: string;
  readonly lifecycle: Lifecycle["kind"];
  readonly ending: Ending;
  /** ms since the epoch */
  readonly launchedAt: number;
  /** When the violation was fixed or the instance terminated; null for never. */
  readonly fixedAt: number | null;
  /** Whether its event came at once, and AWS and the function had no fault until two minutes after the launch. */
  readonly quiet: boolean;
}

/** Why an instance may be alerted again. Each cause explains one duplicate alert. */
export type Cause =
  /** EventBridge delivers at least once. */
  | "EventBridge delivered the event twice"
  /** The engine delivers it again. */
  | "the function was killed while processing it"
  /** SNS accepted the alert. */
  | "the response to Publish was lost"
  /** Its deadline passed before SNS responded to Publish. */
  | "the delivery timed out";

/** The records of a run. Instances by id; times in ms since the epoch. */
export interface Records {
  readonly expected: readonly Expected[];
  /** The messages that the subscribers of the alert topic received. */
  readonly alerts: readonly { readonly at: number; readonly instanceIds: readonly string[] }[];
  /** Every message in a dead-letter queue: its instance, if any, and the reason in the function's log, if any. */
  readonly deadLetters: readonly { readonly instanceId: string | null; readonly reason: string | null }[];
  /** The number of messages sent that are no events. */
  readonly garbage: number;
  readonly causes: readonly CauseAt[];
  /** By instance id: the last logged outcome, and how often it was `violating`. */
  readonly outcomesById: ReadonlyMap<string, { readonly last: string; readonly violating: number }>;
}

/** A cause and its time: for a second copy of an event, its delivery. */
export interface CauseAt {
  readonly instanceId: string;
  readonly cause: Cause;
  readonly at: number;
}

/** The result of the reconciliation. The lists hold instance ids. */
export interface Balance {
  readonly launches: number;
  /** The number of instances by lifecycle and ending. */
  readonly lifecycles: ReadonlyMap<Lifecycle["kind"], Readonly<Record<"alerted" | "silent" | "dead-lettered", number>>>;
  readonly lost: readonly string[];
  readonly false: readonly string[];
  /** The number of duplicate alerts by cause. */
  readonly duplicates: ReadonlyMap<Cause, number>;
  readonly unexplained: readonly string[];
  /** Instances with the outcome `violating` more often than their event was delivered, kills counted. */
  readonly settledAgain: readonly string[];
  /** Instances without a final outcome that were not dead-lettered. */
  readonly unsettled: readonly string[];
  readonly deadLetters: number;
  /** Dead deadLetters that should not be one, that no reason is known of, or that are missing. */
  readonly wrongDeadLetters: readonly string[];
  /** From the launch to its first alert, in ms: of all launches, and of quiet ones. */
  readonly delays: readonly number[];
  readonly quietDelays: readonly number[];
  /** Whether all lists of wrong instances are empty. */
  readonly balanced: boolean;
}

/** An alert may follow the fix by this many ms: the function had read the facts before. */
const IN_PROGRESS_MS = 15_000;

/** Compares the records of a run with the required endings: every launch, alert and dead-lettered message. */
export function reconcile(records: Records): Balance {
  const inOrder = [...records.alerts].sort((a, b) => a.at - b.at);
  const alertsOf = groupBy(inOrder.flatMap(({ at, instanceIds }) => instanceIds.map((id) => [id, at] as const)));
  const deadLettersOf = groupBy(
    records.deadLetters.map(({ instanceId, reason }) => [instanceId ?? "", reason] as const),
  );
  const causesOf = groupBy(records.causes.map((cause) => [cause.instanceId, cause] as const));
  const known = new Set(records.expected.map(({ instanceId }) => instanceId));

  const lost: string[] = [];
  const wrong = [...alertsOf.keys()].filter((id) => !known.has(id));
  const unexplained: string[] = [];
  const settledAgain: string[] = [];
  const unsettled: string[] = [];
  const wrongDeadLetters: string[] = [];
  const duplicates = new Map<Cause, number>();
  const delays: number[] = [];
  const quietDelays: number[] = [];
  const lifecycles = new Map<Lifecycle["kind"], { alerted: number; silent: number; "dead-lettered": number }>();

  for (const each of records.expected) {
    const alerts = alertsOf.get(each.instanceId) ?? [];
    const deadLetters = deadLettersOf.get(each.instanceId) ?? [];
    const [first] = alerts;
    const ends = lifecycles.get(each.lifecycle) ?? { alerted: 0, silent: 0, "dead-lettered": 0 };
    lifecycles.set(each.lifecycle, ends);
    ends[first !== undefined ? "alerted" : deadLetters.length > 0 ? "dead-lettered" : "silent"] += 1;

    const certain = each.ending === "alerted" || (each.ending === "either" && each.quiet);
    if (certain && first === undefined) lost.push(each.instanceId);
    if ((each.ending === "silent" || each.ending === "dead-lettered") && first !== undefined)
      wrong.push(each.instanceId);
    const late = alerts.some((at) => each.fixedAt !== null && at > each.fixedAt + IN_PROGRESS_MS);
    if (each.ending === "either" && late) wrong.push(each.instanceId);
    if (each.ending === "dead-lettered" ? deadLetters.length === 0 : deadLetters.length > 0)
      wrongDeadLetters.push(each.instanceId);
    if (deadLetters.some((reason) => reason === null)) wrongDeadLetters.push(each.instanceId);

    const causes = causesOf.get(each.instanceId) ?? [];
    const { last = "nothing", violating = 0 } = records.outcomesById.get(each.instanceId) ?? {};
    const mayRepeat = causes.filter(({ cause }) => REPEATS_VERDICT.has(cause)).length;
    if (violating > 1 + mayRepeat) settledAgain.push(each.instanceId);
    if (each.ending !== "dead-lettered" && !SETTLED.has(last)) unsettled.push(each.instanceId);

    for (const { cause } of explain(alerts, causes)) {
      if (cause === null) unexplained.push(each.instanceId);
      else duplicates.set(cause, (duplicates.get(cause) ?? 0) + 1);
    }
    if (each.ending === "alerted" && first !== undefined) {
      delays.push(first - each.launchedAt);
      if (each.quiet) quietDelays.push(first - each.launchedAt);
    }
  }
  const garbage = deadLettersOf.get("") ?? [];
  if (garbage.length !== records.garbage)
    wrongDeadLetters.push(`${garbage.length} of ${records.garbage} messages that are no events`);
  if (garbage.some((reason) => reason === null))
    wrongDeadLetters.push("a message that is no event has no reason in the log");
  return {
    launches: records.expected.length,
    lifecycles,
    lost,
    false: wrong,
    duplicates,
    unexplained,
    settledAgain,
    unsettled,
    deadLetters: records.deadLetters.length,
    wrongDeadLetters,
    delays,
    quietDelays,
    balanced: [lost, wrong, unexplained, settledAgain, unsettled, wrongDeadLetters].every((list) => list.length === 0),
  };
}

/** The final outcomes. */
const SETTLED: ReadonlySet<string> = new Set(["compliant", "violating", "ignored", "unseen"]);

/** After these causes the function may settle an instance as violating again. */
const REPEATS_VERDICT: ReadonlySet<Cause> = new Set([
  "EventBridge delivered the event twice",
  "the function was killed while processing it",
]);

/**
 * Returns the cause of each alert after the first; null where there is none. A cause explains one later alert. Except for
 * the copy of an event, which may wait in a queue, it must also be later than the previous alert.
 */
function explain(alerts: readonly number[], causes: readonly CauseAt[]): { readonly cause: Cause | null }[] {
  const left = [...causes].sort((a, b) => a.at - b.at);
  return alerts.slice(1).map((at, index) => {
    const before = alerts[index] ?? at;
    const since = left.findIndex(
      (cause) => cause.cause !== "EventBridge delivered the event twice" && cause.at >= before && cause.at <= at,
    );
    const copy = left.findIndex((cause) => cause.cause === "EventBridge delivered the event twice" && cause.at <= at);
    const [found] = left.splice(since >= 0 ? since : copy, since >= 0 || copy >= 0 ? 1 : 0);
    return { cause: found?.cause ?? null };
  });
}

function groupBy<T>(pairs: readonly (readonly [string, T])[]): Map<string, T[]> {
  const lists = new Map<string, T[]>();
  for (const [key, value] of pairs) {
    const list = lists.get(key);
    if (list === undefined) lists.set(key, [value]);
    else list.push(value);
  }
  return lists;
}
