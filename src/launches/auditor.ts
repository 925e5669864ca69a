import { hash } from "node:crypto";
import type { FactReader, Facts, Instance } from "../facts/facts.ts";
import type { Policy } from "../policy/policy.ts";
import type { Rule, Severity, Violation } from "../policy/rule.ts";
import { autoScalingGroup, type Launch, STATE_CHANGE, TAG_CHANGE } from "./events.ts";

/** One rule that one instance breaks, confirmed. */
export interface Finding {
  /** The same for the same instance breaking the same rule in the same way, however often it is found. */
  readonly id: string;
  /** Always the same for one rule on one instance: incident tools open and close an incident by it. */
  readonly dedupKey: string;
  readonly account: string;
  readonly region: string;
  /** The rule's kind. */
  readonly rule: string;
  readonly ruleId: string;
  readonly severity: Severity;
  readonly violation: Violation;
  readonly launchedBy: string | null;
  /** The `detail-type` of the event that reported it. */
  readonly event: string;
  /**
   * When it came about, to distinguish it from the same violation at another time: the launch, or the tag change; ISO 8601.
   */
  readonly occasion: string;
  readonly instance: Instance;
}

/** What the audit of one launch came to. */
export type Verdict =
  | { readonly kind: "compliant" }
  | { readonly kind: "violating"; readonly findings: readonly Finding[] }
  | { readonly kind: "deferred"; readonly retryAfterSeconds: number; readonly reason: string }
  | { readonly kind: "ignored"; readonly reason: string }
  | { readonly kind: "unseen"; readonly reason: string }
  | { readonly kind: "failed"; readonly error: unknown };

/** What an audit of launches of one account and region needs beside them. */
export interface Audit {
  readonly policy: Policy;
  readonly graceSeconds: number;
  /** For how many seconds after its event a launch will be brought again. */
  readonly patienceSeconds: number;
  /** Whether a stopped instance that starts again is audited as if it were launched. */
  readonly auditRestarts: boolean;
  /** The time now, in milliseconds since 1970. */
  readonly now: () => number;
  /** The facts of the account and region that the launches are in. */
  readonly facts: FactReader;
}

/**
 * How long DescribeInstances may not show an instance that exists, in seconds: EC2's answers are eventually consistent,
 * and AWS says to wait for up to five minutes.
 * https://docs.aws.amazon.com/ec2/latest/devguide/eventual-consistency.html
 */
const UNSEEN_SECONDS = 300;

/**
 * Audits launches of one account and region, and answers a verdict for each, in their order.
 *
 * Facts are read once for each instance, however many of the launches are about it. One that breaks a rule within its
 * grace is deferred. One that breaks a rule after its grace is looked at again with DescribeInstances before anything
 * is said of it: it may be gone, or its tags may have arrived. Facts that cannot be read fail the launches they are
 * missing for, and no others; nothing is thrown.
 */
export async function auditLaunches(launches: readonly Launch[], audit: Audit): Promise<Verdict[]> {
  const verdicts = new Map<string, Verdict>();
  const firsts = firstOfEachInstance(launches);
  const needsInstance = audit.policy.rules.some((rule) => rule.needs.includes("instance"));
  const suspects = needsInstance ? firsts : await siftByTags(firsts, audit, verdicts);
  if (suspects.length > 0) {
    const reads = await audit.facts.instances(suspects.map((launch) => launch.instanceId));
    for (const launch of suspects) {
      const read = reads.get(launch.instanceId) ?? NOT_READ;
      verdicts.set(launch.instanceId, "error" in read ? failed(read.error) : judge(launch, read.value, audit));
    }
  }
  return launches.map((launch) => verdicts.get(launch.instanceId) ?? failed(NOT_READ.error));
}

/** What the events about one instance say together. */
interface FirstLaunch extends Launch {
  /** Whether all events are state changes, which do not distinguish a launch from a restart. */
  readonly mayBeRestart: boolean;
}

/** The earliest launch of each instance: two events about one instance are one audit, due at the earlier time. */
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

/** Settles, with one cheap call, the launches that keep the rules or are within their grace; answers the others. */
async function siftByTags(
  launches: readonly FirstLaunch[],
  audit: Audit,
  verdicts: Map<string, Verdict>,
): Promise<readonly FirstLaunch[]> {
  const reads = await audit.facts.tags(launches.map((launch) => launch.instanceId));
  return launches.filter((launch) => {
    const read = reads.get(launch.instanceId) ?? NOT_READ;
    const verdict =
      "error" in read
        ? failed(read.error)
        : beforeAlert(launch, violationsOf({ tags: read.value, instance: null }, audit.policy), audit);
    if (verdict) verdicts.set(launch.instanceId, verdict);
    return verdict === null;
  });
}

/** The verdict on an instance as DescribeInstances shows it; null is one that it does not show. */
function judge(launch: FirstLaunch, instance: Instance | null, audit: Audit): Verdict {
  if (instance === null) {
    const span = Math.min(UNSEEN_SECONDS, audit.patienceSeconds);
    const left = secondsLeft(launch, span, audit);
    if (left > 0) return { kind: "deferred", retryAfterSeconds: left, reason: "EC2 does not show the instance yet" };
    const reason = `EC2 does not show the instance, ${span} s after the event: it is gone, or hidden from these credentials`;
    return { kind: "unseen", reason };
  }
  if (instance.state === "shutting-down" || instance.state === "terminated") {
    return { kind: "ignored", reason: `the instance is ${instance.state}` };
  }
  const violations = violationsOf({ tags: instance.tags, instance }, audit.policy);
  const verdict = beforeAlert(launch, violations, audit);
  if (verdict?.kind !== "compliant" && !audit.auditRestarts && isRestart(launch, instance)) {
    return { kind: "ignored", reason: RESTARTED };
  }
  return verdict ?? { kind: "violating", findings: findingsOf(launch, violations, instance) };
}

const RESTARTED = "the instance was started again, not launched; AUDIT_RESTARTS=on audits that too";

/** A stopped instance cannot start again sooner after its launch, in milliseconds. It also allows for clocks that differ. */
const RESTART_AFTER_MS = 60_000;

/**
 * Whether the event is about a stopped instance that starts again: EC2 reports this with the same state change as a launch.
 * After a restart, the instance's launch time is later than its first launch. The event must be later too: the event of the
 * first launch can arrive after a restart. An instance whose first launch time is not known counts as launched.
 * https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/monitoring-instance-state-changes.html
 */
function isRestart({ mayBeRestart, at }: FirstLaunch, { launchTime, firstLaunchTime }: Instance): boolean {
  if (!mayBeRestart || launchTime === null || firstLaunchTime === null) return false;
  const couldRestart = Date.parse(firstLaunchTime) + RESTART_AFTER_MS;
  return Date.parse(launchTime) > couldRestart && at > couldRestart;
}

interface RuleViolation {
  readonly rule: Rule;
  readonly violation: Violation;
}

function violationsOf(facts: Facts, policy: Policy): RuleViolation[] {
  return policy.rules.flatMap((rule) => {
    const violation = rule.check(facts);
    return violation === null ? [] : [{ rule, violation }];
  });
}

/** The verdict on an instance that is not to be alerted: it keeps the rules, or is within its grace. Null for the others. */
function beforeAlert(launch: Launch, violations: readonly RuleViolation[], audit: Audit): Verdict | null {
  if (violations.length === 0) return { kind: "compliant" };
  const left = secondsLeft(launch, audit.graceSeconds, audit);
  if (left <= 0) return null;
  const reason = `${violations.map(({ violation }) => violation.message).join("; ")}, within its grace`;
  return { kind: "deferred", retryAfterSeconds: left, reason };
}

/** How much of a span that began with the launch is left, in whole seconds, rounded up. */
function secondsLeft(launch: Launch, span: number, audit: Audit): number {
  return Math.ceil((launch.at - audit.now()) / 1000 + span);
}

function findingsOf(launch: Launch, violations: readonly RuleViolation[], instance: Instance): Finding[] {
  const { account, region, event, at } = launch;
  const launchedBy = launcherOf(launch, instance);
  const { instanceId, launchTime } = instance;
  const occasion = event === TAG_CHANGE || launchTime === null ? new Date(at).toISOString() : launchTime;
  return violations.map(({ rule: { id: ruleId, name: rule, severity }, violation }) => {
    const key = [account, region, instanceId, ruleId];
    const [id, dedupKey] = [hashOf([...key, violation.details]), hashOf(key)];
    const about = { account, region, rule, ruleId, severity, violation };
    return { id, dedupKey, ...about, launchedBy, event, occasion, instance };
  });
}

function hashOf(parts: readonly unknown[]): string {
  return hash("sha256", JSON.stringify(parts), "hex").slice(0, 32);
}

/**
 * Who launched the instance: its Auto Scaling group above all, since the event then names no more than a service role;
 * else whom the event names; else the CloudFormation stack. AWS itself sets these tags, nobody else can.
 */
function launcherOf(launch: Launch, { tags }: Instance): string | null {
  const group = tags.get("aws:autoscaling:groupName");
  if (group) return autoScalingGroup(group);
  const stack = tags.get("aws:cloudformation:stack-name");
  return launch.launchedBy ?? (stack ? `CloudFormation stack ${stack}` : null);
}

function failed(error: unknown): Verdict {
  return { kind: "failed", error };
}

const NOT_READ = { error: new Error("the facts of the instance were not read") };
