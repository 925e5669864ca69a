import type { Value } from "./packed.ts";

/** A column with a known number of rows, which holds each distinct value once. */
export class Column {
  readonly #codes: Uint32Array;
  readonly #known = new Map<Value, number>();
  #count = 0;

  constructor(rows: number) {
    this.#codes = new Uint32Array(rows);
  }

  /** Adds the value of the next row. */
  add(value: Value): void {
    let code = this.#known.get(value);
    if (code === undefined) {
      code = this.#known.size;
      this.#known.set(value, code);
    }
    this.#codes[this.#count++] = code;
  }

  /** Returns a number for each row, by which rows can be compared as their values, in the order of their UTF-16 units. */
  ranks(): Uint32Array {
    const texts = Array.from(this.#known.keys(), String);
    const ascending = [...texts.keys()].sort((a, b) => ((texts[a] ?? "") < (texts[b] ?? "") ? -1 : 1));
    const ranks = new Uint32Array(texts.length);
    for (const [rank, code] of ascending.entries()) ranks[code] = rank;
    return this.#codes.map((code) => ranks[code] ?? 0);
  }

  /** Returns the column as the JSON of a `PackedColumn`, with its rows in this order, and frees its memory. */
  pack(order: Uint32Array): string {
    const all = [...this.#known.keys()];
    this.#known.clear();
    const indexes = new Uint32Array(all.length);
    const values: Value[] = [];
    const codes = order.map((row) => {
      const code = this.#codes[row] ?? 0;
      if (indexes[code]) return indexes[code];
      values.push(all[code] ?? null);
      indexes[code] = values.length;
      return 0;
    });
    return `{"values":${JSON.stringify(values)},"codes":[${codes.join()}]}`;
  }
}
