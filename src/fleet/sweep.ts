import { hash } from "node:crypto";
import { setMaxListeners } from "node:events";
import { isDenied } from "../aws/denied.ts";
import { isAccountId, isRegion } from "../aws/regions.ts";
import type { Policy } from "../policy/policy.ts";
import { type BegunPlace, decodeState, type SweepState } from "./continuation.ts";
import { accountsPage, type ListAccounts } from "./organization.ts";
import type { Pace } from "./paced.ts";
import { ALL_REGIONS, type Place, type PlaceResult } from "./place.ts";
import { callFailed } from "./place-error.ts";
import { readPlace } from "./read-place.ts";
import { SweepTotals } from "./sweep-totals.ts";
import { type Account, targetsIn, unreadPlace } from "./targets.ts";

/** The event that begins or continues a sweep, in its parts that were checked already. */
export interface SweepStart {
  readonly account: string;
  readonly region: string;
  /** The scheduled time, in milliseconds since 1970. */
  readonly at: number;
  readonly detail: Readonly<Record<string, unknown>>;
}

/** What a sweep reads with. */
export interface SweepAccess {
  /** The whole policy: rules in report mode count too. */
  readonly policy: Policy;
  /** The function's own account. */
  readonly own: string;
  /** Whether there is a role to assume in other accounts. */
  readonly hasRole: boolean;
  /** The region in which the accounts are asked for their regions. */
  readonly region: string;
  readonly accountOf: (id: string) => Account;
  readonly listAccounts: ListAccounts;
  readonly pace: Pick<Pace, "now" | "pause" | "random">;
}

/** The hours between two sweeps, if the event does not tell. */
const DEFAULT_HOURS = 24;
const MAX_HOURS = 744;
const MAX_ACCOUNTS = 10_000;
const MAX_REGIONS = 100;

/**
 * How many places are read at the same time, and accounts asked for their regions. A page of 1,000 instances takes some 20 MB while it is read, and the smallest function has
 * 256 MB.
 */
const PIECES_AT_ONCE = 4;

/** How many steps in a row may read nothing before the places that they tried are given up. */
const MAX_STALLED = 3;

/** How many tokens EC2 may refuse in a sweep before a place with a refused token counts as read in part. */
const MAX_RESTARTS = 10;

/** The time that is kept to send the continuation or the digest: a part of the step, and at least this much, in milliseconds. */
const RESERVE = 0.12;
const MIN_RESERVE_MS = 1_000;

/** Returns the state in which a sweep begins; the problem of an event that is not valid. */
export function beginSweep(
  { account, region, at, detail }: SweepStart,
  { own, hasRole, policy }: Pick<SweepAccess, "own" | "hasRole" | "policy">,
): SweepState | { readonly problem: string } {
  const { accounts = null, regions = null, hours = DEFAULT_HOURS } = detail;
  if (accounts !== null && !isListOf(accounts, isAccountId, MAX_ACCOUNTS)) {
    return { problem: 'the event\'s "detail.accounts" must be a list of account ids' };
  }
  if (regions !== null && !isListOf(regions, isRegion, MAX_REGIONS)) {
    return { problem: 'the event\'s "detail.regions" must be a list of region names' };
  }
  if (typeof hours !== "number" || !(hours >= 1 && hours <= MAX_HOURS)) {
    return { problem: `the event's "detail.hours" must be a number from 1 to ${MAX_HOURS}` };
  }
  const scheduledAt = new Date(at).toISOString();
  const identity = JSON.stringify([account, region, scheduledAt, accounts, regions, hours]);
  const time = { id: hash("sha256", identity, "hex").slice(0, 32), scheduledAt, hours };
  const isListed = accounts === null && hasRole;
  return {
    time,
    step: 1,
    stalled: 0,
    restarts: 0,
    regions: regions && [...new Set(regions)].sort(),
    listing: isListed ? "" : null,
    accounts: isListed ? [] : [...new Set(accounts ?? [own])].sort(),
    places: [],
    begun: [],
    sums: new SweepTotals(policy, time).sums(),
  };
}

/** Returns the state that a continuation carries; the problem of one that carries none. */
export function continuedSweep({ detail }: Pick<SweepStart, "detail">): SweepState | { readonly problem: string } {
  const state = typeof detail.state === "string" ? decodeState(detail.state) : null;
  return state ?? { problem: 'the event\'s "detail.state" is not the state of a sweep' };
}

function isListOf(
  value: unknown,
  isValid: (entry: string) => boolean,
  max: number,
): value is readonly [string, ...string[]] {
  const isFull = Array.isArray(value) && value.length > 0 && value.length <= max;
  return isFull && value.every((entry: unknown) => typeof entry === "string" && isValid(entry));
}

/** Returns whether a sweep has read everything. */
export function isFinished({ listing, accounts, places, begun }: SweepState): boolean {
  return listing === null && accounts.length + places.length + begun.length === 0;
}

/** The work of a step, a piece at a time. */
type Piece =
  | { readonly kind: "listing"; readonly next: string }
  | { readonly kind: "account"; readonly id: string }
  | PlacePiece;

interface PlacePiece extends Place {
  readonly kind: "place";
  /** The pages that were read before; null if there are none. */
  readonly begun: BegunPlace | null;
}

/**
 * Reads as much of the fleet as fits before the deadline, in milliseconds since 1970. Returns the state after that. Failures of AWS
 * are in its sums, as places that were not read. A page that is being read at the end is read again by the next step.
 */
export async function sweepStep(before: SweepState, access: SweepAccess, deadline: number): Promise<SweepState> {
  const { policy, accountOf, listAccounts, own, region } = access;
  const { now } = access.pace;
  const startedAt = now();
  const end = deadline - Math.max(MIN_RESERVE_MS, (deadline - startedAt) * RESERVE);
  const [stop, done] = [new AbortController(), new AbortController()];
  // Each call of a step listens to it; from eleven listeners on, Node warns.
  setMaxListeners(0, stop.signal);
  const alarm = access.pace.pause(Math.max(0, end - startedAt), done.signal).then(
    () => stop.abort(),
    () => undefined,
  );
  const pace: Pace = { ...access.pace, signal: stop.signal, throttled: () => undefined };

  const totals = new SweepTotals(policy, before.time);
  totals.merge(before.sums);
  const queue: Piece[] = [
    ...before.begun.map((begun): Piece => ({ kind: "place", account: begun.account, region: begun.region, begun })),
    ...before.places.map((place): Piece => ({ kind: "place", ...place, begun: null })),
    ...before.accounts.map((id): Piece => ({ kind: "account", id })),
    ...(before.listing === null ? [] : [{ kind: "listing", next: before.listing } as const]),
  ];
  /** What is left for the next step, besides the queue. */
  const left: Piece[] = [];
  let [hasProgress, longest, restarts] = [false, 0, before.restarts];
  const mayStart = () => !stop.signal.aborted && now() + longest * 1.5 < end;
  const advance = (since: number) => {
    hasProgress = true;
    longest = Math.max(longest, now() - since);
  };
  const unread = (place: Place, result: Pick<PlaceResult, "status" | "reason">) =>
    totals.addPlace(unreadPlace(place, result));

  const readOne = async ({ account, region, begun }: PlacePiece): Promise<void> => {
    const place = { account, region };
    const sums = new SweepTotals(policy, before.time);
    if (begun) sums.merge(begun.sums);
    const reading = readPlace(accountOf(account).ec2(region), place, policy, pace, begun?.next);
    const pages = reading.pages[Symbol.asyncIterator]();
    const readPage = async (): Promise<boolean> => {
      const since = now();
      const page = await pages.next();
      if (page.done) return false;
      for (const judged of page.value) sums.add(place, judged);
      advance(since);
      return true;
    };
    let hasMore = true;
    do hasMore = await readPage();
    while (hasMore && reading.next() !== undefined && mayStart());
    const next = reading.next();
    const isRead = hasMore && next === undefined;
    if (!isRead && (hasMore || stop.signal.aborted)) {
      left.push({ kind: "place", ...place, begun: next === undefined ? null : { ...place, next, sums: sums.sums() } });
    } else if (reading.tokenRefused() && restarts < MAX_RESTARTS) {
      // The pages before the token are read again, so their sums do not count.
      restarts += 1;
      queue.unshift({ kind: "place", ...place, begun: null });
    } else {
      if (isRead) await pages.next();
      totals.merge(sums.sums());
      const result = reading.result();
      // The instances of its pages before are counted.
      totals.addPlace(begun && result.status !== "complete" ? { ...result, status: "partial" } : result);
      hasProgress = true;
    }
  };

  const carryOut = async (piece: Piece): Promise<void> => {
    const since = now();
    switch (piece.kind) {
      case "place":
        return readOne(piece);
      case "account": {
        const found = await targetsIn(accountOf(piece.id), { regions: before.regions, askIn: region, pace });
        if (stop.signal.aborted) return void left.push(piece);
        for (const result of found.unread) totals.addPlace(result);
        queue.unshift(...found.places.map((place): Piece => ({ kind: "place", begun: null, ...placeOf(place) })));
        return advance(since);
      }
      case "listing": {
        try {
          const { accounts, next } = await accountsPage(listAccounts, piece.next);
          queue.push(...[...accounts.keys()].sort().map((id): Piece => ({ kind: "account", id })));
          if (next !== null) queue.push({ kind: "listing", next });
        } catch (error) {
          const reason = isDenied(error)
            ? "the other accounts are not known: the credentials do not allow organizations:ListAccounts"
            : `the other accounts are not known: ${callFailed("organizations:ListAccounts", error)}`;
          unread({ account: own, region: ALL_REGIONS }, { status: isDenied(error) ? "denied" : "failed", reason });
          if (piece.next === "") queue.push({ kind: "account", id: own });
        }
        return advance(since);
      }
    }
  };

  const running = new Set<Promise<void>>();
  for (;;) {
    while (running.size < PIECES_AT_ONCE && mayStart()) {
      const piece = queue.shift();
      if (piece === undefined) break;
      const work = carryOut(piece).finally(() => running.delete(work));
      running.add(work);
    }
    if (running.size === 0) break;
    await Promise.race(running);
  }
  done.abort();
  await alarm;

  const stalled = hasProgress ? 0 : before.stalled + 1;
  const isEndless = stalled >= MAX_STALLED;
  if (isEndless) {
    const tried = left.length > 0 ? left.splice(0) : queue.splice(0, 1);
    for (const piece of tried) giveUp(piece, totals, own);
  }
  const pieces = [...left, ...queue];
  return {
    ...before,
    step: before.step + 1,
    stalled: isEndless ? 0 : stalled,
    restarts,
    listing: pieces.find((piece) => piece.kind === "listing")?.next ?? null,
    accounts: pieces.flatMap((piece) => (piece.kind === "account" ? piece.id : [])).sort(),
    places: placesIn(pieces).flatMap((piece) => (piece.begun ? [] : placeOf(piece))),
    begun: placesIn(pieces).flatMap(({ begun }) => begun ?? []),
    sums: totals.sums(),
  };
}

/** Returns the places in a fixed order, so that the same step always gives the same state. */
function placesIn(pieces: readonly Piece[]): PlacePiece[] {
  const places = pieces.filter((piece) => piece.kind === "place");
  const key = ({ account, region }: Place) => `${account} ${region}`;
  return places.sort((a, b) => (key(a) < key(b) ? -1 : 1));
}

const NO_PROGRESS = `nothing of it could be read in ${MAX_STALLED} invocations`;

/** Counts a piece of which nothing can be read as not read. */
function giveUp(piece: Piece, totals: SweepTotals, own: string): void {
  if (piece.kind === "place") {
    if (piece.begun) totals.merge(piece.begun.sums);
    totals.addPlace(unreadPlace(piece, { status: piece.begun ? "partial" : "failed", reason: NO_PROGRESS }));
    return;
  }
  const account = piece.kind === "account" ? piece.id : own;
  const reason = piece.kind === "account" ? NO_PROGRESS : "the other accounts could not be listed";
  totals.addPlace(unreadPlace({ account, region: ALL_REGIONS }, { status: "failed", reason }));
}

function placeOf({ account, region }: Place): Place {
  return { account, region };
}
