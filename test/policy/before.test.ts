import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { launcherOf } from "../../src/facts/launcher.ts";
import type { Tags } from "../../src/facts/tags.ts";
import { mayBeNew, mayHaveViolated } from "../../src/policy/before.ts";
import { evaluate } from "../../src/policy/evaluate.ts";
import { type Policy, parsePolicy } from "../../src/policy/policy.ts";
import { anyRule } from "../support/any-policy.ts";
import { AT } from "../support/events.ts";
import { factsOf } from "../support/findings.ts";
import { policyOf } from "../support/policy.ts";

const factsWith = (tags: Tags) => factsOf({ tags, launchedBy: launcherOf(null, tags) });

/** Returns the tags after a change: the changed ones, of which null is a deleted tag, and the others. */
function tagsAfter(changed: Record<string, string | null>, others: Record<string, string>): Tags {
  const now = Object.entries(changed).filter((entry): entry is [string, string] => entry[1] !== null);
  return new Map([...Object.entries(others), ...now]);
}

/** Whether an instance may have violated the first rule before some tags changed to these; null for a deleted tag. */
function mayHave(policy: Policy, changed: Record<string, string | null>, others: Record<string, string> = {}): boolean {
  const tags = tagsAfter(changed, others);
  const [rule] = policy.rules;
  return rule !== undefined && mayHaveViolated(rule, Object.keys(changed), tags, factsWith, policy, AT);
}

const under = (rule: object, more: object = {}) => policyOf({ rules: [rule], ...more });
const OWNER = { rule: "required-tags", tags: ["owner"] };
const exempting = (when: object) => ({
  exemptions: [{ rules: "*", when, reason: "a trial", until: "2027-03-31" }],
});

const keys = fc.constantFrom("name", "Name", "env", "owner", "aws:autoscaling:groupName");
const values = fc.constantFrom("", " ", "prod", "web", "my-key-pair", "t3.micro", "AKIAIOSFODNN7EXAMPLE");
const anyTags = fc.array(fc.tuple(keys, values), { maxLength: 4 }).map((entries): Tags => new Map(entries));
const ofTags = ["required-tags", "prohibited-tags", "tag-limit", "condition", "launched-by"];
const tagRule = anyRule.filter(({ rule, when }) => ofTags.includes(String(rule)) || when !== undefined);

/** Returns the keys of the tags that differ. */
const changedBetween = (old: Tags, tags: Tags) =>
  [...new Set([...old.keys(), ...tags.keys()])].filter((key) => old.get(key) !== tags.get(key));

describe("mayHaveViolated", () => {
  it.each([
    ["a required tag that was set", under(OWNER), { owner: "ada" }, {}],
    ["a required tag in another case", under(OWNER), { Owner: "ada" }, {}],
    ["a tag with allowed values", under({ ...OWNER, tags: [{ key: "env", values: ["prod"] }] }), { env: "prod" }, {}],
    [
      "a tag that may be missing, but was wrong",
      under({ ...OWNER, tags: [{ key: "env", values: ["prod"], ifPresent: true }] }),
      { env: null },
      {},
    ],
    [
      "one of several tags, when the others are missing",
      under({ ...OWNER, tags: [{ anyOf: ["owner", "team"] }] }),
      { team: "web" },
      {},
    ],
    ["a prohibited key that was deleted", under({ rule: "prohibited-tags", keys: ["pass*"] }), { password: null }, {}],
    [
      "a tag that was deleted and may have held a secret",
      under({ rule: "prohibited-tags", secrets: true }),
      { x: null },
      {},
    ],
    ["a tag too many", under({ rule: "tag-limit", max: 1 }), { x: null }, { y: "1" }],
    [
      "a tag in a condition",
      under({ rule: "condition", require: { tag: "a", in: "1" }, message: "no" }),
      { a: "1" },
      {},
    ],
    [
      "a tag in the scope of a rule that is violated",
      under({ ...OWNER, when: { tag: "env", in: "prod" } }),
      { env: "dev" },
      {},
    ],
    ["a tag in an exemption", under(OWNER, exempting({ tag: "env", in: "lab" })), { env: "lab" }, {}],
    [
      "a tag of Auto Scaling, which names the launcher",
      under({ rule: "launched-by", allowed: "Auto Scaling group web" }),
      { "aws:autoscaling:groupName": "web" },
      {},
    ],
  ] as const)("returns true for %s", (_, policy, changed, others) => {
    expect(mayHave(policy, changed, others)).toBe(true);
  });

  it.each([
    ["a tag that no rule reads", under(OWNER), { note: "x", old: null }, { owner: "ada" }],
    ["a rule that reads no tags", under({ rule: "key-pair", allowed: "my-*" }), { owner: "ada" }, {}],
    [
      "one of several tags, when another is enough",
      under({ ...OWNER, tags: [{ anyOf: ["owner", "team"] }] }),
      { team: "web" },
      { owner: "ada" },
    ],
    ["a tag that is not prohibited", under({ rule: "prohibited-tags", keys: ["pass*"] }), { x: null, y: "1" }, {}],
    ["a value that changed", under({ rule: "prohibited-tags", secrets: true, values: ["bad"] }), { x: "1" }, {}],
    ["a tag that was added", under({ rule: "tag-limit", max: 2 }), { x: "1" }, { y: "1" }],
    ["few deleted tags", under({ rule: "tag-limit", max: 2 }), { x: null }, { y: "1" }],
    [
      "a tag in the scope of a rule that is not violated",
      under({ ...OWNER, when: { tag: "env", in: "prod" } }),
      { env: "dev" },
      { owner: "ada" },
    ],
    ["a rule that did not apply", under({ ...OWNER, when: { region: "eu-*" } }), { owner: "ada" }, {}],
    ["a rule with another exemption", under(OWNER, exempting({ region: "us-*" })), { owner: "ada" }, {}],
  ] as const)("returns false for %s", (_, policy, changed, others) => {
    expect(mayHave(policy, changed, others)).toBe(false);
  });

  it("returns true for every change of tags that ends a violation, except a changed prohibited value", () => {
    let ended = 0;
    fc.assert(
      fc.property(tagRule, anyTags, anyTags, (raw, old, tags) => {
        const reading = parsePolicy(JSON.stringify({ rules: [raw] }));
        if ("problems" in reading) return;
        const { policy } = reading;
        const [rule] = policy.rules;
        const kindOf = (at: Tags) => evaluate(factsWith(at), policy, AT)[0]?.kind;
        const isEnded = kindOf(old) === "violation" && ["compliant", "out-of-scope"].includes(kindOf(tags) ?? "");
        if (rule === undefined || !isEnded) return;
        const changed = changedBetween(old, tags);
        if (rule.name === "prohibited-tags" && changed.every((key) => tags.has(key))) return;
        ended += 1;
        expect(mayHaveViolated(rule, changed, tags, factsWith, policy, AT)).toBe(true);
      }),
      { numRuns: 2_000 },
    );
    expect(ended).toBeGreaterThan(10);
  });
});

/** Whether the violation of the first rule may be new since some tags changed to these; null for a deleted tag. */
function isNew(policy: Policy, changed: Record<string, string | null>, others: Record<string, string> = {}): boolean {
  const tags = tagsAfter(changed, others);
  const [verdict] = evaluate(factsWith(tags), policy, AT);
  if (verdict?.kind !== "violation") throw new Error("the rule is not violated");
  return mayBeNew(verdict, Object.keys(changed), tags, factsWith, policy, AT);
}

const routed = (when: object) => ({ routes: [{ when, topic: "arn:aws:sns:us-east-1:123456789012:team" }] });
const ENV = { ...OWNER, tags: [{ key: "env", values: ["prod"] }, "owner"] };

describe("mayBeNew", () => {
  it.each([
    ["a required tag that was deleted", under(OWNER), { owner: null }, {}],
    ["a required tag that was emptied", under(OWNER), { owner: "" }, {}],
    ["another problem: one of two missing tags was set", under(ENV), { owner: "ada" }, {}],
    ["another value that is not allowed", under(ENV), { env: "test" }, { owner: "ada" }],
    ["a prohibited key", under({ rule: "prohibited-tags", keys: ["pass*"] }), { password: "x" }, { note: "1" }],
    ["a tag too many", under({ rule: "tag-limit", max: 1 }), { x: "1" }, { y: "1" }],
    [
      "a tag in a condition",
      under({ rule: "condition", require: { tag: "a", in: "1" }, message: "no" }),
      { a: "2" },
      {},
    ],
    ["a tag in the scope of the rule", under({ ...OWNER, when: { tag: "env", in: "prod" } }), { env: "prod" }, {}],
    ["a tag in an exemption", under(OWNER, exempting({ tag: "env", in: "lab" })), { env: "prod" }, {}],
    ["a tag in the condition of a route", under(OWNER, routed({ tag: "team", in: "web" })), { team: "web" }, {}],
  ] as const)("returns true for %s", (_, policy, changed, others) => {
    expect(isNew(policy, changed, others)).toBe(true);
  });

  it.each([
    ["a tag that no rule reads", under(OWNER), { note: "x", old: null }],
    ["a rule that reads no tags", under({ rule: "key-pair", allowed: "ops-*" }), { owner: "ada" }],
    ["another tag than the prohibited one", under({ rule: "prohibited-tags", keys: ["pass*"] }), { note: "x" }],
    [
      "a route of another rule",
      under(OWNER, { routes: [{ ...routed({ tag: "note", in: "x" }).routes[0], severity: "high" }] }),
      { note: "x" },
    ],
  ] as const)("returns false for %s", (_, policy, changed) => {
    expect(isNew(policy, changed, { password: "x" })).toBe(false);
  });

  it("returns true for every change of tags that begins a violation", () => {
    let begun = 0;
    fc.assert(
      fc.property(tagRule, anyTags, anyTags, (raw, old, tags) => {
        const reading = parsePolicy(JSON.stringify({ rules: [raw] }));
        if ("problems" in reading) return;
        const { policy } = reading;
        const [verdict] = evaluate(factsWith(tags), policy, AT);
        if (verdict?.kind !== "violation" || evaluate(factsWith(old), policy, AT)[0]?.kind === "violation") return;
        begun += 1;
        expect(mayBeNew(verdict, changedBetween(old, tags), tags, factsWith, policy, AT)).toBe(true);
      }),
      { numRuns: 2_000 },
    );
    expect(begun).toBeGreaterThan(10);
  });
});
