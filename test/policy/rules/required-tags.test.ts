import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Violation } from "../../../src/policy/rule.ts";
import { factsOf } from "../../support/findings.ts";
import { ruleOf, violationOf } from "../../support/policy.ts";

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
