import type { Group, Groups } from "../../../fleet/totals.ts";
import { SEVERITIES } from "../../../policy/rule.ts";
import { grouped } from "../../../util/figures.ts";
import type { Report } from "../read-lines.ts";
import { list } from "../words.ts";
import { type Bar, columnsChart, rowsChart, totalOf } from "./chart.ts";
import { type Html, html } from "./html.ts";
import { number, swatch } from "./parts.ts";

/** The maximum number of bars of a chart. The others are summed up. */
const MAX_ROWS = 15;
const MAX_MONTHS = 18;

type About = Pick<Report, "header" | "sums">;

/** A bar with its instances. */
interface Row extends Bar {
  /** What it is called without the other bars beside it. */
  readonly name: string;
  readonly instances: number;
  readonly violating: number;
}

/** Returns the findings by owner, service and launcher, as charts. */
export async function whoseSection({ header, sums: { totals } }: About): Promise<Html> {
  const parts: readonly [groups: Groups, heading: string, none: string, values: string][] = [
    [totals.owners, `Tag ${header.ownerTag}`, `no tag ${header.ownerTag}`, "values"],
    [totals.services, `Tag ${header.serviceTag}`, `no tag ${header.serviceTag}`, "values"],
    [totals.launchers, "Launcher", "unknown launcher", "launchers"],
  ];
  const [charts, notes]: [Html[], Html[]] = [[], []];
  for (const [groups, heading, none, values] of parts) {
    const rows = rowsOf(groups, none, values);
    const hasValues = groups.groups.some(({ value }) => value !== null);
    if (hasValues) charts.push(await groupChart(rows, heading));
    else notes.push(figure(heading, html`<p class="none">All findings are of instances with ${none}.</p>`));
  }
  return html`<section id="whose"><h2>Whose</h2><p class="lead">Findings by owner, service and launcher.</p>
${legend()}
<div class="charts">${charts}${notes}</div></section>
`;
}

async function groupChart(rows: readonly Row[], heading: string): Promise<Html> {
  const chart = await rowsChart(rows, describe(heading.toLowerCase(), rows));
  return figure(
    heading,
    html`${chart}
${dataTable(rows, heading)}`,
  );
}

function figure(heading: string, body: Html): Html {
  return html`<figure><figcaption><h3>${heading}</h3></figcaption>
${body}</figure>
`;
}

/** Returns the groups with the most findings, and the sum of all others. */
function rowsOf({ groups, others }: Groups, none: string, values: string): Row[] {
  const sorted = groups
    .filter(({ severities }) => totalOf(severities) > 0)
    .sort((a, b) => totalOf(b.severities) - totalOf(a.severities) || compare(a.value ?? "", b.value ?? ""));
  const shown = sorted.length + Math.min(others.values, 1) > MAX_ROWS ? MAX_ROWS - 1 : MAX_ROWS;
  const rows = sorted.slice(0, shown).map((group): Row => ({ ...group, ...named(group.value ?? `(${none})`) }));
  const rest = [...sorted.slice(shown), ...(totalOf(others.severities) > 0 ? [others] : [])];
  if (rest.length === 0) return rows;
  const number = sorted.length - rows.length + others.values;
  return [...rows, { ...sumOf(rest), ...named(`${grouped(number)} other ${values}`) }];
}

/** Returns the findings by the month in which their instances were launched, as a chart. */
export async function sinceWhenSection({ header, sums: { totals } }: About): Promise<Html | false> {
  const rows = monthsOf(totals.months, header.time.slice(0, 7));
  if (rows.length === 0) return false;
  return html`<section id="since-when"><h2>Since when</h2><p class="lead">Findings by the month in which their instances were launched.</p>
${legend()}
<figure><div class="scroll timeline" role="region" aria-label="Chart of the findings by month" tabindex="0">${await columnsChart(rows, describe("month of the launch", rows))}</div>
${dataTable(rows, "Month")}</figure></section>
`;
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** Returns all months from the first one with findings to the last one, at most `MAX_MONTHS` columns with the sum of the earlier ones. */
function monthsOf({ groups, others }: Groups, last: string): Row[] {
  const found = groups.filter(({ severities }) => totalOf(severities) > 0);
  const dated = found.flatMap((group) => {
    const month = monthNumber(group.value);
    return month === null ? [] : [{ ...group, month }];
  });
  const undated = found.filter(({ value }) => monthNumber(value) === null);
  const end = Math.max(monthNumber(last) ?? 0, ...dated.map(({ month }) => month));
  const start = Math.max(end - MAX_MONTHS + 2, Math.min(...dated.map(({ month }) => month)));
  const rows: Row[] = [];
  for (let month = start; month <= end; month++) {
    const own = dated.filter((group) => group.month === month);
    const [name = "", year] = [MONTHS[month % 12], String(Math.floor(month / 12))];
    const note = month === start || month % 12 === 0 ? year : "";
    rows.push({ ...sumOf(own), name: `${name} ${year}`, label: name, note });
  }
  const earlier = [...dated.filter(({ month }) => month < start), ...(totalOf(others.severities) > 0 ? [others] : [])];
  if (earlier.length > 0) rows.unshift({ ...sumOf(earlier), ...named("earlier") });
  if (undated.length > 0) rows.push({ ...sumOf(undated), ...named("unknown") });
  return rows;
}

/** Returns the months since the year 0; null for a text that is not a month. */
function monthNumber(month: string | null): number | null {
  const [, year, number] = /^(\d{4})-(0[1-9]|1[0-2])$/.exec(month ?? "") ?? [];
  return year === undefined || number === undefined ? null : Number(year) * 12 + Number(number) - 1;
}

type Sum = Omit<Group, "value">;

function sumOf(groups: readonly Sum[]): Sum {
  const severities = { low: 0, medium: 0, high: 0, critical: 0 };
  let [instances, violating] = [0, 0];
  for (const group of groups) {
    instances += group.instances;
    violating += group.violating;
    for (const name of SEVERITIES) severities[name] += group.severities[name];
  }
  return { instances, violating, severities };
}

function named(name: string): Pick<Row, "name" | "label"> {
  return { name, label: name };
}

/** Describes a chart to those who do not see it. */
function describe(what: string, rows: readonly Row[]): string {
  const most = [...rows].sort((a, b) => totalOf(b.severities) - totalOf(a.severities)).slice(0, 3);
  const words = most.map(({ name, severities }) => `${name} ${grouped(totalOf(severities))}`);
  return `Findings by ${what}, the most: ${list(words)}. The table below has all numbers.`;
}

function legend(): Html {
  return html`<p class="legend">${[...SEVERITIES].reverse().map((name) => html`<span>${swatch(name)} ${name}</span> `)}</p>`;
}

function dataTable(rows: readonly Row[], heading: string): Html {
  const names = [...SEVERITIES].reverse();
  return html`<details class="data"><summary>Data</summary><div class="scroll" role="region" aria-label="${heading}: data" tabindex="0"><table><thead><tr><th scope="col">${heading}</th><th scope="col" class="n">Findings</th>${names.map((name) => html`<th scope="col" class="n">${name}</th>`)}<th scope="col" class="n">Violating instances</th></tr></thead>
<tbody>
${rows.map(({ name, severities, instances, violating }) => {
  return html`<tr><th scope="row">${name}</th>${number(grouped(totalOf(severities)))}${names.map((name) => number(grouped(severities[name])))}${number(`${grouped(violating)} of ${grouped(instances)}`)}</tr>
`;
})}</tbody></table></div></details>`;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
