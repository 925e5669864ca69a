import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Violation } from "../../../src/policy/rule.ts";
import { factsOf } from "../../support/findings.ts";
import { problemsOf, ruleOf, violationOf } from "../../support/policy.ts";

type Tags = Readonly<Record<string, string>> | readonly (readonly [string, string])[];

/** Returns how an instance with these tags violates the rule with these settings. */
function check(settings: Readonly<Record<string, unknown>>, tags: Tags): Violation | null {
  const entries = Array.isArray(tags) ? tags : Object.entries(tags);
  const facts = factsOf({ tags: new Map(entries), instance: null });
  return violationOf(ruleOf({ rule: "required-tags", ...settings }), facts);
}
const NAME_AND_SERVICE = { tags: ["name", "service"] };

describe("required-tags", () => {
  it("needs only tags, which take the cheapest call", () => {
    expect(ruleOf({ rule: "required-tags", ...NAME_AND_SERVICE })).toMatchObject({ needs: ["tags"], settles: "soon" });
  });

  it.each<[string, Tags, Violation["details"] | null]>([
    ["both tags, in lower case", { name: "web-1", service: "shop" }, null],
    ["both tags, as in the console", { Name: "web-1", Service: "shop" }, null],
    ["both tags and others", { NAME: "web-1", sErViCe: "shop", env: "prod" }, null],
    ["no tags", {}, { missing: ["name", "service"], blank: [] }],
    ["one of the two", { Name: "web-1" }, { missing: ["service"], blank: [] }],
    ["an empty value", { Name: "web-1", service: "" }, { missing: [], blank: ["service"] }],
    ["a value of blanks", { Name: " \t ", service: "shop" }, { missing: [], blank: ["name"] }],
    ["a value of non-breaking spaces", { Name: "\u00a0\u3000", service: "shop" }, { missing: [], blank: ["name"] }],
    ["one blank and one missing", { name: "" }, { missing: ["service"], blank: ["name"] }],
    ["both name and Name, one of them blank", { name: "", Name: "web-1", service: "shop" }, null],
    ["both name and Name, the other one blank", { name: "web-1", Name: "", service: "shop" }, null],
    ["both name and Name, each blank", { name: "", Name: " ", service: "shop" }, { missing: [], blank: ["name"] }],
    ["a key that only begins like the one required", { names: "x", service: "shop" }, { missing: ["name"], blank: [] }],
    ["a key with a space after it", { "name ": "x", service: "shop" }, { missing: ["name"], blank: [] }],
    ["a value of 256 characters", { name: "n".repeat(256), service: "🛒".repeat(128) }, null],
    ["values with quotes and markup", { name: `"<&>'`, service: "</tagSet>" }, null],
  ])("judges an instance with %s", (_, tags, details) => {
    expect(check(NAME_AND_SERVICE, tags)?.details ?? null).toEqual(details);
  });

  it("compares keys exactly with caseSensitive", () => {
    const settings = { tags: ["Name"], caseSensitive: true };
    expect(check(settings, { Name: "web-1" })).toBeNull();
    expect(check(settings, { name: "web-1" })?.details.missing).toEqual(["Name"]);
  });

  it.each(["🛒", `it's "quoted"`, "<&>", "k".repeat(128), "__proto__", "constructor", "aws:cloudformation:stack-name"])(
    "accepts the key %j",
    (key) => {
      expect(check({ tags: [key] }, {})?.details).toEqual({ missing: [key], blank: [] });
      expect(check({ tags: [key] }, [[key, "x"]])).toBeNull();
      expect(check({ tags: [key] }, [[key, ""]])?.details).toEqual({ missing: [], blank: [key] });
    },
  );

  it("reports a key that is listed twice only once, with its first spelling", () => {
    expect(check({ tags: ["name", "Name"] }, {})?.details.missing).toEqual(["name"]);
  });

  it("states the missing and the blank tags in one message", () => {
    expect(check({ tags: ["a"] }, {})?.message).toBe('the tag "a" is missing');
    expect(check({ tags: ["a", "b"] }, {})?.message).toBe('the tags "a", "b" are missing');
    expect(check({ tags: ["a", "b"] }, { b: "" })?.message).toBe('the tag "a" is missing; the tag "b" is blank');
  });

  it("names the keys in the summary, or counts them when they are too long", () => {
    const summaryOf = (...tags: readonly string[]) => [1, 2].map((count) => check({ tags }, {})?.summary(count));
    expect(summaryOf("owner")).toEqual(["lacks tag owner", "lack tag owner"]);
    expect(summaryOf("name", "service")).toEqual(["lacks tags name, service", "lack tags name, service"]);
    expect(summaryOf("a-long-key", "another-long-key")).toEqual(["lacks 2 tags", "lack 2 tags"]);
    expect(summaryOf("k".repeat(128))).toEqual(["lacks a tag", "lack a tag"]);
    expect(check({ tags: ["a", "b"] }, { a: " " })?.summary(1)).toBe("lacks tags a, b");
  });

  it("returns one command for all instances and tags", () => {
    const violation = check({ tags: ["name", "cost center"] }, {});
    expect(violation?.remedy(["i-1234567890abcdef0", "i-1234567890abcdef1"], "eu-west-1")).toEqual([
      "aws ec2 create-tags --region eu-west-1 \\",
      "  --resources i-1234567890abcdef0 i-1234567890abcdef1 \\",
      "  --tags Key=Name,Value=<value> 'Key=cost center',Value=<value>",
    ]);
  });

  it("fills a blank tag in its own spelling, instead of adding one in another case", () => {
    expect(
      check({ tags: ["owner"] }, { Owner: " " })
        ?.remedy(["i-1"], "us-east-1")
        .join("\n"),
    ).toMatch(/--tags Key=Owner,Value=<value>$/);
  });

  it("sets the tag Name, which the console shows, unless keys are case-sensitive", () => {
    const remedy = (caseSensitive: boolean) =>
      check({ tags: ["name"], caseSensitive }, {})
        ?.remedy(["i-1"], "us-east-1")
        .join("\n");
    expect(remedy(false)).toMatch(/--tags Key=Name,Value=<value>$/);
    expect(remedy(true)).toMatch(/--tags Key=name,Value=<value>$/);
  });

  it("complies exactly when each required key has a value, in any case", () => {
    const key = fc.constantFrom("name", "Name", "NAME", "service", "Service", "__proto__", "owner");
    const value = fc.constantFrom("", " ", "x", "🛒");
    fc.assert(
      fc.property(
        fc.uniqueArray(key, { minLength: 1 }),
        fc.uniqueArray(fc.tuple(key, value), { selector: ([k]) => k }),
        (keys, tags) => {
          const has = (required: string) =>
            tags.some(([k, v]) => k.toLowerCase() === required.toLowerCase() && v.trim() !== "");
          expect(check({ tags: keys }, tags) === null).toBe(keys.every(has));
        },
      ),
    );
  });
});

describe("required-tags: values", () => {
  const ENV = { tags: [{ key: "env", values: ["prod", "stag*", "/dev-\\d+/"] }] };

  it.each(["prod", "staging", "dev-12"])("accepts %j", (env) => {
    expect(check(ENV, { Env: env })).toBeNull();
  });

  it.each([
    ["Prod", 'the tag "env" is "Prod", not "prod", "stag*" or "/dev-\\\\d+/"'],
    ["prod ", 'the tag "env" is "prod ", not "prod", "stag*" or "/dev-\\\\d+/"'],
    ["dev-", 'the tag "env" is "dev-", not "prod", "stag*" or "/dev-\\\\d+/"'],
    ["", 'the tag "env" is blank'],
  ])("refuses %j", (env, message) => {
    expect(check(ENV, { env })?.message).toBe(message);
  });

  it("names the tag whose value is not allowed", () => {
    expect(check({ tags: ["a", { key: "Env", values: "x" }] }, { env: "y", a: "1" })).toMatchObject({
      details: { missing: [], blank: [], notAllowed: ["Env"] },
    });
  });

  it("reports each of two different demands on a tag", () => {
    const tags = [
      { key: "env", values: "a*" },
      { key: "env", values: "*b" },
    ];
    expect(check({ tags }, { env: "x" })?.message).toBe(
      'the tag "env" is "x", not "a*"; the tag "env" is "x", not "*b"',
    );
  });

  it("sets the tag in the spelling of the instance, once", () => {
    const tags = [
      { key: "env", values: "a*" },
      { key: "env", values: "*b" },
    ];
    expect(check({ tags }, { Env: "x" })?.remedy(["i-1"], "us-east-1").join("\n")).toMatch(
      /--tags Key=Env,Value=<value>$/,
    );
  });

  it("does not list values that are too long for a message", () => {
    const values = Array.from({ length: 30 }, (_, index) => `value-${index}`);
    expect(check({ tags: [{ key: "env", values }] }, { env: "x" })?.message).toBe(
      'the tag "env" is "x", not an allowed value',
    );
  });

  it("does not repeat a value that is a secret", () => {
    expect(check({ tags: [{ key: "env", values: "a" }] }, { env: "AKIAIOSFODNN7EXAMPLE" })?.message).toBe(
      'the tag "env" is "(hidden: an AWS access key id)", not "a"',
    );
  });

  it("accepts a blank value with allowBlank, whatever the values are", () => {
    expect(check({ tags: [{ key: "env", allowBlank: true }] }, { env: " " })).toBeNull();
    expect(check({ tags: [{ key: "env", values: "prod", allowBlank: true }] }, { env: "" })).toBeNull();
    expect(check({ tags: [{ key: "env", values: "prod", allowBlank: true }] }, {})?.details.missing).toEqual(["env"]);
  });

  it("is enough that one of two tags that differ in case complies", () => {
    expect(check(ENV, { env: "x", Env: "prod" })).toBeNull();
    expect(check(ENV, { env: "x", Env: "y" })?.message).toMatch(/^the tag "Env" is "y"/);
  });
});

describe("required-tags: case", () => {
  it("is settled for each tag, and for the others by the rule", () => {
    const tags = ["Name", { key: "Env", caseSensitive: false }];
    expect(check({ tags, caseSensitive: true }, { Name: "x", env: "y" })).toBeNull();
    expect(check({ tags, caseSensitive: true }, { name: "x", env: "y" })?.details.missing).toEqual(["Name"]);
    expect(check({ tags: ["a", { key: "B", caseSensitive: true }] }, { A: "x", b: "y" })?.details.missing).toEqual([
      "B",
    ]);
  });

  it("distinguishes two required keys that differ only in case", () => {
    const settings = { tags: ["name", "Name"], caseSensitive: true };
    expect(check(settings, { Name: "x" })?.details.missing).toEqual(["name"]);
    expect(check(settings, { Name: "x", name: "y" })).toBeNull();
  });
});

describe("required-tags: ifPresent", () => {
  const CONSTRAINED = { tags: [{ key: "env", values: "prod", ifPresent: true }] };
  const EXACT = { tags: [{ key: "CostCenter", ifPresent: true, caseSensitive: true }] };

  it("accepts an instance without the tag", () => {
    expect(check(CONSTRAINED, {})).toBeNull();
    expect(check(CONSTRAINED, { env: "prod" })).toBeNull();
    expect(check(EXACT, {})).toBeNull();
    expect(check(EXACT, { CostCenter: "7" })).toBeNull();
  });

  it("refuses each wrong value, in any case of the key", () => {
    expect(check(CONSTRAINED, { Env: "dev" })?.message).toBe('the tag "Env" is "dev", not "prod"');
    expect(check(CONSTRAINED, { env: "prod", Env: "dev" })?.message).toBe('the tag "Env" is "dev", not "prod"');
    expect(check(CONSTRAINED, { env: "" })?.message).toBe('the tag "env" is blank');
  });

  it("refuses another spelling of a key with case", () => {
    const violation = check(EXACT, { costcenter: "7" });
    expect(violation).toMatchObject({
      message: 'the tag "costcenter" must be spelled "CostCenter"',
      details: { missing: [], blank: [], misspelled: ["CostCenter"] },
    });
    expect(violation?.remedy(["i-1"], "us-east-1").slice(-2)).toEqual([
      "  --tags Key=CostCenter,Value=<value>",
      'Then delete the tag "costcenter".',
    ]);
  });

  it("refuses another spelling beside the right one, which need not be set again", () => {
    const violation = check(EXACT, { costcenter: "7", CostCenter: "7" });
    expect(violation?.message).toBe('the tag "costcenter" must be spelled "CostCenter"');
    expect(violation?.remedy(["i-1"], "us-east-1")).toEqual(['Then delete the tag "costcenter".']);
  });
});

describe("required-tags: anyOf", () => {
  const OWNERS = { tags: ["name", { anyOf: ["owner", { key: "team", values: "t-*" }] }] };

  it.each<[string, Tags]>([
    ["the first", { name: "x", owner: "ada" }],
    ["the second", { name: "x", Team: "t-1" }],
    ["one that complies beside one that does not", { name: "x", owner: "", team: "t-1" }],
  ])("accepts %s", (_, tags) => {
    expect(check(OWNERS, tags)).toBeNull();
  });

  it("names all of them if none is there", () => {
    const violation = check(OWNERS, {});
    expect(violation).toMatchObject({
      message: 'the tag "name" is missing; one of the tags "owner" or "team" is required',
      details: { missing: ["name", "owner|team"], blank: [] },
    });
    expect(violation?.remedy(["i-1"], "us-east-1").at(-1)).toBe(
      "  --tags Key=Name,Value=<value> Key=owner,Value=<value>",
    );
  });

  it("names the one that is there, but wrong", () => {
    expect(check(OWNERS, { name: "x", team: "x" })?.message).toBe('the tag "team" is "x", not "t-*"');
    expect(check(OWNERS, { name: "x", owner: " " })?.message).toBe('the tag "owner" is blank');
  });
});

describe("required-tags: near misses", () => {
  it.each<[string, Tags, string]>([
    ["environment", { enviroment: "prod" }, '"enviroment" may be a misspelling of "environment"'],
    ["owner", { "owner ": "ada" }, '"owner " may be a misspelling of "owner"'],
    ["owner", { Onwer: "ada" }, '"Onwer" may be a misspelling of "owner"'],
  ])("points out for %j the tags %j", (key, tags, hint) => {
    expect(check({ tags: [key] }, tags)?.message).toBe(`the tag "${key}" is missing; ${hint}`);
  });

  it("points out a key that differs only in case, where that matters", () => {
    expect(check({ tags: ["service"], caseSensitive: true }, { Service: "shop" })?.message).toBe(
      'the tag "service" is missing; "Service" may be a misspelling of "service"',
    );
    expect(check({ tags: ["env"], caseSensitive: true }, { Env: "prod" })?.message).toBe(
      'the tag "env" is missing; "Env" may be a misspelling of "env"',
    );
  });

  it.each<[readonly string[], Tags]>([
    [["team"], { test: "x" }],
    [["env"], { end: "x" }],
    [["owner"], { name: "x" }],
    [["owner"], { "aws:owner": "x" }],
    [["owner", "owners"], { owners: "x" }],
  ])("points out nothing for %j and %j", (tags, own) => {
    expect(check({ tags }, own)?.message).toBe(`the tag "${tags[0]}" is missing`);
  });
});

describe("required-tags: order", () => {
  it("gives the same violation in any order of the instance's tags", () => {
    const settings = {
      tags: ["owner", "environment", { key: "a", values: "x", ifPresent: true }, { anyOf: ["b", "c"] }],
    };
    const tags = [
      ["Owner", ""],
      ["owner", " "],
      ["enviroment", "1"],
      ["environments", "2"],
      ["a", "y"],
      ["A", "z"],
      ["c", ""],
    ] as const;
    const expected = check(settings, tags);
    fc.assert(
      fc.property(fc.shuffledSubarray([...tags], { minLength: tags.length }), (shuffled) => {
        const violation = check(settings, shuffled);
        expect([violation?.message, violation?.details, violation?.remedy([], "us-east-1")]).toEqual([
          expected?.message,
          expected?.details,
          expected?.remedy([], "us-east-1"),
        ]);
      }),
    );
  });
});

describe("required-tags: settings", () => {
  it.each([
    [{}, "rules[0].tags is missing: it must be a list of 1 to 50 tags"],
    [{ tags: [] }, "rules[0].tags must be a list of 1 to 50 tags"],
    [{ tags: [""] }, "rules[0].tags[0] must be a tag key of 1 to 128 characters"],
    [{ tags: [1] }, "rules[0].tags[0] must be a tag key or an object"],
    [{ tags: [{ values: ["a"] }] }, "rules[0].tags[0].key is missing"],
    [{ tags: [{ key: "a", value: "b" }] }, 'rules[0].tags[0] has an unknown key: did you mean "values"?'],
    [{ tags: [{ key: "a", values: ["/(/"] }] }, "rules[0].tags[0].values[0] "],
    [{ tags: [{ anyOf: [] }] }, "rules[0].tags[0].anyOf must be a list of 1 to 10 tags"],
    [{ tags: [{ anyOf: [{ anyOf: ["a"] }] }] }, "rules[0].tags[0].anyOf[0] has an unknown key"],
    [{ tags: ["a"], caseSensitive: "no" }, "rules[0].caseSensitive must be true or false"],
  ])("refuses %j", (settings, problem) => {
    expect(problemsOf({ rule: "required-tags", ...settings })).toContainEqual(expect.stringContaining(problem));
  });

  it("refuses keys that would make an alert too large", () => {
    const keysOf = (length: number) => Array.from({ length: 50 }, (_, at) => `${at}`.padEnd(length, "部"));
    expect(problemsOf({ rule: "required-tags", tags: keysOf(128) })).toEqual([
      "rules[0].tags must have keys that do not exceed 16 KiB together, as JSON",
    ]);
    expect(problemsOf({ rule: "required-tags", tags: keysOf(64) })).toEqual([]);
  });

  it("says what it demands", () => {
    const tags = [
      "owner",
      { key: "env", values: ["prod", "dev"], allowBlank: true, ifPresent: true, caseSensitive: true },
      { anyOf: ["a", "b"] },
    ];
    expect(ruleOf({ rule: "required-tags", tags, caseSensitive: true }).demands()).toBe(
      'must have the tags "owner", "env" (with this case, with the value "prod" or "dev", blank or not, if it is present) and one of "a" or "b"; the case of the keys matters',
    );
  });
});
