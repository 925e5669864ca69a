import type { PlaceStatus } from "../../../fleet/place.ts";
import { groupBy } from "../../../util/group-by.ts";
import { counted, grouped } from "../figures.ts";
import type { Header, PlaceLine } from "../lines.ts";
import type { Report } from "../read-lines.ts";
import { type Html, html } from "./html.ts";
import { nameOfAccount, number } from "./parts.ts";

type Unread = Exclude<PlaceStatus, "complete">;

/** What to do about a place that could not be read. */
export const ADVICE: Readonly<Record<Unread, string>> = {
  denied:
    "Allow the action in the policy of the role or user that reads the account, and in the organization’s service control policies. Then make the report again.",
  off: "Enable the region for the account, or leave the region out with --regions.",
  failed: "Make the report again. If it fails again, check the network and AWS Health.",
  partial: "Make the report again. If it ends early again, the reason tells what to check.",
};

/** The maximum number of accounts that are listed with their regions. */
const MAX_LISTED = 20;
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
  const groups = [...groupBy(unread, ({ status, reason }) => JSON.stringify([status, reason])).values()];
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

function placeNames(header: Header, places: readonly PlaceLine[]): Html {
  const accounts = [...groupBy(places, ({ account }) => account)];
  const lines = accounts.slice(0, MAX_LISTED).map(([account, own], index) => {
    const name = nameOfAccount(header, account);
    const id = name !== account && ` (${account})`;
    return html`${index > 0 && html`<br>`}${name}<small>${id ? `${account}, ` : ""}${own.map(({ region }) => region).join(", ")}</small>`;
  });
  const rest = accounts.length - lines.length;
  return html`${lines}${rest > 0 && html`<br>and ${counted(rest, "other account")}`}`;
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
