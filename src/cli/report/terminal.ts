import { SEVERITIES, type Severity } from "../../policy/rule.ts";
import type { Colours, Terminal } from "../terminal.ts";
import { type Column, cutTo, tableOf, wrapText } from "./columns.ts";
import { counted, dateOf, grouped, percent, sentence } from "./figures.ts";
import { gravestOf } from "./gravest.ts";
import type { FindingLine } from "./lines.ts";
import { violatedRules } from "./page/rules.ts";
import { ADVICE } from "./page/unread.ts";
import { age, duration, minuteOf } from "./page/words.ts";
import type { Report } from "./read-lines.ts";
import { accountName, answerAndChange, changesOf, endingIn, endingOf, unjudgedOf, unreadOf } from "./summary.ts";

/** The widest and the narrowest summary, in columns: longer lines are hard to read, and tables need some. */
const [MAX_COLUMNS, MIN_COLUMNS] = [120, 40];
/** The numbers of rows: what the summary leaves out is in the files. */
const [RULES, PLACES, OWNERS, REASONS, FINDINGS] = [20, 8, 5, 10, 10];

/** A summary while it is written. */
interface Summary {
  readonly report: Report;
  readonly colours: Colours;
  readonly columns: number;
}

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
    rules(summary),
    places(summary),
    owners(summary),
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
  const regions = counted(new Set(all.map(({ region }) => region)).size, "region");
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

function rules({ report, colours, columns }: Summary): string[] {
  const { header, sums } = report;
  const violated = violatedRules(report);
  const rest = header.rules.length - violated.length;
  const changes = ({ rule }: (typeof violated)[number]) => sums.since?.rules[rule.id] ?? { new: 0, resolved: 0 };
  const since: Column<(typeof violated)[number]>[] = [
    {
      heading: "New",
      cell: (row) => grouped(changes(row).new),
      isNumber: true,
      isOptional: true,
      colour: quiet(colours),
    },
    {
      heading: "Resolved",
      cell: (row) => grouped(changes(row).resolved),
      isNumber: true,
      isOptional: true,
      colour: quiet(colours),
    },
  ];
  const shown = violated.slice(0, RULES);
  return [
    ...(shown.length > 0
      ? tableOf(
          shown,
          [
            { heading: "Rule", cell: ({ rule }) => rule.id },
            {
              heading: "Severity",
              cell: ({ rule }) => rule.severity,
              colour: (text, { rule }) => painted(colours, rule.severity)(text),
            },
            { heading: "Findings", cell: ({ violations }) => grouped(violations), isNumber: true },
            ...(sums.since === null ? [] : since),
            {
              heading: "Compliant",
              cell: ({ compliant, violations }) => percent(compliant, compliant + violations) ?? "–",
              isNumber: true,
              isOptional: true,
            },
          ],
          columns,
          colours.bold,
        )
      : []),
    ...more(violated.length - shown.length, "violated rule", colours),
    ...(rest > 0 && sums.totals.instances > 0
      ? [
          colours.dim(
            violated.length > 0
              ? `and ${counted(rest, "rule")} without a violation`
              : `${counted(rest, "rule")}, none violated`,
          ),
        ]
      : []),
  ];
}

function places({ report, colours, columns }: Summary): string[] {
  const { header, places: all } = report;
  const violating = all.filter((place) => place.violating > 0).sort((a, b) => b.violating - a.violating);
  if (violating.length === 0 || all.length === 1) return [];
  const shown = violating.slice(0, PLACES);
  return [
    ...tableOf(
      shown,
      [
        { heading: "Account", cell: ({ account }) => accountName(header, account) },
        { heading: "Region", cell: ({ region }) => region },
        { heading: "Violating", cell: (place) => grouped(place.violating), isNumber: true },
        { heading: "Instances", cell: ({ instances }) => grouped(instances), isNumber: true, isOptional: true },
        {
          heading: "Compliant",
          cell: (place) => percent(place.compliant, place.compliant + place.violating) ?? "–",
          isNumber: true,
          isOptional: true,
        },
      ],
      columns,
      colours.bold,
    ),
    ...more(violating.length - shown.length, "place", colours, " with violations"),
  ];
}

function owners({ report, colours, columns }: Summary): string[] {
  const { header, sums } = report;
  const { groups, others } = sums.totals.owners;
  const violating = groups.filter((group) => group.violating > 0).sort((a, b) => b.violating - a.violating);
  if (!violating.some(({ value }) => value !== null)) return [];
  const shown = violating.slice(0, OWNERS);
  return [
    ...tableOf(
      shown,
      [
        { heading: `Tag ${header.ownerTag}`, cell: ({ value }) => value ?? "(without)" },
        { heading: "Violating", cell: (group) => grouped(group.violating), isNumber: true },
        { heading: "Instances", cell: ({ instances }) => grouped(instances), isNumber: true, isOptional: true },
        {
          heading: "Critical",
          cell: ({ severities }) => grouped(severities.critical),
          isNumber: true,
          isOptional: true,
          colour: quiet(colours),
        },
        {
          heading: "High",
          cell: ({ severities }) => grouped(severities.high),
          isNumber: true,
          isOptional: true,
          colour: quiet(colours),
        },
      ],
      columns,
      colours.bold,
    ),
    ...more(violating.length - shown.length + others.values, "value", colours),
  ];
}

function unread({ report, colours, columns }: Summary): string[] {
  const { header, places: all } = report;
  const groups = unreadOf(all);
  if (groups.length === 0) return [];
  return [
    colours.bold("Not read completely"),
    ...groups.slice(0, REASONS).flatMap(({ status, reason, places: own }) => {
      const named = own.slice(0, 3).map(({ account, region }) => `${accountName(header, account)} ${region}`);
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
      const text = `${ids.join(", ")}: ${endingIn(days)} (${dateOf(until)}), ${uses}. ${sentence(reason)}`;
      return bullet(colours.yellow("!"), text, columns);
    }),
    ...more(ending.length - REASONS, "exemption", colours),
  ];
}

function gravest({ report, colours, columns }: Summary, findings: readonly FindingLine[]): string[] {
  const { header, sums } = report;
  if (findings.length === 0) return [];
  const all = sums.totals.findings + (sums.since?.unknown ?? 0);
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

function more(rest: number, noun: string, colours: Colours, which = ""): string[] {
  return rest > 0 ? [colours.dim(`and ${grouped(rest)} other ${rest === 1 ? noun : `${noun}s`}${which}`)] : [];
}

function painted(colours: Colours, severity: Severity): (text: string) => string {
  if (severity === "critical") return (text) => colours.bold(colours.red(text));
  return { high: colours.red, medium: colours.yellow, low: colours.dim }[severity];
}

/** Zeros are less visible than other numbers. */
function quiet(colours: Colours): (text: string) => string {
  return (text) => (text === "0" ? colours.dim(text) : text);
}
