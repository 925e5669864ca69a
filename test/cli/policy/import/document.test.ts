import { describe, expect, it } from "vitest";
import { readDocument } from "../../../../src/cli/policy/import/document.ts";

/** Tests the reading of JSON and YAML. The values of YAML are those that PyYAML 6.0.3 gives. */

function readValue(text: string): unknown {
  const reading = readDocument(text);
  return "document" in reading ? reading.document.value : reading;
}

describe("A document in YAML", () => {
  it.each([
    ["yes", true],
    ["Off", false],
    ["y", "y"],
    ["N", "N"],
    ["12:30", 750],
    ["190:20:30", 685230],
    ["1_000", 1000],
    ["017", 15],
    ["08", "08"],
    ["012345678901", "012345678901"],
    ["123456789012", 123456789012],
    ["0o7", "0o7"],
    ["0x1f", 31],
    ["0b11", 3],
    ["1e3", "1e3"],
    ["1.5e3", "1.5e3"],
    ["1.5e+3", 1500],
    [".5", 0.5],
    ["~", null],
    ["'yes'", "yes"],
    ["!!str yes", "yes"],
  ])("has the value of version 1.1 for %s", (text, value) => {
    expect(readValue(`a: ${text}`)).toEqual({ a: value });
  });

  it("has texts as keys", () => {
    expect(readValue("{yes: 1, 12: 2, ~: 3}")).toEqual({ yes: 1, 12: 2, "~": 3 });
  });

  it("has the long form of CloudFormation's functions", () => {
    const text = "a: &x !Ref Name\nb: *x\nc: !Sub [text, {A: !GetAtt B.C}]\nd: !Condition E";
    expect(readValue(text)).toEqual({
      a: { Ref: "Name" },
      b: { Ref: "Name" },
      c: { "Fn::Sub": ["text", { A: { "Fn::GetAtt": "B.C" } }] },
      d: { Condition: "E" },
    });
  });

  it("expands aliases and merges, and gives the lines of the aliased values", () => {
    const reading = readDocument("vars:\n  f: &f\n    - tag:a: absent\nuse:\n  - or: *f\n  - <<: {b: 1}\n    c: 2\n");
    if (!("document" in reading)) throw new Error(reading.problem);
    const { value, lineOf } = reading.document;
    expect(value).toEqual({
      vars: { f: [{ "tag:a": "absent" }] },
      use: [{ or: [{ "tag:a": "absent" }] }, { b: 1, c: 2 }],
    });
    expect([["use", 0], ["use", 0, "or"], ["use", 0, "or", 0], ["use", 1, "b"], ["none"], []].map(lineOf)).toEqual([
      5,
      5,
      3,
      6,
      undefined,
      undefined,
    ]);
  });
});

describe("A text", () => {
  it.each([
    ['{"a": ', "is not JSON at line 1, column 7"],
    ['{"a": 1,\n "b"}', "is not JSON at line 2, column 5"],
    [
      "a: [1",
      "is not YAML at line 1, column 6: Flow sequence in block collection must be sufficiently indented and end with a ]",
    ],
    ["a: 1\na: 2", "is not YAML at line 2, column 1: Map keys must be unique"],
    ["a: *b", "is not YAML: Unresolved alias (the anchor must be set before the alias): b"],
    ["a: b\n---\nc: d", "is not YAML at line 2, column 1: it has several documents, and one is expected"],
  ])("is refused with the place of the mistake: %j", (text, problem) => {
    expect(readDocument(text)).toEqual({ problem });
  });

  it("is refused if its aliases expand to a huge document", () => {
    const levels = [..."abcdefgh"].map((name, index, names) => {
      const use = index === 0 ? "x" : `*${names[index - 1]}`;
      return `${name}: &${name} [${Array.from({ length: 9 }, () => use).join(", ")}]`;
    });
    expect(readDocument(levels.join("\n"))).toEqual({ problem: expect.stringContaining("Excessive alias count") });
  });

  it.each(["[".repeat(20_000), "{a: ".repeat(20_000), "- ".repeat(20_000)])(
    "is refused if it is nested too deeply",
    (text) => {
      expect(readDocument(text)).toEqual({ problem: expect.any(String) });
    },
  );
});
