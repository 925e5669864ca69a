import { readFileSync } from "node:fs";
import { join } from "node:path";
import { packageFolder } from "../../package-folder.ts";
import { counted, dateOf } from "../figures.ts";
import { gravest } from "../gravest.ts";
import type { FindingLine, ResolvedLine } from "../lines.ts";
import type { Report } from "../read-lines.ts";
import { answerOf, answerSection, type Oldest, pageHeader } from "./answer.ts";
import { clientScript } from "./client-script.ts";
import { pageData } from "./data.ts";
import { exemptionsSection } from "./exemptions.ts";
import { findingsSection } from "./findings.ts";
import { sinceWhenSection, whoseSection } from "./groups.ts";
import { type Html, html, trusted } from "./html.ts";
import { resolvedSection } from "./resolved.ts";
import { rulesSection } from "./rules.ts";
import { securityPolicy } from "./security.ts";
import { unreadSection } from "./unread.ts";
import { whereSection } from "./where.ts";
import { duration } from "./words.ts";

/** The number of findings, and of resolved ones, that stand in the document. */
const MAX_FINDINGS = 200;
const MAX_RESOLVED = 50;

/**
 * Yields the HTML page of a report: a document that needs no script, and a script that makes its last table one of all findings.
 * It holds what the page shows of the findings, and no more of them.
 */
export async function* renderPage(report: Report): AsyncGenerator<string> {
  const { header, places, sums } = report;
  const findings = gravest<FindingLine>(MAX_FINDINGS);
  const resolved = gravest<ResolvedLine>(MAX_RESOLVED);
  const data = pageData(header, sums);
  let oldest: Oldest = { firstSeen: null, launchTime: null };
  for await (const line of report.verdicts()) {
    if (line.type === "resolved") resolved.add(line);
    if (line.type !== "finding") continue;
    findings.add(line);
    data.add(line);
    oldest = {
      firstSeen: earlier(oldest.firstSeen, line.firstSeen),
      launchTime: earlier(oldest.launchTime, line.launchTime),
    };
  }
  const sections: readonly (Html | false)[] = [
    rulesSection(report),
    ...(sums.totals.instances > 0 || places.length > 0 ? [whereSection(header, places)] : []),
    ...(sums.totals.findings > 0 ? [await whoseSection(report), await sinceWhenSection(report)] : []),
    unreadSection(report),
    exemptionsSection(report),
    resolvedSection(header, sums.since, resolved.list()),
    findingsSection(report, findings.list()),
  ];
  const style = readFileSync(join(packageFolder(), "src/cli/report/page/style.css"), "utf8");
  const script = await clientScript();
  yield html`<!doctype html>
<html lang="en"><head><meta charset="utf-8">
${trusted(securityPolicy(style, script))}
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>EC2 audit: ${answerOf(report).figure}, ${dateOf(header.time)}</title>
<style>${trusted(style)}</style></head>
<body><main>
${pageHeader(report)}${answerSection(report, oldest)}${sections}${footer(report)}</main>
`.markup;
  yield await data.element();
  yield `\n<script>${script}</script></body></html>\n`;
}

function earlier(a: string | null, b: string | null): string | null {
  return a === null || (b !== null && b < a) ? b : a;
}

function footer({ header, places, sums }: Report): Html {
  return html`<footer><p>Made by ${header.tool} in ${duration(sums.seconds)} with ${counted(sums.calls, "call")} to AWS, which only read: ${counted(places.length, "place")}, ${counted(sums.totals.instances, "instance")}. A place is an account and region. <a href="#rules">The rules of the policy</a> say what is demanded.</p></footer>
`;
}
