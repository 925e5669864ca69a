import { describe, expect, it } from "vitest";
import { type Converted, fromGlob, fromRegex } from "../../../../src/cli/policy/import/custodian-patterns.ts";
import { readMatcher } from "../../../../src/policy/matcher.ts";

/** Tests the conversion of Python's patterns. The expected answers are those of Python 3.13's `re.match` and `fnmatch`. */

function matches(converted: Converted, text: string): boolean | string {
  if ("why" in converted) return converted.why;
  const reading = readMatcher(converted.matcher);
  return "matcher" in reading ? reading.matcher.matches(text) : reading.problem;
}

describe("A regular expression", () => {
  it.each<[string, string, string[], string[]]>([
    ["prod", "/prod.*/i", ["prod", "PROD-1", "production"], ["my-prod", ""]],
    ["^prod$", "/prod/i", ["prod", "Prod"], ["prod-1"]],
    ["^(dev|prod)$", "/(dev|prod)/i", ["dev", "PROD"], ["devel"]],
    ["^dev$|^prod", "/(?:dev|prod.*)/i", ["dev", "production"], ["devel"]],
    ["(^a$|^b$)", "/(?:(?:a|b))/i", ["a", "B"], ["ab"]],
    ["a|b$", "/(?:a.*|b)/i", ["ab", "b"], ["bc"]],
    [".*web.*", "/.*web.*/i", ["my-WEB-1"], ["my"]],
    ["\\Acc-\\d{4}\\Z", "/cc-\\d{4}/i", ["cc-0001"], ["cc-1", "cc-00011"]],
    ["(?i)abc", "/abc.*/i", ["ABCD"], ["xabc"]],
    ["(?P<name>a)b", "/(?:a)b.*/i", ["abc"], ["a"]],
    ["a\\$", "/a\\$.*/i", ["a$", "a$b"], ["a"]],
    ["a\\.*", "/a\\.*.*/i", ["a", "a..x"], ["x"]],
    ["[$|]", "/[$|].*/i", ["$x", "|"], ["a"]],
    ["/a/", "//a/.*/i", ["/a/b"], ["a"]],
    ["^$", "", [""], ["a"]],
  ])("that begins at the start becomes a whole one: %s", (source, matcher, good, bad) => {
    const converted = fromRegex(source, false);
    expect(converted).toEqual({ matcher });
    expect(good.map((text) => matches(converted, text))).toEqual(good.map(() => true));
    expect(bad.map((text) => matches(converted, text))).toEqual(bad.map(() => false));
  });

  it("keeps the case with regex-case, unless it says otherwise", () => {
    expect(fromRegex("^a$", true)).toEqual({ matcher: "/a/" });
    expect(fromRegex("(?i)^a$", true)).toEqual({ matcher: "/a/i" });
  });

  it.each([
    ["^((?!c7n).)*$", "lookahead"],
    ["(a)\\1", "backreference"],
    ["^(dev|prod$)", '"$" that is not at the end'],
    ["a\\b", "word boundary"],
  ])("outside the supported syntax has a reason: %s", (source, reason) => {
    expect(fromRegex(source, false)).toEqual({ why: expect.stringContaining(reason) });
  });
});

describe("A glob", () => {
  it.each<[string, string, string[], string[]]>([
    ["web-*", "web-*", ["web-", "web-1"], ["Web-1", "my-web-1"]],
    ["a?c", "a?c", ["abc"], ["ac"]],
    ["a\\*", "a\\\\*", ["a\\b"], ["a*"]],
    ["/x/", "\\/x/", ["/x/"], ["x"]],
    ["web-[0-9]", "/web-[0-9]/", ["web-1"], ["web-a", "web-10"]],
    ["web-[!ab]*", "/web-[^ab].*/", ["web-c", "web-cd"], ["web-a", "web-"]],
    ["[]]", "/[\\]]/", ["]"], ["["]],
    ["[^a].b", "/[\\^a]\\.b/", ["^.b", "a.b"], ["b.b"]],
    ["a[b", "a[b", ["a[b"], ["ab"]],
  ])("becomes a matcher with the same meaning: %s", (glob, matcher, good, bad) => {
    const converted = fromGlob(glob);
    expect(converted).toEqual({ matcher });
    expect(good.map((text) => matches(converted, text))).toEqual(good.map(() => true));
    expect(bad.map((text) => matches(converted, text))).toEqual(bad.map(() => false));
  });
});
