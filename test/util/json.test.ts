import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { escapeUnseen } from "../../src/util/json.ts";

describe("escapeUnseen", () => {
  it.each([
    ["a C1 control, which some terminals read as the start of an escape", "\u009b31m", "\\u009b31m"],
    ["an escape", "\u001b[2J", "\\u001b[2J"],
    ["DEL", "\u007f", "\\u007f"],
    ["a right-to-left override", "\u202egpj.exe", "\\u202egpj.exe"],
    ["an isolate", "\u2066x\u2069", "\\u2066x\\u2069"],
    ["a line separator and a paragraph separator", "\u2028\u2029", "\\u2028\\u2029"],
    ["zero-width characters", "\u200b\u200d\ufeff", "\\u200b\\u200d\\ufeff"],
    ["a tag character, which is a surrogate pair", "\u{e0041}", "\\udb40\\udc41"],
  ])("writes %s as its escape", (_, text, escaped) => {
    expect(escapeUnseen(text)).toBe(escaped);
  });

  it("does not change visible text, in any script", () => {
    const text = `h\u00e9llo "quoted" \\ \u05d0\u05d1 \u4f60\u597d \u{1f680}`;
    expect(escapeUnseen(text)).toBe(text);
  });

  it("keeps the value of JSON, and leaves no invisible characters in its text", () => {
    fc.assert(
      fc.property(fc.jsonValue({ stringUnit: "binary" }), (value) => {
        const text = escapeUnseen(JSON.stringify(value));
        expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
        expect(text).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
      }),
    );
  });
});
