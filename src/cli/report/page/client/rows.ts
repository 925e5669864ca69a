import { dateOf } from "../../../../util/figures.ts";
import { age } from "../../words.ts";
import type { Name } from "../packed.ts";
import { type Child, make } from "./dom.ts";
import type { Findings } from "./findings.ts";

/** Returns the table's row of a finding. `index` is its number in all pages, from 0. */
export function rowOf(findings: Findings, row: number, index: number, isSelected: boolean): HTMLTableRowElement {
  const [account, region] = [findings.text("account", row), findings.text("region", row)];
  const [severity, owner, rule] = [
    findings.text("severity", row),
    findings.text("owner", row),
    findings.text("ruleId", row),
  ];
  const [name, id] = [findings.text("name", row), findings.text("instanceId", row)];
  const select = make("input", {
    type: "checkbox",
    value: String(row),
    "aria-label": `Select ${rule} of ${name || id}`,
  });
  select.checked = isSelected;
  return make(
    "tr",
    // The headings are row 1.
    { "aria-rowindex": String(index + 2) },
    make("td", { class: "select" }, select),
    make("td", {}, make("span", { class: `sev ${severity}` }, severity)),
    make("th", { scope: "row" }, ...instance(findings, row, name, id)),
    make(
      "td",
      {},
      findings.text("message", row),
      " ",
      small(link(findings.linkOf(rule), rule)),
      detailsOf(findings, row),
    ),
    make("td", {}, findings.accountName(account), " ", small(region)),
    make("td", {}, owner === "" ? make("span", { class: "none" }, "none") : owner),
    time(findings, "launchTime", row),
    findings.packed.compared ? time(findings, "firstSeen", row) : null,
  );
}

function instance(findings: Findings, row: number, name: string, id: string): Child[] {
  const console = findings.consoleOf(findings.text("region", row));
  const shown = make("span", { class: "id" }, link(console && console + encodeURIComponent(id), id));
  const status = findings.text("status", row);
  const mark =
    status === "new"
      ? make("span", { class: "tag" }, "new")
      : status === "unknown"
        ? make("span", { class: "tag unsure" }, "not confirmed")
        : null;
  return name === "" ? [shown, " ", mark] : [name, " ", mark, " ", small(shown)];
}

/** Returns the remedy and the facts, which are filled in when they are opened. */
function detailsOf(findings: Findings, row: number): HTMLDetailsElement {
  const details = make("details", {}, make("summary", {}, "Remedy"));
  const fill = () => {
    const facts = FACTS.filter(({ column }) => findings.text(column, row) !== "");
    details.append(
      make("pre", {}, findings.text("remedy", row)),
      make(
        "dl",
        {},
        ...facts.flatMap(({ column, title }) => [make("dt", {}, title), make("dd", {}, findings.text(column, row))]),
      ),
    );
  };
  details.addEventListener("toggle", fill, { once: true });
  return details;
}

const FACTS: readonly { readonly column: Name; readonly title: string }[] = [
  { column: "launchedBy", title: "Launched by" },
  { column: "service", title: "Service" },
  { column: "instanceType", title: "Instance type" },
  { column: "launchTime", title: "Launched" },
  { column: "firstSeen", title: "First seen" },
];

function time(findings: Findings, column: Name, row: number): HTMLTableCellElement {
  const text = findings.text(column, row);
  if (text === "") return make("td", {}, "unknown");
  return make("td", {}, dateOf(text), " ", small(`${age(text, findings.packed.time)} ago`));
}

function small(child: Child): HTMLElement {
  return make("small", {}, child);
}

function link(url: string | null, text: string): Child {
  return url === null ? text : make("a", { href: url, rel: "noreferrer" }, text);
}
