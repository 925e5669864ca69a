import { instancePage } from "../../../alerts/instance-names.ts";
import { isRegion } from "../../../aws/regions.ts";
import { counted, dateOf, grouped } from "../../../util/figures.ts";
import type { FindingLine, Header } from "../lines.ts";
import { listedFindings } from "../listed-findings.ts";
import type { Report } from "../read-lines.ts";
import { accountName } from "../summary.ts";
import { tagOf } from "../tag.ts";
import { age } from "../words.ts";
import { type Html, html, linkTo } from "./html.ts";
import { severity } from "./parts.ts";

/** Returns the gravest findings of a report as a table, and the place for the tools of the page's script. */
export function findingsSection(
  { header, places, sums }: Pick<Report, "header" | "places" | "sums">,
  gravest: readonly FindingLine[],
): Html {
  const all = listedFindings(sums);
  if (all === 0) {
    const where = places.every(({ status }) => status === "complete") ? "" : " in what was read";
    return html`<section id="findings"><h2>Findings</h2><p class="lead">There is no finding${where}.</p></section>`;
  }
  const lead =
    all > gravest.length
      ? `The ${grouped(gravest.length)} gravest of ${counted(all, "finding")}.`
      : `${all === 1 ? "The only finding" : `All ${counted(all, "finding")}`}, the gravest first.`;
  return html`<section id="findings"><h2>Findings</h2><p class="lead" id="findings-lead">${lead}</p>
<div id="tools" hidden></div>
<div class="scroll" role="region" aria-labelledby="findings-lead" tabindex="0"><table id="findings-table" class="findings">
<thead><tr><th scope="col">Severity</th><th scope="col">Instance</th><th scope="col">Violation</th><th scope="col">Account and region</th><th scope="col">Owner</th><th scope="col">Launched</th>${header.since !== null && html`<th scope="col">First seen</th>`}</tr></thead>
<tbody>
${gravest.map((finding) => row(header, finding))}</tbody></table></div></section>
`;
}

function row(header: Header, finding: FindingLine): Html {
  const { ruleId, message, remedy, tags, launchTime, firstSeen, account, region, link } = finding;
  const lines = remedy.map(
    (line) => html`${line}
`,
  );
  return html`<tr><td>${severity(finding.severity)}</td><th scope="row">${instanceOf(finding, mark(finding))}</th><td>${message} <small>${linkTo(link, ruleId)}</small>${
    lines.length > 0 && html`<details><summary>Remedy</summary><pre>${lines}</pre></details>`
  }</td><td>${accountName(header, account)} <small>${region}</small></td><td>${tagOf(tags, header.ownerTag) ?? html`<span class="none">none</span>`}</td>${time(header, launchTime)}${header.since !== null && time(header, firstSeen)}</tr>
`;
}

function time(header: Header, time: string | null): Html {
  if (!time) return html`<td>unknown</td>`;
  return html`<td>${dateOf(time)} <small>${age(time, header.time)} ago</small></td>`;
}

/** Returns the name of an instance with a mark, and its id with a link to its page in the console of AWS. */
export function instanceOf(
  { name, instanceId, region }: Pick<FindingLine, "name" | "instanceId" | "region">,
  mark: Html | null = null,
): Html {
  const page = isRegion(region) ? instancePage(region) + encodeURIComponent(instanceId) : null;
  const id = html`<span class="id">${linkTo(page, instanceId)}</span>`;
  return name === null ? html`${id}${mark}` : html`${name}${mark} <small>${id}</small>`;
}

function mark({ status }: FindingLine): Html | null {
  if (status === "new") return html` <span class="tag">new</span>`;
  return status === "unknown" ? html` <span class="tag unsure">not confirmed</span>` : null;
}
