import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parsePolicy, policyOfTags } from "../../src/policy/policy.ts";
import { policyOf, requiring } from "../support/policy.ts";

const problemsOf = (value: unknown): readonly string[] => {
  const reading = parsePolicy(typeof value === "string" ? value : JSON.stringify(value));
  return "problems" in reading ? reading.problems : [];
};
const tagRule = { rule: "required-tags", tags: ["name"] };
const tagged = (...keys: string[]) => ({ tags: new Map(keys.map((key) => [key, "x"])), instance: null });

describe("the short form, REQUIRED_TAGS", () => {
  test("names the tags that are required, with spaces around them if one likes", () => {
    const [rule, ...others] = requiring(" name , service ").rules;
    expect(others).toEqual([]);
    expect(rule?.name).toBe("required-tags");
    expect(rule?.check(tagged("name", "service"))).toBeNull();
    expect(rule?.check(tagged("name"))?.details.missing).toEqual(["service"]);
  });

  test("is the same as the whole policy that spells it out", () => {
    const short = requiring("name,service").rules[0];
    const long = policyOf({ rules: [{ rule: "required-tags", tags: ["name", "service"] }] }).rules[0];
    expect(short?.severity).toBe(long?.severity);
    expect(short?.check(tagged())?.message).toBe(long?.check(tagged())?.message);
  });

  test.each(["name,,service", "name,", ",", "k".repeat(129)])(
    "is refused when a key is empty or too long: %j",
    (list) => {
      expect(policyOfTags(list)).toEqual({
        problems: [expect.stringContaining('"tags" must be a list of 1 to 50 tag keys')],
      });
    },
  );

  test.each(["env=prod|staging", "name;owner", "name,cost-*"])(
    "is refused when it is not a list of keys: %j",
    (list) => {
      expect(policyOfTags(list)).toEqual({
        problems: [expect.stringMatching(/^a key with =, \|, ; or \* in it .* AUDIT_POLICY instead, as in \{"rules"/)],
      });
    },
  );

  test.each(["app/owner", "cost centre?", "aws:x+y-z.@_", "Kostenstelle", "部署"])("takes the key %j", (key) => {
    expect(requiring(key).rules[0]?.check(tagged(key))).toBeNull();
  });

  test("is refused with more tags than an instance can have", () => {
    const keys = Array.from({ length: 51 }, (_, index) => `tag-${index}`);
    expect("problems" in policyOfTags(keys.join())).toBe(true);
    expect("policy" in policyOfTags(keys.slice(1).join())).toBe(true);
  });
});

describe("the whole policy, AUDIT_POLICY", () => {
  test("may require keys that the short form refuses", () => {
    const tags = ["env=prod|staging", "name;owner", "cost-*"];
    const [rule] = policyOf({ rules: [{ rule: "required-tags", tags }] }).rules;
    expect(rule?.check(tagged(...tags))).toBeNull();
    expect(rule?.check(tagged("env", "name", "owner", "cost-centre"))?.details.missing).toEqual(tags);
  });

  test("may hold a rule more than once, each with its own settings and severity", () => {
    const { rules } = policyOf({
      rules: [
        { ...tagRule, severity: "critical" },
        { rule: "required-tags", tags: ["Owner"], caseSensitive: true },
      ],
    });
    expect(rules.map(({ name, severity }) => [name, severity])).toEqual([
      ["required-tags", "critical"],
      ["required-tags", "medium"],
    ]);
    expect(rules[1]?.check(tagged("owner"))?.details.missing).toEqual(["Owner"]);
  });

  const idsOf = (...ids: readonly (string | undefined)[]) =>
    policyOf({ rules: ids.map((id) => ({ ...tagRule, id })) }).rules.map((rule) => rule.id);

  test("names a rule without an id by its kind, and numbers the next ones of that kind", () => {
    expect(idsOf(undefined, undefined, "owner", undefined)).toEqual([
      "required-tags",
      "required-tags-2",
      "owner",
      "required-tags-3",
    ]);
    expect(requiring("name").rules[0]?.id).toBe("required-tags");
  });

  test("never gives a rule without an id one that the policy gives to another, wherever that stands", () => {
    expect(idsOf(undefined, undefined, "required-tags-2")).toEqual([
      "required-tags",
      "required-tags-3",
      "required-tags-2",
    ]);
    expect(idsOf(undefined, "required-tags")).toEqual(["required-tags-2", "required-tags"]);
  });

  test("takes no longer for each rule when there are many without an id", () => {
    expect(idsOf(...Array(20_000)).at(-1)).toBe("required-tags-20000");
  });

  test("is refused when two rules have one id, and says which", () => {
    expect(problemsOf({ rules: [{ ...tagRule, id: "a" }, tagRule, { ...tagRule, id: "a" }] })).toEqual([
      'rule 3: "id" is the same as that of rule 1; each rule needs an id of its own',
    ]);
  });

  test.each(["", "-a", "a b", "a/b", "ä", "a".repeat(65), 1, null, ["a"]])("is refused with the id %j", (id) => {
    expect(problemsOf({ rules: [tagRule, { ...tagRule, id }] })).toEqual([
      'rule 2: "id" must be text of 1 to 64 letters, digits, ".", "-" and "_" that begins with a letter or a digit',
    ]);
  });

  test.each([
    ["text that is not JSON", '{\n  "rules": [,]\n}', ["it is not JSON at line 2, column 13"]],
    ["a list", [], ['it must be an object: {"rules": [...]}']],
    ["null", "null", ['it must be an object: {"rules": [...]}']],
    ["an object without rules", {}, ['"rules" must be a list of at least one rule']],
    [
      "no rule at all, which would find everything compliant",
      { rules: [] },
      ['"rules" must be a list of at least one rule'],
    ],
    [
      "a rule that is not an object",
      { rules: ["required-tags"] },
      [expect.stringContaining("rule 1: it must be an object")],
    ],
    ["a rule that nobody knows", { rules: [{ rule: "tags" }] }, ['rule 1: "rule" must be one of "required-tags"']],
    ["a rule without a name", { rules: [{ tags: ["a"] }] }, ['rule 1: "rule" must be one of "required-tags"']],
    [
      "a severity that nobody knows",
      { rules: [{ ...tagRule, severity: "urgent" }] },
      ['rule 1: "severity" must be one of low, medium, high, critical'],
    ],
    [
      "tags that are not a list",
      { rules: [{ rule: "required-tags", tags: "name" }] },
      [expect.stringContaining('rule 1: "tags" must be a list')],
    ],
    [
      "a tag that is not text",
      { rules: [{ rule: "required-tags", tags: [1] }] },
      [expect.stringContaining('rule 1: "tags" must be a list')],
    ],
    [
      "a case setting that is not a boolean",
      { rules: [{ ...tagRule, caseSensitive: "yes" }] },
      ['rule 1: "caseSensitive" must be true or false'],
    ],
  ])("is refused as %s", (_, value, problems) => {
    expect(problemsOf(value)).toEqual(problems);
  });

  test("its version and its schema may be named", () => {
    const $schema = "https://example.com/policy.schema.json";
    expect(problemsOf({ $schema, version: 1, rules: [tagRule] })).toEqual([]);
  });

  test("a key with a typo is refused, at the top and in a rule: it must not pass for a stricter policy", () => {
    expect(problemsOf({ rules: [tagRule], rule: [] })).toEqual([
      'it may have no key but "rules", "version" and "$schema"',
    ]);
    expect(problemsOf({ rules: [{ ...tagRule, casesensitive: true }] })).toEqual([
      "rule 1: required-tags may have no setting but id, severity, tags, caseSensitive",
    ]);
  });

  test("everything that is wrong is said at once, rule by rule", () => {
    const problems = problemsOf({
      version: 2,
      verison: 1,
      rules: [tagRule, { rule: "x" }, { rule: "required-tags", severity: 3, tag: [] }],
    });
    expect(problems).toEqual([
      'it may have no key but "rules", "version" and "$schema"',
      '"version" must be 1',
      expect.stringMatching(/^rule 2: "rule"/),
      expect.stringMatching(/^rule 3: required-tags may have no setting but/),
      expect.stringMatching(/^rule 3: "severity"/),
      expect.stringMatching(/^rule 3: "tags"/),
    ]);
  });

  test.each([
    '{"rules": [{"rule": "required-tags", "tags": ["a"]}], "__proto__": {"rules": []}}',
    '{"rules": [{"rule": "required-tags", "tags": ["a"], "__proto__": {"caseSensitive": true}}]}',
  ])("a key __proto__ is a key that is not known, and changes nothing: %s", (json) => {
    expect(problemsOf(json)).toEqual([expect.stringContaining("may have no")]);
  });

  test.each([
    '{"__proto__": {"rules": [{"rule": "required-tags", "tags": ["a"]}]}}',
    '{"rules": [{"__proto__": {"rule": "required-tags", "tags": ["a"]}}]}',
  ])("nothing is inherited from a key __proto__: %s", (json) => {
    expect(problemsOf(json).length).toBeGreaterThan(0);
  });

  test("a tag may have the key __proto__, like any other", () => {
    const rule = policyOf(JSON.parse('{"rules": [{"rule": "required-tags", "tags": ["__proto__"]}]}')).rules[0];
    expect(rule?.check(tagged())?.details.missing).toEqual(["__proto__"]);
    expect(rule?.check(tagged("__proto__"))).toBeNull();
  });

  test("any text at all is either a policy with rules or has problems, and never throws", () => {
    const ruleLike = fc.record(
      {
        rule: fc.constantFrom("required-tags", "x"),
        tags: fc.array(fc.string()),
        severity: fc.constantFrom("low", "no"),
        more: fc.jsonValue(),
      },
      { requiredKeys: [] },
    );
    const text = fc.oneof(
      fc.string(),
      fc.json(),
      fc.record({ rules: fc.array(fc.oneof(ruleLike, fc.jsonValue())) }).map((value) => JSON.stringify(value)),
    );
    fc.assert(
      fc.property(text, (json) => {
        const reading = parsePolicy(json);
        if ("problems" in reading) expect(reading.problems.length).toBeGreaterThan(0);
        else expect(reading.policy.rules.length).toBe(JSON.parse(json).rules.length);
      }),
    );
  });

  test("a problem stays on one line and short, whatever the key is called", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, maxLength: 5000, unit: "binary" }), (key) => {
        fc.pre(key !== "rules");
        const [problem = ""] = problemsOf(JSON.stringify({ rules: [tagRule], [key]: 1 }));
        expect(problem).not.toMatch(/[\n\r]/);
        expect(problem.length).toBeLessThan(600);
      }),
    );
  });
});
