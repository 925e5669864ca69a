/** The findings in the page, column by column. `data.ts` packs them, and the page's script reads them. */
export interface Packed {
  /** The number of findings in the whole report. The page holds the gravest of them. */
  readonly findings: number;
  /** The start of the report, in ISO 8601. */
  readonly time: string;
  /** Whether the report is compared with a previous one. */
  readonly compared: boolean;
  /** The names of the accounts that have one, by id. */
  readonly accounts: Readonly<Record<string, string>>;
  /** The URL of the console page of an instance, without the instance's id, by region. */
  readonly consoles: Readonly<Record<string, string>>;
  /** The teams' own pages, by rule id. */
  readonly links: Readonly<Record<string, string>>;
  readonly columns: Readonly<Record<Name, PackedColumn>>;
}

/** A column: its distinct values in the order in which they appear, and a code for each row: 0 for the next value, else 1 + its index. */
export interface PackedColumn {
  readonly values: readonly Value[];
  readonly codes: readonly number[];
}

/** `message` and `remedy` contain placeholders. A remedy's lines are separated by line feeds. */
export const TEXT_COLUMNS = [
  "severity",
  "status",
  "account",
  "region",
  "instanceId",
  "ruleId",
  "name",
  "message",
  "owner",
  "service",
  "launchedBy",
  "instanceType",
  "remedy",
] as const;

/** The time of the launch, and of the first report with the finding: how many minutes before that of the report. */
export const TIME_COLUMNS = ["launchTime", "firstSeen"] as const;

export const COLUMNS = [...TEXT_COLUMNS, ...TIME_COLUMNS] as const;

/** The name of a column. */
export type Name = (typeof COLUMNS)[number];
export type Value = string | number | null;

/** The placeholders of the instance's id and of its region. Texts of findings contain no control characters. */
export const PLACEHOLDERS = { instanceId: "\u0001", region: "\u0002" } as const;
