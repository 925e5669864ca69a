import type { Instance } from "../facts/instances.ts";
import { type Launch, STATE_CHANGE, type Termination } from "./events.ts";
import type { Dated } from "./resolve.ts";

/** The combined information of the events about one instance. */
export interface FirstLaunch extends Launch {
  /** Whether all events are state changes, which do not distinguish a launch from a restart. */
  readonly mayBeRestart: boolean;
  /** The changes that may resolve findings. */
  readonly changes: readonly Dated[];
  /** The keys of the changed tags, if all events are changes of tags and name them; null otherwise. */
  readonly onlyChanged: readonly string[] | null;
}

const NO_CHANGES: readonly Dated[] = [];

/** Returns the earliest launch of each instance. Several events about one instance are one audit, due at the earliest time. */
export function firstOfEachInstance(launches: readonly Launch[]): readonly FirstLaunch[] {
  const firsts = new Map<string, FirstLaunch>();
  for (const launch of launches) {
    const other = firsts.get(launch.instanceId);
    const launchedBy = other?.launchedBy ?? launch.launchedBy;
    const mayBeRestart = launch.event === STATE_CHANGE && (other?.mayBeRestart ?? true);
    const first = other && other.at <= launch.at ? other : launch;
    const { change } = launch;
    const others = other?.changes ?? NO_CHANGES;
    const changes = change === undefined ? others : [...others, { ...change, at: launch.at }];
    const keys = change?.kind === "tags" && change.keys.length > 0 ? change.keys : null;
    const before = other === undefined ? [] : other.onlyChanged;
    const onlyChanged = before && keys && [...before, ...keys];
    firsts.set(launch.instanceId, { ...first, launchedBy, mayBeRestart, changes, onlyChanged });
  }
  return [...firsts.values()];
}

/** A stopped instance cannot start again sooner after its launch, in milliseconds. Includes a margin for clock differences. */
const RESTART_AFTER_MS = 60_000;

/**
 * Returns whether the event reports that a stopped instance starts again. EC2 reports this with the same state change as a
 * launch. After a restart, the instance's launch time is later than its first launch. The event must be later too: the event
 * of the first launch can arrive after a restart. An instance whose first launch time is unknown counts as launched.
 * https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/monitoring-instance-state-changes.html
 */
export function isRestart({ mayBeRestart, at }: FirstLaunch, { launchTime, firstLaunchTime }: Instance): boolean {
  if (!mayBeRestart || launchTime === null || firstLaunchTime === null) return false;
  const couldRestart = Date.parse(firstLaunchTime) + RESTART_AFTER_MS;
  return Date.parse(launchTime) > couldRestart && at > couldRestart;
}

/** Returns the termination that events report; null if they report none. */
export function terminationOf({ changes }: FirstLaunch): Dated<Termination> | null {
  return changes.find((change) => change.kind === "terminated") ?? null;
}
