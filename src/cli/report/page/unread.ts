import { counted, grouped } from "../../../util/figures.ts";
import { groupBy } from "../../../util/group-by.ts";
import type { Header, PlaceLine } from "../lines.ts";
import type { Report } from "../read-lines.ts";
import { ADVICE, accountName, type Unjudged, type Unread, unjudgedOf, unreadOf } from "../summary.ts";
import { list } from "../words.ts";
import { type Html, html } from "./html.ts";
import { number } from "./parts.ts";

/** The statuses, those with the most to do first. */
const ORDER: readonly Unread["status"][] = ["denied", "failed", "partial", "off"];

/** The maximum number of accounts that are named together, and of lines of such names before the others are folded. */
const MAX_LISTED = 5;
const MAX_RULES = 50;

/** Returns the places that could not be read and the rules that could not be judged, with reasons; nothing if there are none. */
export function unreadSection({ header, places }: Pick<Report, "header" | "places">): Html | false {
  const unread = unreadOf(places).sort((a, b) => ORDER.indexOf(a.status) - ORDER.indexOf(b.status));
  const unjudged = unjudgedOf(places);
  if (unread.length === 0 && unjudged.length === 0) return false;
  return html`<section id="unread"><h2>What is not known</h2>
<p class="lead">Nothing here counts as compliant, and nothing as a violation.</p>
${unread.length > 0 && placesTable(header, unread, places.length)}${unjudged.length > 0 && rulesTable(unjudged)}</section>
`;
}

function placesTable(header: Header, groups: readonly Unread[], all: number): Html {
  const unread = groups.reduce((sum, { places }) => sum + places.length, 0);
  return html`<h3>${counted(unread, "place")} of ${grouped(all)} not read completely</h3>
<div class="scroll" role="region" aria-label="Places that were not read completely" tabindex="0"><table><thead><tr><th scope="col">Places</th><th scope="col">Status</th><th scope="col">Reason</th><th scope="col">What to do</th></tr></thead>
<tbody>
${groups.map(
  ({
    status,
    reason,
    places,
  }) => html`<tr><th scope="row">${placeNames(header, places)}</th><td><span class="tag unsure">${status}</span></td><td>${reason}</td><td>${ADVICE[status]}</td></tr>
`,
)}</tbody></table></div>
`;
}

/** Names the places: the accounts once for all those of which the same regions could not be read. */
function placeNames(header: Header, places: readonly PlaceLine[]): Html {
  const accounts = [...groupBy(places, ({ account }) => account)].map(([account, own]) => ({
    name: accountName(header, account),
    regions: own.map(({ region }) => region).join(", "),
  }));
  const lines = [...groupBy(accounts, ({ regions }) => regions)].map(([regions, own]) => {
    const names = own.slice(0, MAX_LISTED).map(({ name }) => name);
    const rest = own.length - names.length;
    return html`<div>${list(rest > 0 ? [...names, `${grouped(rest)} others`] : names)} <small>${regions}</small></div>`;
  });
  if (lines.length <= MAX_LISTED) return html`${lines}`;
  const rest = lines.slice(MAX_LISTED);
  return html`${lines.slice(0, MAX_LISTED)}<details><summary>${grouped(rest.length)} more</summary>${rest}</details>`;
}

function rulesTable(groups: readonly Unjudged[]): Html {
  const rest = groups.length - MAX_RULES;
  return html`<h3>Rules that could not be judged</h3>
<div class="scroll" role="region" aria-label="Rules that could not be judged" tabindex="0"><table><thead><tr><th scope="col">Rule</th><th scope="col">Reason</th><th scope="col" class="n">Instances</th><th scope="col" class="n">Places</th></tr></thead>
<tbody>
${groups.slice(0, MAX_RULES).map(
  ({
    ruleId,
    reason,
    instances,
    places,
  }) => html`<tr><th scope="row">${ruleId}</th><td>${reason}</td>${number(grouped(instances))}${number(grouped(places))}</tr>
`,
)}</tbody></table></div>${rest > 0 && html`<p class="none">and ${counted(rest, "other reason")}</p>`}
`;
}
