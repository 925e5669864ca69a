import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ignoringCase, literal, type Matcher, readMatcher } from "../../src/policy/matcher.ts";

function matcherOf(text: string): Matcher {
  const reading = readMatcher(text);
  if ("problem" in reading) throw new Error(`${text} ${reading.problem}`);
  return reading.matcher;
}

const matches = (text: string, value: string): boolean => matcherOf(text).matches(value);

function problemOf(text: string): string | undefined {
  const reading = readMatcher(text);
  return "problem" in reading ? reading.problem : undefined;
}

/** The meaning of wildcards, without regard to time. */
function matchesSlowly(pieces: readonly string[], characters: readonly string[]): boolean {
  const [piece, ...pieceRest] = pieces;
  const [character, ...rest] = characters;
  if (piece === undefined) return character === undefined;
  if (piece === "*") {
    return matchesSlowly(pieceRest, characters) || (character !== undefined && matchesSlowly(pieces, rest));
  }
  if (character === undefined) return false;
  return (piece === "?" || piece.replace(/^\\(?=.)/, "") === character) && matchesSlowly(pieceRest, rest);
}

/** Any text: of characters with a meaning, of any code points, and of halves of pairs. */
const anyText = fc.oneof(
  fc.string({ unit: fc.constantFrom(..."/*?\\()[]{}^$|.+-,:=!<>iga0919dwsbpk", "é", "😀", "\ud83d", "\ude00", "\n") }),
  fc.string({ unit: "binary" }),
);

describe("matcher", () => {
  it.each([
    ["prod", "prod", true],
    ["prod", "Prod", false],
    ["prod", "prod2", false],
    ["", "", true],
    ["", " ", false],
    ["*", "", true],
    ["?*", "", false],
    ["?*", " ", true],
    ["t3.*", "t3.micro", true],
    ["t3.*", "t3a.micro", false],
    ["*.metal", "m5.metal", true],
    ["*.metal", "m5.metal-24xl", false],
    ["v?", "v😀", true],
    ["\\*", "*", true],
    ["\\*", "a", false],
    ["\\?", "?", true],
    ["\\\\", "\\", true],
    ["\\/x/", "/x/", true],
    ["/x/", "x", true],
    ["/x/", "/x/", false],
    ["/cc-\\d{4}/", "cc-1234", true],
    ["/cc-\\d{4}/", "cc-12345", false],
    ["/prod|staging/i", "Staging", true],
    ["/prod|staging/", "Staging", false],
    ["/role/app/", "role/app", true],
    ["/aws/ami", "/aws/ami", true],
    ["/", "/", true],
  ])("says for %j and the value %j: %j", (text, value, expected) => {
    expect(matches(text, value)).toBe(expected);
  });

  it.each([
    ["prod", 0],
    ["\\*", 0],
    ["prod-?", 1],
    ["prod-*", 1],
    ["*.micro", 3],
    ["*a*?bcde*f", 3],
    ["/a{3}/", 3],
    ["/(a|b)*/i", 4],
  ])("keeps its text and its cost: %s, %i", (text, cost) => {
    expect(matcherOf(text)).toMatchObject({ text, cost });
  });

  it.each([
    [
      "/prod/g",
      'has a flag other than "i" after the last "/" of its pattern; remove it, or begin with "\\/" if it is no pattern',
    ],
    ["prod\\", 'ends with a lone "\\"; write "\\\\" for a backslash'],
    [
      "cc-\\d{4}",
      'has a "\\" without a meaning at character 4; write "\\\\" for a backslash, or put "/" around a regular expression',
    ],
    ["/(a/", 'has a "(" without ")" at character 2; write "\\(" for the character itself'],
  ])("refuses %s", (text, problem) => {
    expect(problemOf(text)).toBe(problem);
  });

  it("matches what its wildcards mean", () => {
    const piece = fc.constantFrom("*", "?", "\\*", "\\?", "\\\\", "\\/", "a", "b", "😀", "\ud83d");
    const pieces = fc.array(piece, { maxLength: 7 });
    const value = fc.array(fc.constantFrom("a", "b", "*", "?", "\\", "/", "😀", "\ud83d"), { maxLength: 7 });
    fc.assert(
      fc.property(pieces, value, (pieces, characters) => {
        const text = characters.join("");
        expect(matches(pieces.join(""), text)).toBe(matchesSlowly(pieces, [...text]));
      }),
      { numRuns: 2000 },
    );
  });

  it.each([
    ["t3.micro", "t3.micro"],
    ["a*?\\", "a\\*\\?\\\\"],
    ["/x/", "\\/x/"],
    ["/a/b/i", "\\/a/b/i"],
    ["/aws/ami", "/aws/ami"],
  ])("escapes %j as %j", (text, escaped) => {
    expect(literal(text)).toBe(escaped);
    expect(matches(escaped, text)).toBe(true);
  });

  it.each([
    ["Password", "passWORD", true],
    ["PASS*\\*", "password*", true],
    ["P?SS", "pÄss", true],
    ["Password", "passwords", false],
    ["/Pass(word)?/", "PASS", true],
    ["/\\D+/i", "Pass", true],
    ["/\\D+/", "7", false],
    ["/Password/I", "/password/i", true],
  ])("ignores case on demand: %j and %j", (text, value, expected) => {
    const ignoring = ignoringCase(matcherOf(text));
    expect(ignoring.matches(value)).toBe(expected);
    expect(matcherOf(text).matches(value.toUpperCase()) && !ignoring.matches(value.toUpperCase())).toBe(false);
  });

  it("reads the literal of any text as a matcher of this text only", () => {
    fc.assert(
      fc.property(anyText, anyText, (text, other) => {
        const matcher = matcherOf(literal(text));
        expect([matcher.cost, matcher.matches(text), matcher.matches(other)]).toEqual([0, true, other === text]);
      }),
    );
  });

  it("reads any text, or refuses it with a problem", () => {
    fc.assert(
      fc.property(anyText, anyText, (text, value) => {
        for (const written of [text, `/${text}/`, `/${text}/i`]) {
          const reading = readMatcher(written);
          if ("problem" in reading) expect(reading.problem).toMatch(/^(?:has|ends) .*; .*[^.]$/);
          else expect(typeof reading.matcher.matches(value)).toBe("boolean");
        }
      }),
      { numRuns: 2000 },
    );
  });
});
