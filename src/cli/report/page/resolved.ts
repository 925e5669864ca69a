import { counted, dateOf, grouped } from "../figures.ts";
import type { Header, Resolution, ResolvedLine, SinceSums } from "../lines.ts";
import { instanceOf } from "./findings.ts";
import { type Html, html } from "./html.ts";
import { nameOfAccount, severity } from "./parts.ts";
import { list } from "./words.ts";

/** The reasons, with the words that follow a number. */
export const RESOLUTIONS: readonly { readonly key: Resolution; readonly word: string; readonly sentence: string }[] = [
  { key: "fixed", word: "fixed", sentence: "The instance was corrected." },
  { key: "terminated", word: "terminated", sentence: "The instance was terminated." },
  { key: "exempted", word: "exempted", sentence: "An exemption applies." },
  { key: "scope", word: "out of scope", sentence: "The instance left the rule’s scope." },
  { key: "policy", word: "by the policy’s change", sentence: "The policy changed." },
];

/** Returns the sum of the counts by reason. */
export function total(resolved: SinceSums["resolved"]): number {
  return Object.values(resolved).reduce((sum, value) => sum + value, 0);
}

/** Returns the findings of the previous report that are resolved; nothing without a previous report. */
export function resolvedSection(
  header: Header,
  since: SinceSums | null,
  gravest: readonly ResolvedLine[],
): Html | false {
  if (header.since === null || since === null) return false;
  const all = total(since.resolved);
  const why = RESOLUTIONS.filter(({ key }) => since.resolved[key] > 0).map(
    ({ key, word }) => `${grouped(since.resolved[key])} ${word}`,
  );
  const lead =
    all === 0
      ? `No finding was resolved since ${dateOf(header.since)}.`
      : `${counted(all, "finding")} since ${dateOf(header.since)}: ${list(why)}.`;
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
  return html`<tr><td>${severity(name)}</td><th scope="row">${instanceOf(line)}</th><td>${message} <small>${ruleId}</small></td><td>${nameOfAccount(header, account)} <small>${region}</small></td><td>${sentence}</td><td>${dateOf(firstSeen)}</td></tr>
`;
}
