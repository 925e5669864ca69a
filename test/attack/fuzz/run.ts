import { type CaseClass, caseOf, type FuzzCase } from "./cases.ts";
import { createTarget } from "./target.ts";

/** How long a run goes on: whichever comes first. */
export interface Limits {
  readonly cases: number;
  readonly minutes: number;
}

/** A case that broke a rule. */
export interface Violation {
  readonly number: number;
  readonly what: string;
  readonly fuzzCase: FuzzCase;
}

export interface Report {
  readonly cases: number;
  readonly seconds: number;
  readonly byClass: ReadonlyMap<CaseClass, number>;
  readonly byOutcome: ReadonlyMap<string, number>;
  readonly slowest: { readonly number: number; readonly milliseconds: number };
  readonly violations: readonly Violation[];
}

/** After so many the run ends: they are likely to be the same. */
const MAX_VIOLATIONS = 10;

/** Runs the cases of a seed from `first` on. Tells `progress` the number of cases done, now and then. */
export async function fuzz(
  seed: number,
  { cases, minutes }: Limits,
  { first = 0, progress = () => {} }: { first?: number; progress?: (done: number) => void } = {},
): Promise<Report> {
  const target = await createTarget();
  const byClass = new Map<CaseClass, number>();
  const byOutcome = new Map<string, number>();
  const violations: Violation[] = [];
  let slowest = { number: first, milliseconds: 0 };
  const startedAt = performance.now();
  const endsAt = startedAt + minutes * 60_000;
  let done = 0;
  while (done < cases && performance.now() < endsAt && violations.length < MAX_VIOLATIONS) {
    const number = first + done;
    const fuzzCase = caseOf(seed, number, target.world);
    const { outcome, violation, milliseconds } = await target.run(fuzzCase);
    byClass.set(fuzzCase.class, (byClass.get(fuzzCase.class) ?? 0) + 1);
    byOutcome.set(outcome, (byOutcome.get(outcome) ?? 0) + 1);
    if (milliseconds > slowest.milliseconds) slowest = { number, milliseconds };
    if (violation !== null) violations.push({ number, what: violation, fuzzCase });
    done += 1;
    if (done % 500 === 0) progress(done);
  }
  target.close();
  return { cases: done, seconds: (performance.now() - startedAt) / 1000, byClass, byOutcome, slowest, violations };
}
