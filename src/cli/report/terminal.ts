import { ALL_REGIONS } from "../../fleet/place.ts";
import { SEVERITIES } from "../../policy/rule.ts";
import { counted, dateOf, grouped, sentence } from "../../util/figures.ts";
import type { Terminal } from "../terminal.ts";
import { cutTo, wrapText } from "./columns.ts";
import { gravestOf } from "./gravest.ts";
import type { FindingLine } from "./lines.ts";
import { listedFindings } from "./listed-findings.ts";
import type { Report } from "./read-lines.ts";
import {
  ADVICE,
  accountName,
  answerAndChange,
  changesOf,
  endingIn,
  endingOf,
  placeName,
  unjudgedOf,
  unreadOf,
} from "./summary.ts";
import { more, ownersTable, painted, placesTable, rulesTable, type Summary } from "./terminal-tables.ts";
import { age, duration, minuteOf } from "./words.ts";

/** The widest and the narrowest summary, in columns: longer lines are hard to read, and tables need some. */
const [MAX_COLUMNS, MIN_COLUMNS] = [120, 40];
/** The numbers of reasons of a kind, and of findings. What the summary leaves out is in the files. */
const [REASONS, FINDINGS] = [10, 10];

/**
 * Returns the summary of a report for a terminal. `nextSteps` are commands with what they do. No line is wider than the terminal,
 * from 40 columns on, except commands, which can be copied whole. Reads all findings; throws CliError for a damaged line.
 */
export async function summaryText(
  report: Report,
  { colours, columns }: Pick<Terminal, "colours" | "columns">,
  nextSteps: readonly NextStep[] = [],
): Promise<string> {
  const summary = { report, colours, columns: Math.max(MIN_COLUMNS, Math.min(columns, MAX_COLUMNS)) };
  const sections = [
    answer(summary),
    rulesTable(summary),
    placesTable(summary),
    ownersTable(summary),
    unread(summary),
    unjudged(summary),
    exemptions(summary),
    gravest(summary, await gravestOf(report, FINDINGS)),
    steps(summary, nextSteps),
  ];
  return sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join("\n"))
    .join("\n\n");
}

/** A command, and what it does: in words that follow it. */
export interface NextStep {
  readonly command: string;
  readonly does: string;
}

function answer({ report, colours, columns }: Summary): string[] {
  const { header, places: all, sums } = report;
  const { totals, since } = sums;
  const { figure, text } = answerAndChange(report);
  const isGood = totals.violating === 0 && totals.compliant > 0;
  const isGrave = totals.severities.critical + totals.severities.high > 0;
  const paint = isGood ? colours.green : totals.violating === 0 || !isGrave ? colours.yellow : colours.red;
  const missing = unreadOf(all).reduce((sum, { places: own }) => sum + own.length, 0);
  const facts = [
    ...(since === null ? [] : [`${changesOf(since)}.`]),
    ...(totals.notJudged > 0 ? [`${counted(totals.notJudged, "instance")} could not be judged.`] : []),
    ...(totals.exempt > 0 ? [`${counted(totals.exempt, "violation is", "violations are")} exempt.`] : []),
  ];
  const notices = [
    ...(sums.interrupted ? ["The report was interrupted. It has what was read until then."] : []),
    ...(missing > 0
      ? [
          `${grouped(missing)} of ${counted(all.length, "place")} could not be read completely. These figures lack what was not read.`,
        ]
      : []),
  ];
  const accounts = counted(new Set(all.map(({ account }) => account)).size, "account");
  const regions = counted(
    new Set(all.map(({ region }) => region).filter((region) => region !== ALL_REGIONS)).size,
    "region",
  );
  const when = `${dateOf(header.time)}, ${minuteOf(header.time)}`;
  const about = `${when}: ${accounts}, ${regions}, ${counted(header.rules.length, "rule")}. ${counted(sums.calls, "call")} in ${duration(sums.seconds)}.`;
  return [
    paint(colours.bold(`${isGood ? "✓ " : ""}${cutTo(figure, columns - 2)}`)),
    ...wrapText(text, columns),
    ...meter({ report, colours, columns }),
    ...(totals.findings > 0 ? severityLines({ report, colours, columns }) : []),
    ...(facts.length > 0 ? wrapText(facts.join(" "), columns) : []),
    ...notices.flatMap((notice) => bullet(colours.yellow("!"), notice, columns)),
    ...wrapText(about, columns).map((line) => colours.dim(line)),
  ];
}

function severityLines({ report, colours, columns }: Summary): string[] {
  const { findings, severities } = report.sums.totals;
  const parts = SEVERITIES.filter((severity) => severities[severity] > 0)
    .reverse()
    .map((severity) => ({ severity, text: `${grouped(severities[severity])} ${severity}` }));
  const start = `${counted(findings, "finding")}: `;
  const plain = `${start}${parts.map(({ text }) => text).join(", ")}.`;
  if (plain.length > columns) return wrapText(plain, columns);
  return [`${start}${parts.map(({ severity, text }) => painted(colours, severity)(text)).join(", ")}.`];
}

const MAX_METER = 60;

/** A bar of the compliant, violating and not judged instances. It needs colours: their numbers are in the text too. */
function meter({ report, colours, columns }: Summary): string[] {
  const { instances, compliant, violating, notJudged } = report.sums.totals;
  if (!colours.isColorSupported || instances === 0) return [];
  const width = Math.min(columns, MAX_METER);
  const part = (instancesOf: number) =>
    instancesOf === 0 ? 0 : Math.max(1, Math.floor((instancesOf / instances) * width));
  const [bad, unknown] = [part(violating), part(notJudged)];
  const good = compliant === 0 ? 0 : Math.max(1, width - bad - unknown);
  return [`${colours.green("━".repeat(good))}${colours.red("━".repeat(bad))}${colours.dim("━".repeat(unknown))}`];
}

function unread({ report, colours, columns }: Summary): string[] {
  const { header, places: all } = report;
  const groups = unreadOf(all);
  if (groups.length === 0) return [];
  return [
    colours.bold("Not read completely"),
    ...groups.slice(0, REASONS).flatMap(({ status, reason, places: own }) => {
      const named = own.slice(0, 3).map((place) => placeName(header, place));
      const rest = own.length - named.length;
      const text = `${named.join(", ")}${rest > 0 ? ` and ${counted(rest, "other")}` : ""}: ${status}${reason === null ? "" : `, ${reason}`}. ${ADVICE[status]}`;
      return bullet(colours.red("✗"), text, columns);
    }),
    ...more(groups.length - REASONS, "reason", colours),
  ];
}

function unjudged({ report, colours, columns }: Summary): string[] {
  const groups = unjudgedOf(report.places);
  if (groups.length === 0) return [];
  return [
    colours.bold("Not judged"),
    ...groups
      .slice(0, REASONS)
      .flatMap(({ ruleId, reason, instances }) =>
        bullet(colours.yellow("!"), `${ruleId} on ${counted(instances, "instance")}: ${reason}.`, columns),
      ),
    ...more(groups.length - REASONS, "reason", colours),
  ];
}

function exemptions({ report, colours, columns }: Summary): string[] {
  const ending = endingOf(report);
  if (ending.length === 0) return [];
  return [
    colours.bold("Exemptions that end soon"),
    ...ending.slice(0, REASONS).flatMap(({ rules: ids, until, days, violations, reason }) => {
      const uses = days <= 0 ? "its violations are findings again" : counted(violations, "exempt violation");
      const text = `${ids.join(", ")}: ${endingIn(days)} (${dateOf(until)}); ${uses}. ${sentence(reason)}`;
      return bullet(colours.yellow("!"), text, columns);
    }),
    ...more(ending.length - REASONS, "exemption", colours),
  ];
}

function gravest({ report, colours, columns }: Summary, findings: readonly FindingLine[]): string[] {
  const { header, sums } = report;
  if (findings.length === 0) return [];
  const all = listedFindings(sums);
  const title =
    all > findings.length
      ? `The ${findings.length} gravest of ${counted(all, "finding")}`
      : "The findings, the gravest first";
  const indent = " ".repeat(String(findings.length).length + 2);
  return [
    colours.bold(title),
    ...findings.flatMap((finding, index) => {
      const { severity, name, instanceId, account, region, message, remedy } = finding;
      const facts = [name, instanceId, accountName(header, account), region, ageOf(finding, header.since, header.time)];
      const [first = "", ...rest] = wrapText(
        `${severity} ${facts.filter(Boolean).join(" · ")}`,
        columns - indent.length,
      );
      return [
        `${colours.dim(`${index + 1}.`.padStart(indent.length - 1))} ${painted(colours, severity)(severity)}${first.slice(severity.length)}`,
        ...[...rest, ...wrapText(sentence(message), columns - indent.length)].map((line) => indent + line),
        ...remedy.map((line) => indent + colours.cyan(line)),
      ];
    }),
  ];
}

function ageOf({ status, firstSeen }: FindingLine, since: string | null, time: string): string | null {
  if (since === null) return null;
  return status === "open" ? `open for ${age(firstSeen, time)}` : status === "new" ? "new" : "not confirmed";
}

function steps({ colours, columns }: Summary, nextSteps: readonly NextStep[]): string[] {
  if (nextSteps.length === 0) return [];
  return [
    colours.bold("Next steps"),
    ...nextSteps.flatMap(({ command, does }) => [
      `  ${colours.cyan(command)}`,
      ...wrapText(does, columns - 4).map((line) => `    ${line}`),
    ]),
  ];
}

function bullet(mark: string, text: string, columns: number): string[] {
  return wrapText(text, columns - 2).map((line, index) => `${index === 0 ? mark : " "} ${line}`);
}
