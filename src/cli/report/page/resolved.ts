import { counted, dateOf, grouped } from "../../../util/figures.ts";
import type { Header, ResolvedLine, SinceSums } from "../lines.ts";
import { RESOLUTIONS, reasonsOf, total } from "../resolutions.ts";
import { accountName } from "../summary.ts";
import { list } from "../words.ts";
import { instanceOf } from "./findings.ts";
import { type Html, html } from "./html.ts";
import { severity } from "./parts.ts";

/** Returns the findings of the previous report that are resolved; nothing without a previous report. */
export function resolvedSection(
  header: Header,
  since: SinceSums | null,
  gravest: readonly ResolvedLine[],
): Html | false {
  if (header.since === null || since === null) return false;
  const all = total(since.resolved);
  const lead =
    all === 0
      ? `No finding was resolved since ${dateOf(header.since)}.`
      : `${counted(all, "finding")} since ${dateOf(header.since)}: ${list(reasonsOf(since.resolved))}.`;
  const which = all > gravest.length ? `The ${grouped(gravest.length)} gravest` : `All ${grouped(all)}`;
  return html`<section id="resolved"><h2>Resolved</h2><p class="lead">${lead} Findings are resolved only in places that were read completely.</p>
${
  gravest.length > 0 &&
  html`<details><summary>${which}</summary><div class="scroll" role="region" aria-label="Resolved findings" tabindex="0"><table><thead><tr><th scope="col">Severity</th><th scope="col">Instance</th><th scope="col">Violation</th><th scope="col">Account and region</th><th scope="col">Resolved by</th><th scope="col">First seen</th></tr></thead>
<tbody>
${gravest.map((line) => row(header, line))}</tbody></table></div></details>`
}</section>
`;
}

function row(header: Header, line: ResolvedLine): Html {
  const { severity: name, message, ruleId, account, region, resolution, firstSeen } = line;
  const sentence = RESOLUTIONS.find(({ key }) => key === resolution)?.sentence ?? "";
  return html`<tr><td>${severity(name)}</td><th scope="row">${instanceOf(line)}</th><td>${message} <small>${ruleId}</small></td><td>${accountName(header, account)} <small>${region}</small></td><td>${sentence}</td><td>${dateOf(firstSeen)}</td></tr>
`;
}
