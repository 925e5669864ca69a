import { HOME, type Place, type Plan, type PlannedLaunch, type Story } from "./plan.ts";
import { type Random, randomOf } from "./random.ts";

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

/** The busiest minutes of a day have so many times its mean rate. */
export const PEAK = 5;
/** In the middle of them an Auto Scaling group of one account launches so many instances at once. */
export const BURST = 300;
/** One launch in so many is without a required tag. */
export const ONE_WITHOUT_TAG_IN = 20;

/** The grace, a batching window, and some of SNS's or the queue's retries; in ms. */
const DRAINING_MS = 10 * MINUTE;

/** Where the launches of an organisation are, by weight. */
const REGIONS = [
  [70, HOME.region],
  [20, "eu-west-1"],
  [10, "ap-southeast-2"],
] as const;

/** How large an organisation is, and how long a slice of its day is played. */
export interface Size {
  readonly accounts: number;
  readonly launchesPerDay: number;
  /** The slice of the day, in minutes. */
  readonly minutes: number;
}

/**
 * Plans a slice of an organisation's busiest minutes, the same for the same size: single launches at five times the day's
 * mean rate, in every account alike and in three regions, and a burst of Auto Scaling in one account. Nothing goes wrong.
 */
export function scalePlan({ accounts, launchesPerDay, minutes }: Size): Plan {
  const random = randomOf(accounts + launchesPerDay);
  const lasts = minutes * MINUTE;
  const singles = Array.from({ length: Math.round((PEAK * launchesPerDay * lasts) / DAY) }, (_, index) => ({
    at: random.int(0, lasts - 1),
    place: { account: accountOf(random.int(0, accounts - 1)), region: random.weighted(REGIONS) },
    group: null,
    count: 1,
    story: index % ONE_WITHOUT_TAG_IN === 0 ? UNTAGGED : TAGGED,
  }));
  const launches = [...singles, ...planBurst(random, accounts, lasts / 2)].sort((a, b) => a.at - b.at);
  return { ...NOTHING_GOES_WRONG, seed: 0, endsAt: lasts + DRAINING_MS, launches };
}

const NOTHING_GOES_WRONG = { garbageAt: [], outages: [], kills: [], secretRotations: [], certificateRotations: [] };
const TAGGED: Story = { kind: "tagged" };
const UNTAGGED: Story = { kind: "untagged" };

/** A group whose launch template lost its tags for one instance in twenty: the same share as everywhere. */
function planBurst(random: Random, accounts: number, at: number): PlannedLaunch[] {
  const place = { account: accountOf(random.int(0, accounts - 1)), region: HOME.region };
  const untagged = BURST / ONE_WITHOUT_TAG_IN;
  return [
    { at, place, group: "burst", count: BURST - untagged, story: TAGGED },
    { at, place, group: "burst", count: untagged, story: UNTAGGED },
  ];
}

/** The first account is the one that the function is in. */
function accountOf(index: number): Place["account"] {
  return index === 0 ? HOME.account : String(200_000_000_000 + index);
}
