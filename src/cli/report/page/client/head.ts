import { make } from "./dom.ts";
import type { Sort, State } from "./state.ts";

/** The headings of the table: a box that selects all rows, and a button for each column that sorts by it. */
export interface Head {
  readonly element: HTMLTableSectionElement;
  readonly selectAll: HTMLInputElement;
  readonly columns: readonly { readonly sort: Sort; readonly cell: HTMLElement; readonly button: HTMLButtonElement }[];
}

/** Returns the headings. The columns are those of the table without the script, and the first report's time in a compared one. */
export function makeHead(isCompared: boolean): Head {
  const titles: readonly (readonly [Sort, string])[] = [
    ["severity", "Severity"],
    ["name", "Instance"],
    ["ruleId", "Violation"],
    ["account", "Account and region"],
    ["owner", "Owner"],
    ["launchTime", "Launched"],
    ...(isCompared ? [["firstSeen", "First seen"] as const] : []),
  ];
  const selectAll = make("input", { type: "checkbox", "aria-label": "Select all findings of the filter" });
  const columns = titles.map(([sort, title]) => {
    const button = make("button", { type: "button", class: "sort" }, title);
    return { sort, button, cell: make("th", { scope: "col" }, button) };
  });
  const first = make("td", { class: "select" }, selectAll);
  const row = make("tr", { "aria-rowindex": "1" }, first, ...columns.map(({ cell }) => cell));
  return { element: make("thead", {}, row), selectAll, columns };
}

/** Shows by what the rows are sorted. */
export function updateHead({ columns }: Head, { sort, descending }: State): void {
  for (const column of columns) {
    column.cell.setAttribute("aria-sort", column.sort !== sort ? "none" : descending ? "descending" : "ascending");
  }
}
