import type { Fault } from "../../src/local/aws/index.ts";
import { type Random, randomOf } from "./random.ts";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;

/** How long the launches of a soak go on, in ms. */
export const LAUNCHING_MS = 120 * MINUTE;
/** SNS tries for an hour; a message that fails for ever leaves its queue after ten times three minutes. */
const DRAINING_MS = 90 * MINUTE;

/** Our own account and region, where the function and its topics are. */
export const HOME = { account: "123456789012", region: "us-east-1" };
/** Another region, an account with the role to assume, and one without: all send their events to ours. */
const ABROAD = { account: HOME.account, region: "eu-west-1" };
const MEMBER = { account: "210987654321", region: "us-east-1" };
export const STRANGER = { account: "333333333333", region: "us-east-1" };
export type Place = typeof HOME;

/** What becomes of the instances of a launch; times in ms after it. */
export type Story =
  | { readonly kind: "tagged" }
  | { readonly kind: "untagged" }
  | { readonly kind: "tagged late"; readonly after: number }
  | { readonly kind: "tagged after the grace"; readonly after: number }
  | { readonly kind: "terminated early"; readonly after: number }
  | { readonly kind: "terminated after the grace"; readonly after: number }
  /** In an account that we have no role in. */
  | { readonly kind: "untagged, out of reach" };

/** How the audit of a launch must end. `either`: an outage may have put off the look until it was mended. */
export type Fate = "alerted" | "silent" | "either" | "dead letter";

export const FATES: Readonly<Record<Story["kind"], Fate>> = {
  tagged: "silent",
  untagged: "alerted",
  "tagged late": "silent",
  "tagged after the grace": "either",
  "terminated early": "silent",
  "terminated after the grace": "either",
  "untagged, out of reach": "dead letter",
};

/** Instances that are launched together. Times are in ms since the begin of the run. */
export interface PlannedLaunch {
  readonly at: number;
  readonly place: Place;
  /** The Auto Scaling group; null for a launch by hand. */
  readonly group: string | null;
  readonly count: number;
  readonly story: Story;
}

/** A span in which AWS, or SNS's certificates, do not do as they should. */
export interface Outage {
  readonly name: string;
  readonly from: number;
  readonly until: number;
  /** Strikes a share of the calls. */
  readonly fault: Fault;
  readonly share: number;
}

/** The function's process is killed: right after AWS has carried out a call of it, and before that is answered. */
export interface Kill {
  readonly from: number;
  readonly call: "DescribeTags" | "DescribeInstances" | "Publish";
  /** How long it takes until there is a new one. */
  readonly downMs: number;
}

/** Credentials are exchanged; the old ones end before the function has the new ones. */
export interface Rotation {
  readonly oldEndsAt: number;
  readonly at: number;
}

/** All that will happen, made from a seed. */
export interface Plan {
  readonly seed: number;
  /** When the last message can have come to an end. */
  readonly endsAt: number;
  readonly launches: readonly PlannedLaunch[];
  /** When something that is no event is put where events should be. */
  readonly garbageAt: readonly number[];
  readonly outages: readonly Outage[];
  readonly kills: readonly Kill[];
  readonly secretRotations: readonly Rotation[];
  /** The new certificate cannot be had for a while from then on. */
  readonly certificateRotations: readonly { readonly at: number; readonly failsForMs: number }[];
}

/**
 * Makes the plan of a soak: `count` launches in two hours, all that goes wrong with AWS in a span of its own, and the
 * function killed a dozen times among the first fifth, so that the memory of the others is that of one process.
 */
export function soakPlan(seed: number, count: number): Plan {
  const random = randomOf(seed);
  const early = () => random.int(2 * MINUTE, LAUNCHING_MS / 5);
  return {
    seed,
    endsAt: LAUNCHING_MS + DRAINING_MS,
    launches: planLaunches(random, count),
    garbageAt: Array.from({ length: Math.ceil(count / 1000) }, () => random.int(0, LAUNCHING_MS)).sort(ascending),
    outages: planOutages(random),
    kills: KILLED_AFTER.flatMap((call) => [call, call, call, call])
      .map((call) => ({ from: early(), call, downMs: random.int(1, 60) * SECOND }))
      .sort((a, b) => a.from - b.from),
    secretRotations: [0, 1, 2].map(() => rotationAt(early())).sort((a, b) => a.at - b.at),
    certificateRotations: [0.1, 0.45, 0.8].map((part) => ({
      at: part * LAUNCHING_MS + random.int(0, 5 * MINUTE),
      failsForMs: random.int(1, 6) * MINUTE,
    })),
  };
}

/** Makes the plan of a burst: `count` launches in a minute, one in ten without its tags, and nothing goes wrong. */
export function burstPlan(count: number): Plan {
  const launches = Array.from({ length: count }, (_, index): PlannedLaunch => {
    const story: Story = index % 10 === 0 ? { kind: "untagged" } : { kind: "tagged" };
    return { at: (index * MINUTE) / count, place: HOME, group: null, count: 1, story };
  });
  return { ...UNTROUBLED, seed: 0, endsAt: 90 * MINUTE, launches };
}

const UNTROUBLED = { garbageAt: [], outages: [], kills: [], secretRotations: [], certificateRotations: [] };

const KILLED_AFTER = ["Publish", "DescribeInstances", "DescribeTags"] as const;

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
    const story = planStory(random);
    launches.push({
      at: random.int(0, LAUNCHING_MS),
      place: story.kind === "untagged, out of reach" ? STRANGER : random.weighted(PLACES),
      group: many > 1 ? `group-${launches.length}` : null,
      count: many,
      story,
    });
  }
  return launches.sort((a, b) => a.at - b.at);
}

const PLACES = [
  [70, HOME],
  [10, ABROAD],
  [20, MEMBER],
] as const;

function planStory(random: Random): Story {
  // EC2 says the time in whole seconds, so that an instance looks up to a second older than it is.
  const within = () => random.int(1, 43) * SECOND;
  const afterwards = () => random.int(120, 900) * SECOND;
  return random.weighted<() => Story>([
    [730, () => ({ kind: "tagged" })],
    [100, () => ({ kind: "untagged" })],
    [100, () => ({ kind: "tagged late", after: within() })],
    [20, () => ({ kind: "tagged after the grace", after: afterwards() })],
    [30, () => ({ kind: "terminated early", after: within() })],
    [15, () => ({ kind: "terminated after the grace", after: afterwards() })],
    [5, () => ({ kind: "untagged, out of reach" })],
  ])();
}

/** What AWS does to its callers, one after the other in an order that the seed gives, five or six minutes each. */
function planOutages(random: Random): Outage[] {
  const kinds = random.shuffled(OUTAGES);
  const slot = LAUNCHING_MS / kinds.length;
  return kinds.map(([name, share, fault], index) => {
    const from = index * slot + random.int(0, MINUTE);
    return { name, share, fault, from, until: from + random.int(5, 6) * MINUTE };
  });
}

const OUTAGES: readonly (readonly [name: string, share: number, fault: Fault])[] = [
  ["EC2 throttles", 0.4, { service: "ec2", kind: "throttle" }],
  ["EC2 fails", 0.4, { service: "ec2", kind: "error" }],
  ["EC2 does not answer", 0.2, { service: "ec2", kind: "timeout" }],
  ["EC2 hangs up mid-answer", 0.3, { service: "ec2", kind: "hangup" }],
  ["EC2 denies", 1, { service: "ec2", kind: "deny" }],
  ["EC2 is slow", 0.5, { service: "ec2", kind: "slow", ms: 2_500 }],
  ["a proxy's page for EC2", 0.3, { service: "ec2", kind: "html" }],
  ["Publish fails", 0.5, { service: "sns", action: "Publish", kind: "error" }],
  ["Publish is throttled", 0.5, { service: "sns", action: "Publish", kind: "throttle" }],
  ["Publish does not answer", 0.3, { service: "sns", action: "Publish", kind: "timeout" }],
  ["Publish is slow", 0.3, { service: "sns", action: "Publish", kind: "slow", ms: 3_500 }],
  ["Publish hangs up mid-answer", 0.3, { service: "sns", action: "Publish", kind: "hangup" }],
  ["Publish is denied", 1, { service: "sns", action: "Publish", kind: "deny" }],
  ["a proxy's page for Publish", 0.3, { service: "sns", action: "Publish", kind: "html" }],
  ["AssumeRole is denied", 1, { service: "sts", kind: "deny" }],
];

/** How EventBridge may deliver an event: the delay of each copy, in ms. Mostly one at once; some late, some twice. */
export function eventCopies(random: Random): readonly number[] {
  const delay = random.chance(0.05) ? random.int(1, 300) * SECOND : 0;
  return random.chance(0.02) ? [delay, delay + random.int(0, 120) * SECOND] : [delay];
}

function ascending(a: number, b: number): number {
  return a - b;
}

/** Whether nothing goes wrong from a moment of the plan until two minutes later. */
export function isQuiet(plan: Plan, at: number): boolean {
  const until = at + 2 * MINUTE;
  const meets = (from: number, to: number) => from < until && to > at;
  return !(
    plan.outages.some((outage) => meets(outage.from, outage.until)) ||
    plan.kills.some((kill) => meets(kill.from, kill.from + 2 * MINUTE)) ||
    plan.secretRotations.some((rotation) => meets(rotation.oldEndsAt, rotation.at + MINUTE)) ||
    plan.certificateRotations.some((rotation) => meets(rotation.at, rotation.at + rotation.failsForMs + MINUTE))
  );
}
