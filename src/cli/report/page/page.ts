import { readFileSync } from "node:fs";
import { join } from "node:path";
import { counted, dateOf } from "../../../util/figures.ts";
import { packageFolder } from "../../package-folder.ts";
import { answerOf } from "../answer.ts";
import { gravest } from "../gravest.ts";
import type { FindingLine, ResolvedLine } from "../lines.ts";
import type { Report } from "../read-lines.ts";
import { duration } from "../words.ts";
import { answerSection, type Oldest, pageHeader } from "./answer.ts";
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
  const hasFindings = sums.totals.findings > 0;
  const sections: readonly Section[] = [
    { id: "rules", name: "Rules", content: rulesSection(report) },
    { id: "where", name: "Accounts and regions", content: places.length > 0 && whereSection(header, places) },
    { id: "whose", name: "Owners", content: hasFindings && (await whoseSection(report)) },
    { id: "since-when", name: "Age", content: hasFindings && (await sinceWhenSection(report)) },
    { id: "unread", name: "Not known", content: unreadSection(report) },
    { id: "exemptions", name: "Exemptions", content: exemptionsSection(report) },
    { id: "resolved", name: "Resolved", content: resolvedSection(header, sums.since, resolved.list()) },
    { id: "findings", name: "Findings", content: findingsSection(report, findings.list()) },
  ];
  const shown = sections.filter(({ content }) => content !== false);
  const style = readStyle();
  const script = await clientScript();
  yield html`<!doctype html>
<html lang="en"><head><meta charset="utf-8">
${trusted(securityPolicy(style, script))}
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>EC2 audit: ${answerOf(report).figure}, ${dateOf(header.time)}</title>
<style>${trusted(style)}</style></head>
<body><main>
${pageHeader(report)}${answerSection(report, oldest)}${contents(shown)}${shown.map(({ content }) => content)}${footer(report)}</main>
`.markup;
  yield await data.element();
  yield `\n<script>${script}</script></body></html>\n`;
}

/** A section, with its name in the table of contents. */
interface Section {
  readonly id: string;
  readonly name: string;
  readonly content: Html | false;
}

function contents(sections: readonly Section[]): Html {
  return html`<nav aria-label="Contents"><ul>${sections.map(({ id, name }) => html`<li><a href="#${id}">${name}</a></li> `)}</ul></nav>
`;
}

/** The style sheets, in the order in which they apply. */
const STYLES = ["theme", "document", "tables", "findings", "phone", "print", "script"];

function readStyle(): string {
  const folder = join(packageFolder(), "src/cli/report/page/style");
  return STYLES.map((name) => readFileSync(join(folder, `${name}.css`), "utf8")).join("\n");
}

function earlier(a: string | null, b: string | null): string | null {
  return a === null || (b !== null && b < a) ? b : a;
}

function footer({ header, places, sums }: Report): Html {
  return html`<footer><p>Made by ${header.tool} in ${duration(sums.seconds)} with ${counted(sums.calls, "call")} to AWS, which only read: ${counted(places.length, "place")}, ${counted(sums.totals.instances, "instance")}. A place is an account and region. <a href="#rules">The rules of the policy</a> say what is demanded.</p></footer>
`;
}
