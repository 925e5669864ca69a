import { DIGEST_SCHEMA } from "../../src/fleet/digest-document.ts";
import { isObject } from "../../src/util/json.ts";
import type { Expected } from "./expectation.ts";
import { parse } from "./messages.ts";
import { HOME, MEMBER, NO_ROLE, OTHER_REGION } from "./places.ts";

/** A sweep, in ms since the start of the run. */
export interface Night {
  readonly at: number;
  /** The delays of the copies of its event that EventBridge Scheduler delivers, in ms. */
  readonly copies: readonly number[];
  /** Whether no fault is near, and no instance changes. */
  readonly quiet: boolean;
}

/** A digest that the alert topic got, in ms since the epoch. */
export interface Digest {
  readonly at: number;
  readonly id: string;
  readonly scheduledAt: number;
  readonly instances: number;
  readonly violating: number;
  readonly findings: number;
  readonly unread: readonly { readonly account: string; readonly reason: string }[];
}

/** The records of a night; times are in ms since the epoch. */
export interface NightRecords {
  readonly scheduledAt: number;
  readonly copies: number;
  readonly quiet: boolean;
}

/** A fault that may repeat a sweep or a step of it, in ms since the epoch. */
export interface SweepFault {
  readonly cause: DigestCause;
  readonly at: number;
}

/** Why a digest may be published again. */
export type DigestCause =
  | "EventBridge Scheduler delivered the event twice"
  | "the function was killed during the sweep"
  | "the response to Publish was lost";

/** The result for all nights. The texts say which night is wrong, and why. */
export interface NightBalance {
  readonly nights: number;
  readonly wrong: readonly string[];
  readonly duplicates: ReadonlyMap<DigestCause, number>;
  /** The digests that name a place that was not read because of a fault. */
  readonly partial: number;
}

/** Returns the event of a sweep, as EventBridge Scheduler sends it in the template. `at` is in ms since the epoch. */
export function sweepEvent(at: number): string {
  return JSON.stringify({
    version: "0",
    id: `soak-${at}`,
    "detail-type": "Scheduled Event",
    source: "aws.scheduler",
    ...HOME,
    time: new Date(at).toISOString(),
    resources: [],
    detail: {
      accounts: [HOME.account, MEMBER.account, NO_ROLE.account],
      regions: [HOME.region, OTHER_REGION.region],
    },
  });
}

/** Returns the digest in a message; null for another message. */
export function digestIn(message: string, at: number): Digest | null {
  const digest = parse(message);
  if (!isObject(digest) || digest.schema !== DIGEST_SCHEMA) return null;
  const places: readonly unknown[] =
    isObject(digest.places) && Array.isArray(digest.places.unread) ? digest.places.unread : [];
  return {
    at,
    id: String(digest.id),
    scheduledAt: Date.parse(String(digest.scheduledAt)),
    instances: Number(digest.instances),
    violating: Number(digest.violating),
    findings: Number(digest.findings),
    unread: places
      .filter(isObject)
      .map(({ account, reason }) => ({ account: String(account), reason: String(reason ?? "") })),
  };
}

/** Compares the digests with the nights, and the counts of a digest that names no unread place with the fleet during its sweep. */
export function reconcileNights(
  nights: readonly NightRecords[],
  digests: readonly Digest[],
  expected: readonly Expected[],
  faults: readonly SweepFault[],
): NightBalance {
  const wrong: string[] = [];
  const duplicates = new Map<DigestCause, number>();
  let partial = 0;
  const known = new Set(nights.map(({ scheduledAt }) => scheduledAt));
  for (const { scheduledAt } of digests)
    if (!known.has(scheduledAt)) wrong.push(`a digest of no night: ${scheduledAt}`);
  for (const { scheduledAt, copies, quiet } of nights) {
    const name = `the night of ${new Date(scheduledAt).toISOString()}`;
    const own = digests.filter((digest) => digest.scheduledAt === scheduledAt).sort((a, b) => a.at - b.at);
    if (own.length === 0) wrong.push(`${name} has no digest`);
    if (new Set(own.map(({ id }) => id)).size > 1) wrong.push(`${name} has digests with several ids`);
    own.forEach((digest, index) => {
      const { at, instances, violating, findings, unread } = digest;
      if (index > 0) {
        const cause: DigestCause | undefined =
          index < copies
            ? "EventBridge Scheduler delivered the event twice"
            : faults.find((each) => each.at >= scheduledAt && each.at <= at)?.cause;
        if (cause === undefined) wrong.push(`${name} has ${own.length} digests`);
        else duplicates.set(cause, (duplicates.get(cause) ?? 0) + 1);
      }
      if (unread.some(({ reason }) => reason === "")) wrong.push(`${name} names a place without a reason`);
      if (!unread.some(({ account }) => account === NO_ROLE.account))
        wrong.push(`${name} does not name ${NO_ROLE.account}`);
      if (unread.some(({ account }) => account !== NO_ROLE.account)) {
        partial += 1;
        if (quiet) wrong.push(`${name} did not read ${JSON.stringify(unread)}`);
        return;
      }
      const bounds = fleetDuring(expected, scheduledAt, at);
      for (const [what, count, [least, most]] of [
        ["instances", instances, bounds.instances],
        ["violating", violating, bounds.violating],
        ["findings", findings, bounds.findings],
      ] as const) {
        if (count < least || count > most) wrong.push(`${name} counts ${count} ${what}, not ${least} to ${most}`);
      }
    });
  }
  return { nights: nights.length, wrong, duplicates, partial };
}

type Bounds = readonly [least: number, most: number];

/** Returns the counts of the fleet during a span: of what holds throughout, and of what holds at some time. */
function fleetDuring(expected: readonly Expected[], from: number, until: number) {
  const bounds = (holds: (each: Expected, during: "throughout" | "sometime") => number): Bounds => [
    expected.reduce((sum, each) => sum + holds(each, "throughout"), 0),
    expected.reduce((sum, each) => sum + holds(each, "sometime"), 0),
  ];
  const within = (start: number, end: number, during: "throughout" | "sometime") =>
    during === "throughout" ? start <= from && end > until : start <= until && end > from;
  const violations = ({ judgements, reachable }: Expected, during: "throughout" | "sometime") =>
    judgements.filter(
      ({ violated }) => reachable && violated.some((span) => within(span.from, span.until ?? Infinity, during)),
    ).length;
  return {
    instances: bounds(({ occasions, reachable }, during) => {
      const end = occasions.find(({ kind }) => kind === "termination")?.at ?? Number.POSITIVE_INFINITY;
      return Number(reachable && within(occasions[0]?.at ?? Number.POSITIVE_INFINITY, end, during));
    }),
    violating: bounds((each, during) => Math.min(1, violations(each, during))),
    findings: bounds(violations),
  };
}
