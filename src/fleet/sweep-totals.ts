import { findingsOf } from "../alerts/finding.ts";
import { nameOf } from "../alerts/instance-names.ts";
import type { Instance } from "../facts/instances.ts";
import type { Policy } from "../policy/policy.ts";
import { SEVERITIES, type Severity } from "../policy/rule.ts";
import { hideSecret } from "../policy/secrets.ts";
import { cut, detached, oneLine } from "../util/text.ts";
import { type Counting, count, NO_COUNTS } from "./counts.ts";
import { GroupSums, noSeverities } from "./groups.ts";
import type { Place, PlaceResult } from "./place.ts";
import type { JudgedInstance } from "./read-place.ts";
import type { SweepSums, SweepTime, WorstFinding } from "./sweep-sums.ts";
import { tagOf } from "./totals.ts";

const MAX_GROUPS = 1_000;
const MAX_UNREAD = 50;
const MAX_WORST = 10;
const MAX_TEXT = 300;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/**
 * How long after its launch an instance may still get its tags, and EC2 may not show all facts, in milliseconds.
 * https://docs.aws.amazon.com/ec2/latest/devguide/eventual-consistency.html
 */
const SETTLES_MS = 300_000;

/** The sums of a sweep, which grow. */
export class SweepTotals {
  readonly #policy: Policy;
  readonly #scheduledAt: number;
  readonly #freshMs: number;
  readonly #counts: Counting = { ...NO_COUNTS };
  readonly #unread: SweepSums["places"]["unread"][number][] = [];
  #complete = 0;
  #unreadCount = 0;
  readonly #rules = new Map<string, number>();
  readonly #notJudged = new Map<string, { instances: number; reason: string }>();
  readonly #owners = new GroupSums();
  readonly #accounts = new GroupSums();
  readonly #fresh = noSeverities();
  readonly #older = noSeverities();
  #settling = 0;
  readonly #ages = { week: 0, month: 0, more: 0, unknown: 0 };
  readonly #exemptions = new Map<string, number>();
  #worst: WorstFinding[] = [];

  /** Starts at zero, for instances that are judged by a policy in a sweep of this time. */
  constructor(policy: Policy, { scheduledAt, hours }: SweepTime) {
    this.#policy = policy;
    this.#scheduledAt = Date.parse(scheduledAt);
    this.#freshMs = hours * HOUR_MS;
  }

  /** Adds an instance of a place. */
  add(place: Place, judged: JudgedInstance): void {
    const { instance, verdicts } = judged;
    const isSettling = this.#ageOf(instance) < SETTLES_MS;
    count(this.#counts, verdicts);
    const found: Severity[] = [];
    for (const verdict of verdicts) {
      const { id } = verdict.rule;
      if (verdict.kind === "violation") {
        found.push(verdict.rule.severity);
        increase(this.#rules, id, 1);
      } else if (verdict.kind === "not-judged") {
        if (!(verdict.late && isSettling)) this.#addNotJudged(id, { instances: 1, reason: verdict.because });
      } else if (verdict.kind === "exempt") {
        increase(this.#exemptions, String(this.#policy.exemptions.indexOf(verdict.exemption)), 1);
      }
    }
    this.#owners.add(tagOf(instance.tags, "owner"), found);
    this.#accounts.add(place.account, found);
    const gravest = SEVERITIES.findLast((severity) => found.includes(severity));
    if (gravest === undefined) return;
    this.#addViolating(place, judged, gravest);
    const isLasting = verdicts.some(({ kind, rule }) => kind === "violation" && !rule.isCorrectable);
    if (isSettling && !isLasting) this.#settling += 1;
  }

  /** Adds a place that is finished. Its instances were added before. */
  addPlace({ account, region, status, reason }: PlaceResult): void {
    if (status === "complete") this.#complete += 1;
    else if (status !== "off") this.#addUnread([{ account, region, status, reason: reason && short(reason) }], 1);
  }

  /** Adds the sums of other instances of the same sweep. */
  merge(sums: SweepSums): void {
    for (const name of keysOf(this.#counts)) this.#counts[name] += sums.counts[name];
    this.#complete += sums.places.complete;
    this.#addUnread(sums.places.unread, sums.places.unreadCount);
    for (const [id, instances] of Object.entries(sums.rules)) increase(this.#rules, id, instances);
    for (const [id, own] of Object.entries(sums.notJudged)) this.#addNotJudged(id, own);
    this.#owners.merge(sums.owners);
    this.#accounts.merge(sums.accounts);
    for (const severity of SEVERITIES) {
      this.#fresh[severity] += sums.fresh[severity];
      this.#older[severity] += sums.older[severity];
    }
    for (const age of keysOf(this.#ages)) this.#ages[age] += sums.ages[age];
    this.#settling += sums.settling;
    for (const [index, exempt] of Object.entries(sums.exemptions)) increase(this.#exemptions, index, exempt);
    this.#addWorst(sums.worst);
  }

  /** Returns the sums, with a maximum number of owners and of accounts. */
  sums(groups = MAX_GROUPS): SweepSums {
    return {
      counts: { ...this.#counts },
      places: { complete: this.#complete, unread: [...this.#unread], unreadCount: this.#unreadCount },
      rules: sorted(this.#rules),
      notJudged: sorted(this.#notJudged),
      owners: this.#owners.most(groups),
      accounts: this.#accounts.most(groups),
      fresh: { ...this.#fresh },
      older: { ...this.#older },
      ages: { ...this.#ages },
      settling: this.#settling,
      exemptions: sorted(this.#exemptions),
      worst: [...this.#worst],
    };
  }

  #addViolating(place: Place, judged: JudgedInstance, gravest: Severity): void {
    const age = this.#ageOf(judged.instance);
    if (age < this.#freshMs) {
      this.#fresh[gravest] += 1;
      const last = this.#worst.at(MAX_WORST - 1);
      if (last === undefined || isGraver(gravest, last.severity) || gravest === last.severity) {
        this.#addWorst(worstIn(place, judged));
      }
      return;
    }
    this.#older[gravest] += 1;
    if (Number.isNaN(age)) this.#ages.unknown += 1;
    else if (age <= 7 * DAY_MS) this.#ages.week += 1;
    else if (age <= 30 * DAY_MS) this.#ages.month += 1;
    else this.#ages.more += 1;
  }

  /** Returns the age of an instance at the time of the sweep, in milliseconds; NaN if it is not known. */
  #ageOf({ firstLaunchTime, launchTime }: Instance): number {
    const launched = firstLaunchTime ?? launchTime;
    return launched === null ? Number.NaN : this.#scheduledAt - Date.parse(launched);
  }

  #addWorst(more: readonly WorstFinding[]): void {
    this.#worst = [...this.#worst, ...more].sort(inOrder).slice(0, MAX_WORST);
  }

  /** The result does not depend on the order in which places end. */
  #addUnread(more: SweepSums["places"]["unread"], total: number): void {
    this.#unreadCount += total;
    this.#unread.push(...more);
    this.#unread.sort((a, b) => compare(a.account, b.account) || compare(a.region, b.region)).splice(MAX_UNREAD);
  }

  #addNotJudged(id: string, { instances, reason }: { readonly instances: number; readonly reason: string }): void {
    const known = this.#notJudged.get(id);
    if (known === undefined) this.#notJudged.set(id, { instances, reason: short(reason) });
    else {
      known.instances += instances;
      // The result does not depend on the order in which places end.
      if (short(reason) < known.reason) known.reason = short(reason);
    }
  }
}

function worstIn(
  { account, region }: Place,
  { instance, verdicts, launchedBy }: JudgedInstance,
): readonly WorstFinding[] {
  const violations = verdicts.filter((verdict) => verdict.kind === "violation");
  const origin = { account, region, launchedBy, event: "", occasion: "" };
  const name = nameOf(instance.tags);
  return findingsOf(violations, instance, origin).map(({ ruleId, severity, dedupKey, violation }) => ({
    ...{ account, region, instanceId: detached(instance.instanceId), name: name && short(hideSecret(name)) },
    ...{ ruleId, severity, message: short(violation.message), dedupKey },
  }));
}

/** Returns a copy of a text on one line, cut. */
function short(text: string): string {
  return detached(cut(oneLine(text), MAX_TEXT));
}

function inOrder(a: WorstFinding, b: WorstFinding): number {
  if (a.severity !== b.severity) return isGraver(a.severity, b.severity) ? -1 : 1;
  const key = ({ account, region, instanceId, ruleId }: WorstFinding) => `${account} ${region} ${instanceId} ${ruleId}`;
  return compare(key(a), key(b));
}

function isGraver(a: Severity, b: Severity): boolean {
  return SEVERITIES.indexOf(a) > SEVERITIES.indexOf(b);
}

function increase(sums: Map<string, number>, key: string, by: number): void {
  sums.set(key, (sums.get(key) ?? 0) + by);
}

function sorted<T>(sums: ReadonlyMap<string, T>): Record<string, T> {
  return Object.fromEntries([...sums].sort(([a], [b]) => compare(a, b)));
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

function keysOf<T extends object>(value: T): (keyof T)[] {
  return Object.keys(value) as (keyof T)[];
}
