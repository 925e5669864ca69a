import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { forLaunches, needsOf, parsePolicy, policyOfTags, policySchema, sayProblem } from "../../src/policy/policy.ts";
import { RULE_KINDS } from "../../src/policy/rules/index.ts";
import { anyBrokenPolicy } from "../support/any-policy.ts";
import { taggedFacts } from "../support/findings.ts";
import { policyOf, requiring, ruleOf, violationOf } from "../support/policy.ts";

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
    expect(shortProblemsOf(keys.join())).toEqual(["it must have up to 50 tags"]);
    expect("policy" in policyOfTags(keys.slice(1).join())).toBe(true);
  });

  it.each<[string, readonly object[] | readonly unknown[]]>([
    ["env=prod", [{ key: "env", values: ["prod"] }]],
    ["name,env=prod|staging", ["name", { key: "env", values: ["prod", "staging"] }]],
    [" env = prod | stag* , name ", [{ key: "env", values: ["prod", "stag*"] }, "name"]],
    [
      "name,service,env=prod|staging,cost-center=/cc-\\d{4}/",
      ["name", "service", { key: "env", values: ["prod", "staging"] }, { key: "cost-center", values: ["/cc-\\d{4}/"] }],
    ],
    ["a=/x{1,2}/,b", [{ key: "a", values: ["/x{1,2}/"] }, "b"]],
    ["a=/x|y/|z,b", [{ key: "a", values: ["/x|y/", "z"] }, "b"]],
    ["a=z|/x|y/i|/,/", [{ key: "a", values: ["z", "/x|y/i", "/,/"] }]],
    ["a=/x\\/,y/", [{ key: "a", values: ["/x\\/,y/"] }]],
    ["a=/aws/ami,b", [{ key: "a", values: ["/aws/ami"] }, "b"]],
    ["a=/role/app/", [{ key: "a", values: ["/role/app/"] }]],
    ["a=/,b=/", [{ key: "a", values: ["/,b=/"] }]],
    ["url=https://example.com/?a=b", [{ key: "url", values: ["https://example.com/?a=b"] }]],
    ["a=x=y", [{ key: "a", values: ["x=y"] }]],
  ])("reads %j as the same tags in the long form", (list, tags) => {
    const short = requiring(list).rules[0];
    const long = policyOf({ rules: [{ rule: "required-tags", tags }] }).rules[0];
    expect(short?.demands()).toBe(long?.demands());
  });

  it("allows only the values of a key", () => {
    const [rule] = requiring("env=prod|stag*,cost-center=/cc-\\d{4}/").rules;
    const values = (env: string, cost: string) => violationOf(rule, taggedFacts({ Env: env, "cost-center": cost }));
    expect(values("staging", "cc-1234")).toBeNull();
    expect(values("dev", "cc-12345")?.details.notAllowed).toEqual(["env", "cost-center"]);
  });

  it.each([
    ["env=", ['entry 1 must have a value after each "=" and "|"']],
    ["name,env=prod||dev", ['entry 2 must have a value after each "=" and "|"']],
    ["env=prod|", ['entry 1 must have a value after each "=" and "|"']],
    ["=prod", ["entry 1.key must be a tag key of 1 to 128 characters"]],
    ["a=/(/", ['entry 1.values has a "(" without ")" at character 2; write "\\(" for the character itself']],
    [
      "a=x|/x/g",
      [
        'entry 1.values[1] has a flag other than "i" after the last "/" of its pattern; remove it, or begin with "\\/" if it is no pattern',
      ],
    ],
    [" ", ["entry 1 must be a tag key of 1 to 128 characters"]],
    ["k".repeat(70_000), ["it must not exceed 64 KiB"]],
  ])("refuses %j", (list, problems) => {
    expect(shortProblemsOf(list).map((problem) => problem.replace("values[0]", "values"))).toEqual(problems);
  });

  it("returns a policy or problems for any text, and never throws", () => {
    const text = fc.string({ unit: fc.constantFrom(..."aB/|,=*\\ ({i1😀") });
    fc.assert(
      fc.property(fc.oneof(text, fc.string({ unit: "binary" })), (list) => {
        const reading = policyOfTags(list);
        if ("problems" in reading) expect(reading.problems.length).toBeGreaterThan(0);
        else expect(reading.policy.rules).toHaveLength(1);
      }),
      { numRuns: 1000 },
    );
  });

  it("quotes no text in a problem", () => {
    const unit = fc.constantFrom("hunter2", "/", "|", ",", "=", "\\", "(");
    fc.assert(
      fc.property(fc.string({ unit }), (list) => {
        expect(shortProblemsOf(list).join()).not.toContain("hunter2");
      }),
    );
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
      [expect.stringMatching(/^rules\[0\]\.rule is missing: it must be one of "/)],
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

  it("refuses a schema that is not text", () => {
    expect(problemsOf({ $schema: 1, rules: [tagRule] })).toEqual(["$schema must be the URL of the JSON Schema"]);
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

  it("refuses a repeated key, of which JSON.parse ignores the first value, without a value of the policy", () => {
    expect(
      problemsOf('{"rules": [{"rule": "tag-limit", "max": 1}],\n"rules": [{"rule": "region", "allowed": "eu-*"}]}'),
    ).toEqual(["it has a key twice in one object, at line 2, column 1: remove or rename one of them"]);
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

  it("reports an id that is used twice and an exemption from no rule beside other problems", () => {
    const exemption = { rules: ["a", "c", "required-tags"], when: { region: "x" }, reason: "x", until: "2027-03-31" };
    const a = { ...tagRule, id: "a" };
    const policy = {
      rules: [a, { ...a, tags: [1] }, tagRule, a],
      exemptions: [exemption, { ...exemption, until: "soon" }],
    };
    expect(problemsOf(policy)).toEqual([
      'rules[1].tags[0] must be a tag key or an object: {"key": "env", "values": ["prod"]}',
      "rules[1].id is also the id of rules[0]; each id must be unique",
      "rules[3].id is also the id of rules[0]; each id must be unique",
      'exemptions[0].rules[1] must be the id of a rule of this policy, or "*"',
      'exemptions[1].rules[1] must be the id of a rule of this policy, or "*"',
      'exemptions[1].until must be a date, such as "2027-03-31"',
    ]);
  });

  it("does not call an id unknown while a rule of an unknown kind may have it", () => {
    const exemption = { rules: "required-tags", when: { region: "x" }, reason: "x", until: "2027-03-31" };
    expect(problemsOf({ rules: [{ rule: "requird-tags", tags: ["a"] }], exemptions: [exemption] })).toEqual([
      expect.stringMatching(/^rules\[0\]\.rule must be one of .*; did you mean "required-tags"\?$/),
    ]);
    expect(problemsOf({ rules: ["x"], exemptions: [exemption] })).toHaveLength(1);
    expect(problemsOf({ rules: [], exemptions: [exemption] })).toHaveLength(2);
    expect(problemsOf({ rules: 1, exemptions: [exemption] })).toHaveLength(2);
  });

  it.each([
    ["a long text", `"${"x".repeat(65_534)}"`, 'it must be an object: {"rules": [...]}'],
    ["a longer text", `"${"x".repeat(65_535)}"`, "it must not exceed 64 KiB"],
    ["a text that is longer in bytes", `"${"é".repeat(40_000)}"`, "it must not exceed 64 KiB"],
    ["32,768 levels of lists", "[".repeat(32_768) + "]".repeat(32_768), 'it must be an object: {"rules": [...]}'],
  ])("refuses %s", (_, json, problem) => {
    expect(problemsOf(json)).toEqual([problem]);
  });

  it("refuses levels without end in a rule, and says only that they are an object", () => {
    const deep = `${'{"not":'.repeat(3000)}1${"}".repeat(3000)}`;
    const reading = parsePolicy(`{"rules": [{"rule": "key-pair", "allowed": ${deep}, "when": ${deep}}]}`);
    expect("problems" in reading && reading.problems).toMatchObject([
      { path: `rules[0].when${".not".repeat(8)}`, found: null },
      { path: "rules[0].allowed", found: "an object" },
    ]);
  });

  it.each<[string, (index: number) => string]>([
    ["keys at the top", (index) => `"rulez${index}": 1`],
    ["rules", (index) => (index === 0 ? `"rules": [{"rule": 1}` : `{"rule": ${index}}${index === 99 ? "]" : ""}`)],
  ])("reports at most 50 problems of thousands of wrong %s", (_, part) => {
    const json = `{${Array.from({ length: 100 }, (_, index) => part(index)).join()}}`;
    expect(problemsOf(json)).toHaveLength(50);
  });

  it("is safe when a rule is incomplete beyond the problems that are reported", () => {
    const rules = [...Array(60).fill({ rule: "x" }), ...RULE_KINDS.map(({ name }) => ({ rule: name }))];
    expect(problemsOf({ rules })).toHaveLength(50);
  });

  it("refuses patterns that would take too long for the longest tags, and names the first that is too many", () => {
    const rule = (id: string) => ({ rule: "prohibited-tags", values: ["/(.{1,22}){1,22}/"], id });
    expect(problemsOf({ rules: [rule("a"), rule("b")] })).toEqual([]);
    expect(problemsOf({ rules: [rule("a"), rule("b"), rule("c"), rule("d")] })).toEqual([
      expect.stringMatching(/^rules\[2\]\.values\[0\] is one pattern or wildcard too many: /),
    ]);
  });

  it("accepts or refuses any JSON with paths of known keys and indexes, and never quotes a value", () => {
    const secret = fc.constantFrom("hunter2", "hunter2*", "/hunter2(/", "hunter2\\");
    const json = fc.oneof(
      anyBrokenPolicy,
      fc.jsonValue(),
      fc.record({ rules: fc.array(fc.dictionary(fc.constantFrom("rule", "tags", "when", "hunter2"), secret)) }),
    );
    const known = new Set([...JSON.stringify(policySchema()).matchAll(/"([\w$]+)":/g)].map(([, key]) => key));
    fc.assert(
      fc.property(json, (value) => {
        const reading = parsePolicy(JSON.stringify(value));
        if ("policy" in reading) return;
        expect(reading.problems.length).toBeGreaterThan(0);
        expect(reading.problems.length).toBeLessThanOrEqual(50);
        for (const { path, problem } of reading.problems) {
          for (const part of path === "" ? [] : path.split("."))
            expect(known).toContain(part.replaceAll(/\[\d+\]/g, ""));
          expect(problem).toMatch(/^[a-z][^\n\r]*[^.]$/);
          expect(problem).not.toContain("hunter2");
        }
      }),
      { numRuns: 1000 },
    );
  });
});

describe("a rule of a policy", () => {
  const common = { when: { region: "us-*" }, link: "https://example.com/rules#tags", severity: "high", mode: "report" };

  it("has the settings that every rule can have, or their defaults", () => {
    expect(ruleOf({ ...tagRule, ...common, id: "a.b-c_1" })).toMatchObject({
      id: "a.b-c_1",
      name: "required-tags",
      severity: "high",
      mode: "report",
      link: "https://example.com/rules#tags",
      settles: "soon",
    });
    expect(ruleOf({ ...tagRule, ...common }).when?.say()).toBe('the region is "us-*"');
    expect(ruleOf(tagRule)).toMatchObject({
      id: "required-tags",
      severity: "medium",
      mode: "alert",
      when: null,
      link: null,
    });
  });

  it.each(["example.com", "javascript:alert(1)", "https://", "https://example.com/a b", "https://example.com/\u202e"])(
    "has no link to %j",
    (link) => {
      expect(problemsOf({ rules: [{ ...tagRule, link }] })).toEqual([
        "rules[0].link must be an http:// or https:// URL",
      ]);
    },
  );

  const keyPair = { rule: "key-pair", allowed: "ops-*" };
  const byTag = { tag: "env", in: "dev" };
  const exempting = (exemption: object) => ({
    rules: [keyPair],
    exemptions: [{ rules: "*", when: byTag, reason: "x", until: "2027-03-31", ...exemption }],
  });
  it.each<[string, object, boolean]>([
    ["its facts settle soon", { rules: [tagRule] }, true],
    ["its facts are settled", { rules: [keyPair] }, false],
    ["tags decide whether it applies", { rules: [{ ...keyPair, when: byTag }] }, true],
    ["something else decides whether it applies", { rules: [{ ...keyPair, when: { vpc: "x" } }] }, false],
    ["tags decide who is exempt from it", exempting({}), true],
    ["tags decide who is exempt from it by its id", exempting({ rules: "key-pair" }), true],
    ["something else decides who is exempt from it", exempting({ when: { vpc: "x" } }), false],
    ["tags decide who is exempt from another rule", exempting({ rules: "b" }), false],
    ["its settings are by tags", { rules: [{ rule: "condition", require: byTag, message: "must be dev" }] }, true],
    [
      "its settings are not by tags",
      { rules: [{ rule: "condition", require: { vpc: "x" }, message: "must be x" }] },
      false,
    ],
  ])("can be corrected within the grace or not: %s", (_, policy, isCorrectable) => {
    const { rules = [] } = policy as { rules?: object[] };
    const two = { ...policy, rules: [...rules, { ...tagRule, id: "b" }] };
    expect(policyOf(two).rules[0]?.isCorrectable).toBe(isCorrectable);
  });
});

describe("the facts that a policy needs", () => {
  const keyPair = { rule: "key-pair", allowed: "ops-*" };
  const exemption = { rules: "key-pair", when: { imageName: "x" }, reason: "x", until: "2027-03-31" };
  it.each<[string, object, string[]]>([
    ["its rules", { rules: [tagRule, keyPair] }, ["tags", "instance"]],
    ["a scope", { rules: [{ ...tagRule, when: { imageOwner: "x" } }] }, ["tags", "image"]],
    ["an exemption", { rules: [tagRule, keyPair], exemptions: [exemption] }, ["tags", "instance", "image"]],
    [
      "an exemption from no rule that is left",
      { rules: [tagRule, { ...keyPair, mode: "report" }], exemptions: [exemption] },
      ["tags"],
    ],
    ["two rules, each fact once", { rules: [tagRule, { ...tagRule, id: "b" }] }, ["tags"]],
  ])("are those of %s", (_, policy, needs) => {
    expect(needsOf(forLaunches(policyOf(policy)))).toEqual(needs);
  });

  it("at a launch are not those of a rule in the mode report", () => {
    const policy = policyOf({ rules: [tagRule, { ...keyPair, mode: "report" }], exemptions: [exemption] });
    expect(forLaunches(policy)).toEqual({ ...policy, rules: policy.rules.slice(0, 1) });
    expect(needsOf(policy)).toEqual(["tags", "instance", "image"]);
  });
});
