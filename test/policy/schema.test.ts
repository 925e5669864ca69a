import { Ajv2020 } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parsePolicy, policySchema } from "../../src/policy/policy.ts";
import { RULE_KINDS } from "../../src/policy/rules/index.ts";
import { anyBrokenPolicy, anyPolicy } from "../support/any-policy.ts";

const ajv = new Ajv2020({ strict: true, allowUnionTypes: true, strictRequired: false });
addFormats.default(ajv);
const isValid = ajv.compile(policySchema());

/** The constraints that the validator has and a JSON Schema cannot express. */
const NOT_IN_SCHEMA = [
  /^is also the id of /,
  /^must be the id of a rule of this policy/,
  /^is too (?:deep|large): a condition has up to /,
  /^is one pattern or wildcard too many/,
  /^must begin with the lower port/,
  /^must name a supported region of its partition/,
  /^must have keys that do not exceed 16 KiB/,
  // The syntax of a matcher.
  /^(?:has|ends with) .*; .*/,
];

/** Returns the problems that the schema should know, or null for a policy that is accepted. */
function problemsOf(policy: unknown): readonly string[] | null {
  const reading = parsePolicy(JSON.stringify(policy));
  if ("policy" in reading) return null;
  return reading.problems
    .map(({ path, problem }) => `${path} ${problem}`)
    .filter((_, index) => !NOT_IN_SCHEMA.some((each) => each.test(reading.problems[index]?.problem ?? "")));
}

describe("the JSON Schema of a policy", () => {
  it("has each kind of rule, with its settings and their descriptions", () => {
    const { rules } = policySchema().properties as { rules: { items: { anyOf: Record<string, unknown>[] } } };
    expect(rules.items.anyOf.map(({ title }) => title)).toEqual(RULE_KINDS.map(({ name }) => name));
  });

  it("accepts the example of each kind", () => {
    for (const { example } of RULE_KINDS) {
      const policy = { rules: [example.rule] };
      expect([example.rule, isValid(policy), problemsOf(policy)]).toEqual([example.rule, true, null]);
    }
  });

  it("accepts what the validator accepts, and refuses what it refuses, of policies that it describes", () => {
    fc.assert(
      fc.property(anyPolicy, (policy) => {
        const problems = problemsOf(policy);
        expect([policy, isValid(policy), problems ?? []]).toEqual([policy, true, []]);
      }),
      { numRuns: 500 },
    );
  });

  it("accepts what the validator accepts, and refuses what it refuses, of changed policies", () => {
    fc.assert(
      fc.property(anyBrokenPolicy, (policy) => {
        const problems = problemsOf(policy);
        expect([policy, isValid(policy)]).toEqual([policy, problems === null || problems.length === 0]);
      }),
      { numRuns: 1000 },
    );
  });
});
