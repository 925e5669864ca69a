import { counted, dateOf, grouped, percent } from "../../util/figures.ts";
import { cut } from "../../util/text.ts";
import { gravestOf } from "./gravest.ts";
import type { FindingLine } from "./lines.ts";
import { listedFindings } from "./listed-findings.ts";
import type { Report } from "./read-lines.ts";
import { violatedRules } from "./rule-results.ts";
import {
  accountName,
  answerAndChange,
  changesOf,
  endingIn,
  endingOf,
  placeName,
  unjudgedOf,
  unreadOf,
} from "./summary.ts";
import { age, duration, minuteOf } from "./words.ts";

/** A comment on GitHub has at most 65,536 characters. The rest is for text that a workflow adds. */
const MAX_BYTES = 59_000;
const MAX_FINDINGS = 20;
const MAX_RULES = 100;
const MAX_ITEMS = 20;
const MAX_CODE = 300;
/** A longer remedy stands in the other formats. In characters. */
const MAX_REMEDY = 2000;

/**
 * Yields the summary of a report in Markdown, for a pull request or a wiki of GitHub: up to 60,000 bytes. Texts of AWS and of the
 * policy stand in code only: GitHub makes links, mentions and references of other text, even where it is escaped. Throws CliError
 * for a damaged line.
 */
export async function* renderMarkdown(report: Report): AsyncGenerator<string> {
  const { header, sums, places } = report;
  const { figure, text } = answerAndChange(report);
  const about = `${code(header.tool)}, ${dateOf(header.time)}, ${minuteOf(header.time)}: ${counted(places.length, "place")}, ${counted(sums.calls, "call")} in ${duration(sums.seconds)}.`;
  let left = MAX_BYTES - Buffer.byteLength(about);
  const fits = (part: string) => {
    const bytes = Buffer.byteLength(part) + 2;
    if (bytes > left) return false;
    left -= bytes;
    return true;
  };
  const parts = [
    `## EC2 audit: ${figure}`,
    text,
    ...notices(report),
    ...(sums.since === null ? [] : [`${changesOf(sums.since)}.`]),
    ...rules(report),
    ...unread(report),
    ...unjudged(report),
    ...endings(report),
  ];
  for (const part of parts) yield `${fits(part) ? part : TOO_LONG}\n\n`;
  const gravest = await gravestOf(report, MAX_FINDINGS);
  const findings = gravest.map((finding, index) => findingItem(finding, index, report));
  const end = findings.findIndex((item) => !fits(item));
  const items = end === -1 ? findings : findings.slice(0, end);
  const all = listedFindings(sums);
  if (items.length > 0) {
    const title = all > items.length ? `The ${items.length} gravest of ${counted(all, "finding")}` : "Findings";
    yield `### ${title}\n\n${items.join("\n")}\n\n`;
  }
  yield `${about}\n`;
}

const TOO_LONG = "A part of the report is too long for this page. The other formats have it.";

function notices({ sums, places }: Report): string[] {
  const missing = places.filter(({ status }) => status !== "complete").length;
  return [
    ...(sums.interrupted ? ["**The report was interrupted.** It has what was read until then."] : []),
    ...(missing > 0
      ? [
          `**${grouped(missing)} of ${counted(places.length, "place")} could not be read completely.** These figures lack what was not read.`,
        ]
      : []),
    ...(sums.totals.notJudged > 0 ? [`${counted(sums.totals.notJudged, "instance")} could not be judged.`] : []),
    ...(sums.totals.exempt > 0 ? [`${counted(sums.totals.exempt, "violation is", "violations are")} exempt.`] : []),
  ];
}

function rules(report: Report): string[] {
  const { header, sums } = report;
  const violated = violatedRules(report);
  const rest = header.rules.length - violated.length;
  const others = rest > 0 && sums.totals.instances > 0 ? [`${counted(rest, "rule")} without a violation.`] : [];
  if (violated.length === 0) return others;
  const columns = ["Rule", "Severity", "Findings", ...(sums.since ? ["New", "Resolved"] : []), "Compliant"];
  const rows = violated.slice(0, MAX_RULES).map(({ rule, violations, compliant, new: fresh, resolved }) => {
    const since = sums.since ? [grouped(fresh), grouped(resolved)] : [];
    const share = percent(compliant, compliant + violations) ?? "–";
    // The schema allows letters, digits, ".", "_" and "-" in the id of a rule.
    return [`\`${rule.id}\``, rule.severity, grouped(violations), ...since, share];
  });
  const aligned = columns.map((_, index) => (index < 2 ? "---" : "---:"));
  return [[columns, aligned, ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n"), ...others];
}

function unread({ header, places }: Report): string[] {
  const groups = unreadOf(places).map(({ status, reason, places: own }) => {
    const named = own.slice(0, 5).map((place) => code(placeName(header, place)));
    const rest = own.length - named.length;
    const all = `${named.join(", ")}${rest > 0 ? ` and ${grouped(rest)} more` : ""}`;
    return `${all}: ${status}${reason === null ? "" : `, ${code(reason)}`}`;
  });
  return section("Not read completely", groups);
}

function unjudged({ places }: Report): string[] {
  const groups = unjudgedOf(places).map(
    ({ ruleId, reason, instances }) => `${code(ruleId)} on ${counted(instances, "instance")}: ${code(reason)}`,
  );
  return section("Not judged", groups);
}

function endings(report: Report): string[] {
  const ending = endingOf(report).map(({ rules: ids, until, days, violations, reason }) => {
    const uses = days <= 0 ? "its violations are findings again" : counted(violations, "exempt violation");
    return `${code(ids.join(", "))}: ${endingIn(days)} (${dateOf(until)}); ${uses}: ${code(reason)}`;
  });
  return section("Exemptions that end soon", ending);
}

function section(title: string, items: readonly string[]): string[] {
  if (items.length === 0) return [];
  const rest = items.length - MAX_ITEMS;
  const more = rest > 0 ? [`and ${grouped(rest)} more`] : [];
  const lines = [...items.slice(0, MAX_ITEMS), ...more].map((item) => `- ${item}`);
  return [`### ${title}\n\n${lines.join("\n")}`];
}

function findingItem(finding: FindingLine, index: number, { header }: Report): string {
  const { severity, name, instanceId, account, region, ruleId, message, remedy, status, firstSeen } = finding;
  const since =
    status === "new"
      ? ", **new**"
      : status === "unknown"
        ? ", not confirmed"
        : header.since === null
          ? ""
          : `, open for ${age(firstSeen, header.time)}`;
  const place = `${code(accountName(header, account))}, ${region}`;
  const number = `${index + 1}. `;
  const indent = " ".repeat(number.length);
  const isLong = remedy.reduce((sum, line) => sum + line.length, 0) > MAX_REMEDY;
  return [
    `${number}**${severity}**${since}: ${name === null ? "" : `${code(name)} `}${code(instanceId)} in ${place} violates ${code(ruleId)}  `,
    code(message),
    "",
    ...(isLong ? ["The remedy is too long for this page."] : fenced(remedy)),
    "",
  ]
    .map((line, at) => (at === 0 || line === "" ? line : indent + line))
    .join("\n");
}

/**
 * Returns a text as a code span, in which nothing is markup: on one line, cut to 300 characters. Not for a table, where a `|` ends
 * the cell. https://spec.commonmark.org/0.31.2/#code-spans
 */
function code(text: string): string {
  const shown = cut(text, MAX_CODE);
  if (shown.trim() === "") return "–";
  const fence = "`".repeat(longestRun(shown) + 1);
  // One space at each end is dropped, so that a text can begin or end with a backtick.
  const space = /^[` ]|[` ]$/.test(shown) ? " " : "";
  return `${fence}${space}${shown}${space}${fence}`;
}

/** Returns lines as a block of code. */
function fenced(lines: readonly string[]): string[] {
  const fence = "`".repeat(Math.max(3, longestRun(lines.join("\n")) + 1));
  return [fence, ...lines, fence];
}

function longestRun(text: string): number {
  return Math.max(0, ...[...text.matchAll(/`+/g)].map(([run]) => run.length));
}
