import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isUnsettled, type Outcome, reasonOf, worstOf } from "../../src/launches/outcome.ts";
import { launchOf } from "../support/launches.ts";

const launch = launchOf();
/** An outcome of every kind, from the best to the worst as an engine must be told. */
const OUTCOMES = [
  { kind: "compliant", launch },
  { kind: "ignored", reason: "not ours" },
  { kind: "unseen", launch, reason: "EC2 does not show it" },
  { kind: "confirmed", reason: "confirmed" },
  { kind: "violating", launch, rules: ["required-tags"], reason: "a tag is missing", alertIds: ["a"] },
  { kind: "malformed", reason: "not JSON" },
  { kind: "rejected", refusal: "unverified", reason: "forged" },
  { kind: "deferred", launch, reason: "within its grace", retryAfterSeconds: 7 },
  { kind: "failed", launch, reason: "throttled" },
  { kind: "misconfigured", problems: [{ key: "AWS_REGION", problem: "is missing" }] },
] as const satisfies readonly Outcome[];

describe("the worst outcome of a delivery", () => {
  test("decides what its engine is told, wherever among the others it is", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(OUTCOMES.length - 1), { minLength: 1 }), (picks) => {
        const outcomes = picks.flatMap((pick) => OUTCOMES.slice(pick, pick + 1));
        expect(worstOf(outcomes)).toEqual(OUTCOMES[Math.max(...picks)]);
      }),
    );
  });

  test("is the first of several that are as bad", () => {
    const twins: Outcome[] = ["first", "second"].map((reason) => ({ kind: "failed", reason }));
    expect(worstOf(twins)).toBe(twins[0]);
  });

  test("of none is that there was nothing to do", () => {
    expect(worstOf([]).kind).toBe("ignored");
  });
});

describe("a delivery is not done", () => {
  test.each(OUTCOMES)("when it is $kind, or is", (outcome) => {
    const done = ["compliant", "ignored", "unseen", "confirmed", "violating"].includes(outcome.kind);
    expect(isUnsettled(outcome)).toBe(!done);
  });
});

describe("why", () => {
  test("is one sentence for each kind", () => {
    expect(OUTCOMES.map(reasonOf)).toEqual([
      "it keeps the rules",
      "not ours",
      "EC2 does not show it",
      "confirmed",
      "a tag is missing",
      "not JSON",
      "forged",
      "within its grace",
      "throttled",
      "AWS_REGION is missing",
    ]);
  });

  test("names every key of the configuration that is wrong", () => {
    const problems = [
      { key: "AWS_REGION", problem: "is missing" },
      { key: "GRACE_SECONDS", problem: "is not a number" },
    ] as const;
    expect(reasonOf({ kind: "misconfigured", problems })).toBe("AWS_REGION is missing; GRACE_SECONDS is not a number");
  });
});
