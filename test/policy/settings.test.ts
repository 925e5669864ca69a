import { describe, expect, it } from "vitest";
import {
  flag,
  integer,
  list,
  MAX_PROBLEMS,
  matcher,
  matchers,
  matchesAny,
  object,
  oneOf,
  oneOrMore,
  optional,
  orList,
  type Reading,
  required,
  type Setting,
  startReading,
  text,
  withDefault,
} from "../../src/policy/settings.ts";

const name = text({ max: 4, pattern: /^[a-z]+$/, shape: "a name" });
const size = oneOf(["small", "large"]);
const shelf = object(
  {
    name: required(name, { about: "Its name.", demand: "named {}" }),
    size: optional(size, { about: "Its size.", demand: "of size {}" }),
    open: withDefault(flag, true, { about: "Whether it is open.", demand: "open", demandIfFalse: "closed" }),
    books: optional(integer(0, 9), { about: "Its books." }),
  },
  { shape: "a shelf", atLeastOne: ["size", "books"] },
);

/** Reads a value at the path `x`. */
function read<T>(setting: Setting<T>, value: unknown, reading: Reading = startReading()) {
  const result = setting.read(value, "x", reading);
  const problems = reading.problems.map(({ path, problem }) => `${path} ${problem}`);
  return problems.length > 0 ? problems : { value: result };
}

describe("a setting", () => {
  it.each<[string, Setting<unknown>, unknown]>([
    ["text", name, "abcd"],
    ["one of several texts", size, "large"],
    ["a flag", flag, false],
    ["the least integer", integer(1, 9), 1],
    ["the greatest integer", integer(1, 9), 9],
    ["the shortest list", list(name, { max: 2, of: "names" }), ["a"]],
    ["the longest list", list(name, { max: 2, of: "names" }), ["a", "b"]],
    ["an empty list, if it may be empty", list(name, { min: 0, max: 2, of: "names" }), []],
    ["a list where one is enough", oneOrMore(name, { max: 2, of: "names" }), ["a", "b"]],
  ])("accepts %s", (_, setting, value) => {
    expect(read(setting, value)).toEqual({ value });
  });

  it("accepts one item as a list of it", () => {
    expect(read(oneOrMore(name, { max: 2, of: "names" }), "a")).toEqual({ value: ["a"] });
  });

  it("accepts a matcher of 1,024 characters", () => {
    expect(read(matcher, "x".repeat(1024))).toMatchObject({ value: { text: "x".repeat(1024) } });
  });

  it("counts the characters of text, not its UTF-16 units", () => {
    const long = text({ max: 70, shape: "text" });
    expect(read(long, "😀".repeat(70))).toEqual({ value: "😀".repeat(70) });
    expect(read(long, "😀".repeat(71))).toEqual(["x must be text"]);
  });

  it.each<[string, Setting<unknown>, unknown, string[]]>([
    ["text that is too long", name, "abcde", ["x must be a name"]],
    ["text of another form", name, "A", ["x must be a name"]],
    ["a number as text", name, 1, ["x must be a name"]],
    ["another text", size, "huge", ['x must be one of "small", "large"']],
    ["a misspelled text", size, "smal", ['x must be one of "small", "large"; did you mean "small"?']],
    ["another text than the only one", oneOf(["a"]), "abcdef", ['x must be "a"']],
    ["a list as text", size, ["small"], ['x must be one of "small", "large"']],
    ["text as a flag", flag, "true", ["x must be true or false"]],
    ["null as a flag", flag, null, ["x must be true or false"]],
    ["an integer below the range", integer(1, 9), 0, ["x must be a whole number from 1 to 9"]],
    ["an integer above the range", integer(1, 9), 10, ["x must be a whole number from 1 to 9"]],
    ["a fraction", integer(1, 9), 1.5, ["x must be a whole number from 1 to 9"]],
    ["text as an integer", integer(1, 9), "1", ["x must be a whole number from 1 to 9"]],
    ["an empty list", list(name, { max: 2, of: "names" }), [], ["x must be a list of 1 to 2 names"]],
    [
      "a list that is too long",
      list(name, { min: 0, max: 1, of: "names" }),
      ["a", "b"],
      ["x must be a list of up to 1 names"],
    ],
    ["text as a list", list(name, { max: 2, of: "names" }), "a", ["x must be a list of 1 to 2 names"]],
    [
      "invalid items of a list",
      list(name, { max: 3, of: "names" }),
      ["A", "b", 1],
      ["x[0] must be a name", "x[2] must be a name"],
    ],
    ["invalid items where one is enough", oneOrMore(name, { max: 3, of: "names" }), ["A"], ["x[0] must be a name"]],
    ["an invalid item as a list", oneOrMore(name, { max: 3, of: "names" }), 1, ["x must be a name"]],
    ["a list as an object", shelf, [], ["x must be a shelf"]],
    ["null as an object", shelf, null, ["x must be a shelf"]],
    [
      "a number as a matcher",
      matcher,
      1,
      ["x must be text of up to 1024 characters, with the wildcards * and ?, or a /pattern/"],
    ],
    [
      "a matcher that is too long",
      matcher,
      "x".repeat(1025),
      ["x must be text of up to 1024 characters, with the wildcards * and ?, or a /pattern/"],
    ],
  ])("refuses %s", (_, setting, value, problems) => {
    expect(read(setting, value)).toEqual(problems);
    expect(setting.read(value, "x", startReading())).toBeUndefined();
  });

  it("describes its values in words", () => {
    expect(list(name, { max: 3, of: "names" }).say(["a", "b", "c"])).toBe('"a", "b" or "c"');
    expect(size.say("small")).toBe("small");
    expect([integer(1, 9).say(7), flag.say(true)]).toEqual(["7", "true"]);
    expect([orList([]), orList(["a"]), orList(["a", "b"], "and")]).toEqual(["", "a", "a and b"]);
  });

  it.each<[Setting<unknown>, object]>([
    [name, { type: "string", maxLength: 4, pattern: "^[a-z]+$" }],
    [text({ max: 4, shape: "text" }), { type: "string", maxLength: 4 }],
    [size, { enum: ["small", "large"] }],
    [oneOf(["a"]), { const: "a" }],
    [flag, { type: "boolean" }],
    [integer(1, 9), { type: "integer", minimum: 1, maximum: 9 }],
    [list(flag, { max: 2, of: "flags" }), { type: "array", items: { type: "boolean" }, minItems: 1, maxItems: 2 }],
    [matcher, { $ref: "#/$defs/matcher" }],
    [
      oneOrMore(flag, { min: 0, max: 2, of: "flags" }),
      { anyOf: [{ type: "boolean" }, { type: "array", items: { type: "boolean" }, minItems: 0, maxItems: 2 }] },
    ],
  ])("has a JSON Schema: %#", (setting, schema) => {
    expect(setting.schema()).toEqual(schema);
  });
});

describe("an object", () => {
  it("has its values and the defaults of those that are missing", () => {
    expect(read(shelf, { name: "a", books: 3 })).toEqual({
      value: { name: "a", size: undefined, open: true, books: 3 },
    });
    expect(read(shelf, { name: "a", size: "small", open: false })).toMatchObject({ value: { open: false } });
  });

  it("reports a missing key, an unknown one and an invalid value together", () => {
    expect(read(shelf, { sise: "small", books: -1 })).toEqual([
      'x has an unknown key: did you mean "size"?',
      "x.name is missing: it must be a name",
      "x.books must be a whole number from 0 to 9",
    ]);
  });

  it("lists its keys when an unknown key is like none of them", () => {
    const problem = 'x has an unknown key: the keys are "name", "size", "open", "books"';
    expect(read(shelf, { name: "a", size: "small", cellar: 1 })).toEqual([problem]);
    expect(read(shelf, { name: "a", size: "small", ["n".repeat(1000)]: 1 })).toEqual([problem]);
  });

  it("must have one of the keys of which it needs one", () => {
    expect(read(shelf, { name: "a" })).toEqual(['x must have at least one of "size", "books"']);
    const one = object({ size: optional(size, { about: "." }) }, { shape: "one", atLeastOne: ["size"] });
    expect(read(one, {})).toEqual(['x must have "size"']);
  });

  it("inherits no value, and takes __proto__ for an unknown key", () => {
    expect(read(shelf, Object.create({ name: "a", size: "small" }))).toHaveLength(2);
    expect(read(shelf, JSON.parse('{"name": "a", "size": "small", "__proto__": {"open": 1}}'))).toEqual([
      'x has an unknown key: the keys are "name", "size", "open", "books"',
    ]);
  });

  it("says what its values demand", () => {
    const values = { name: "a", size: "small", open: true, books: 3 } as const;
    expect(shelf.say(values)).toBe('named "a"; of size small; open');
    expect(shelf.say({ ...values, size: undefined, open: false })).toBe('named "a"; closed');
  });

  it("does not take a value for a replacement pattern", () => {
    const any = object(
      { name: required(text({ max: 9, shape: "text" }), { about: ".", demand: "is {}." }) },
      { shape: "o" },
    );
    expect(any.say({ name: "$&$1" })).toBe('is "$&$1".');
  });

  it("has a JSON Schema with the purpose of each key", () => {
    expect(shelf.schema()).toEqual({
      type: "object",
      properties: {
        name: { description: "Its name.", type: "string", maxLength: 4, pattern: "^[a-z]+$" },
        size: { description: "Its size.", enum: ["small", "large"] },
        open: { description: "Whether it is open.", type: "boolean" },
        books: { description: "Its books.", type: "integer", minimum: 0, maximum: 9 },
      },
      required: ["name"],
      anyOf: [{ required: ["size"] }, { required: ["books"] }],
      additionalProperties: false,
    });
    const free = object({ open: optional(flag, { about: "." }) }, { shape: "an object" });
    expect(free.schema()).toEqual({
      type: "object",
      properties: { open: { description: ".", type: "boolean" } },
      additionalProperties: false,
    });
  });

  it("knows the default of a key, as JSON", () => {
    const about = { about: "." };
    expect(withDefault(size, "small", about)).toMatchObject({ isRequired: false, fallback: '"small"' });
    expect(optional(size, about)).toMatchObject({ isRequired: false, fallback: null });
    expect(required(size, about)).toMatchObject({ isRequired: true, fallback: null });
  });
});

describe("matchers", () => {
  it("match when one of them does", () => {
    const result = read(matchers, ["prod", "stag*"]);
    const all = "value" in result ? (result.value ?? []) : [];
    expect(["prod", "staging", "dev"].map((value) => matchesAny(all, value))).toEqual([true, true, false]);
    expect(matchers.say(all)).toBe('"prod" or "stag*"');
  });

  it("cost 2,000 states together at most, whatever their number", () => {
    const costly = "/a{250}/";
    const reading = startReading();
    expect(read(matchers, Array(8).fill(costly), reading)).toMatchObject({ value: expect.anything() });
    expect(reading.cost).toBe(2000);
    expect(read(matchers, ["prod", "?", costly, "/(/"], reading)).toEqual([
      'x[1] is one pattern or wildcard too many: together they would take too long; use more texts without them, and lower counts such as "{1,30}"',
    ]);
    expect(reading.cost).toBe(2001);
  });
});

describe("the problems of a reading", () => {
  it.each([
    [undefined, null],
    [null, "null"],
    [1.5, "1.5"],
    ["pro\nd", '"pro\\nd"'],
    ["x".repeat(78), `"${"x".repeat(78)}"`],
    ["x".repeat(79), `"${"x".repeat(79)}…`],
    [[[1]], "a list"],
    [{ a: 1 }, "an object"],
  ])("show what was found, in short: %j", (found, shown) => {
    const reading = startReading();
    expect(reading.report("x", "is wrong", found)).toBeUndefined();
    expect(reading.problems).toEqual([{ path: "x", problem: "is wrong", found: shown }]);
  });

  it("are counted beyond the number that is kept, so that no invalid object is used", () => {
    const reading = startReading();
    const many = list(shelf, { max: 1000, of: "shelves" });
    expect(many.read(Array(100).fill({ size: "small" }), "x", reading)).toBeUndefined();
    expect([reading.problems.length, reading.count]).toEqual([MAX_PROBLEMS, 100]);
    expect(shelf.read({ size: "small" }, "x", reading)).toBeUndefined();
  });
});
