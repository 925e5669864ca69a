import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  difference,
  type Interval,
  type Intervals,
  intersection,
  union,
} from "../../../src/policy/exposure/intervals.ts";

const SIZE = 12;
const interval = fc
  .tuple(fc.nat(SIZE - 1), fc.nat(SIZE - 1))
  .map(([a, b]): Interval => [Math.min(a, b), Math.max(a, b)]);
const anyIntervals = fc.array(interval, { maxLength: 5 });
const anySet = anyIntervals.map((intervals) => union([intervals]));

const numbers = Array.from({ length: SIZE }, (_, number) => number);
const has = (set: Intervals, number: number) => set.some(([from, to]) => from <= number && number <= to);

/** Expects a set in its one form, with the numbers that pass. */
function expectSet(set: Intervals, passes: (number: number) => boolean) {
  expect(numbers.filter((number) => has(set, number))).toEqual(numbers.filter(passes));
  for (const [index, [from]] of set.slice(1).entries()) expect(from).toBeGreaterThan((set[index]?.[1] ?? SIZE) + 1);
  for (const [from, to] of set) expect(from).toBeLessThanOrEqual(to);
}

describe("sets of intervals", () => {
  it("unites sets in any order, and joins intervals that touch", () => {
    expect(
      union([
        [[5, 6]],
        [
          [1, 2],
          [3, 4],
        ],
      ]),
    ).toEqual([[1, 6]]);
    fc.assert(
      fc.property(anyIntervals, anyIntervals, (a, b) =>
        expectSet(union([a, b]), (number) => has(a, number) || has(b, number)),
      ),
    );
  });

  it("intersects two sets", () => {
    fc.assert(
      fc.property(anySet, anySet, (a, b) =>
        expectSet(intersection(a, b), (number) => has(a, number) && has(b, number)),
      ),
    );
  });

  it("subtracts a set from another", () => {
    fc.assert(
      fc.property(anySet, anySet, (a, b) => expectSet(difference(a, b), (number) => has(a, number) && !has(b, number))),
    );
  });
});
