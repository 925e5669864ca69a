import { counted, dateOf, grouped, percent } from "../../../util/figures.ts";
import type { Report } from "../read-lines.ts";
import { type RuleResult, resultsOf } from "../rule-results.ts";
import { change } from "../words.ts";
import { type Html, html, linkTo } from "./html.ts";
import { bar, severity } from "./parts.ts";

type About = Pick<Report, "header" | "sums">;

/** Returns the findings by rule, and the rules without a violation. */
export function rulesSection(about: About): Html {
  const results = resultsOf(about);
  const violated = results.filter(({ violations }) => violations > 0);
  const others = results.filter(({ violations }) => violations === 0);
  const max = Math.max(...violated.map(({ violations }) => violations));
  const { since } = about.header;
  const { compliant, violating } = about.sums.totals;
  const nothing = compliant + violating > 0 ? "No rule is violated." : "No instance was judged.";
  return html`<section id="rules"><h2>What is violated</h2>
<p class="lead">${violated.length > 0 ? "Findings by rule, the gravest first. Compliance is the share of the judged instances in the rule’s scope." : nothing}</p>
${
  violated.length > 0 &&
  html`<div class="scroll" role="region" aria-label="Findings by rule" tabindex="0"><table class="rules"><thead><tr><th scope="col">Rule</th><th scope="col">Severity</th><th scope="col" class="n">Findings</th><th class="chart"><span class="hidden">Bar</span></th><th scope="col" class="n">Compliance</th>${since !== null && html`<th scope="col" class="n">Since ${dateOf(since)}</th>`}</tr></thead>
<tbody>
${violated.map((result) => row(about, result, max))}</tbody></table></div>`
}
${others.length > 0 && html`<details class="others"><summary>${counted(others.length, "rule")}${compliant + violating > 0 && " without a violation"}</summary><ul>${others.map(unviolated)}</ul></details>`}</section>
`;
}

function row({ header }: About, result: RuleResult, max: number): Html {
  const { rule, index, violations, compliant, notJudged, exempt, new: fresh, resolved } = result;
  const sum = fresh - resolved;
  const asides = [
    notJudged > 0 && `${grouped(notJudged)} not judged`,
    exempt > 0 && `${grouped(exempt)} exempt`,
    rule.mode === "report" && "in reports only",
  ].filter((aside) => aside !== false);
  return html`<tr id="rule-${index}"><th scope="row">${linkTo(rule.link, rule.id)} <small>${rule.demands}${rule.when !== null && `, where ${rule.when}`}</small></th><td>${severity(rule.severity)}</td><td class="n findings-count"><a href="#findings" data-query="${new URLSearchParams({ ruleId: rule.id }).toString()}">${grouped(violations)}</a></td><td class="chart">${bar([{ share: violations / max, colour: rule.severity }], 10)}</td><td class="n compliance">${percent(compliant, compliant + violations)}${asides.length > 0 && html` <small>${asides.join(", ")}</small>`}</td>${
    header.since !== null &&
    html`<td class="n change"><span class="${sum > 0 ? "worse" : sum < 0 ? "better" : "same"}">${change(sum)}</span>${fresh + resolved > 0 && html` <small>${grouped(fresh)} new, ${grouped(resolved)} resolved</small>`}</td>`
  }</tr>
`;
}

function unviolated({ rule, index, compliant, notJudged, exempt }: RuleResult): Html {
  const counts = [
    compliant > 0 && `${counted(compliant, "instance")} compliant`,
    notJudged > 0 && `${grouped(notJudged)} not judged`,
    exempt > 0 && `${grouped(exempt)} exempt`,
  ].filter((text) => text !== false);
  return html`<li id="rule-${index}">${linkTo(rule.link, rule.id)}: ${rule.demands} <span class="none">(${counts.length > 0 ? counts.join(", ") : "no instance in its scope"})</span></li>`;
}
