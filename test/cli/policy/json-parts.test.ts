import { describe, expect, it } from "vitest";
import { jsonParts } from "../../../src/cli/policy/json-parts.ts";

function partsOf(value: unknown, size: number, space = 0): unknown[] {
  return [...jsonParts(Buffer.from(JSON.stringify(value, null, space)), size)].map((part) => JSON.parse(part));
}

const item = (id: number) => ({ id, tags: [{ Key: 'a "b], \\', Value: "c}]" }] });

describe("jsonParts", () => {
  it("returns a short document as it is", () => {
    expect([...jsonParts(Buffer.from(' {"a": 1} '))]).toEqual([' {"a": 1} ']);
  });

  it.each([0, 2])("splits the lists of an object, with %i spaces", (space) => {
    const items = Array.from({ length: 9 }, (_, id) => item(id));
    const parts = partsOf({ Reservations: items, NextToken: "x", Empty: [], Volumes: items.slice(0, 1) }, 120, space);
    expect(parts.length).toBeGreaterThan(4);
    expect(parts.flatMap((part) => (part as { Reservations?: object[] }).Reservations ?? [])).toEqual(items);
    expect(parts.filter((part) => "Empty" in (part as object))).toEqual([{ Empty: [] }]);
    expect(parts.at(-1)).toEqual({ Volumes: items.slice(0, 1) });
  });

  it("splits a list", () => {
    const items = Array.from({ length: 9 }, (_, id) => item(id));
    const parts = partsOf(items, 120, 2);
    expect(parts.length).toBeGreaterThan(2);
    expect(parts.flat()).toEqual(items);
  });

  it("ends with a part that is not JSON for text that is cut off", () => {
    const parts = [...jsonParts(Buffer.from(`{"Reservations": [${"{},".repeat(50)}{}`), 40)];
    expect(() => JSON.parse(parts.at(-1) ?? "")).toThrow(SyntaxError);
  });
});
