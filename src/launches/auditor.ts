import { type Finding, findingsOf, type Origin } from "../alerts/finding.ts";
import type { FactReader, Facts } from "../facts/facts.ts";
import { type Instance, isTerminated } from "../facts/instances.ts";
import { launcherOf } from "../facts/launcher.ts";
import { type Reads, readOf } from "../facts/pages.ts";
import { planFacts, type ShownFacts } from "../facts/plan.ts";
import { type Violated, violationsOf } from "../policy/evaluate.ts";
import type { Policy } from "../policy/policy.ts";
import { describeError } from "../util/errors.ts";
import { type Launch, STATE_CHANGE, TAG_CHANGE } from "./events.ts";
import type { Outcome } from "./outcome.ts";

/** The result of the audit of one launch: its outcome, or findings to alert. */
export type Audited = Outcome | { readonly launch: Launch; readonly findings: readonly Finding[] };

/** The settings and facts for an audit of launches of one account and region. */
export interface Audit {
  readonly policy: Policy;
  readonly graceSeconds: number;
  /** For how many seconds after its event the engine delivers a launch again. */
  readonly retryWindowSeconds: number;
  /** Whether a stopped instance that starts again is audited as a launch. */
  readonly auditRestarts: boolean;
  /** The time now, in milliseconds since 1970. */
  readonly now: () => number;
  /** The reader for the account and region of the launches. */
  readonly facts: FactReader;
}

/**
 * How long DescribeInstances may not show an instance that exists, in seconds. EC2 is eventually consistent, and AWS
 * recommends to wait for up to five minutes.
 * https://docs.aws.amazon.com/ec2/latest/devguide/eventual-consistency.html
 */
const UNSEEN_SECONDS = 300;

/**
 * Audits launches of one account and region. Returns a result for each, in their order.
 *
 * Facts are read once for each instance, however many of the launches report it. A violation within the grace is deferred.
 * A violation after the grace is confirmed with DescribeInstances before it becomes a finding: the instance may be
 * terminated, or its tags may have arrived. An error of a read fails the launches of its instances only. Never throws.
 */
export async function auditLaunches(launches: readonly Launch[], audit: Audit): Promise<Audited[]> {
  const results = new Map<string, Audited>();
  /** Reads facts and judges each launch by them. Returns the launches without a result. */
  const step = async <F>(
    of: readonly FirstLaunch[],
    read: (instanceIds: readonly string[]) => Promise<Reads<F>>,
    judge: (launch: FirstLaunch, facts: F, audit: Audit) => Audited | null,
  ): Promise<readonly FirstLaunch[]> => {
    const reads = await read(of.map((launch) => launch.instanceId));
    return of.filter((launch) => {
      const read = readOf(reads, launch.instanceId);
      const result = "error" in read ? failed(launch, read.error) : judge(launch, read.value, audit);
      if (result) results.set(launch.instanceId, result);
      return result === null;
    });
  };
  const needs = audit.policy.rules.flatMap((rule) => rule.needs);
  const plan = planFacts(needs, audit.facts);
  const firsts = firstOfEachInstance(launches);
  const candidates = plan.readTags ? await step(firsts, plan.readTags, judgeByTags) : firsts;
  await step(candidates, plan.read, judge);
  return launches.map((launch) => ({ ...(results.get(launch.instanceId) ?? failed(launch, null)), launch }));
}

/** The combined information of the events about one instance. */
interface FirstLaunch extends Launch {
  /** Whether all events are state changes, which do not distinguish a launch from a restart. */
  readonly mayBeRestart: boolean;
}

/** Returns the earliest launch of each instance. Several events about one instance are one audit, due at the earliest time. */
function firstOfEachInstance(launches: readonly Launch[]): readonly FirstLaunch[] {
  const firsts = new Map<string, FirstLaunch>();
  for (const launch of launches) {
    const other = firsts.get(launch.instanceId);
    const launchedBy = other?.launchedBy ?? launch.launchedBy;
    const mayBeRestart = launch.event === STATE_CHANGE && (other?.mayBeRestart ?? true);
    const first = other && other.at <= launch.at ? other : launch;
    firsts.set(launch.instanceId, { ...first, launchedBy, mayBeRestart });
  }
  return [...firsts.values()];
}

/** Judges a launch by its tags alone. Returns null for a violation that is due for an alert and must be confirmed. */
function judgeByTags(launch: Launch, facts: Facts, audit: Audit): Outcome | null {
  return beforeAlert(launch, violationsOf(facts, audit.policy), audit);
}

/** Judges a launch by its instance; null is an instance that EC2 does not show. */
function judge(launch: FirstLaunch, facts: ShownFacts | null, audit: Audit): Audited {
  if (facts === null) {
    const seconds = Math.min(UNSEEN_SECONDS, audit.retryWindowSeconds);
    const left = secondsLeft(launch, seconds, audit);
    if (left > 0) return deferred(launch, left, "EC2 does not show the instance yet");
    const reason = `EC2 does not show the instance, ${seconds} s after the event: it no longer exists, or the credentials cannot read it`;
    return { kind: "unseen", launch, reason };
  }
  const { instance } = facts;
  if (isTerminated(instance)) return { kind: "ignored", launch, reason: `the instance is ${instance.state}` };
  const violations = violationsOf(facts, audit.policy);
  const outcome = beforeAlert(launch, violations, audit);
  if (outcome?.kind !== "compliant" && !audit.auditRestarts && isRestart(launch, instance)) {
    return { kind: "ignored", launch, reason: RESTARTED };
  }
  return outcome ?? { launch, findings: findingsOf(violations, instance, originOf(launch, instance)) };
}

const RESTARTED = "the instance was started again, not launched; to audit restarts, set AUDIT_RESTARTS=on";

/** A stopped instance cannot start again sooner after its launch, in milliseconds. Includes a margin for clock differences. */
const RESTART_AFTER_MS = 60_000;

/**
 * Returns whether the event reports that a stopped instance starts again. EC2 reports this with the same state change as a
 * launch. After a restart, the instance's launch time is later than its first launch. The event must be later too: the event
 * of the first launch can arrive after a restart. An instance whose first launch time is unknown counts as launched.
 * https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/monitoring-instance-state-changes.html
 */
function isRestart({ mayBeRestart, at }: FirstLaunch, { launchTime, firstLaunchTime }: Instance): boolean {
  if (!mayBeRestart || launchTime === null || firstLaunchTime === null) return false;
  const couldRestart = Date.parse(firstLaunchTime) + RESTART_AFTER_MS;
  return Date.parse(launchTime) > couldRestart && at > couldRestart;
}

/** Returns the outcome of a launch that is compliant or within its grace; null for a violation that is due for an alert. */
function beforeAlert(launch: Launch, violations: readonly Violated[], audit: Audit): Outcome | null {
  if (violations.length === 0) return { kind: "compliant", launch };
  const left = secondsLeft(launch, audit.graceSeconds, audit);
  if (left <= 0) return null;
  return deferred(
    launch,
    left,
    `the launch is within its grace: ${violations.map(({ violation }) => violation.message).join("; ")}`,
  );
}

/** Returns the rest of a period that began with the launch, in whole seconds, rounded up. */
function secondsLeft(launch: Launch, seconds: number, audit: Audit): number {
  return Math.ceil((launch.at - audit.now()) / 1000 + seconds);
}

function originOf({ account, region, event, at, launchedBy }: Launch, { tags, launchTime }: Instance): Origin {
  const occasion = event === TAG_CHANGE || launchTime === null ? new Date(at).toISOString() : launchTime;
  return { account, region, launchedBy: launcherOf(launchedBy, tags), event, occasion };
}

function deferred(launch: Launch, retryAfterSeconds: number, reason: string): Outcome {
  return { kind: "deferred", launch, reason, retryAfterSeconds };
}

function failed(launch: Launch, error: unknown): Outcome {
  return { kind: "failed", launch, reason: describeError(error) };
}
