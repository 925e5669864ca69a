import type { Problem } from "../config.ts";
import type { Launch } from "./events.ts";

/** What became of one launch, or of a delivery that holds none. Each engine is answered by the worst of its outcomes. */
export type Outcome =
  | { readonly kind: "compliant"; readonly launch: Launch }
  | {
      readonly kind: "violating";
      readonly launch: Launch;
      /** The ids of the rules that are violated. */
      readonly rules: readonly string[];
      readonly reason: string;
      readonly alertIds: readonly string[];
    }
  | {
      readonly kind: "deferred";
      readonly launch: Launch;
      readonly reason: string;
      readonly retryAfterSeconds: number;
    }
  | {
      readonly kind: "ignored";
      readonly reason: string;
      /** What is known of it. */
      readonly launch?: Partial<Launch>;
      /** An operator should look at it. */
      readonly warning?: true;
    }
  /** EC2 did not show the instance for as long as its answers can lag behind, so it could not be judged. */
  | { readonly kind: "unseen"; readonly launch: Launch; readonly reason: string }
  /** A subscription was confirmed. */
  | { readonly kind: "confirmed"; readonly reason: string }
  /** AWS did not do what it was asked: refused, throttled, timed out, or answered nonsense. */
  | { readonly kind: "failed"; readonly reason: string; readonly launch?: Launch }
  /** It is verified, but not an event that can be audited. */
  | { readonly kind: "malformed"; readonly reason: string }
  | Rejected
  | { readonly kind: "misconfigured"; readonly problems: readonly Problem[]; readonly launch?: Launch };

/** A request over HTTP that is not acted on. Anyone can send one. */
export interface Rejected {
  readonly kind: "rejected";
  readonly reason: string;
  readonly refusal: Refusal;
}

/** Why a request is not acted on; each has an HTTP status. */
export type Refusal =
  /** It is not an SNS delivery. */
  | "foreign"
  /** It is an SNS delivery that is forged, too old, or from a topic that is not ours. */
  | "unverified"
  /** SNS delivered the message without its envelope, and so without a signature. */
  | "raw"
  /** Its body did not arrive. */
  | "incomplete"
  | "tooLarge"
  | "method";

/** From the best to the worst: what an engine must be told when the outcomes of one delivery differ. */
const ORDER: readonly Outcome["kind"][] = [
  "compliant",
  "ignored",
  "unseen",
  "confirmed",
  "violating",
  "malformed",
  "rejected",
  "deferred",
  "failed",
  "misconfigured",
];

/** The worst of some outcomes; that of no outcome at all is that there was nothing to do. */
export function worstOf(outcomes: readonly Outcome[]): Outcome {
  const nothing: Outcome = { kind: "ignored", reason: "there was nothing to audit" };
  return outcomes.reduce(
    (worst, outcome) => (ORDER.indexOf(outcome.kind) > ORDER.indexOf(worst.kind) ? outcome : worst),
    outcomes[0] ?? nothing,
  );
}

/** Why, as one sentence without its full stop. Names keys of the configuration, never their values. */
export function reasonOf(outcome: Outcome): string {
  switch (outcome.kind) {
    case "compliant":
      return "it keeps the rules";
    case "misconfigured":
      return reasonOfProblems(outcome.problems);
    default:
      return outcome.reason;
  }
}

/** What is wrong with the configuration, as one sentence: keys, never their values. */
export function reasonOfProblems(problems: readonly Problem[]): string {
  return problems.map(({ key, problem }) => `${key} ${problem}`).join("; ");
}

/** Why a delivery failed that was not done with by its deadline. */
export const TOO_LONG = "the time ran out: AWS was slow, or there were more alerts than may be sent in a second";

/** Whether the engine must bring the delivery again, or to its dead-letter queue: it is not done. */
export function isUnsettled(outcome: Outcome): boolean {
  return ORDER.indexOf(outcome.kind) >= ORDER.indexOf("malformed");
}
