import { COLUMNS, type Name, type Packed, type PackedColumn, PLACEHOLDERS, type Value } from "../packed.ts";

/** A column: its distinct values, and the index of the value of each row. */
export interface Column {
  readonly values: readonly Value[];
  readonly codes: Uint32Array;
}

const NOTHING: Column = { values: [], codes: new Uint32Array() };

/** The findings of the page. A row is a number from 0; the gravest finding is the first one. */
export class Findings {
  /** The number of findings in the page. */
  readonly count: number;
  readonly packed: Packed;
  readonly #columns: ReadonlyMap<Name, Column>;
  readonly #accounts: ReadonlyMap<string, string>;
  readonly #consoles: ReadonlyMap<string, string>;
  readonly #links: ReadonlyMap<string, string>;

  constructor(packed: Packed) {
    this.packed = packed;
    this.count = packed.columns.severity.codes.length;
    this.#columns = new Map(COLUMNS.map((name) => [name, unpack(packed.columns[name])]));
    this.#accounts = new Map(Object.entries(packed.accounts));
    this.#consoles = new Map(Object.entries(packed.consoles));
    this.#links = new Map(Object.entries(packed.links));
  }

  column(name: Name): Column {
    return this.#columns.get(name) ?? NOTHING;
  }

  /** Returns a value as it is packed. */
  value(name: Name, row: number): Value {
    const { values, codes } = this.column(name);
    return values[codes[row] ?? -1] ?? null;
  }

  /** Returns a text; an empty one if the finding has none. A time is in ISO 8601, to the minute. */
  text(name: Name, row: number): string {
    const value = this.value(name, row);
    if (typeof value === "number") {
      const minute = Math.floor(Date.parse(this.packed.time) / 60_000) - value;
      return new Date(minute * 60_000).toISOString().replace(":00.000Z", "Z");
    }
    if (value === null) return "";
    return name === "message" || name === "remedy"
      ? value
          .replaceAll(PLACEHOLDERS.instanceId, this.text("instanceId", row))
          .replaceAll(PLACEHOLDERS.region, this.text("region", row))
      : value;
  }

  /** Returns the URL of the console page of a region's instances, without an instance's id; null if it is not known. */
  consoleOf(region: string): string | null {
    return this.#consoles.get(region) ?? null;
  }

  /** Returns the URL of the team's own page about a rule; null if it has none. */
  linkOf(rule: string): string | null {
    return this.#links.get(rule) ?? null;
  }

  /** Returns the name of an account; its id if it has none. */
  accountName(account: string): string {
    return this.#accounts.get(account) ?? account;
  }
}

function unpack({ values, codes }: PackedColumn): Column {
  let next = 0;
  return { values, codes: Uint32Array.from(codes, (code) => (code === 0 ? next++ : code - 1)) };
}
