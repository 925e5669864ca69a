import type { PackedColumn, Value } from "./packed.ts";

/** A column that grows, and holds each distinct value once. */
export class Column {
  readonly #codes: number[] = [];
  readonly #known = new Map<Value, number>();

  /** Adds the value of the next row. */
  add(value: Value): void {
    let code = this.#known.get(value);
    if (code === undefined) {
      code = this.#known.size;
      this.#known.set(value, code);
    }
    this.#codes.push(code);
  }

  /** Returns a number for each row, by which rows can be compared as their values, in the order of their UTF-16 units. */
  ranks(): number[] {
    const ascending = [...this.#known].sort(([a], [b]) => (String(a) < String(b) ? -1 : 1));
    const ranks = new Map(ascending.map(([, code], rank) => [code, rank]));
    return this.#codes.map((code) => ranks.get(code) ?? 0);
  }

  /** Returns the column with its rows in this order. */
  pack(order: readonly number[]): PackedColumn {
    const all = [...this.#known.keys()];
    const values: Value[] = [];
    const indexes = new Map<number, number>();
    const codes = order.map((row) => {
      const code = this.#codes[row] ?? 0;
      const index = indexes.get(code);
      if (index !== undefined) return 1 + index;
      indexes.set(code, values.length);
      values.push(...all.slice(code, code + 1));
      return 0;
    });
    return { values, codes };
  }
}
