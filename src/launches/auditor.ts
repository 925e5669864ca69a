import {
  type Finding,
  findingsOf,
  type Origin,
  type Resolved,
  resolvedOf,
  type Unjudged,
  unjudgedOf,
} from "../alerts/finding.ts";
import type { FactReader, Facts } from "../facts/facts.ts";
import type { Instance } from "../facts/instances.ts";
import { launcherOf } from "../facts/launcher.ts";
import { type Reads, readOf } from "../facts/pages.ts";
import { planFacts, type ReadFacts, readImages, type ShownFacts } from "../facts/plan.ts";
import type { Tags } from "../facts/tags.ts";
import { isTerminated } from "../facts/terminated.ts";
import { mayBeNew } from "../policy/before.ts";
import { evaluate, type NotJudged, type Verdict, type Violated } from "../policy/evaluate.ts";
import { needsOf } from "../policy/policy.ts";
import { needImage } from "../policy/routes.ts";
import { describeError } from "../util/errors.ts";
import { groupBy } from "../util/group-by.ts";
import { type Launch, STATE_CHANGE, TAG_CHANGE, type Termination } from "./events.ts";
import { type FirstLaunch, firstOfEachInstance, isRestart, terminationOf } from "./first-launch.ts";
import type { Outcome } from "./outcome.ts";
import { type Dated, type Resolutions, type Resolving, resolvedByTags, resolvedByTermination } from "./resolve.ts";

/** The result of the audit of one launch: its outcome, or findings to alert. */
export type Audited =
  | Outcome
  | {
      readonly launch: Launch;
      /** What the instance violates, and what it no longer violates. */
      readonly findings: readonly (Finding | Resolved)[];
      /** The rules that could not be judged. */
      readonly unjudged: readonly Unjudged[];
      /** The facts of the instance, for the routes of its findings. */
      readonly facts: Facts;
    };

/** The settings and facts for an audit of launches of one account and region. */
export interface Audit extends Resolving {
  /** For how many seconds after its event the engine delivers a launch again. */
  readonly retryWindowSeconds: number;
  /** Whether a stopped instance that starts again is audited as a launch. */
  readonly auditRestarts: boolean;
  /** The reader for the account and region of the launches. */
  readonly facts: FactReader;
}

/**
 * How long EC2 may not show an instance, or a fact about it, that exists, in seconds. EC2 is eventually consistent, and AWS
 * recommends to wait for up to five minutes.
 * https://docs.aws.amazon.com/ec2/latest/devguide/eventual-consistency.html
 */
const UNSEEN_SECONDS = 300;

/**
 * Audits launches of one account and region. Returns a result for each, in their order.
 *
 * Facts are read once for each instance, however many of the launches report it. A launch is deferred while the facts of a rule
 * may still settle. A violation is confirmed with DescribeInstances before it becomes a finding: the instance may be
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
  const needs = needsOf(audit.policy);
  const plan = planFacts(needs, audit.facts);
  const firsts = firstOfEachInstance(launches);
  // DescribeTags has no tags of a terminated instance.
  const isJudgedByTags = (launch: FirstLaunch) => terminationOf(launch) === null;
  const candidates = plan.readTags
    ? [
        ...(await step(firsts.filter(isJudgedByTags), plan.readTags, judgeByTags)),
        ...firsts.filter((launch) => !isJudgedByTags(launch)),
      ]
    : firsts;
  await step(candidates, plan.read, judge);
  if (needImage(audit.policy.routes) && !needs.includes("image")) await addImages(results, audit.facts);
  return launches.map((launch) => ({ ...(results.get(launch.instanceId) ?? failed(launch, null)), launch }));
}

/** Adds the images of instances with findings, which a route needs but no rule. */
async function addImages(results: Map<string, Audited>, reader: FactReader): Promise<void> {
  const violating = [...results].flatMap(([id, result]) => ("findings" in result ? [[id, result] as const] : []));
  if (violating.length === 0) return;
  const imageOf = await readImages(
    violating.map(([id]) => id),
    reader,
  );
  for (const [id, result] of violating) results.set(id, { ...result, facts: { ...result.facts, image: imageOf(id) } });
}

/** Judges a launch by its tags alone. Returns null for a violation that is due for an alert or resolved, which must be confirmed. */
function judgeByTags(launch: FirstLaunch, facts: ReadFacts, audit: Audit): Outcome | null {
  const verdicts = verdictsOn(launch, facts, audit);
  const outcome = beforeAlert(launch, verdicts, audit);
  if (mayBeResolved(outcome) && resolved(launch, verdicts, facts, audit) !== null) return null;
  return outcome === null && newViolations(launch, verdicts, facts, audit).length === 0 ? notNew(launch) : outcome;
}

/** Returns whether an outcome leaves it to the changes whether findings are resolved. */
function mayBeResolved(outcome: Outcome | null): boolean {
  return outcome === null || outcome.kind === "compliant" || outcome.kind === "not-judged";
}

/** Returns the violations to alert. Changes of tags alert only those that they may have caused, altered or brought to a route. */
function newViolations(
  { onlyChanged, ...launch }: FirstLaunch,
  verdicts: readonly Verdict[],
  facts: ReadFacts,
  { policy, now }: Audit,
): Violated[] {
  const violations = violationsIn(verdicts);
  if (onlyChanged === null) return violations;
  const factsWith = (tags: Tags) => allFacts(launch, { ...facts, tags });
  return violations.filter((each) => mayBeNew(each, onlyChanged, facts.tags, factsWith, policy, now()));
}

function notNew(launch: Launch): Outcome {
  return {
    kind: "ignored",
    launch,
    reason: "the violation is not new: it does not depend on the changed tags",
  };
}

/** Returns the rules that the changes of an instance's tags resolved; null if there are none. */
function resolved(
  launch: FirstLaunch,
  verdicts: readonly Verdict[],
  facts: ReadFacts,
  audit: Audit,
): Resolutions | null {
  if (launch.changes.length === 0) return null;
  const factsWith = (tags: Tags) => allFacts(launch, { ...facts, tags });
  return resolvedByTags(launch.changes, verdicts, facts.tags, factsWith, facts.instance, audit);
}

function verdictsOn(launch: Launch, facts: ReadFacts, { policy, now }: Audit): Verdict[] {
  return evaluate(allFacts(launch, facts), policy, now());
}

function allFacts({ account, region, launchedBy }: Launch, facts: ReadFacts): Facts {
  return { ...facts, account, region, launchedBy: launcherOf(launchedBy, facts.tags) };
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
  const termination = terminationOf(launch);
  if (isTerminated(instance) || termination !== null) return judgeTerminated(launch, termination, facts, audit);
  const verdicts = verdictsOn(launch, facts, audit);
  const outcome = beforeAlert(launch, verdicts, audit);
  if (outcome?.kind !== "compliant" && !audit.auditRestarts && isRestart(launch, instance)) {
    return { kind: "ignored", launch, reason: RESTARTED };
  }
  const ended = mayBeResolved(outcome) ? resolved(launch, verdicts, facts, audit) : null;
  if (outcome && ended === null) return outcome;
  const grace = ended === null ? 0 : secondsLeft(ended.last, audit.graceSeconds, audit);
  if (grace > 0) return deferred(launch, grace, "the tags may change again within the grace");
  const origin = originOf(launch, instance);
  const findings = findingsOf(newViolations(launch, verdicts, facts, audit), instance, origin);
  if (ended === null && findings.length === 0) return notNew(launch);
  const unjudged = unjudgedOf(unjudgedIn(verdicts), instance, origin);
  return {
    launch,
    findings: ended === null ? findings : [...findings, ...resolvedFindings(launch, ended, instance)],
    unjudged,
    facts: allFacts(launch, facts),
  };
}

/** Judges an instance that is terminated, by its state or by an event, which EC2's responses can precede. */
function judgeTerminated(
  launch: FirstLaunch,
  termination: Dated<Termination> | null,
  facts: ShownFacts,
  audit: Audit,
): Audited {
  const { instance } = facts;
  if (!isTerminated(instance)) {
    const left = secondsLeft(termination ?? launch, Math.min(UNSEEN_SECONDS, audit.retryWindowSeconds), audit);
    const reason = `EC2 shows the terminated instance as ${instance.state}`;
    return left > 0
      ? deferred(launch, Math.min(left, LATE_SECONDS), reason)
      : { kind: "ignored", launch, reason, warning: true };
  }
  const all = { ...allFacts(launch, facts), instance };
  const verdicts = evaluate(all, audit.policy, audit.now());
  const ended = termination && resolvedByTermination(termination, verdicts, all, audit);
  // What was fixed before is no violation when the instance is terminated.
  const fixed = resolved(launch, verdicts, facts, audit);
  const findings = [ended, fixed].flatMap((each) => (each === null ? [] : resolvedFindings(launch, each, instance)));
  if (findings.length === 0) return { kind: "ignored", launch, reason: `the instance is ${instance.state}` };
  const once = new Map(findings.map((finding) => [finding.ruleId, finding]));
  return { launch, findings: [...once.values()], unjudged: [], facts: all };
}

function resolvedFindings(
  { account, region, launchedBy }: FirstLaunch,
  { resolutions, changedTags, last }: Resolutions,
  instance: Instance,
): Resolved[] {
  const event = last.kind === "tags" ? TAG_CHANGE : STATE_CHANGE;
  const origin = { account, region, launchedBy: launcherOf(launchedBy, instance.tags), event };
  return resolvedOf(resolutions, changedTags, instance, { ...origin, occasion: new Date(last.at).toISOString() });
}

const RESTARTED = "the instance was started again, not launched; to audit restarts, set AUDIT_RESTARTS=on";

/**
 * Returns the outcome of a launch without a violation, and of a launch with facts that may still settle; null for a violation that
 * is due for an alert. One launch gives one alert, so it waits for the facts of all rules.
 */
function beforeAlert(launch: Launch, verdicts: readonly Verdict[], audit: Audit): Outcome | null {
  const grace = secondsLeft(launch, audit.graceSeconds, audit);
  const correctable = verdicts.filter(isCorrectable);
  if (grace > 0 && correctable.length > 0) {
    const reasons = correctable.map((verdict) => {
      if (verdict.kind === "violation") return verdict.violation.message;
      return verdict.kind === "not-judged" ? verdict.because : `${verdict.rule.id} may still apply`;
    });
    return deferred(launch, grace, `the launch is within its grace: ${reasons.join("; ")}`);
  }
  const unjudged = unjudgedIn(verdicts);
  const late = unjudged.find((verdict) => verdict.late);
  const left = secondsLeft(launch, Math.min(UNSEEN_SECONDS, audit.retryWindowSeconds), audit);
  if (late && left > 0) return deferred(launch, Math.min(left, LATE_SECONDS), late.because);
  if (verdicts.some(({ kind }) => kind === "violation")) return null;
  if (unjudged.length === 0) return { kind: "compliant", launch };
  return { kind: "not-judged", launch, rules: unjudged.map(({ rule }) => rule.id), reason: sayUnjudged(unjudged) };
}

/** After how many seconds a fact that EC2 does not show yet is read again. */
const LATE_SECONDS = 15;

/** Returns whether the verdict may still change within the grace. */
function isCorrectable(verdict: Verdict): verdict is Violated | NotJudged | Extract<Verdict, { kind: "out-of-scope" }> {
  if (verdict.kind === "violation" || verdict.kind === "not-judged") return verdict.rule.isCorrectable;
  return verdict.kind === "out-of-scope" && verdict.mayChange;
}

function violationsIn(verdicts: readonly Verdict[]): Violated[] {
  return verdicts.filter((verdict) => verdict.kind === "violation");
}

function unjudgedIn(verdicts: readonly Verdict[]): NotJudged[] {
  return verdicts.filter((verdict) => verdict.kind === "not-judged");
}

function sayUnjudged(unjudged: readonly NotJudged[]): string {
  const reasons = [...groupBy(unjudged, ({ because }) => because)];
  return reasons
    .map(([because, own]) => `not judged: ${own.map(({ rule }) => rule.id).join(", ")}: ${because}`)
    .join("; ");
}

/** Returns the rest of a period that began with the launch or change, in whole seconds, rounded up. */
function secondsLeft({ at }: Pick<Launch, "at">, seconds: number, audit: Audit): number {
  return Math.ceil((at - audit.now()) / 1000 + seconds);
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
