import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { accepts, readPattern, type State } from "../../src/policy/pattern.ts";

function compiled(source: string, ignoreCase = false): { start: State; cost: number } {
  const reading = readPattern(source, ignoreCase);
  if ("problem" in reading) throw new Error(`${source} ${reading.problem}`);
  return { start: reading.pattern.compile(), cost: reading.pattern.cost };
}

const matches = (source: string, text: string, ignoreCase = false): boolean =>
  accepts(compiled(source, ignoreCase).start, text);

function problemOf(source: string): string | undefined {
  const reading = readPattern(source, false);
  return "problem" in reading ? reading.problem : undefined;
}

/** The states of an automaton, in the order of discovery. */
function statesOf(start: State): State[] {
  const states = new Set([start]);
  for (const state of states) for (const next of state.to) states.add(next);
  return [...states];
}

/** Few characters, so that patterns often match: letters with several cases, a pair of surrogates, halves of pairs, line breaks. */
const CHARACTERS = [
  "a",
  "b",
  "A",
  "K",
  "k",
  "\u212a",
  "s",
  "ſ",
  "é",
  "É",
  "ß",
  "ẞ",
  "-",
  "/",
  "_",
  "0",
  "9",
  " ",
  "\n",
];
const character = fc.constantFrom(...CHARACTERS, "\u2028", "😀", "\ud83d", "\ude00", "σ", "ς", "İ", "ı", "i");
const text = fc.array(character, { maxLength: 8 }).map((characters) => characters.join(""));

const set = fc.constantFrom("\\d", "\\D", "\\w", "\\W", "\\s", "\\S");
const control = fc.constantFrom("\\t", "\\n", "\\r", "\\/", "\\.", "\\*", "\\\\", "\\]");
const range = fc
  .tuple(character, character)
  .map(([one, other]) => ((one.codePointAt(0) ?? 0) < (other.codePointAt(0) ?? 0) ? [one, other] : [other, one]))
  .map(([low, high]) => `${low === "-" ? "\\-" : low}-${high === "-" ? "\\-" : high}`);
const characterClass = fc
  .tuple(
    fc.constantFrom("", "^"),
    fc.array(
      fc.oneof(
        character.map((one) => (one === "-" ? "\\-" : one)),
        range,
        set,
        control,
      ),
      {
        minLength: 1,
        maxLength: 4,
      },
    ),
  )
  .map(([not, items]) => `[${not}${items.join("")}]`);
const quantifier = fc.constantFrom("*", "+", "?", "*?", "+?", "??", "{0}", "{2}", "{1,}", "{0,2}", "{1,3}?", "{2,}");
const { pattern } = fc.letrec<{ pattern: string; atom: string; item: string; items: string }>((tie) => ({
  atom: fc.oneof(
    { depthSize: "small" },
    fc.oneof(character, set, control, characterClass, fc.constant(".")),
    tie("pattern").map((inner) => `(${inner})`),
    tie("pattern").map((inner) => `(?:${inner})`),
  ),
  item: fc.oneof(
    { weight: 2, arbitrary: tie("atom") },
    fc.tuple(tie("atom"), quantifier).map((parts) => parts.join("")),
  ),
  items: fc.array(tie("item"), { maxLength: 4 }).map((items) => items.join("")),
  pattern: fc.array(tie("items"), { minLength: 1, maxLength: 3 }).map((choices) => choices.join("|")),
}));

describe("pattern", () => {
  it("matches the texts that JavaScript's RegExp matches as a whole", () => {
    const anchored = fc
      .array(fc.tuple(fc.constantFrom("", "^"), pattern, fc.constantFrom("", "$")), { minLength: 1, maxLength: 2 })
      .map((choices) => choices.map(([start, inner, end]) => `${start}(${inner})${end}`).join("|"));
    fc.assert(
      fc.property(
        fc.oneof(pattern, anchored),
        fc.boolean(),
        fc.array(text, { minLength: 5, maxLength: 6 }),
        (source, ignoreCase, texts) => {
          const reading = readPattern(source, ignoreCase);
          // JavaScript's own RegExp takes minutes for some patterns with many repeated groups.
          fc.pre((source.match(/\)[*+{]/g) ?? []).length <= 3);
          fc.pre(source !== "" && !("problem" in reading && reading.problem.startsWith("has a pattern of over")));
          const { start, cost } = compiled(source, ignoreCase);
          expect(statesOf(start).length).toBeLessThanOrEqual(cost + 1);
          const expected = new RegExp(`^(?:${source})$`, ignoreCase ? "iu" : "u");
          for (const value of texts) expect([value, accepts(start, value)]).toEqual([value, expected.test(value)]);
        },
      ),
      { numRuns: 400 },
    );
  });

  it.each([
    ["^prod$", "prod", true],
    ["^a|b$", "ab", false],
    ["^$", "", true],
    ["a$|^b", "b", true],
    ["(a*)*", "", true],
    ["(|a)+", "aa", true],
    ["a{2,}", "a", false],
    ["a{2,}", "aaaa", true],
    ["a{0}", "", true],
    ["a{0,}", "", true],
    ["(a{2}){2}", "aaaa", true],
    ["a{256}", "a".repeat(256), true],
    ["a{1,256}", "a".repeat(256), true],
    [".", "😀", true],
    [".", "\ud83d", true],
    ["\ud83d.", "😀", false],
    [".", "\n", false],
    ["\\-\\:\\_\\@\\ \\é\\]", "-:_@ é]", true],
    ["\\t\\n\\r\\f\\v", "\t\n\r\f\v", true],
    ["[\\t-\\r]", "\v", true],
    ["[-a]", "-", true],
    ["[a-]", "-", true],
    ["[^-a]", "-", false],
    ["[\\^a]", "^", true],
    ["[a^]", "^", true],
    ["[.]", "a", false],
    ["[a\\]]", "]", true],
    ["a/b", "a/b", true],
  ])("says for %j and the text %j: %j", (source, text, expected) => {
    expect(matches(source, text)).toBe(expected);
  });

  it.each([
    ["é", "É", true],
    ["[a-z]+", "PROD", true],
    ["k", "\u212a", true],
    ["ß", "ẞ", true],
    ["σ", "ς", true],
    ["i", "İ", false],
    ["ß", "ss", false],
  ])("ignores case as JavaScript does: %j and %j", (source, text, expected) => {
    expect([matches(source, text, true), matches(source, text)]).toEqual([expected, false]);
  });

  it.each([
    ["ab", 2],
    ["a|b|", 4],
    ["a?", 2],
    ["a*", 2],
    ["a+", 2],
    ["a{3,}", 4],
    ["a{2,4}", 6],
    ["(a{2}){3}", 6],
    ["a{0}", 1],
    ["(a{250}){4}", 1000],
  ])("counts the states of %s: %d", (source, cost) => {
    expect(compiled(source).cost).toBe(cost);
  });

  it("reads a pattern of up to 256 characters, each of which may be two code units", () => {
    expect(problemOf("😀".repeat(256))).toBeUndefined();
    expect(problemOf("a".repeat(257))).toBe("has a pattern of over 256 characters; use several shorter matchers");
  });

  it.each([
    ["a(b", 'has a "(" without ")" at character 3; write "\\(" for the character itself'],
    ["a)b", 'has a ")" that closes nothing at character 3; write "\\)" for the character itself'],
    ["a}", 'has a "}" that closes nothing at character 3; write "\\}" for the character itself'],
    ["[[:alpha:]]", 'has a "]" that closes nothing at character 12; write "\\]" for the character itself'],
    ["a[b", 'has a "[" without "]" at character 3; write "\\[" for the character itself'],
    ["[a-", 'has a "[" without "]" at character 2; write "\\[" for the character itself'],
    ["[]a]", 'has an empty "[]" at character 2; list the characters'],
    ["[z-a]", 'has a range out of order at character 3; put the lower character first, or write "\\-" for a hyphen'],
    ["[\\d-z]", 'has a range out of order at character 3; put the lower character first, or write "\\-" for a hyphen'],
    ["[a-\\d]", 'has a range out of order at character 3; put the lower character first, or write "\\-" for a hyphen'],
    ["*a", 'has a "*" with nothing to repeat at character 2; write "\\*" for the character itself'],
    ["a|+", 'has a "+" with nothing to repeat at character 4; write "\\+" for the character itself'],
    ["a++", 'has a "+" with nothing to repeat at character 4; write "\\+" for the character itself'],
    ["^?", 'has a "?" with nothing to repeat at character 3; write "\\?" for the character itself'],
    ["a{2}{3}", 'has a "{" with nothing to repeat at character 6; write "\\{" for the character itself'],
    [
      "a{,3}",
      'has a "{" that begins no count at character 3; write a count such as "{1,3}", or write "\\{" for the character itself',
    ],
    [
      "a{{2}",
      'has a "{" that begins no count at character 3; write a count such as "{1,3}", or write "\\{" for the character itself',
    ],
    [
      "a{12",
      'has a "{" that begins no count at character 3; write a count such as "{1,3}", or write "\\{" for the character itself',
    ],
    ["a{3,1}", "has a count whose limits are out of order at character 3; put the lower one first"],
    ["a{257}", "has a count over 256 at character 3; use a lower one"],
    ["a{257,}", "has a count over 256 at character 3; use a lower one"],
    ["a{1,257}", "has a count over 256 at character 3; use a lower one"],
    ["a^b", 'has a "^" that is not at the start at character 3; write "\\^" for the character itself'],
    ["(^a)", 'has a "^" that is not at the start at character 3; write "\\^" for the character itself'],
    ["(a|^b)", 'has a "^" that is not at the start at character 5; write "\\^" for the character itself'],
    ["a$b", 'has a "$" that is not at the end at character 3; write "\\$" for the character itself'],
    [
      "(?=a)",
      'has an unsupported lookahead or lookbehind at character 2; use several matchers, or a condition with "not"',
    ],
    [
      "(?!a)",
      'has an unsupported lookahead or lookbehind at character 2; use several matchers, or a condition with "not"',
    ],
    [
      "(?<=a)",
      'has an unsupported lookahead or lookbehind at character 2; use several matchers, or a condition with "not"',
    ],
    [
      "(?<!a)",
      'has an unsupported lookahead or lookbehind at character 2; use several matchers, or a condition with "not"',
    ],
    ["(?<name>a)", 'has an unsupported "(?" at character 2; write "(" or "(?:", without a name or flags'],
    ["(?i!a)", 'has an unsupported "(?" at character 2; write "(" or "(?:", without a name or flags'],
    ["(?i)a", 'has an unsupported "(?" at character 2; write "(" or "(?:", without a name or flags'],
    ["\\bfoo", 'has an unsupported word boundary at character 2; write what may surround the word, such as ".*"'],
    ["(a)\\1", "has an unsupported backreference at character 5; write out the texts that may repeat"],
    ["(a)\\k", "has an unsupported backreference at character 5; write out the texts that may repeat"],
    ["\\p{L}", 'has an unsupported Unicode property at character 2; use a class, such as "[A-Za-zÀ-ÿ]"'],
    ["[\\P{L}]", 'has an unsupported Unicode property at character 3; use a class, such as "[A-Za-zÀ-ÿ]"'],
    ["\\x41", 'has a "\\" without a meaning at character 2; write the character itself, or "\\\\" for a backslash'],
    ["[\\0]", 'has a "\\" without a meaning at character 3; write the character itself, or "\\\\" for a backslash'],
    ["a\\", 'has a "\\" without a meaning at character 3; write the character itself, or "\\\\" for a backslash'],
    ["(.{1,30}){1,30}", 'has a pattern of over 1000 states; lower its counts, such as "{1,30}"'],
    ["(a{250}){4}b", 'has a pattern of over 1000 states; lower its counts, such as "{1,30}"'],
    ["((){256}){256}", 'has a pattern of over 1000 states; lower its counts, such as "{1,30}"'],
    ["", 'has nothing between its "/"; write "" for an empty value'],
  ])("refuses %s", (source, problem) => {
    expect(problemOf(source)).toBe(problem);
  });

  it.each([
    ["(a*)*b", "a".repeat(256)],
    ["(a|a)*b", "a".repeat(256)],
    ["(a+)+b", "a".repeat(256)],
    [".*.*.*.*x", "a".repeat(256)],
    ["(.{1,22}){1,22}", "ab".repeat(128)],
    ["((.?){256}){0,1}(.?){200}x", "ab".repeat(128)],
    [`${"(".repeat(80)}a${")*".repeat(80)}`, "a".repeat(256)],
    [`(${"|".repeat(120)}a)*`, "a".repeat(256)],
  ])("reads %s in at most one step for each state and character", (source, value) => {
    const { start, cost } = compiled(source);
    let steps = 0;
    const states = statesOf(start);
    for (const state of states) {
      const { reads } = state;
      if (reads === null) continue;
      state.reads = (character) => {
        steps += 1;
        return reads(character);
      };
    }
    accepts(start, value);
    expect(states.length).toBeLessThanOrEqual(cost + 1);
    expect(steps).toBeLessThanOrEqual(cost * value.length);
  });
});
