import type { Fate, Story } from "./plan.ts";

/** A launched instance, and how its audit must end. */
export interface Expected {
  readonly instanceId: string;
  readonly story: Story["kind"];
  readonly fate: Fate;
  /** ms since the epoch */
  readonly launchedAt: number;
  /** When there was nothing left to alert; null when there always was. */
  readonly mendedAt: number | null;
  /** Whether its event came at once, and nothing was wrong with AWS or the function until two minutes after the launch. */
  readonly quiet: boolean;
}

/** Why an instance may be alerted once more than it should be; each is one more alert that can be explained. */
export type Cause =
  /** EventBridge delivers at least once. */
  | "its event came twice"
  /** The engine calls again. */
  | "the function was killed with it in hand"
  /** SNS took the alert, and the answer was lost. */
  | "the answer to Publish was lost"
  /** The delivery's deadline was over before Publish was answered. */
  | "the delivery's time was over";

/** What the world recorded of a run. Instances by id; times in ms since the epoch. */
export interface Records {
  readonly expected: readonly Expected[];
  /** What subscribers of the alert topic received. */
  readonly alerts: readonly { readonly at: number; readonly instanceIds: readonly string[] }[];
  /** Every message in a dead-letter queue: the instance that it is about, or null; and why, out of the function's log. */
  readonly deadLetters: readonly { readonly instanceId: string | null; readonly reason: string | null }[];
  /** How many messages that are no events were put in. */
  readonly garbage: number;
  readonly causes: readonly CauseAt[];
  /** What the function said of each instance: its last outcome, and how often it was violating. By instance id. */
  readonly verdicts: ReadonlyMap<string, { readonly last: string; readonly violating: number }>;
}

/** A cause, and when it was there: an event's second copy when it was delivered. */
export interface CauseAt {
  readonly instanceId: string;
  readonly cause: Cause;
  readonly at: number;
}

/** How the accounts stand. The lists name the instances. */
export interface Account {
  readonly launches: number;
  /** How many instances of each story ended in which way. */
  readonly stories: ReadonlyMap<Story["kind"], Readonly<Record<"alerted" | "silent" | "dead letter", number>>>;
  readonly lost: readonly string[];
  readonly false: readonly string[];
  /** Alerts beyond the first, by their cause. */
  readonly duplicates: ReadonlyMap<Cause, number>;
  readonly unexplained: readonly string[];
  /** Instances that were settled as violating more often than their event came, and not because of a kill. */
  readonly settledAgain: readonly string[];
  /** Instances of which the function never said that it was done with them, and that are no dead letter. */
  readonly unsettled: readonly string[];
  readonly deadLetters: number;
  /** Dead letters that should not be one, that no reason is known of, or that are missing. */
  readonly wrongDeadLetters: readonly string[];
  /** From the launch to its first alert, in ms: all, and those of quiet times. */
  readonly delays: readonly number[];
  readonly quietDelays: readonly number[];
  /** Nothing lost, false, unexplained or wrong. */
  readonly closes: boolean;
}

/** An instance that was mended this shortly before its alert had been looked at before, in ms. */
const IN_HAND_MS = 15_000;

/** Closes the accounts of a run: every launch, alert and dead letter is one that should be, or is named. */
export function account(records: Records): Account {
  const inOrder = [...records.alerts].sort((a, b) => a.at - b.at);
  const alertsOf = groupBy(inOrder.flatMap(({ at, instanceIds }) => instanceIds.map((id) => [id, at] as const)));
  const lettersOf = groupBy(records.deadLetters.map(({ instanceId, reason }) => [instanceId ?? "", reason] as const));
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
  const stories = new Map<Story["kind"], { alerted: number; silent: number; "dead letter": number }>();

  for (const each of records.expected) {
    const alerts = alertsOf.get(each.instanceId) ?? [];
    const letters = lettersOf.get(each.instanceId) ?? [];
    const [first] = alerts;
    const ends = stories.get(each.story) ?? { alerted: 0, silent: 0, "dead letter": 0 };
    stories.set(each.story, ends);
    ends[first !== undefined ? "alerted" : letters.length > 0 ? "dead letter" : "silent"] += 1;

    const certain = each.fate === "alerted" || (each.fate === "either" && each.quiet);
    if (certain && first === undefined) lost.push(each.instanceId);
    if ((each.fate === "silent" || each.fate === "dead letter") && first !== undefined) wrong.push(each.instanceId);
    const late = alerts.some((at) => each.mendedAt !== null && at > each.mendedAt + IN_HAND_MS);
    if (each.fate === "either" && late) wrong.push(each.instanceId);
    if (each.fate === "dead letter" ? letters.length === 0 : letters.length > 0) wrongDeadLetters.push(each.instanceId);
    if (letters.some((reason) => reason === null)) wrongDeadLetters.push(each.instanceId);

    const causes = causesOf.get(each.instanceId) ?? [];
    const { last = "nothing", violating = 0 } = records.verdicts.get(each.instanceId) ?? {};
    const mayRepeat = causes.filter(({ cause }) => REPEATS_VERDICT.has(cause)).length;
    if (violating > 1 + mayRepeat) settledAgain.push(each.instanceId);
    if (each.fate !== "dead letter" && !SETTLED.has(last)) unsettled.push(each.instanceId);

    for (const { cause } of explain(alerts, causes)) {
      if (cause === null) unexplained.push(each.instanceId);
      else duplicates.set(cause, (duplicates.get(cause) ?? 0) + 1);
    }
    if (each.fate === "alerted" && first !== undefined) {
      delays.push(first - each.launchedAt);
      if (each.quiet) quietDelays.push(first - each.launchedAt);
    }
  }
  const garbage = lettersOf.get("") ?? [];
  if (garbage.length !== records.garbage)
    wrongDeadLetters.push(`${garbage.length} of ${records.garbage} that are no events`);
  if (garbage.some((reason) => reason === null)) wrongDeadLetters.push("no event, and no reason in the log");
  return {
    launches: records.expected.length,
    stories,
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
    closes: [lost, wrong, unexplained, settledAgain, unsettled, wrongDeadLetters].every((list) => list.length === 0),
  };
}

/** How a launch ends that is done with. */
const SETTLED: ReadonlySet<string> = new Set(["compliant", "violating", "ignored", "unseen"]);

/** After these the function may rightly find an instance violating once more. */
const REPEATS_VERDICT: ReadonlySet<Cause> = new Set([
  "its event came twice",
  "the function was killed with it in hand",
]);

/**
 * The cause of each alert beyond the first, null for one without. A cause explains one alert that came after it; but for
 * an event's copy, which waits for its turn, it must also have come after the alert before.
 */
function explain(alerts: readonly number[], causes: readonly CauseAt[]): { readonly cause: Cause | null }[] {
  const left = [...causes].sort((a, b) => a.at - b.at);
  return alerts.slice(1).map((at, index) => {
    const before = alerts[index] ?? at;
    const since = left.findIndex(
      (cause) => cause.cause !== "its event came twice" && cause.at >= before && cause.at <= at,
    );
    const copy = left.findIndex((cause) => cause.cause === "its event came twice" && cause.at <= at);
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
