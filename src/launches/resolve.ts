import { dedupKeyOf, type Resolution } from "../alerts/finding.ts";
import type { Open } from "../alerts/sent.ts";
import type { Facts } from "../facts/facts.ts";
import type { Instance } from "../facts/instances.ts";
import type { Tags } from "../facts/tags.ts";
import { mayHaveViolated } from "../policy/before.ts";
import { evaluate, type Verdict } from "../policy/evaluate.ts";
import { needsOf, type Policy } from "../policy/policy.ts";
import type { Rule } from "../policy/rule.ts";
import type { Change, TagChange, Termination } from "./events.ts";

/** A change, with the time of its event in milliseconds since 1970. */
export type Dated<C extends Change = Change> = C & { readonly at: number };

/** What resolutions depend on, beside the facts. */
export interface Resolving {
  readonly policy: Policy;
  readonly graceSeconds: number;
  readonly now: () => number;
  /** The open findings, as far as this container knows them; null without RESOLVED_ALERTS. */
  readonly open: Open | null;
}

/** The rules that changes of one instance resolved. */
export interface Resolutions {
  readonly resolutions: readonly Resolution[];
  /** The keys of the tags that may have been others before. */
  readonly changedTags: readonly string[] | "all";
  /** The last of the changes. */
  readonly last: Dated;
}

/**
 * Returns the rules that changes of tags may have resolved: those that are not violated now, nor by the tags of the last event, but
 * may have been violated before the changes. Null if there are none. Takes the verdicts on the instance, and its facts with given
 * tags; and the instance if it was read, for changes within the grace of its launch were never alerted.
 *
 * An event that arrives after a later change has other tags than the instance. It resolves nothing, but the later one does.
 */
export function resolvedByTags(
  all: readonly Dated[],
  verdicts: readonly Verdict[],
  tags: Tags,
  factsWith: (tags: Tags) => Facts,
  instance: Instance | null,
  { policy, graceSeconds, now }: Resolving,
): Resolutions | null {
  const changes = all.filter(
    (change): change is Dated<TagChange> =>
      change.kind === "tags" && (instance === null || isAfterGrace(change, instance, graceSeconds)),
  );
  const last = latestOf(changes);
  if (last === null) return null;
  const changedTags = [...new Set(changes.flatMap(({ keys }) => keys))];
  // Events have whole seconds: several can be the last.
  const lastTags = changes.flatMap((change) => (change.at === last.at && change.tags !== null ? [change.tags] : []));
  const isOpenAt = (rule: Rule, at: Tags) =>
    evaluate(factsWith(at), { ...policy, rules: [rule] }, now()).some(({ kind }) => kind === "violation");
  const resolutions = verdicts.flatMap((verdict) => {
    const { rule } = verdict;
    const resolution = resolutionOf(verdict);
    if (resolution === null || !mayHaveViolated(rule, changedTags, tags, factsWith, policy, now())) return [];
    return lastTags.some((each) => isOpenAt(rule, each)) ? [] : [resolution];
  });
  return resolutions.length === 0 ? null : { resolutions, changedTags, last };
}

/** Returns how a verdict ends a violation; null for one that does not. */
function resolutionOf(verdict: Verdict): Resolution | null {
  const { rule } = verdict;
  if (verdict.kind === "compliant") return { rule, how: "complies", because: verdict.because };
  if (verdict.kind === "out-of-scope") {
    return { rule, how: "out-of-scope", because: `the rule no longer applies: ${verdict.because}` };
  }
  if (verdict.kind !== "exempt") return null;
  const { until, reason } = verdict.exemption;
  return { rule, how: "exempt", because: `it is exempt until ${until}: ${reason.trim().replace(/\.$/, "")}` };
}

/** How long a terminated instance surely has its tags, in milliseconds. AWS: they may no longer be visible "after a short while".
 * https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/terminating-instances.html */
const TAGS_STAY_MS = 300_000;

/**
 * Returns the rules whose violation the termination of an instance ended: those that it violated, as far as EC2 still shows it, and
 * those that this container has alerted. Null if there are none. Takes the verdicts on the terminated instance.
 */
export function resolvedByTermination(
  change: Dated<Termination>,
  verdicts: readonly Verdict[],
  facts: Facts & { readonly instance: Instance },
  { policy, graceSeconds, now, open }: Resolving,
): Resolutions | null {
  const { instance, tags } = facts;
  const wasAlerted = isAfterGrace(change, instance, graceSeconds);
  const mayLackTags = tags.size === 0 && now() > change.at + TAGS_STAY_MS;
  const isShown = (rule: Rule) => !mayLackTags || !needsOf({ ...policy, rules: [rule] }).includes("tags");
  const resolutions = verdicts.flatMap(({ kind, rule }): Resolution[] => {
    const isOpen = open?.get(dedupKeyOf(instance, rule.id, facts)) !== undefined;
    // A violation that nothing can correct does not wait for the grace.
    const mayBeAlerted = wasAlerted || !rule.isCorrectable;
    if (!isOpen && !(kind === "violation" && mayBeAlerted && isShown(rule))) return [];
    return [{ rule, how: "terminated", because: "the instance is terminated" }];
  });
  return resolutions.length === 0 ? null : { resolutions, changedTags: mayLackTags ? "all" : [], last: change };
}

/** Returns the last of some changes; null if there are none. */
function latestOf<C extends Change>(changes: readonly Dated<C>[]): Dated<C> | null {
  return changes.reduce<Dated<C> | null>(
    (last, change) => (last !== null && last.at > change.at ? last : change),
    null,
  );
}

/** The longest delay of a queue, in seconds. A message that was kept for longer waited in a backlog, which its launch may not have met.
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-delay-queues.html */
const MAX_DELAY_SECONDS = 900;

/** Returns whether a change came after the grace of the launch: before, nothing was alerted. True if EC2 does not show the launch. */
function isAfterGrace(
  { at, delayedSeconds }: Dated,
  { firstLaunchTime, launchTime }: Instance,
  graceSeconds: number,
): boolean {
  const launched = firstLaunchTime ?? launchTime;
  const waits = graceSeconds + Math.min(delayedSeconds, MAX_DELAY_SECONDS);
  return launched === null || at >= Date.parse(launched) + waits * 1000;
}
