import { HOME, type Place } from "./places.ts";
import { type Random, randomOf } from "./random.ts";
import { NO_FAULTS, type PlannedLaunch, type Scenario } from "./scenario.ts";
import { TAGGED, UNTAGGED } from "./stories.ts";

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

/** The rate of the busiest minutes of a day, as a multiple of its mean rate. */
export const PEAK = 5;
/** The instances that an Auto Scaling group of one account launches at once, in the middle of them. */
export const BURST = 300;
/** One launch in this number lacks a required tag. */
export const ONE_WITHOUT_TAG_IN = 20;

/** The grace, a batching window, and some retries by SNS or the queue, in ms. */
const DRAINING_MS = 10 * MINUTE;

/** The regions of the launches, by weight. */
const REGIONS = [
  [70, HOME.region],
  [20, "eu-west-1"],
  [10, "ap-southeast-2"],
] as const;

/** The size of an organisation, and the slice of its day to simulate. */
export interface Size {
  readonly accounts: number;
  readonly launchesPerDay: number;
  /** The slice of the day, in minutes. */
  readonly minutes: number;
}

/**
 * Creates the scenario of an organisation's busiest minutes, the same for the same size: single launches at five times the
 * day's mean rate, spread over all accounts and three regions, and an Auto Scaling burst in one account. Without faults.
 */
export function scaleScenario({ accounts, launchesPerDay, minutes }: Size): Scenario {
  const random = randomOf(accounts + launchesPerDay);
  const lasts = minutes * MINUTE;
  const singles = Array.from({ length: Math.round((PEAK * launchesPerDay * lasts) / DAY) }, (_, index) => ({
    at: random.int(0, lasts - 1),
    place: { account: accountOf(random.int(0, accounts - 1)), region: random.weighted(REGIONS) },
    group: null,
    count: 1,
    lifecycle: index % ONE_WITHOUT_TAG_IN === 0 ? UNTAGGED : TAGGED,
  }));
  const launches = [...singles, ...planBurst(random, accounts, lasts / 2)].sort((a, b) => a.at - b.at);
  return { ...NO_FAULTS, seed: 0, endsAt: lasts + DRAINING_MS, launches };
}

/** A group of which one instance in twenty lacks a tag: the same share as elsewhere. */
function planBurst(random: Random, accounts: number, at: number): PlannedLaunch[] {
  const place = { account: accountOf(random.int(0, accounts - 1)), region: HOME.region };
  const untagged = BURST / ONE_WITHOUT_TAG_IN;
  return [
    { at, place, group: "burst", count: BURST - untagged, lifecycle: TAGGED },
    { at, place, group: "burst", count: untagged, lifecycle: UNTAGGED },
  ];
}

/** Returns an account; 0 is the function's own. */
function accountOf(index: number): Place["account"] {
  return index === 0 ? HOME.account : String(200_000_000_000 + index);
}
