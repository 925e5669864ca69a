import { groupBy } from "../util/group-by.ts";
import type { Resolved } from "./finding.ts";
import { type Headline, headline } from "./headline.ts";
import { type Affected, factsOf, listOf, prose, sectionsOf, shortNameOf } from "./text.ts";

/** At least one resolved finding. */
type Resolveds = readonly [Resolved, ...Resolved[]];

/** The maximum number of changed tags, and of reasons, that the e-mail states. */
const MAX_TAGS = 5;
const MAX_REASONS = 10;

/**
 * Returns the subject and the text message of an alert of resolved findings: the instances, how the violation ended, and the rule
 * or the number of rules. Takes findings of one account and region.
 */
export function resolvedHeadlineOf(findings: Resolveds): Headline {
  const [first] = findings;
  const end = isAll(findings, first.how) ? ENDS[first.how] : "resolved";
  return headline("RESOLVED", first.instance, instancesOf(findings), `${end}: ${rulesIn(findings)}`, first);
}

/** How a violation ended, in a word or two. */
const ENDS = { complies: "fixed", exempt: "exempt", "out-of-scope": "out of scope", terminated: "terminated" } as const;

/**
 * Returns the text of the e-mail: what is resolved, why and when, then the facts. Takes findings of one account and region, the most
 * severe first, whose texts contain no control characters.
 */
export function resolvedTextOf(findings: Resolveds): string {
  const [first] = findings;
  const all = [...groupBy(findings, ({ instance }) => instance.instanceId).values()].flatMap(([finding]): Affected[] =>
    finding === undefined ? [] : [{ finding, found: [] }],
  );
  const sections = sectionsOf(all);
  const one = all.length === 1;
  const who = one ? shortNameOf(first.instance) : `${all.length} instances`;
  const reasons = [...groupBy(findings, ({ ruleId, because }) => `${ruleId}: ${because}.`)];
  const [reason] = reasons;
  const isOver = isAll(findings, "terminated");
  const why = reasons.length === 1 && !isOver ? `: ${first.because}` : "";
  const shown = isOver || reasons.length === 1 ? [] : reasons.slice(0, MAX_REASONS);
  const more = reasons.length - MAX_REASONS;
  return [
    // A line that begins with a name could look like a line of the facts.
    ...prose([`Resolved: ${who} ${phraseOf(findings)}${why}.`, ...(one ? [timeOf(first)] : [])].join(" ").trim()),
    ...(isOver && reasons.length > 1 ? ["", ...prose(`Rules: ${rulesOf(findings).join(", ")}.`)] : []),
    ...(shown.length > 0 && reason ? [""] : []),
    ...shown.flatMap(([text, own]) => prose(one ? text : `${text} (${own.length})`)),
    ...(shown.length > 0 && more > 0 ? [`${more} more reasons.`] : []),
    ...(one ? [] : sections.flatMap((section) => listOf(section, false))),
    "",
    ...factsOf(all, sections),
  ].join("\n");
}

function instancesOf(findings: Resolveds): number {
  return new Set(findings.map(({ instance }) => instance.instanceId)).size;
}

function rulesOf(findings: Resolveds): string[] {
  return [...new Set(findings.map(({ ruleId }) => ruleId))];
}

/** Returns the rule, or the number of rules. */
function rulesIn(findings: Resolveds): string {
  const [only = "", ...others] = rulesOf(findings);
  return others.length === 0 ? only : `${others.length + 1} rules`;
}

function isAll(findings: Resolveds, how: Resolved["how"]): boolean {
  return findings.every((finding) => finding.how === how);
}

/** Returns how the violations ended, to follow the name of an instance or a number of instances. */
function phraseOf(findings: Resolveds): string {
  const rules = rulesIn(findings);
  const one = instancesOf(findings) === 1;
  if (isAll(findings, "terminated")) return `${one ? "is terminated; it" : "are terminated; they"} violated ${rules}`;
  if (isAll(findings, "complies")) return `${one ? "complies" : "comply"} with ${rules} again`;
  return `no longer ${one ? "violates" : "violate"} ${rules}`;
}

/** Returns what happened, and how long after the launch, as a sentence; empty if it is a termination and the launch is not known. */
function timeOf({ changedTags, how, occasion, instance: { firstLaunchTime, launchTime } }: Resolved): string {
  const launched = firstLaunchTime ?? launchTime;
  const seconds = launched === null ? -1 : (Date.parse(occasion) - Date.parse(launched)) / 1000;
  const duration = seconds < 0 ? null : durationOf(seconds);
  if (how === "terminated" || changedTags === "all")
    return duration === null ? "" : `The launch was ${duration} before.`;
  const more = changedTags.length - MAX_TAGS;
  const keys = changedTags.slice(0, MAX_TAGS).map((key) => `"${key}"`);
  const tags = `The ${changedTags.length === 1 ? "tag" : "tags"} ${keys.join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
  return `${tags} changed${duration === null ? "" : ` ${duration} after the launch`}.`;
}

const UNITS = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
  ["second", 1],
] as const;

/** Returns a number of seconds in the largest unit of which there are two or more: `12 minutes`. */
function durationOf(seconds: number): string {
  const [unit, length] = UNITS.find(([, each]) => seconds >= 2 * each) ?? ["second", 1];
  const count = Math.floor(seconds / length);
  return `${count} ${unit}${count === 1 ? "" : "s"}`;
}
