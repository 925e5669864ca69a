import type { EC2Client } from "@aws-sdk/client-ec2";
import { allInstances, type Instance } from "../facts/instances.ts";
import { launcherOf } from "../facts/launcher.ts";
import { readOf } from "../facts/pages.ts";
import { planFacts, type ShownFacts } from "../facts/plan.ts";
import { evaluate, type Verdict } from "../policy/evaluate.ts";
import { needsOf, type Policy } from "../policy/policy.ts";
import type { Rule } from "../policy/rule.ts";
import { detached, oneLine } from "../util/text.ts";
import { type Counting, count, NO_COUNTS } from "./counts.ts";
import { type Pace, paced } from "./paced.ts";
import type { Place, PlaceResult } from "./place.ts";
import { callFailed, INTERRUPTED, placeError } from "./place-error.ts";
import { factsOfPages } from "./place-facts.ts";
import { confirmTags } from "./place-tags.ts";

/** A live instance, and the verdict of each rule of the policy in its order. */
export interface JudgedInstance {
  readonly instance: Instance;
  /** As its tags name it; null if they name none. */
  readonly launchedBy: string | null;
  readonly verdicts: readonly Verdict[];
}

/** A place that is being read. */
export interface PlaceReading {
  /**
   * The instances that are not terminated or shutting down, in pages of up to 1,000, for one pass. It ends early when AWS fails or the
   * signal aborts, and throws no error of AWS: `result` has the reason.
   */
  readonly pages: AsyncIterable<readonly JudgedInstance[]>;
  /** Returns the result so far, and after the last page that of the place. It counts the pages that were yielded. */
  result(): PlaceResult;
  /** Returns the token of the page after the last one that was yielded; undefined before the first and after the last page. */
  next(): string | undefined;
  /** Returns whether EC2 refused the token of the first page. */
  tokenRefused(): boolean;
}

/**
 * Reads every instance of a place and judges it by the whole policy, rules in `report` mode included. Takes the place's client,
 * which should make one attempt for each call, the pace of its calls, and the token of the first page, if an earlier reading has
 * read the pages before it.
 */
export function readPlace(
  ec2: Pick<EC2Client, "send">,
  place: Place,
  policy: Policy,
  pace: Pace,
  from?: string,
): PlaceReading {
  const client = paced(ec2, pace);
  const counts: Counting = { ...NO_COUNTS };
  const notJudgedRules = new Map<string, { ruleId: string; reason: string; instances: number }>();
  let end: Pick<PlaceResult, "status" | "reason"> = INTERRUPTED;

  const cursor = { next: from };
  let after = from;
  let isRefused = false;
  const instances = allInstances(client, cursor);
  const judge = judgeOf(client, place, policy, pace);
  // A generator or a loop would keep its page while it waits for the next one, and many places are read at the same time.
  const next = async (): Promise<IteratorResult<readonly JudgedInstance[], undefined>> => {
    try {
      const read = await instances.next();
      if (read.done) {
        end = { status: "complete", reason: null };
        after = undefined;
        return { done: true, value: undefined };
      }
      const page = await judge(read.value);
      pace.signal.throwIfAborted();
      for (const { verdicts } of page) {
        count(counts, verdicts);
        for (const verdict of verdicts) {
          if (verdict.kind !== "not-judged") continue;
          const { id: ruleId } = verdict.rule;
          const known = notJudgedRules.get(ruleId) ?? {
            ruleId,
            reason: detached(oneLine(verdict.because)),
            instances: 0,
          };
          known.instances += 1;
          notJudgedRules.set(ruleId, known);
        }
      }
      after = cursor.next;
      return { done: false, value: page };
    } catch (error) {
      isRefused = from !== undefined && after === from && isTokenError(error);
      const failure = placeError(error);
      end = counts.instances > 0 ? { ...failure, status: "partial" } : failure;
      if (pace.signal.aborted) end = INTERRUPTED;
      return { done: true, value: undefined };
    }
  };

  return {
    pages: { [Symbol.asyncIterator]: () => ({ next }) },
    next: () => after,
    tokenRefused: () => isRefused,
    result: () => ({ ...place, ...end, ...counts, calls: client.calls, notJudgedRules: [...notJudgedRules.values()] }),
  };
}

/** The same call without a token is valid, so an invalid value is the token. https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html */
function isTokenError(error: unknown): boolean {
  return error instanceof Error && /^Invalid(?:NextToken|PaginationToken|ParameterValue)$/.test(error.name);
}

/** Returns the function that judges the pages of a place. */
function judgeOf(
  ec2: Pick<EC2Client, "send">,
  place: Place,
  policy: Policy,
  { now }: Pick<Pace, "now">,
): (page: readonly Instance[]) => Promise<JudgedInstance[]> {
  const needs = needsOf(policy);
  const factsOf = factsOfPages(ec2);
  const confirmed = needs.includes("tags") ? confirmTags(ec2) : null;
  const needTags = new Set(policy.rules.filter((rule) => needsOf({ ...policy, rules: [rule] }).includes("tags")));

  return async (page) => {
    const { instances, unknown } = confirmed
      ? await confirmed(page)
      : { instances: page, unknown: new Map<string, string>() };
    const plan = planFacts(needs, factsOf(instances), callFailed);
    const reads = await plan.read(instances.map(({ instanceId }) => instanceId));
    return instances.map(({ instanceId }) => {
      const read = readOf(reads, instanceId);
      if ("error" in read) throw read.error;
      if (read.value === null) throw new Error(`the facts of ${instanceId} were not read`);
      return judged(read.value, unknown.get(instanceId));
    });
  };

  function judged(facts: ShownFacts, tagsUnknown: string | undefined): JudgedInstance {
    const launchedBy = launcherOf(null, facts.tags);
    const verdicts = evaluate({ ...facts, ...place, launchedBy }, policy, now());
    if (tagsUnknown === undefined) return { instance: facts.instance, launchedBy, verdicts };
    return {
      instance: facts.instance,
      launchedBy,
      verdicts: verdicts.map((verdict) =>
        dependsOnTags(verdict, needTags)
          ? { kind: "not-judged", rule: verdict.rule, because: tagsUnknown, late: false }
          : verdict,
      ),
    };
  }
}

/** Returns whether tags that are not known could turn a verdict into a violation, or a violation into another verdict. */
function dependsOnTags(verdict: Verdict, needTags: ReadonlySet<Rule>): boolean {
  if (verdict.kind === "violation") return needTags.has(verdict.rule);
  if (verdict.kind === "compliant") return verdict.rule.needs.includes("tags");
  return verdict.kind === "out-of-scope" && verdict.mayChange;
}
