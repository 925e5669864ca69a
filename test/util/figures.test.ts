import { expect, it } from "vitest";
import { counted, dateOf, percent, sentence } from "../../src/util/figures.ts";

it("counts things", () => {
  expect([0, 1, 999, 1_000, 12_480, 1_234_567].map((count) => counted(count, "finding"))).toEqual([
    "0 findings",
    "1 finding",
    "999 findings",
    "1,000 findings",
    "12,480 findings",
    "1,234,567 findings",
  ]);
});

it.each([
  [942, 1000, "94.2 %"],
  [9_999, 10_000, "99.9 %"],
  [10_000, 10_000, "100 %"],
  [0, 7, "0.0 %"],
  [29, 100, "29.0 %"],
  [0, 0, null],
])("states %i of %i as %s", (part, whole, share) => {
  expect(percent(part, whole)).toBe(share);
});

it("states a day in UTC", () => {
  expect(dateOf("2026-11-01T23:59:59.999Z")).toBe("1 Nov 2026");
  expect(dateOf("2026-12-31")).toBe("31 Dec 2026");
});

it("makes a sentence of a clause", () => {
  expect(["the tag is missing", "It is.", ""].map(sentence)).toEqual(["The tag is missing.", "It is.", "."]);
});
