import { describe, expect, it } from "vitest";
import { RULE_KINDS } from "../../../src/policy/rules/index.ts";
import { problemsOf } from "../../support/policy.ts";

describe.each(RULE_KINDS.map((kind) => [kind.name, kind] as const))("the description of %s", (name, kind) => {
  it("states what the kind demands and why, and what each setting is for, in sentences", () => {
    const texts = [kind.what, kind.why, ...Object.values(kind.fields).map(({ about }) => about)];
    for (const text of texts) expect(text).toMatch(/^[A-Z].{8,}\.$/);
  });

  it("has an example that is a rule of this kind, with instances that fail and pass", () => {
    expect(kind.example.rule.rule).toBe(name);
    expect(problemsOf(kind.example.rule)).toEqual([]);
    expect(Math.min(kind.example.fails.length, kind.example.passes.length)).toBeGreaterThan(0);
    for (const text of [...kind.example.fails, ...kind.example.passes]) expect(text).toMatch(/^.{5,}[^.]$/);
  });

  it("names settings that exist", () => {
    expect(Object.keys(kind.fields)).toEqual(expect.arrayContaining([...(kind.atLeastOne ?? [])]));
  });
});
