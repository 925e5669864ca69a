import type { Problem } from "../config.ts";
import type { Launch } from "./events.ts";

/** The progress of a sweep, for the log. */
export interface SweepStep {
  readonly id: string;
  /** From 1. */
  readonly step: number;
  /** The sums so far. */
  readonly instances: number;
  readonly violating: number;
  readonly accountsLeft: number;
  readonly placesLeft: number;
}

/** The result of one launch, of a step of a sweep, or of an event without one. The engine's response depends on the worst of its outcomes. */
export type Outcome =
  | { readonly kind: "compliant"; readonly launch: Launch }
  | {
      readonly kind: "violating";
      readonly launch: Launch;
      /** The ids of the violated rules. */
      readonly rules: readonly string[];
      readonly reason: string;
      readonly alertIds: readonly string[];
      /** The ids of the rules that could not be judged. */
      readonly notJudged: readonly string[];
      /** The ids of the rules that a change of tags resolved, while it left others violated. */
      readonly resolved: readonly string[];
    }
  /** No rule is violated any more, or the instance is terminated. */
  | {
      readonly kind: "resolved";
      readonly launch: Launch;
      /** The ids of the rules that were violated. */
      readonly rules: readonly string[];
      readonly reason: string;
      readonly alertIds: readonly string[];
      readonly notJudged: readonly string[];
    }
  /** No violation was found, but some rules could not be judged, such as for lack of a permission. */
  | { readonly kind: "not-judged"; readonly launch: Launch; readonly rules: readonly string[]; readonly reason: string }
  | {
      readonly kind: "deferred";
      readonly launch: Launch;
      readonly reason: string;
      readonly retryAfterSeconds: number;
    }
  | {
      readonly kind: "ignored";
      readonly reason: string;
      /** The known fields of the launch. */
      readonly launch?: Partial<Launch>;
      /** An operator should look into it. */
      readonly warning?: true;
    }
  /** EC2 did not show the instance for as long as its responses can lag, so it could not be judged. */
  | { readonly kind: "unseen"; readonly launch: Launch; readonly reason: string }
  /** AWS refused or throttled a call, timed out, or returned an invalid response. */
  | { readonly kind: "failed"; readonly reason: string; readonly launch?: Launch }
  /** A step of a sweep has sent the message that continues it. */
  | { readonly kind: "continued"; readonly reason: string; readonly sweep: SweepStep }
  /** A sweep has ended. */
  | { readonly kind: "swept"; readonly reason: string; readonly sweep: SweepStep }
  /** The message is not an event that can be audited. */
  | { readonly kind: "malformed"; readonly reason: string }
  | { readonly kind: "misconfigured"; readonly problems: readonly Problem[]; readonly launch?: Launch };

/** From the best to the worst. The engine must repeat a delivery from "malformed" on. */
const ORDER: readonly Outcome["kind"][] = [
  "compliant",
  "resolved",
  "ignored",
  "continued",
  "swept",
  "unseen",
  "not-judged",
  "violating",
  "malformed",
  "deferred",
  "failed",
  "misconfigured",
];

/** Returns the worst outcome. Without any, returns that there was nothing to audit. */
export function worstOf(outcomes: readonly Outcome[]): Outcome {
  const nothing: Outcome = { kind: "ignored", reason: "there was nothing to audit" };
  return outcomes.reduce(
    (worst, outcome) => (ORDER.indexOf(outcome.kind) > ORDER.indexOf(worst.kind) ? outcome : worst),
    outcomes[0] ?? nothing,
  );
}

/** Returns the reason of an outcome as one sentence without a full stop. It names configuration keys, never their values. */
export function reasonOf(outcome: Outcome | { readonly reason: string }): string {
  if ("reason" in outcome) return outcome.reason;
  return outcome.kind === "compliant" ? "complies with the policy" : reasonOfProblems(outcome.problems);
}

/** Returns the problems of a configuration as one sentence. It names keys, never their values. */
export function reasonOfProblems(problems: readonly Problem[]): string {
  return problems.map(({ key, problem }) => `${key} ${problem}`).join("; ");
}

/** The reason of a launch that was not settled by the deadline of its delivery. */
export const TOO_LONG = "timed out: AWS was slow, or more alerts were due than the function sends in a second";

/** Returns whether the engine must deliver the event again, or move it to its dead-letter queue. */
export function isUnsettled(outcome: Outcome): boolean {
  return ORDER.indexOf(outcome.kind) >= ORDER.indexOf("malformed");
}
