import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parsePolicy, policyOfTags, sayProblem } from "../../src/policy/policy.ts";
import { taggedFacts } from "../support/findings.ts";
import { policyOf, requiring, violationOf } from "../support/policy.ts";

const problemsOf = (value: unknown): readonly string[] => {
  const reading = parsePolicy(typeof value === "string" ? value : JSON.stringify(value));
  return "problems" in reading ? reading.problems.map(sayProblem) : [];
};
const shortProblemsOf = (list: string): readonly string[] => {
  const reading = policyOfTags(list);
  return "problems" in reading ? reading.problems.map(sayProblem) : [];
};
const tagRule = { rule: "required-tags", tags: ["name"] };
const tagged = (...keys: string[]) => taggedFacts(Object.fromEntries(keys.map((key) => [key, "x"])));

describe("policyOfTags", () => {
  it("requires each listed tag, with or without spaces around it", () => {
    const [rule, ...others] = requiring(" name , service ").rules;
    expect(others).toEqual([]);
    expect(rule?.name).toBe("required-tags");
    expect(violationOf(rule, tagged("name", "service"))).toBeNull();
    expect(violationOf(rule, tagged("name"))?.details.missing).toEqual(["service"]);
  });

  it("returns the same policy as the long form", () => {
    const short = requiring("name,service").rules[0];
    const long = policyOf({ rules: [{ rule: "required-tags", tags: ["name", "service"] }] }).rules[0];
    expect(short?.severity).toBe(long?.severity);
    expect(violationOf(short, tagged())?.message).toBe(violationOf(long, tagged())?.message);
  });

  it.each([
    ["name,,service", ["entry 2"]],
    ["name,", ["entry 2"]],
    [",", ["entry 1", "entry 2"]],
    ["k".repeat(129), ["entry 1"]],
  ])("refuses an empty key and a key that is too long: %j", (list, paths) => {
    expect(shortProblemsOf(list)).toEqual(paths.map((path) => `${path} must be a tag key of 1 to 128 characters`));
  });

  it.each(["name;owner", "name,cost-*"])("refuses text that is not a list of keys: %j", (list) => {
    expect(shortProblemsOf(list)).toEqual([
      `entry ${list.split(",").length} must be a tag key, with its allowed values after =: env=prod|staging. A key with |, ; or * needs a policy as JSON`,
    ]);
  });

  it.each(["app/owner", "cost centre?", "aws:x+y-z.@_", "Kostenstelle", "部署"])("accepts the key %j", (key) => {
    expect(violationOf(requiring(key).rules[0], tagged(key))).toBeNull();
  });

  it("refuses more tags than an instance can have", () => {
    const keys = Array.from({ length: 51 }, (_, index) => `tag-${index}`);
    expect("problems" in policyOfTags(keys.join())).toBe(true);
    expect("policy" in policyOfTags(keys.slice(1).join())).toBe(true);
  });
});

describe("parsePolicy", () => {
  it("accepts keys that the short form refuses", () => {
    const tags = ["env=prod|staging", "name;owner", "cost-*"];
    const [rule] = policyOf({ rules: [{ rule: "required-tags", tags }] }).rules;
    expect(violationOf(rule, tagged(...tags))).toBeNull();
    expect(violationOf(rule, tagged("env", "name", "owner", "cost-centre"))?.details.missing).toEqual(tags);
  });

  it("accepts a kind of rule more than once, each with its own settings and severity", () => {
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
    expect(violationOf(rules[1], tagged("owner"))?.details.missing).toEqual(["Owner"]);
  });

  const idsOf = (...ids: readonly (string | undefined)[]) =>
    policyOf({ rules: ids.map((id) => ({ ...tagRule, id })) }).rules.map((rule) => rule.id);

  it("gives a rule without an id the name of its kind, and numbers further ones", () => {
    expect(idsOf(undefined, undefined, "owner", undefined)).toEqual([
      "required-tags",
      "required-tags-2",
      "owner",
      "required-tags-3",
    ]);
    expect(requiring("name").rules[0]?.id).toBe("required-tags");
  });

  it("never gives a rule the id of another rule, whatever their order", () => {
    expect(idsOf(undefined, undefined, "required-tags-2")).toEqual([
      "required-tags",
      "required-tags-3",
      "required-tags-2",
    ]);
    expect(idsOf(undefined, "required-tags")).toEqual(["required-tags-2", "required-tags"]);
  });

  it("numbers as many rules as a policy can have", () => {
    expect(idsOf(...Array(100)).at(-1)).toBe("required-tags-100");
  });

  it("refuses two rules with the same id, and names them", () => {
    expect(problemsOf({ rules: [{ ...tagRule, id: "a" }, tagRule, { ...tagRule, id: "a" }] })).toEqual([
      "rules[2].id is also the id of rules[0]; each id must be unique",
    ]);
  });

  it.each(["", "-a", "a b", "a/b", "ä", "a".repeat(65), 1, null, ["a"]])("refuses the id %j", (id) => {
    expect(problemsOf({ rules: [tagRule, { ...tagRule, id }] })).toEqual([
      'rules[1].id must be text of 1 to 64 letters, digits, ".", "-" and "_" that begins with a letter or a digit',
    ]);
  });

  it.each([
    ["text that is not JSON", '{\n  "rules": [,]\n}', ["it is not JSON at line 2, column 13"]],
    ["a list", [], ['it must be an object: {"rules": [...]}']],
    ["null", "null", ['it must be an object: {"rules": [...]}']],
    ["an object without rules", {}, ["rules is missing: it must be a list of 1 to 100 rules"]],
    [
      "an empty list of rules, with which every instance would be compliant",
      { rules: [] },
      ["rules must be a list of 1 to 100 rules"],
    ],
    [
      "a rule that is not an object",
      { rules: ["required-tags"] },
      ['rules[0] must be an object: {"rule": "required-tags", ...}'],
    ],
    ["an unknown rule", { rules: [{ rule: "tags" }] }, [expect.stringMatching(/^rules\[0\]\.rule must be one of "/)]],
    [
      "a rule without a kind",
      { rules: [{ tags: ["a"] }] },
      [expect.stringMatching(/^rules\[0\]\.rule must be one of "/)],
    ],
    [
      "an unknown severity",
      { rules: [{ ...tagRule, severity: "urgent" }] },
      ['rules[0].severity must be one of "low", "medium", "high", "critical"'],
    ],
    [
      "tags that are not a list",
      { rules: [{ rule: "required-tags", tags: "name" }] },
      ["rules[0].tags must be a list of 1 to 50 tags"],
    ],
    [
      "a tag that is not text",
      { rules: [{ rule: "required-tags", tags: [1] }] },
      ['rules[0].tags[0] must be a tag key or an object: {"key": "env", "values": ["prod"]}'],
    ],
    [
      "a case setting that is not a boolean",
      { rules: [{ ...tagRule, caseSensitive: "yes" }] },
      ["rules[0].caseSensitive must be true or false"],
    ],
  ])("refuses %s", (_, value, problems) => {
    expect(problemsOf(value)).toEqual(problems);
  });

  it("accepts a version and a schema", () => {
    const $schema = "https://example.com/policy.schema.json";
    expect(problemsOf({ $schema, version: 1, rules: [tagRule] })).toEqual([]);
  });

  it("refuses an unknown key, at the top and in a rule, because it could be a typo", () => {
    expect(problemsOf({ rules: [tagRule], rule: [] })).toEqual(['it has an unknown key: did you mean "rules"?']);
    expect(problemsOf({ rules: [{ ...tagRule, casesensitive: true }] })).toEqual([
      'rules[0] has an unknown key: did you mean "caseSensitive"?',
    ]);
    expect(problemsOf({ rules: [{ ...tagRule, owner: true }] })).toEqual([
      'rules[0] has an unknown key: the keys are "rule", "id", "severity", "mode", "when", "link", "tags", "caseSensitive"',
    ]);
  });

  it("returns all problems at once, in the order of the rules", () => {
    const problems = problemsOf({
      version: 2,
      verison: 1,
      rules: [tagRule, { rule: "x" }, { rule: "required-tags", severity: 3, tag: [] }],
    });
    expect(problems).toEqual([
      'it has an unknown key: did you mean "version"?',
      "version must be 1",
      expect.stringMatching(/^rules\[1\]\.rule must be one of/),
      'rules[2] has an unknown key: did you mean "tags"?',
      'rules[2].severity must be one of "low", "medium", "high", "critical"',
      "rules[2].tags is missing: it must be a list of 1 to 50 tags",
    ]);
  });

  it.each([
    '{"rules": [{"rule": "required-tags", "tags": ["a"]}], "__proto__": {"rules": []}}',
    '{"rules": [{"rule": "required-tags", "tags": ["a"], "__proto__": {"caseSensitive": true}}]}',
  ])("refuses the key __proto__ like any unknown key: %s", (json) => {
    expect(problemsOf(json)).toEqual([expect.stringContaining("has an unknown key: the keys are")]);
  });

  it.each([
    '{"__proto__": {"rules": [{"rule": "required-tags", "tags": ["a"]}]}}',
    '{"rules": [{"__proto__": {"rule": "required-tags", "tags": ["a"]}}]}',
  ])("inherits nothing from a key __proto__: %s", (json) => {
    expect(problemsOf(json).length).toBeGreaterThan(0);
  });

  it("accepts a tag with the key __proto__", () => {
    const rule = policyOf(JSON.parse('{"rules": [{"rule": "required-tags", "tags": ["__proto__"]}]}')).rules[0];
    expect(violationOf(rule, tagged())?.details.missing).toEqual(["__proto__"]);
    expect(violationOf(rule, tagged("__proto__"))).toBeNull();
  });

  it("returns a policy with rules or problems for any text, and never throws", () => {
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

  it("returns each problem on one short line, whatever the key is", () => {
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
