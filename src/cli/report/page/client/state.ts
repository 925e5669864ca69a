import type { Name, Value } from "../packed.ts";

/** The columns that have a filter. */
export const FILTERS = ["severity", "status", "account", "region", "ruleId", "owner"] as const satisfies Name[];
export type Filter = (typeof FILTERS)[number];

/** The columns that sort the rows. */
export const SORTS = [
  "severity",
  "name",
  "ruleId",
  "account",
  "owner",
  "launchTime",
  "firstSeen",
] as const satisfies Name[];
export type Sort = (typeof SORTS)[number];

export const SEVERITIES: readonly Value[] = ["low", "medium", "high", "critical"];

/** The sizes of a page of the table, in rows. */
export const SIZES = [50, 100, 500];

/** What the table shows. */
export interface State {
  /** Words that are all in a finding's texts. */
  readonly search: string;
  /** The value that each filtered column must have; null for none. */
  readonly filters: ReadonlyMap<Filter, string | null>;
  readonly sort: Sort;
  readonly descending: boolean;
  /** From 0. */
  readonly page: number;
  /** In rows. */
  readonly size: number;
}

export const START: State = {
  search: "",
  filters: new Map(),
  sort: "severity",
  descending: true,
  page: 0,
  size: 100,
};

/** The fragment of the section. The state follows it as a query. */
const SECTION = "#findings";

/** Returns a state as a fragment of the page's URL. */
export function toFragment({ search, filters, sort, descending, page, size }: State): string {
  const query = new URLSearchParams();
  if (search !== "") query.set("q", search);
  for (const [column, value] of filters) query.set(column, value ?? "");
  if (sort !== START.sort || descending !== START.descending) query.set("sort", (descending ? "-" : "") + sort);
  if (page > 0) query.set("page", String(page + 1));
  if (size !== START.size) query.set("size", String(size));
  const text = query.toString();
  return text === "" ? SECTION : `${SECTION}?${text}`;
}

/** Returns the state of a fragment; null if it has none. Anything that is not understood is left out. */
export function fromFragment(fragment: string): State | null {
  if (!fragment.startsWith(`${SECTION}?`)) return null;
  const query = new URLSearchParams(fragment.slice(SECTION.length + 1));
  const [, minus, name] = /^(-?)(.+)$/.exec(query.get("sort") ?? "") ?? [];
  const sort = SORTS.find((column) => column === name);
  const size = Number(query.get("size"));
  const page = Number(query.get("page"));
  return {
    search: query.get("q") ?? "",
    filters: new Map(FILTERS.flatMap((column) => (query.has(column) ? [[column, query.get(column) || null]] : []))),
    ...(sort === undefined ? { sort: START.sort, descending: START.descending } : { sort, descending: minus === "-" }),
    page: page > 1 ? Math.floor(page) - 1 : 0,
    size: SIZES.includes(size) ? size : START.size,
  };
}
