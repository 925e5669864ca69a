import type { Severity } from "../../policy/rule.ts";
import { counted, grouped, percent } from "../../util/figures.ts";
import type { Colours } from "../terminal.ts";
import { type Column, tableOf } from "./columns.ts";
import type { Report } from "./read-lines.ts";
import { type RuleResult, violatedRules } from "./rule-results.ts";
import { accountName } from "./summary.ts";

/** A summary while it is written. */
export interface Summary {
  readonly report: Report;
  readonly colours: Colours;
  readonly columns: number;
}

/** The numbers of rows. */
const [RULES, PLACES, OWNERS] = [20, 8, 5];

/** Returns the violated rules as a table, the gravest first, and the number of the others. */
export function rulesTable({ report, colours, columns }: Summary): string[] {
  const { header, sums } = report;
  const violated = violatedRules(report);
  const rest = header.rules.length - violated.length;
  const since: Column<RuleResult>[] = [
    {
      heading: "New",
      cell: (row) => grouped(row.new),
      isNumber: true,
      isOptional: true,
      colour: quiet(colours),
    },
    {
      heading: "Resolved",
      cell: (row) => grouped(row.resolved),
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

/** Returns the places with most violating instances as a table; nothing if there is one place, or none of them. */
export function placesTable({ report, colours, columns }: Summary): string[] {
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

/** Returns the values of the owner tag with most violating instances as a table; nothing if no instance has the tag. */
export function ownersTable({ report, colours, columns }: Summary): string[] {
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

/** Returns a line that states how many more there are; nothing if there are none. */
export function more(rest: number, noun: string, colours: Colours, which = ""): string[] {
  return rest > 0 ? [colours.dim(`and ${grouped(rest)} other ${rest === 1 ? noun : `${noun}s`}${which}`)] : [];
}

/** Returns the colour of a severity. */
export function painted(colours: Colours, severity: Severity): (text: string) => string {
  if (severity === "critical") return (text) => colours.bold(colours.red(text));
  return { high: colours.red, medium: colours.yellow, low: colours.dim }[severity];
}

/** Zeros are less visible than other numbers. */
function quiet(colours: Colours): (text: string) => string {
  return (text) => (text === "0" ? colours.dim(text) : text);
}
