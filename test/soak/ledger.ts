import type { Expected, Judgement } from "./expectation.ts";
import { type Digest, type NightBalance, type NightRecords, reconcileNights, type SweepFault } from "./nights.ts";
import type { RuleId, Topic } from "./policy.ts";
import { judgeResolved, type Unknowable } from "./resolved.ts";
import type { Kind } from "./stories.ts";
import { judgeViolating } from "./stream.ts";

/** Why a finding may be published again. Each cause explains one duplicate at each topic. */
export type Cause =
  /** EventBridge delivers at least once. */
  | "EventBridge delivered the event twice"
  /** The engine delivers it again. */
  | "the function was killed while processing it"
  /** SNS accepted the alert. */
  | "the response to Publish was lost"
  /** Its deadline passed before SNS responded to Publish. */
  | "the delivery timed out"
  /** A container remembers at which topics it has published. */
  | "another container retried after one topic had failed";

/** A cause and its time: for a second copy of an event, its delivery. */
export interface CauseAt {
  readonly instanceId: string;
  readonly cause: Cause;
  readonly at: number;
  /** Null for all topics. */
  readonly topic: Topic | null;
}

/** A finding in a message. */
export interface PublishedFinding {
  readonly instanceId: string;
  readonly ruleId: RuleId;
  readonly status: "violating" | "resolved";
  /** Null in a format that does not have it for each finding. */
  readonly dedupKey: string | null;
}

/** A message that the subscribers of a topic received. */
export interface PublishedAlert {
  readonly at: number;
  readonly topic: Topic;
  readonly findings: readonly PublishedFinding[];
}

/** The records of a run. Instances by id; times in ms since the epoch. */
export interface Records {
  readonly expected: readonly Expected[];
  readonly alerts: readonly PublishedAlert[];
  /** Every message in a dead-letter queue: its instance, if any, and the reason in the function's log, if any. */
  readonly deadLetters: readonly { readonly instanceId: string | null; readonly reason: string | null }[];
  /** The number of messages sent that are no events. */
  readonly garbage: number;
  readonly causes: readonly CauseAt[];
  /** By instance id: the last logged outcome and its time, and how often an outcome was `violating`. */
  readonly outcomesById: ReadonlyMap<
    string,
    { readonly last: string; readonly at: number; readonly violating: number }
  >;
  /** Whether the function publishes resolved findings. */
  readonly resolves: boolean;
  readonly nights: readonly NightRecords[];
  readonly digests: readonly Digest[];
  readonly faultsOfSweeps: readonly SweepFault[];
}

const ENDS = ["alerted", "resolved", "silent", "dead-lettered"] as const;
type Ends = Record<(typeof ENDS)[number], number>;

/** The result of the reconciliation. The lists name instances, with the rule and topic of a finding. */
export interface Balance {
  readonly launches: number;
  /** The number of instances by lifecycle and ending. */
  readonly lifecycles: ReadonlyMap<Kind, Readonly<Ends>>;
  /** The number of published findings by topic, of both statuses. */
  readonly published: ReadonlyMap<Topic, number>;
  /** The number of findings with the status `resolved`. */
  readonly resolved: number;
  /** The number of resolved findings that were never alerted at their topic, by the reason that the function cannot know. */
  readonly unknowable: ReadonlyMap<Unknowable, number>;
  /** The number of alerted findings that were not resolved, because EC2 had removed the tags of the terminated instance. */
  readonly forgotten: number;
  readonly lost: readonly string[];
  readonly false: readonly string[];
  /** The number of duplicate findings by cause. */
  readonly duplicates: ReadonlyMap<Cause, number>;
  readonly unexplained: readonly string[];
  /** Instances with the outcome `violating` more often than their events were delivered, kills counted. */
  readonly settledAgain: readonly string[];
  /** Instances without a final outcome that were not dead-lettered. */
  readonly unsettled: readonly string[];
  readonly deadLetters: number;
  /** Dead letters that should not be one, that no reason is known of, or that are missing. */
  readonly wrongDeadLetters: readonly string[];
  /** From the launch of an instance that stays in violation until each topic has its alert, in ms: of all, and of quiet ones. */
  readonly delays: readonly number[];
  readonly quietDelays: readonly number[];
  readonly nights: NightBalance;
  /** Whether all lists of wrong instances are empty. */
  readonly balanced: boolean;
}

/** Compares the records of a run with the expected instances: every launch, finding and dead-lettered message. */
export function reconcile(records: Records): Balance {
  const streams = groupBy(
    [...records.alerts]
      .sort((a, b) => a.at - b.at)
      .flatMap(({ at, topic, findings }) =>
        findings.map((finding) => [finding.instanceId, { at, topic, ...finding }] as const),
      ),
  );
  const deadLettersOf = groupBy(
    records.deadLetters.map(({ instanceId, reason }) => [instanceId ?? "", reason] as const),
  );
  const causesOf = groupBy(records.causes.map((cause) => [cause.instanceId, cause] as const));
  const known = new Set(records.expected.map(({ instanceId }) => instanceId));

  const lost: string[] = [];
  const wrong = [...streams.keys()].filter((id) => !known.has(id));
  const unexplained: string[] = [];
  const settledAgain: string[] = [];
  const unsettled: string[] = [];
  const wrongDeadLetters: string[] = [];
  const duplicates = new Map<Cause, number>();
  const published = new Map<Topic, number>();
  const unknowable = new Map<Unknowable, number>();
  let resolved = 0;
  let forgotten = 0;
  const delays: number[] = [];
  const quietDelays: number[] = [];
  const lifecycles = new Map<Kind, Ends>();

  for (const each of records.expected) {
    const { instanceId, occasions, reachable } = each;
    const own = streams.get(instanceId) ?? [];
    const deadLetters = deadLettersOf.get(instanceId) ?? [];
    const causes = causesOf.get(instanceId) ?? [];
    const ends = lifecycles.get(each.lifecycle) ?? { alerted: 0, resolved: 0, silent: 0, "dead-lettered": 0 };
    lifecycles.set(each.lifecycle, ends);
    ends[endOf(own, deadLetters)] += 1;

    const {
      last = "nothing",
      violating: settledViolating = 0,
      at: settledAt = 0,
    } = records.outcomesById.get(instanceId) ?? {};
    const [launch] = occasions;
    const firsts: number[] = [];
    for (const judgement of each.judgements) {
      const { ruleId } = judgement;
      const keys = own.flatMap((finding) => (finding.ruleId === ruleId ? (finding.dedupKey ?? []) : []));
      if (new Set(keys).size > 1) wrong.push(`${instanceId} ${ruleId}: several dedupKeys`);
      for (const topic of new Set([...judgement.must, ...own.map((finding) => finding.topic)])) {
        const name = `${instanceId} ${ruleId} ${topic}`;
        const stream = own.filter((finding) => finding.topic === topic && finding.ruleId === ruleId);
        const timesOf = (status: string, of = stream) =>
          of.flatMap((each) => (each.status === status ? [each.at] : []));
        const violating = timesOf("violating");
        const times = { violating, resolved: timesOf("resolved"), everywhere: timesOf("violating", own) };
        add(published, topic, stream.length);
        resolved += times.resolved.length;
        const ownCauses = causes.filter((cause) => cause.topic === null || cause.topic === topic);
        const alerted = judgeViolating(violating, topic, judgement, each, ownCauses);
        const ended = judgeResolved(times, topic, judgement, each, ownCauses, settledAt);
        if (ended.isForgotten) forgotten += 1;
        for (const [what, result] of [["", alerted] as const, [" resolved", ended] as const]) {
          if (result.isLost && (what === "" || records.resolves)) lost.push(`${name}${what}`);
          if (result.isFalse) wrong.push(`${name}${what}`);
          for (const cause of result.repeats) {
            if (cause === null) unexplained.push(`${name}${what}`);
            else add(duplicates, cause, 1);
          }
        }
        for (const reason of ended.unknowable) add(unknowable, reason, 1);
        const [first] = violating;
        if (first !== undefined && staysViolated(judgement, launch?.at)) firsts.push(first);
      }
    }
    if (launch !== undefined && firsts.length > 0) {
      const delay = Math.max(...firsts) - launch.at;
      delays.push(delay);
      if (launch.quiet) quietDelays.push(delay);
    }

    if (reachable ? deadLetters.length > 0 : deadLetters.length === 0) wrongDeadLetters.push(instanceId);
    if (deadLetters.some((reason) => reason === null)) wrongDeadLetters.push(instanceId);
    const mayRepeat = causes.filter(({ cause }) => REPEATS_VERDICT.has(cause)).length;
    if (settledViolating > occasions.length + mayRepeat) settledAgain.push(instanceId);
    if (reachable && !SETTLED.has(last)) unsettled.push(instanceId);
  }
  const garbage = deadLettersOf.get("") ?? [];
  if (garbage.length !== records.garbage)
    wrongDeadLetters.push(`${garbage.length} of ${records.garbage} messages that are no events`);
  if (garbage.some((reason) => reason === null))
    wrongDeadLetters.push("a message that is no event has no reason in the log");
  const nights = reconcileNights(records.nights, records.digests, records.expected, records.faultsOfSweeps);
  const problems = [lost, wrong, unexplained, settledAgain, unsettled, wrongDeadLetters, nights.wrong];
  return {
    launches: records.expected.length,
    lifecycles,
    published,
    resolved,
    unknowable,
    forgotten,
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
    nights,
    balanced: problems.every((list) => list.length === 0),
  };
}

/** The final outcomes. */
export const SETTLED: ReadonlySet<string> = new Set(["compliant", "violating", "resolved", "ignored", "unseen"]);

/** After these causes the function may settle an instance as violating again. */
const REPEATS_VERDICT: ReadonlySet<Cause> = new Set([
  "EventBridge delivered the event twice",
  "the function was killed while processing it",
]);

function endOf(findings: readonly PublishedFinding[], deadLetters: readonly unknown[]): keyof Ends {
  if (findings.some(({ status }) => status === "resolved")) return "resolved";
  if (findings.length > 0) return "alerted";
  return deadLetters.length > 0 ? "dead-lettered" : "silent";
}

function staysViolated({ violated }: Judgement, launchedAt: number | undefined): boolean {
  return violated.some(({ from, until }) => from === launchedAt && until === null);
}

function add<K>(counts: Map<K, number>, key: K, many: number): void {
  counts.set(key, (counts.get(key) ?? 0) + many);
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
