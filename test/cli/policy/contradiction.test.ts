import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { contradictionIn } from "../../../src/cli/policy/contradiction.ts";
import { covers, mayOverlap } from "../../../src/cli/policy/matcher-sets.ts";
import { readMatcher } from "../../../src/policy/matcher.ts";
import { factsOf, instanceOf } from "../../support/findings.ts";
import { ruleOf } from "../../support/policy.ts";

const env = (...values: string[]) => ({ tag: "env", in: values });

describe("contradictionIn", () => {
  it.each([
    [[{ region: "eu-*" }, { region: "us-east-1" }], 'the region cannot be both "eu-*" and "us-east-1"'],
    [[{ all: [env("prod"), env("dev", "test")] }], 'the tag "env" cannot be both "prod" and "dev" or "test"'],
    [[env("prod"), { tag: "e*", present: false }], 'the tag "env" cannot be both present and missing'],
    [[env("prod"), { not: { any: [env("p*"), { region: "x" }] } }], 'the tag "env" cannot be both "prod" and not "p*"'],
    [[{ keyPair: "ops-*" }, { not: { keyPair: "*" } }], 'the key pair cannot be both "ops-*" and missing'],
    [[{ lifecycle: "on demand" }], /^the lifecycle is "on-demand", .*, never "on demand"$/],
    [[{ state: "terminated" }], /never "terminated"$/],
    [[{ vpc: "prod" }], 'the VPC has the form "vpc-*", never "prod"'],
    [[{ any: [{ vpc: "prod" }, { not: { all: [{ not: { account: "12" } }] } }] }], /^the VPC has the form/],
    [[{ instanceType: "/t3\\..*/" }, { instanceType: "m5.large" }], /cannot be both/],
  ])("finds the contradiction in %j", (conditions, reason) => {
    expect(contradictionIn(conditions)).toMatch(reason);
  });

  it.each([
    [[undefined]],
    [[{ region: "eu-*" }, { region: ["us-east-1", "eu-west-1"] }]],
    [[{ region: "*-1" }, { region: "eu-*" }]],
    [[env("prod"), { tag: "Env", in: "dev" }]],
    [
      [
        { tag: "e*", in: "prod" },
        { tag: "e*", in: "dev" },
      ],
    ],
    [[env("prod"), { not: env("dev") }]],
    [[{ imageOwner: "amazon" }, { imageOwner: "137112412989" }]],
    [[{ instanceProfile: "web" }, { instanceProfile: "arn:aws:iam::*" }]],
    [[{ not: { keyPair: "*" } }]],
    [[{ instanceType: "/t3\\..*/" }, { instanceType: "/m5\\..*/" }]],
  ])("finds none in %j", (conditions) => {
    expect(contradictionIn(conditions)).toBeNull();
  });

  it("never finds one in a condition that an instance meets", () => {
    const text = fc.constantFrom("a", "b", "ab", "ba");
    const matcher = fc.constantFrom("a", "b", "a*", "*b", "?", "*", "/a|b/", "/[ab]+/");
    const values = fc.uniqueArray(matcher, { minLength: 1, maxLength: 2 });
    const { condition } = fc.letrec<{ condition: object }>((tie) => ({
      condition: fc.oneof(
        { maxDepth: 3, depthSize: "small" },
        fc.record({ tag: matcher, in: values }),
        fc.record({ tag: matcher, present: fc.boolean() }),
        fc.record({ keyPair: values }),
        fc.record({ platform: values }),
        fc.record({ instanceProfile: values }),
        fc.record({ all: fc.array(tie("condition"), { minLength: 1, maxLength: 3 }) }),
        fc.record({ any: fc.array(tie("condition"), { minLength: 1, maxLength: 3 }) }),
        fc.record({ not: tie("condition") }),
      ),
    }));
    const instance = fc.record({
      tags: fc.array(fc.tuple(text, text), { maxLength: 3 }).map((tags) => new Map(tags)),
      keyName: fc.option(text),
      platform: fc.option(text),
      instanceProfile: fc.option(text.map((name) => `a/${name}`)),
    });
    const met = (when: object, changes: object) =>
      ruleOf({ rule: "tag-limit", max: 50, when }).when?.test(factsOf({ instance: instanceOf(changes) })) === true;
    fc.assert(
      fc.property(condition, instance, (when, changes) => {
        if (contradictionIn([when]) !== null) expect(met(when, changes)).toBe(false);
      }),
      { numRuns: 5000 },
    );
  });
});

describe("mayOverlap and covers", () => {
  const matcher = fc.array(fc.constantFrom("a", "b", "?", "*", "\\*"), { maxLength: 6 }).map((parts) => parts.join(""));
  const text = fc.array(fc.constantFrom("a", "b", "*"), { maxLength: 6 }).map((parts) => parts.join(""));
  const matches = (written: string, value: string) => {
    const reading = readMatcher(written);
    return "matcher" in reading && reading.matcher.matches(value);
  };

  it("overlap wherever one text matches both", () => {
    fc.assert(
      fc.property(matcher, matcher, text, (one, other, value) => {
        if (matches(one, value) && matches(other, value)) expect(mayOverlap(one, other)).toBe(true);
        if (covers(one, other) && matches(other, value)) expect(matches(one, value)).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });

  it.each([
    ["eu-*", "us-*", false],
    ["*-a", "b-*", true],
    ["a?c", "ab*", true],
    ["a?c", "abd*", false],
    ["", "*", true],
    ["/x+/", "x*", true],
    ["/x+/", "y", false],
  ])("overlap: %s and %s: %s", (one, other, expected) => {
    expect(mayOverlap(one, other)).toBe(expected);
    expect(mayOverlap(other, one)).toBe(expected);
  });
});
