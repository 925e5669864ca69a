import { counted, grouped } from "../../../../util/figures.ts";
import { copy, download, textToCopy } from "./actions.ts";
import { addControls, pagesOf, shownOf, updateControls, updateCounts, updateFilters } from "./controls.ts";
import { csvOf } from "./csv.ts";
import { make, setText } from "./dom.ts";
import type { Findings } from "./findings.ts";
import { makeHead, updateHead } from "./head.ts";
import { commandsFor } from "./remedies.ts";
import { rowOf } from "./rows.ts";
import { selector } from "./select.ts";
import { fromFragment, START, type State, toFragment } from "./state.ts";

/** The maximum number of rows that are printed. */
const MAX_PRINTED = 1_000;

/** The pause after which the URL follows the state: Safari refuses more than 100 changes in 30 seconds. */
const FRAGMENT_MS = 400;

/** The pause in typing after which the filters follow. Hundreds of their options would slow down each keystroke. */
const FILTERS_MS = 120;

/** Makes the table one of all findings, a page of rows at a time. */
export function showTable(findings: Findings, tools: HTMLElement, table: HTMLTableElement): void {
  const select = selector(findings);
  const selected = new Set<number>();
  let state = fromFragment(location.hash) ?? START;
  let { rows, counts } = select(state);
  let timer: ReturnType<typeof setTimeout> | undefined;
  let filtersTimer: ReturnType<typeof setTimeout> | undefined;

  const box = table.closest(".scroll") ?? table;
  const controls = addControls(findings, tools, box);
  const printed = make("p", { class: "printed" });
  box.before(printed);
  const byHand = make("div");
  tools.append(byHand);
  const head = makeHead(findings.packed.compared);
  const body = make("tbody");
  table.replaceChildren(head.element, body);

  function render(isTyping = false): void {
    ({ rows, counts } = select(state));
    state = { ...state, page: Math.min(state.page, pagesOf(rows.length, state.size) - 1) };
    showRows(state.page * state.size, state.size);
    table.setAttribute("aria-rowcount", String(rows.length + 1));
    updateHead(head, state);
    updateControls(controls, findings, state, rows.length);
    clearTimeout(filtersTimer);
    if (isTyping) filtersTimer = setTimeout(() => updateFilters(controls, counts), FILTERS_MS);
    else updateFilters(controls, counts);
    showSelected();
  }

  function showRows(first: number, size: number): void {
    const shown = Array.from(rows.subarray(first, first + size), (row, index) =>
      rowOf(findings, row, first + index, selected.has(row)),
    );
    const none = make("tr", {}, make("td", { colspan: String(head.columns.length + 1) }, "No finding matches."));
    body.replaceChildren(...(shown.length > 0 ? shown : [none]));
  }

  function showSelected(): void {
    const inFilter = selected.size === 0 ? 0 : rows.reduce((sum, row) => sum + Number(selected.has(row)), 0);
    head.selectAll.checked = inFilter > 0 && inFilter === rows.length;
    head.selectAll.indeterminate = inFilter > 0 && inFilter < rows.length;
    updateCounts(controls, findings, rows.length, selected.size);
  }

  /** Returns the rows that an action is for: the selected ones, else those of the filter. */
  function chosenRows(): readonly number[] | Uint32Array {
    return selected.size > 0 ? [...selected].sort((a, b) => a - b) : rows;
  }

  function setSelected(row: number, isSelected: boolean): void {
    if (isSelected) selected.add(row);
    else selected.delete(row);
  }

  function change(next: Partial<State>, isTyping = false): void {
    state = { ...state, page: 0, ...next };
    render(isTyping);
    clearTimeout(timer);
    timer = setTimeout(() => history.replaceState(null, "", toFragment(state)), FRAGMENT_MS);
  }

  function turnTo(page: number): void {
    const last = pagesOf(rows.length, state.size) - 1;
    change({ page: Math.max(0, Math.min(Math.floor(page) || 0, last)) });
    table.scrollIntoView({ block: "start" });
  }

  controls.search.addEventListener("input", () => change({ search: controls.search.value }, true));
  for (const { column, list } of controls.filters) {
    list.addEventListener("change", () => {
      const filters = new Map(state.filters);
      const value = findings.column(column).values[Number(list.value)];
      if (list.value === "") filters.delete(column);
      else if (typeof value !== "number" && value !== undefined) filters.set(column, value);
      change({ filters });
    });
  }
  controls.clear.addEventListener("click", () => {
    change({ search: "", filters: new Map() });
    controls.search.focus();
  });
  for (const { sort, button } of head.columns) {
    button.addEventListener("click", () => change({ sort, descending: sort === state.sort && !state.descending }));
  }
  controls.previous.addEventListener("click", () => turnTo(state.page - 1));
  controls.next.addEventListener("click", () => turnTo(state.page + 1));
  controls.page.addEventListener("change", () => turnTo(Number(controls.page.value) - 1));
  controls.size.addEventListener("change", () => change({ size: Number(controls.size.value) }));
  body.addEventListener("change", ({ target }) => {
    if (!(target instanceof HTMLInputElement)) return;
    setSelected(Number(target.value), target.checked);
    showSelected();
  });
  head.selectAll.addEventListener("change", () => {
    for (const row of rows) setSelected(row, head.selectAll.checked);
    render();
  });
  controls.download.addEventListener("click", () => {
    download(`findings-${findings.packed.time.slice(0, 10)}.csv`, "text/csv", csvOf(findings, chosenRows()));
  });
  controls.copy.addEventListener("click", async () => {
    const chosen = chosenRows();
    const commands = commandsFor(findings, chosen);
    byHand.replaceChildren();
    if (await copy(commands)) setText(controls.status, `Copied the remedies of ${counted(chosen.length, "finding")}.`);
    else {
      byHand.append(textToCopy(commands));
      byHand.querySelector("textarea")?.focus();
    }
  });
  addEventListener("hashchange", () => {
    const next = fromFragment(location.hash);
    if (next === null) return;
    state = next;
    render();
    tools.scrollIntoView();
  });
  addEventListener("beforeprint", () => {
    showRows(0, MAX_PRINTED);
    const part = rows.length > MAX_PRINTED ? ` The first ${grouped(MAX_PRINTED)} are printed.` : "";
    setText(printed, `${shownOf(findings, rows.length)}.${part}`);
  });
  addEventListener("afterprint", () => render());

  render();
}
