import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { jsonErrorIn, repeatedKeyIn } from "../../src/util/json-error.ts";

const isJson = (text: string) => {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
};

/** JSON with a few characters inserted, deleted or replaced. */
const nearlyJson = fc
  .tuple(
    fc.json({ maxDepth: 4 }),
    fc.array(
      fc.tuple(fc.nat(), fc.constantFrom("", ",", '"', "{", "]", ":", "\\", "\n", "0", "-", ".", "e", "t", "é")),
      {
        maxLength: 3,
      },
    ),
  )
  .map(([json, edits]) =>
    edits.reduce((text, [where, put]) => {
      const at = where % (text.length + 1);
      return text.slice(0, at) + put + text.slice(at + (where % 2));
    }, json),
  );

describe("jsonErrorIn", () => {
  it.each([
    ["a comma too many", '{\n  "rules": [\n    {"rule": "required-tags"},\n  ]\n}', 4, 3],
    ["a comma too few", '{"rules": [] "exemptions": []}', 1, 14],
    ["an end too early", '{"rules": [', 1, 12],
    ["a single quote", "{'rules': []}", 1, 2],
    ["a line break in a string", '{"rules\n": []}', 1, 8],
    ["an escape that there is not", '{"a": "\\x"}', 1, 8],
    ["a word that is none of JSON's", '{"a": True}', 1, 7],
    ["a number that is none of JSON's", "[1, 01]", 1, 5],
    ["more than one value", "{} {}", 1, 4],
    ["a comment", "// rules\n{}", 1, 1],
    ["nothing", "", 1, 1],
  ])("returns the position of %s", (_, text, line, column) => {
    expect(isJson(text)).toBe(false);
    expect(jsonErrorIn(text)).toEqual({ line, column });
  });

  it("returns null for exactly the texts that JSON.parse accepts", () => {
    fc.assert(
      fc.property(nearlyJson, (text) => {
        expect(jsonErrorIn(text) === null).toBe(isJson(text));
      }),
      { numRuns: 5_000 },
    );
  });

  it("reads text that is deeply nested or has many escapes", () => {
    expect(jsonErrorIn("[".repeat(100_000))).toEqual({ line: 1, column: 100_001 });
    expect(jsonErrorIn(`"${"\\\\".repeat(100_000)}`)).toEqual({ line: 1, column: 200_002 });
  });
});

describe("repeatedKeyIn", () => {
  it.each([
    ["a key", '{"a": 1,\n "a": 2}', 2, 2],
    ["a key with an escape", String.raw`{"a": 1, "\u0061": 2}`, 1, 10],
    ["a key of an inner object", '[{"a": {"b": [], "c": {}, "b" : 1}}]', 1, 27],
    ["a key after an inner object", '{"a": {"b": 1}, "a": 1}', 1, 17],
  ])("returns the position of the repetition of %s", (_, text, line, column) => {
    expect(repeatedKeyIn(text)).toEqual({ line, column });
  });

  it("returns null if the keys of each object are unique, whatever its texts contain", () => {
    expect(repeatedKeyIn(String.raw`{"a": "{\"a\": 1}", "b": {"a": "a"}, "c": ["a", "a"], "A": "\\"}`)).toBeNull();
    fc.assert(fc.property(fc.json(), (text) => repeatedKeyIn(text) === null));
  });
});
