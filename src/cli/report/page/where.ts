import type { PlaceStatus } from "../../../fleet/place.ts";
import { counted, grouped, percent } from "../../../util/figures.ts";
import { groupBy } from "../../../util/group-by.ts";
import type { Header, PlaceLine } from "../lines.ts";
import { accountName } from "../summary.ts";
import { type Html, html } from "./html.ts";

/** The maximum number of accounts with a row of their own. */
const MAX_ACCOUNTS = 20;

/** What a cell shows: the sums of its places. */
interface Cell {
  readonly instances: number;
  readonly violating: number;
  readonly statuses: readonly Exclude<PlaceStatus, "complete">[];
}

/** The lower ends of the shades after the first one, which is for places without a violation. */
const SHADES = [0, 0.02, 0.05, 0.15] as const;
const SHADE_WORDS = ["none", "up to 2 %", "up to 5 %", "up to 15 %", "more"];

/** Returns a table of the violating instances by account and region. */
export function whereSection(header: Header, places: readonly PlaceLine[]): Html | false {
  const accounts = [...groupBy(places, ({ account }) => account)]
    .map(([account, own]) => ({ account, places: own, sum: sumOf(own) }))
    .sort((a, b) => b.sum.violating - a.sum.violating || b.sum.instances - a.sum.instances);
  const all = [...groupBy(places, ({ region }) => region)].map(([region, own]) => ({ region, sum: sumOf(own) }));
  const regions = all
    .filter(({ sum }) => sum.instances > 0 || sum.statuses.some((status) => status !== "off"))
    .sort((a, b) => b.sum.violating - a.sum.violating || (a.region < b.region ? -1 : 1));
  if (regions.length === 0) return false;
  const [shown, others] = [accounts.slice(0, MAX_ACCOUNTS), accounts.slice(MAX_ACCOUNTS)];
  const left = all.length - regions.length;
  const rowOf = (heading: Html, own: readonly PlaceLine[]) => {
    const inRegion = groupBy(own, ({ region }) => region);
    return html`<tr><th scope="row">${heading}</th>${regions.map(({ region }) => cell(inRegion.get(region)))}${accountSum(sumOf(own))}</tr>
`;
  };
  return html`<section id="where"${regions.length > 8 && html` class="wide"`}><h2>Where</h2>
<p class="lead">Violating instances by account and region.${left > 0 && ` ${left === 1 ? "1 region" : `${left} regions`} without instances ${left === 1 ? "is" : "are"} left out.`}</p>
<div class="scroll" role="region" aria-label="Violating instances by account and region" tabindex="0"><table class="heat"><thead><tr><td></td>${regions.map(({ region }) => html`<th scope="col">${region}</th>`)}<th scope="col">All regions</th></tr></thead>
<tbody>
${shown.map(({ account, places: own }) => {
  const name = accountName(header, account);
  return rowOf(html`${name}${name !== account && html` <small>${account}</small>`}`, own);
})}${
  others.length > 0 &&
  rowOf(
    html`${counted(others.length, "other account")}`,
    others.flatMap(({ places: own }) => own),
  )
}${accounts.length > 1 && rowOf(html`All accounts`, places)}</tbody></table></div>
<p class="legend">Share of violating instances: ${SHADE_WORDS.map((words, shade) => html`<span class="key k${shade}">${words}</span> `)}</p></section>
`;
}

function sumOf(places: readonly PlaceLine[]): Cell {
  return {
    instances: places.reduce((sum, { instances }) => sum + instances, 0),
    violating: places.reduce((sum, { violating }) => sum + violating, 0),
    statuses: places.flatMap(({ status }) => (status === "complete" ? [] : [status])),
  };
}

function cell(places: readonly PlaceLine[] | undefined): Html {
  if (places === undefined) return html`<td class="none">not read</td>`;
  const { instances, violating, statuses } = sumOf(places);
  const isOne = places.length === 1;
  const word = isOne ? statuses.join("") : `${grouped(statuses.length)} not read`;
  const isUnread = statuses.length > 0;
  if (instances === 0) {
    return isUnread ? html`<td class="unread">${word}</td>` : html`<td class="none">–</td>`;
  }
  const [place] = places;
  // The page's script shows the findings of the place.
  const link =
    isOne && place && violating > 0
      ? html`<a href="#findings" data-query="${new URLSearchParams({ account: place.account, region: place.region }).toString()}">${grouped(violating)}</a>`
      : grouped(violating);
  return html`<td class="k${shadeOf(violating / instances)}${isUnread && isOne && " unread"}"><b>${link}</b> <small>of ${grouped(instances)}</small>${isUnread && html` <small>${word}</small>`}</td>`;
}

function shadeOf(share: number): number {
  return SHADES.filter((end) => share > end).length;
}

function accountSum({ instances, violating }: Cell): Html {
  if (instances === 0) return html`<td class="none">–</td>`;
  return html`<td class="sum"><b>${grouped(violating)}</b> <small>of ${grouped(instances)}${violating > 0 && `, ${percent(violating, instances)}`}</small></td>`;
}
