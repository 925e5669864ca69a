import type { PlaceStatus } from "../../../fleet/place.ts";
import { groupBy } from "../../../util/group-by.ts";
import { counted, grouped } from "../figures.ts";
import type { Header, PlaceLine } from "../lines.ts";
import type { Report } from "../read-lines.ts";
import { type Html, html } from "./html.ts";
import { nameOfAccount, number } from "./parts.ts";
import { list } from "./words.ts";

type Unread = Exclude<PlaceStatus, "complete">;

/** The statuses, those with the most to do first. */
const ORDER: readonly Unread[] = ["denied", "failed", "partial", "off"];

/** What to do about a place that could not be read. */
export const ADVICE: Readonly<Record<Unread, string>> = {
  denied:
    "Allow the action in the policy of the role or user that reads the account, and in the organization’s service control policies. Then make the report again.",
  off: "Enable the region for the account, or leave the region out with --regions.",
  failed: "Make the report again. If it fails again, check the network and AWS Health.",
  partial: "Make the report again. If it ends early again, the reason tells what to check.",
};

/** The maximum number of accounts that are named together, and of lines of such names before the others are folded. */
const MAX_LISTED = 5;
const MAX_RULES = 50;

/** Returns the places that could not be read and the rules that could not be judged, with reasons; nothing if there are none. */
export function unreadSection({ header, places }: Pick<Report, "header" | "places">): Html | false {
  const unread = places.flatMap((place) => (place.status === "complete" ? [] : [{ ...place, status: place.status }]));
  const rules = places.flatMap((place) => place.notJudgedRules.map((rule) => ({ ...rule, place })));
  if (unread.length === 0 && rules.length === 0) return false;
  return html`<section id="unread"><h2>What is not known</h2>
<p class="lead">Nothing here counts as compliant, and nothing as a violation.</p>
${unread.length > 0 && placesTable(header, unread, places.length)}${rules.length > 0 && rulesTable(rules)}</section>
`;
}

function placesTable(header: Header, unread: readonly (PlaceLine & { readonly status: Unread })[], all: number): Html {
  const inOrder = ORDER.flatMap((status) => unread.filter((place) => place.status === status));
  const groups = [...groupBy(inOrder, ({ status, reason }) => JSON.stringify([status, reason])).values()];
  return html`<h3>${counted(unread.length, "place")} of ${grouped(all)} not read completely</h3>
<div class="scroll" role="region" aria-label="Places that were not read completely" tabindex="0"><table><thead><tr><th scope="col">Places</th><th scope="col">Status</th><th scope="col">Reason</th><th scope="col">What to do</th></tr></thead>
<tbody>
${groups.flatMap((own) =>
  own.slice(0, 1).map(
    ({
      status,
      reason,
    }) => html`<tr><th scope="row">${placeNames(header, own)}</th><td><span class="tag unsure">${status}</span></td><td>${reason}</td><td>${ADVICE[status]}</td></tr>
`,
  ),
)}</tbody></table></div>
`;
}

/** Names the places: the accounts once for all those of which the same regions could not be read. */
function placeNames(header: Header, places: readonly PlaceLine[]): Html {
  const accounts = [...groupBy(places, ({ account }) => account)].map(([account, own]) => ({
    name: nameOfAccount(header, account),
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

function rulesTable(rules: readonly { ruleId: string; reason: string; instances: number; place: PlaceLine }[]): Html {
  const groups = [...groupBy(rules, ({ ruleId, reason }) => JSON.stringify([ruleId, reason])).values()]
    .map((own) => ({ own, instances: own.reduce((sum, { instances }) => sum + instances, 0) }))
    .sort((a, b) => b.instances - a.instances);
  const rest = groups.length - MAX_RULES;
  return html`<h3>Rules that could not be judged</h3>
<div class="scroll" role="region" aria-label="Rules that could not be judged" tabindex="0"><table><thead><tr><th scope="col">Rule</th><th scope="col">Reason</th><th scope="col" class="n">Instances</th><th scope="col" class="n">Places</th></tr></thead>
<tbody>
${groups.slice(0, MAX_RULES).flatMap(({ own, instances }) =>
  own.slice(0, 1).map(
    ({
      ruleId,
      reason,
    }) => html`<tr><th scope="row">${ruleId}</th><td>${reason}</td>${number(grouped(instances))}${number(grouped(own.length))}</tr>
`,
  ),
)}</tbody></table></div>${rest > 0 && html`<p class="none">and ${counted(rest, "other reason")}</p>`}
`;
}
