/** Whole numbers from the first to the last, both included. */
export type Interval = readonly [from: number, to: number];

/** A set of whole numbers: intervals in ascending order that neither overlap nor touch. */
export type Intervals = readonly Interval[];

/** Returns the numbers that are in any of the sets, or in any of the intervals in any order. */
export function union(sets: readonly Intervals[]): Intervals {
  const joined: [from: number, to: number][] = [];
  for (const [from, to] of sets.flat().sort(([a], [b]) => a - b)) {
    const last = joined.at(-1);
    if (last !== undefined && from <= last[1] + 1) last[1] = Math.max(last[1], to);
    else joined.push([from, to]);
  }
  return joined;
}

/** Returns the numbers that are in both sets. */
export function intersection(a: Intervals, b: Intervals): Intervals {
  const both: Interval[] = [];
  for (let [i, j] = [0, 0]; ; ) {
    const [left, right] = [a[i], b[j]];
    if (left === undefined || right === undefined) return both;
    const [from, to] = [Math.max(left[0], right[0]), Math.min(left[1], right[1])];
    if (from <= to) both.push([from, to]);
    if (left[1] < right[1]) i += 1;
    else j += 1;
  }
}

/** Returns the numbers of the first set that are not in the second. */
export function difference(a: Intervals, b: Intervals): Intervals {
  const starts = [Number.NEGATIVE_INFINITY, ...b.map(([, to]) => to + 1)];
  const ends = [...b.map(([from]) => from - 1), Number.POSITIVE_INFINITY];
  return intersection(
    a,
    starts.flatMap((from, index): Intervals => [[from, ends[index] ?? from]]),
  );
}
