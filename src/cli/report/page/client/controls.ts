import { counted, grouped } from "../../../../util/figures.ts";
import { make, setText } from "./dom.ts";
import type { Findings } from "./findings.ts";
import type { Selection } from "./select.ts";
import { FILTERS, type Filter, SEVERITIES, SIZES, type State } from "./state.ts";

/** The maximum number of values in the list of a filter. The search finds the others. */
const MAX_OPTIONS = 500;

const TITLES: Readonly<Record<Filter, string>> = {
  severity: "Severity",
  status: "Status",
  account: "Account",
  region: "Region",
  ruleId: "Rule",
  owner: "Owner",
};

/** The list of a filter. The values of its options are indexes of values of the column. */
export interface FilterList {
  readonly column: Filter;
  readonly list: HTMLSelectElement;
  readonly options: ReadonlyMap<number, { readonly option: HTMLOptionElement; readonly label: string }>;
}

/** The elements that change what the table shows. */
export interface Controls {
  readonly search: HTMLInputElement;
  readonly filters: readonly FilterList[];
  readonly clear: HTMLButtonElement;
  readonly status: HTMLElement;
  readonly copy: HTMLButtonElement;
  readonly download: HTMLButtonElement;
  readonly previous: HTMLButtonElement;
  readonly page: HTMLInputElement;
  readonly pages: HTMLElement;
  readonly next: HTMLButtonElement;
  readonly size: HTMLSelectElement;
}

/** Returns the controls, and puts them before and after the table. */
export function addControls(findings: Findings, tools: HTMLElement, after: Element): Controls {
  const controls: Controls = {
    search: make("input", { type: "search", placeholder: "Instance, message, owner, …", autocomplete: "off" }),
    filters: FILTERS.filter((column) => column !== "status" || findings.packed.compared).map((column) =>
      filterList(findings, column),
    ),
    clear: button("Clear filters"),
    status: make("p", { role: "status", class: "status" }),
    copy: button(""),
    download: button(""),
    previous: button("Previous"),
    page: make("input", { type: "number", min: "1", class: "page" }),
    pages: make("span"),
    next: button("Next"),
    size: make("select", {}, ...SIZES.map((size) => make("option", {}, String(size)))),
  };
  const { search, filters, clear, status, copy, download, previous, page, pages, next, size } = controls;
  tools.append(
    make(
      "div",
      { class: "filters", role: "search", "aria-label": "Findings" },
      labelled("Search", search, "search"),
      ...filters.map(({ column, list }) => labelled(TITLES[column], list)),
    ),
    make("div", { class: "actions" }, status, clear, copy, download),
  );
  after.after(
    make(
      "nav",
      { class: "pages", "aria-label": "Pages of the findings" },
      previous,
      labelled("Page", page),
      pages,
      next,
      labelled("Rows", size),
    ),
  );
  return controls;
}

/** Shows how many rows there are for each value of the filters. */
export function updateFilters({ filters }: Controls, counts: Selection["counts"]): void {
  for (const { column, options } of filters) {
    for (const [value, { option, label }] of options) {
      setText(option, `${label} (${grouped(counts.get(column)?.[value] ?? 0)})`);
    }
  }
}

/** Shows a state in the controls, with the number of its rows. */
export function updateControls(controls: Controls, findings: Findings, state: State, rows: number): void {
  if (controls.search.value !== state.search) controls.search.value = state.search;
  for (const { column, list, options } of controls.filters) {
    const wanted = state.filters.get(column);
    const index = wanted === undefined ? null : findings.column(column).values.indexOf(wanted);
    // A value that no finding has, or that is not in the list, has an option while it is chosen.
    list.querySelector("[data-extra]")?.remove();
    if (wanted !== undefined && index !== null && !options.has(index)) {
      list.append(make("option", { value: String(index), "data-extra": "" }, labelOf(findings, column, wanted)));
    }
    list.value = index === null ? "" : String(index);
  }
  controls.clear.hidden = state.search === "" && state.filters.size === 0;
  const pages = pagesOf(rows, state.size);
  controls.page.value = String(state.page + 1);
  controls.page.max = String(pages);
  setText(controls.pages, `of ${grouped(pages)}`);
  // A disabled button would lose the focus.
  controls.previous.setAttribute("aria-disabled", String(state.page === 0));
  controls.next.setAttribute("aria-disabled", String(state.page >= pages - 1));
  controls.size.value = String(state.size);
}

/** Shows how many rows there are, and how many of them are selected. */
export function updateCounts(controls: Controls, findings: Findings, rows: number, selected: number): void {
  const chosen = selected === 0 ? "" : `, ${grouped(selected)} selected`;
  setText(controls.status, shownOf(findings, rows) + chosen);
  const which = selected === 0 ? grouped(rows) : `${grouped(selected)} selected`;
  setText(controls.copy, `Copy remedies of ${which}`);
  setText(controls.download, `Download ${which} as CSV`);
}

/** Returns how many rows there are in words: `100,000 findings`, `1,234 of 100,000 findings`. */
export function shownOf(findings: Findings, rows: number): string {
  const all = counted(findings.count, "finding");
  return rows === findings.count ? all : `${grouped(rows)} of ${all}`;
}

/** Returns the number of pages, at least 1. */
export function pagesOf(rows: number, size: number): number {
  return Math.max(1, Math.ceil(rows / size));
}

function filterList(findings: Findings, column: Filter): FilterList {
  const { values, codes } = findings.column(column);
  const totals = new Uint32Array(values.length);
  for (const code of codes) totals[code] = (totals[code] ?? 0) + 1;
  const { compare } = new Intl.Collator("en", { numeric: true });
  const shown = [...values.entries()]
    .sort(([a], [b]) => (totals[b] ?? 0) - (totals[a] ?? 0))
    .slice(0, MAX_OPTIONS)
    .map(([index, value]) => ({ index, value, label: labelOf(findings, column, value) }))
    .sort((a, b) =>
      column === "severity"
        ? SEVERITIES.indexOf(b.value) - SEVERITIES.indexOf(a.value)
        : Number(a.value === null) - Number(b.value === null) || compare(a.label, b.label),
    );
  const options = new Map(
    shown.map(({ index, label }) => [index, { option: make("option", { value: String(index) }), label }]),
  );
  const others = values.length - shown.length;
  const list = make(
    "select",
    {},
    make("option", { value: "" }, "All"),
    ...[...options.values()].map(({ option }) => option),
  );
  if (others > 0) list.append(make("option", { disabled: "" }, `${grouped(others)} others: search for them`));
  return { column, list, options };
}

function labelOf(findings: Findings, column: Filter, value: string | number | null): string {
  if (value === null) return "none";
  const text = String(value);
  const name = column === "account" ? findings.accountName(text) : text;
  if (column === "status" && text === "unknown") return "not confirmed";
  return name === text ? text : `${name} ${text}`;
}

function button(text: string): HTMLButtonElement {
  return make("button", { type: "button", class: "button" }, text);
}

function labelled(text: string, control: HTMLElement, name = ""): HTMLLabelElement {
  return make("label", { class: name }, make("span", { class: "label" }, text), control);
}
