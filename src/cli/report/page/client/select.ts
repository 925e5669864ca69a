import { type Name, TEXT_COLUMNS, type Value } from "../packed.ts";
import type { Findings } from "./findings.ts";
import { FILTERS, type Filter, SEVERITIES, type Sort, type State } from "./state.ts";

/** The rows that a state shows. */
export interface Selection {
  /** In their order. */
  readonly rows: Uint32Array;
  /** How many rows there are for each value of a column, by the index of the value, when the column is not filtered. */
  readonly counts: ReadonlyMap<Filter, Uint32Array>;
}

/** The columns that a sort compares, the most important one last. */
const COMPARED: Readonly<Partial<Record<Sort, readonly Name[]>>> = {
  name: ["instanceId", "name"],
  ruleId: ["message", "ruleId"],
  account: ["region", "account"],
};

/** Returns a function that finds the rows of a state. It keeps what the next state can use again. */
export function selector(findings: Findings): (state: State) => Selection {
  const lowered = new Map<Name, readonly string[]>();
  const ranks = new Map<Name, Uint32Array>();
  const every = new Uint8Array(findings.count).fill(1);
  const all = Uint32Array.from(every, (_, row) => row);
  let found: { readonly search: string; readonly hits: Uint8Array } = { search: "", hits: every };
  let sorted: { readonly key: string; readonly order: Uint32Array } = { key: "", order: all };

  /** Returns a 1 for each row that has every word in one of its texts. */
  function find(search: string): Uint8Array {
    const hits = every.slice();
    for (const word of search.toLowerCase().split(/\s+/)) {
      if (word === "") continue;
      const hit = new Uint8Array(findings.count);
      for (const column of TEXT_COLUMNS) {
        const { codes } = findings.column(column);
        const flags = flagsOf(textsOf(column), word);
        if (flags.includes(1)) for (let row = 0; row < hit.length; row++) hit[row] ||= flags[codes[row] ?? 0] ?? 0;
      }
      for (let row = 0; row < hit.length; row++) hits[row] &&= hit[row] ?? 0;
    }
    return hits;
  }

  function textsOf(column: Name): readonly string[] {
    return remember(lowered, column, () =>
      findings.column(column).values.map((value) => {
        const text = String(value ?? "");
        return (column === "account" ? `${text} ${findings.accountName(text)}` : text).toLowerCase();
      }),
    );
  }

  /** Returns all rows in order. Rows with the same value keep the order of the report, and rows without one are last. */
  function order(sort: Sort, descending: boolean): Uint32Array {
    return (COMPARED[sort] ?? [sort]).reduce<Uint32Array>((rows, column) => {
      const rank = remember(ranks, column, () => ranksOf(findings, column));
      return sortedBy(rows, rank, findings.column(column).values.length, descending);
    }, all);
  }

  // Before the first keystroke, which would have to wait for it.
  setTimeout(() => TEXT_COLUMNS.forEach(textsOf));

  return ({ search, filters, sort, descending }) => {
    if (search !== found.search) found = { search, hits: find(search) };
    const key = `${sort} ${descending}`;
    if (key !== sorted.key) sorted = { key, order: order(sort, descending) };
    const tests = FILTERS.map((column) => {
      const { values, codes } = findings.column(column);
      const wanted = filters.get(column);
      return {
        codes,
        counts: new Uint32Array(values.length),
        wanted: wanted === undefined ? null : values.indexOf(wanted),
      };
    });
    const shown = new Uint8Array(findings.count);
    let count = 0;
    for (let row = 0; row < shown.length; row++) {
      if (found.hits[row] === 0) continue;
      let failures = 0;
      let failed = tests[0];
      for (const test of tests) {
        if (test.wanted === null || test.codes[row] === test.wanted) continue;
        failures += 1;
        failed = test;
      }
      if (failures === 0) {
        shown[row] = 1;
        count += 1;
        for (const test of tests) increment(test.counts, test.codes[row]);
      } else if (failures === 1 && failed) increment(failed.counts, failed.codes[row]);
    }
    const rows = new Uint32Array(count);
    let next = 0;
    for (const row of sorted.order) if (shown[row] === 1) rows[next++] = row;
    return {
      rows,
      counts: new Map(tests.map(({ counts }, index) => [FILTERS[index] ?? "severity", counts])),
    };
  };
}

/** Returns a 1 for each text with the word. A plain loop takes half the time of `Uint8Array.from`. */
function flagsOf(texts: readonly string[], word: string): Uint8Array {
  const flags = new Uint8Array(texts.length);
  for (let index = 0; index < texts.length; index++) if (texts[index]?.includes(word)) flags[index] = 1;
  return flags;
}

function remember<Key, Result>(known: Map<Key, Result>, key: Key, make: () => Result): Result {
  const result = known.get(key) ?? make();
  known.set(key, result);
  return result;
}

function increment(counts: Uint32Array, index = 0): void {
  counts[index] = (counts[index] ?? 0) + 1;
}

/** Returns the rank of each row's value from 1; 0 for rows without a value. Each distinct value is compared once. */
function ranksOf(findings: Findings, column: Name): Uint32Array {
  const { values, codes } = findings.column(column);
  const { compare } = new Intl.Collator("en", { numeric: true });
  const key = (value: Value) => (column === "account" ? findings.accountName(String(value)) : String(value));
  const ascending = values
    .map((value, index) => ({ value, index, key: key(value) }))
    .sort((a, b) => {
      if (typeof a.value === "number" && typeof b.value === "number") return b.value - a.value;
      if (column === "severity") return SEVERITIES.indexOf(a.value) - SEVERITIES.indexOf(b.value);
      return compare(a.key, b.key);
    });
  const ranks = new Uint32Array(values.length);
  for (const [rank, { value, index }] of ascending.entries()) ranks[index] = value === null ? 0 : rank + 1;
  return codes.map((code) => ranks[code] ?? 0);
}

/** Returns the rows by their ranks, by counting. */
function sortedBy(rows: Uint32Array, ranks: Uint32Array, highest: number, descending: boolean): Uint32Array {
  const placeOf = (row: number) => {
    const rank = ranks[row] ?? 0;
    return rank === 0 ? highest : descending ? highest - rank : rank - 1;
  };
  const starts = new Uint32Array(highest + 2);
  for (const row of rows) increment(starts, placeOf(row) + 1);
  for (let place = 1; place < starts.length; place++) starts[place] = (starts[place] ?? 0) + (starts[place - 1] ?? 0);
  const sorted = new Uint32Array(rows.length);
  for (const row of rows) {
    const place = placeOf(row);
    sorted[starts[place] ?? 0] = row;
    increment(starts, place);
  }
  return sorted;
}
