import { daysLeft } from "../../../policy/exemptions.ts";
import { counted, dateOf, grouped } from "../../../util/figures.ts";
import type { Report } from "../read-lines.ts";
import { endingIn, SOON_DAYS } from "../summary.ts";
import { type Html, html } from "./html.ts";
import { number } from "./parts.ts";

/** Returns the exemptions of the policy with their use, those that end first before the others; nothing without exemptions. */
export function exemptionsSection({ header, sums: { totals } }: Pick<Report, "header" | "sums">): Html | false {
  const exemptions = header.exemptions
    .map((exemption, index) => ({
      exemption,
      violations: totals.exemptions[index] ?? 0,
      days: daysLeft(exemption, Date.parse(header.time)),
    }))
    .sort((a, b) => a.days - b.days);
  if (exemptions.length === 0) return false;
  return html`<section id="exemptions"><h2>Exemptions</h2>
<p class="lead">${counted(totals.exempt, "violation is", "violations are")} exempt. They do not count as findings.</p>
<div class="scroll" role="region" aria-label="Exemptions" tabindex="0"><table><thead><tr><th scope="col">Reason</th><th scope="col">Rules</th><th scope="col">Until</th><th scope="col" class="n">Exempt violations</th></tr></thead>
<tbody>
${exemptions.map(
  ({
    exemption,
    violations,
    days,
  }) => html`<tr><th scope="row">${exemption.reason} <small>where ${exemption.when}</small></th><td>${exemption.rules.join(", ")}</td><td>${dateOf(exemption.until)} <small>${ending(days)}</small></td>${number(violations > 0 ? grouped(violations) : html`0${days > 0 && html` <span class="tag unsure">unused</span>`}`)}</tr>
`,
)}</tbody></table></div></section>
`;
}

function ending(days: number): Html {
  if (days <= 0) return html`<span class="tag unsure">expired</span> its violations are findings again`;
  return days <= SOON_DAYS
    ? html`<span class="tag unsure">${endingIn(days)}</span>`
    : html`${counted(days, "day")} left`;
}
