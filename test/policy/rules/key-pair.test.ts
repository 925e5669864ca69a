import { describe, expect, it } from "vitest";
import { AT } from "../../support/events.ts";
import { factsOf, instanceOf } from "../../support/findings.ts";
import { problemsOf, ruleOf } from "../../support/policy.ts";

const judge = (settings: object, keyName: string | null) =>
  ruleOf({ rule: "key-pair", ...settings }).check(factsOf({ instance: instanceOf({ keyName }) }), AT);

function violationBy(settings: object, keyName: string | null) {
  const judgement = judge(settings, keyName);
  if (judgement.kind !== "violation") throw new Error(`the verdict is ${judgement.kind}`);
  return judgement.violation;
}

describe("key-pair", () => {
  it("needs the instance, whose key pair never changes", () => {
    expect(ruleOf({ rule: "key-pair", none: true })).toMatchObject({ needs: ["instance"], settles: "at-launch" });
  });

  it.each<[object, string | null]>([
    [{ allowed: ["ops-*", "/dev-\\d+/"] }, "ops-2026"],
    [{ allowed: ["ops-*", "/dev-\\d+/"] }, "dev-1"],
    [{ none: true }, null],
    [{ allowed: "ops-*", none: true }, null],
    [{ allowed: "ops-*", none: true }, "ops-2026"],
    [{ none: false }, "any"],
  ])("is compliant with %j and the key pair %j", (settings, keyName) => {
    expect(judge(settings, keyName)).toEqual({
      kind: "compliant",
      because: keyName === null ? "it has no key pair" : `its key pair is "${keyName}"`,
    });
  });

  it.each<[object, string | null, string]>([
    [{ allowed: ["ops-*", "dev"] }, "Ops-2026", 'the key pair is "Ops-2026", not "ops-*" or "dev"'],
    [{ allowed: "ops-*" }, null, "it has no key pair"],
    [{ none: false }, null, "it has no key pair"],
    [{ none: true }, "ops", 'the key pair "ops" is not allowed'],
    [{ allowed: "a".repeat(100) }, "ops", 'the key pair "ops" is not allowed'],
  ])("is violated with %j and the key pair %j", (settings, keyName, message) => {
    expect(violationBy(settings, keyName)).toMatchObject({
      message,
      details: { notAllowed: keyName === null ? [] : [keyName] },
    });
  });

  it("states in a few words what is wrong", () => {
    const summaries = (keyName: string | null) =>
      [1, 2].map((count) => violationBy({ allowed: "x" }, keyName).summary(count));
    expect(summaries(null)).toEqual(["has no key pair", "have no key pair"]);
    expect(summaries("a")).toEqual(["has a wrong key pair", "have a wrong key pair"]);
  });

  it.each([
    [{ allowed: "ops" }, "with an allowed key pair"],
    [{ allowed: "ops", none: true }, "with an allowed key pair, or without one"],
    [{ none: true }, "without a key pair"],
  ])("says with %j how to launch it again", (settings, end) => {
    expect(violationBy(settings, "x").remedy([], "us-east-1").join(" ")).toBe(
      `The key pair of an instance cannot be changed. Launch a new instance ${end}, then terminate the old one.`,
    );
  });

  it.each([
    [{}, 'rules[0] must have at least one of "allowed", "none"'],
    [{ none: "yes" }, "rules[0].none must be true or false"],
  ])("refuses %j", (settings, problem) => {
    expect(problemsOf({ rule: "key-pair", ...settings })).toEqual([expect.stringContaining(problem)]);
  });

  it.each([
    [{ allowed: ["a", "b"] }, 'the key pair must be "a" or "b"'],
    [{ allowed: ["a"], none: true }, 'the key pair must be "a", or there must be none'],
    [{ none: true }, "must have no key pair"],
    [{ none: false }, "must have a key pair"],
  ])("says what it demands with %j", (settings, demands) => {
    expect(ruleOf({ rule: "key-pair", ...settings }).demands()).toBe(demands);
  });
});
