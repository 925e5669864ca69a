import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isUnsettled, type Outcome, reasonOf, worstOf } from "../../src/launches/outcome.ts";
import { launchOf } from "../support/launches.ts";

const launch = launchOf();
/** An outcome of every kind, from the best to the worst. */
const OUTCOMES = [
  { kind: "compliant", launch },
  { kind: "ignored", reason: "not ours" },
  { kind: "unseen", launch, reason: "EC2 does not show it" },
  { kind: "not-judged", launch, rules: ["image"], reason: "a permission is missing" },
  {
    kind: "violating",
    launch,
    rules: ["required-tags"],
    reason: "a tag is missing",
    alertIds: ["a"],
    notJudged: [],
    resolved: [],
  },
  { kind: "malformed", reason: "not JSON" },
  { kind: "deferred", launch, reason: "within its grace", retryAfterSeconds: 7 },
  { kind: "failed", launch, reason: "throttled" },
  { kind: "misconfigured", problems: [{ key: "AWS_REGION", problem: "is missing" }] },
] as const satisfies readonly Outcome[];

describe("worstOf", () => {
  it("returns the worst outcome, whatever the order", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(OUTCOMES.length - 1), { minLength: 1 }), (picks) => {
        const outcomes = picks.flatMap((pick) => OUTCOMES.slice(pick, pick + 1));
        expect(worstOf(outcomes)).toEqual(OUTCOMES[Math.max(...picks)]);
      }),
    );
  });

  it("returns the first of several equally bad outcomes", () => {
    const twins: Outcome[] = ["first", "second"].map((reason) => ({ kind: "failed", launch, reason }));
    expect(worstOf(twins)).toBe(twins[0]);
  });

  it("returns ignored if there are no outcomes", () => {
    expect(worstOf([])).toEqual({ kind: "ignored", reason: "there was nothing to audit" });
  });
});

describe("isUnsettled", () => {
  it.each(OUTCOMES)("returns whether the engine must deliver again: $kind", (outcome) => {
    const settled = ["compliant", "ignored", "unseen", "not-judged", "violating"].includes(outcome.kind);
    expect(isUnsettled(outcome)).toBe(!settled);
  });
});

describe("reasonOf", () => {
  it("returns one sentence for each kind", () => {
    expect(OUTCOMES.map(reasonOf)).toEqual([
      "complies with the policy",
      "not ours",
      "EC2 does not show it",
      "a permission is missing",
      "a tag is missing",
      "not JSON",
      "within its grace",
      "throttled",
      "AWS_REGION is missing",
    ]);
  });

  it("names every invalid key of the configuration", () => {
    const problems = [
      { key: "AWS_REGION", problem: "is missing" },
      { key: "GRACE_SECONDS", problem: "is not a number" },
    ] as const;
    expect(reasonOf({ kind: "misconfigured", problems })).toBe("AWS_REGION is missing; GRACE_SECONDS is not a number");
  });
});
