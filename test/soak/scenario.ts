import type { Fault } from "../../src/local/aws/index.ts";
import type { Night } from "./nights.ts";
import { HOME, MEMBER, NO_ROLE, OTHER_REGION, type Place } from "./places.ts";
import type { Topic } from "./policy.ts";
import { type Random, randomOf } from "./random.ts";
import { type Lifecycle, OUT_OF_REACH, planLifecycle, TAGGED, UNTAGGED } from "./stories.ts";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;

/** The duration of the launches of a soak, in ms. */
export const LAUNCHING_MS = 150 * MINUTE;
/** SNS retries for an hour; a message that always fails leaves its queue after ten times three minutes. */
const DRAINING_MS = 90 * MINUTE;
/** Then all instances have changed for the last time, and no fault is left. */
const QUIET_AFTER_MS = LAUNCHING_MS + 50 * MINUTE;

/** Instances that are launched together. Times are in ms since the start of the run. */
export interface PlannedLaunch {
  readonly at: number;
  readonly place: Place;
  /** The Auto Scaling group; null for RunInstances. */
  readonly group: string | null;
  readonly count: number;
  readonly lifecycle: Lifecycle;
}

/** A span in which AWS fails. */
export interface Outage {
  readonly name: string;
  readonly from: number;
  readonly until: number;
  readonly fault: Fault;
  /** The share of the calls that fail, from 0 to 1. */
  readonly share: number;
  /** The topic whose Publish calls fail; all if missing. */
  readonly topic?: Topic;
}

/** The function's process is killed after AWS has carried out its call and before AWS responds. */
export interface Kill {
  readonly from: number;
  readonly call: "DescribeTags" | "DescribeInstances" | "Publish";
  /** Whether it must be a call of a sweep. */
  readonly ofSweep?: true;
  /** The time until a new process starts, in ms. */
  readonly downMs: number;
}

/** Credentials are rotated; the old ones become invalid before the function has the new ones. */
export interface Rotation {
  readonly oldEndsAt: number;
  readonly at: number;
}

/** Everything that happens in a run. The same seed gives the same scenario. */
export interface Scenario {
  readonly seed: number;
  /** The time by which the last message is processed or dead-lettered. */
  readonly endsAt: number;
  readonly launches: readonly PlannedLaunch[];
  /** When a message that is no event is sent to the topic or queue. */
  readonly garbageAt: readonly number[];
  readonly outages: readonly Outage[];
  readonly kills: readonly Kill[];
  /** The sweeps, one a night; the nights are shorter here. */
  readonly nights: readonly Night[];
  readonly secretRotations: readonly Rotation[];
  /** When SNS gets a new certificate, and how long that cannot be fetched. */
  readonly certificateRotations: readonly { readonly at: number; readonly failsForMs: number }[];
}

/**
 * Creates the scenario of a soak: `count` launches in two and a half hours, one outage after the other, and a dozen kills during the
 * first fifth, so that one process serves the rest and its memory can be measured.
 */
export function soakScenario(seed: number, count: number): Scenario {
  const random = randomOf(seed);
  const early = () => random.int(2 * MINUTE, LAUNCHING_MS / 5);
  const launches = planLaunches(random, count);
  const outages = planOutages(random);
  const killed = SWEEP_KILLS.map((call, index) => ({ at: (8 + 10 * index) * MINUTE, call }));
  return {
    seed,
    endsAt: LAUNCHING_MS + DRAINING_MS,
    launches,
    garbageAt: Array.from({ length: Math.ceil(count / 1000) }, () => random.int(0, LAUNCHING_MS)).sort(ascending),
    outages,
    nights: [
      ...killed.map(({ at }) => ({ at, copies: [0], quiet: false })),
      // In the middle of an outage.
      ...outages.map(({ from }) => ({ at: from + 2 * MINUTE, copies: copiesOfSchedule(random), quiet: false })),
      { at: QUIET_AFTER_MS, copies: [0], quiet: true },
      { at: QUIET_AFTER_MS + 10 * MINUTE, copies: [0, 20 * SECOND], quiet: true },
    ],
    kills: KILLED_AFTER.flatMap((call) => [call, call, call, call])
      .map((call): Kill => ({ from: early(), call, downMs: random.int(1, 60) * SECOND }))
      .concat(killed.map(({ at, call }) => ({ from: at, call, ofSweep: true, downMs: 5 * SECOND })))
      .sort((a, b) => a.from - b.from),
    secretRotations: [0, 1, 2].map(() => rotationAt(early())).sort((a, b) => a.at - b.at),
    certificateRotations: [0.1, 0.45, 0.8].map((part) => ({
      at: part * LAUNCHING_MS + random.int(0, 5 * MINUTE),
      failsForMs: random.int(1, 6) * MINUTE,
    })),
  };
}

/** Creates the scenario of a burst: `count` launches in a minute, one in ten untagged, without faults. */
export function burstScenario(count: number): Scenario {
  const launches = Array.from({ length: count }, (_, index): PlannedLaunch => {
    const lifecycle = index % 10 === 0 ? UNTAGGED : TAGGED;
    return { at: (index * MINUTE) / count, place: HOME, group: null, count: 1, lifecycle };
  });
  return { ...NO_FAULTS, seed: 0, endsAt: 90 * MINUTE, launches };
}

/** The part of a scenario without faults. */
export const NO_FAULTS = {
  garbageAt: [],
  outages: [],
  kills: [],
  nights: [],
  secretRotations: [],
  certificateRotations: [],
};

const KILLED_AFTER = ["Publish", "DescribeInstances", "DescribeTags"] as const;

/** A sweep is killed when a page of instances was read, and when its digest was published. */
const SWEEP_KILLS = ["DescribeInstances", "Publish"] as const;

/** EventBridge Scheduler delivers at least once. */
function copiesOfSchedule(random: Random): readonly number[] {
  return random.chance(0.2) ? [0, random.int(0, 60) * SECOND] : [0];
}

function rotationAt(at: number): Rotation {
  return { oldEndsAt: at - 90 * SECOND, at };
}

function planLaunches(random: Random, count: number): PlannedLaunch[] {
  const launches: PlannedLaunch[] = [];
  for (let left = count; left > 0; ) {
    const many = Math.min(
      left,
      random.weighted([
        [80, 1],
        [15, random.int(2, 10)],
        [5, random.int(11, 100)],
      ]),
    );
    left -= many;
    const lifecycle = planLifecycle(random, many);
    launches.push({
      at: random.int(0, LAUNCHING_MS),
      place: lifecycle.kind === OUT_OF_REACH ? NO_ROLE : random.weighted(PLACES),
      group: many > 1 ? `${random.chance(0.25) ? "lab" : "group"}-${launches.length}` : null,
      count: many,
      lifecycle,
    });
  }
  return launches.sort((a, b) => a.at - b.at);
}

const PLACES = [
  [70, HOME],
  [10, OTHER_REGION],
  [20, MEMBER],
] as const;

const OUTAGE_EVERY_MS = 8 * MINUTE;

/** One outage after the other, five or six minutes each, in an order that depends on the seed. */
function planOutages(random: Random): Outage[] {
  const kinds = random.shuffled(OUTAGES);
  return kinds.map(([name, share, fault, topic], index) => {
    const from = index * OUTAGE_EVERY_MS + random.int(0, MINUTE);
    return { name, share, fault, from, until: from + random.int(5, 6) * MINUTE, ...(topic && { topic }) };
  });
}

const OUTAGES: readonly (readonly [name: string, share: number, fault: Fault, topic?: Topic])[] = [
  ["EC2 throttles", 0.4, { service: "ec2", kind: "throttle" }],
  ["EC2 fails", 0.4, { service: "ec2", kind: "error" }],
  ["EC2 does not respond", 0.2, { service: "ec2", kind: "timeout" }],
  ["EC2 closes the connection mid-response", 0.3, { service: "ec2", kind: "hangup" }],
  ["EC2 denies", 1, { service: "ec2", kind: "deny" }],
  ["EC2 is slow", 0.5, { service: "ec2", kind: "slow", ms: 2_500 }],
  ["a proxy's page for EC2", 0.3, { service: "ec2", kind: "html" }],
  ["Publish fails", 0.5, { service: "sns", action: "Publish", kind: "error" }],
  ["Publish is throttled", 0.5, { service: "sns", action: "Publish", kind: "throttle" }],
  ["Publish does not respond", 0.3, { service: "sns", action: "Publish", kind: "timeout" }],
  ["Publish is slow", 0.3, { service: "sns", action: "Publish", kind: "slow", ms: 3_500 }],
  ["Publish closes the connection mid-response", 0.3, { service: "sns", action: "Publish", kind: "hangup" }],
  ["Publish is denied", 1, { service: "sns", action: "Publish", kind: "deny" }],
  ["a proxy's page for Publish", 0.3, { service: "sns", action: "Publish", kind: "html" }],
  ["a route's topic denies", 1, { service: "sns", action: "Publish", kind: "deny" }, "payments"],
  ["a route's topic fails", 0.5, { service: "sns", action: "Publish", kind: "error" }, "chat"],
  ["AssumeRole is denied", 1, { service: "sts", kind: "deny" }],
];

/** Returns the delays of the copies of an event that EventBridge delivers, in ms: mostly one without delay; some late, some twice. */
export function eventCopies(random: Random): readonly number[] {
  const delay = random.chance(0.05) ? random.int(1, 300) * SECOND : 0;
  return random.chance(0.02) ? [delay, delay + random.int(0, 120) * SECOND] : [delay];
}

function ascending(a: number, b: number): number {
  return a - b;
}

/** Returns whether a scenario has no fault between a moment and two minutes later. */
export function isQuiet(scenario: Scenario, at: number): boolean {
  const until = at + 2 * MINUTE;
  const meets = (from: number, to: number) => from < until && to > at;
  return !(
    scenario.outages.some((outage) => meets(outage.from, outage.until)) ||
    scenario.kills.some((kill) => meets(kill.from, kill.from + 2 * MINUTE)) ||
    scenario.secretRotations.some((rotation) => meets(rotation.oldEndsAt, rotation.at + MINUTE)) ||
    scenario.certificateRotations.some((rotation) => meets(rotation.at, rotation.at + rotation.failsForMs + MINUTE))
  );
}
