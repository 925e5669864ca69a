import type { Instance } from "../facts/instances.ts";
import { groupBy } from "../util/group-by.ts";
import { cut, wrap } from "../util/text.ts";
import type { Finding, Findings, Judged, UnjudgedRule } from "./finding.ts";
import { instancePage, instancesPage, nameOf } from "./instance-names.ts";

/** The width of a phone's screen. */
const COLUMNS = 72;
const LABEL = 11;
const MAX_NAME = 40;
const PROBLEMS_IN_OPENING = 3;

/** Findings that differ only in their instance. They are stated once, with one remedy. */
interface Problem {
  readonly number: number;
  readonly finding: Finding;
  readonly instances: Instance[];
}

/** An instance with the numbers of its problems. */
export interface Affected {
  readonly finding: Judged;
  readonly problems: number[];
}

/**
 * Returns the text of the e-mail: the problems, how to fix them, then the facts. Several instances have a line each, grouped by
 * launcher. Takes findings of one account and region, the most severe first, whose texts contain no control characters, and the
 * rules that could not be judged.
 */
export function textOf(findings: Findings, unjudged: readonly UnjudgedRule[] = []): string {
  const problems = new Map<string, Problem>();
  const affected = new Map<string, Affected>();
  for (const finding of findings) {
    const { violation, ruleId, region, instance, severity } = finding;
    const key = JSON.stringify([ruleId, severity, violation.message, violation.remedy([], region)]);
    const problem = problems.get(key) ?? { number: problems.size + 1, finding, instances: [] };
    problem.instances.push(instance);
    problems.set(key, problem);
    const entry = affected.get(instance.instanceId) ?? { finding, problems: [] };
    entry.problems.push(problem.number);
    affected.set(instance.instanceId, entry);
  }
  const all = [...affected.values()];
  // The lines contain no numbers of problems if each instance has each problem.
  const numbered = all.some((entry) => entry.problems.length < problems.size);
  const sections = sectionsOf(all);
  return [
    ...opening([...problems.values()], all),
    ...(sections.length > 1 ? ["", ...counts(sections)] : []),
    ...remedies([...problems.values()], all.length),
    ...(all.length > 1 ? sections.flatMap((section) => listOf(section, numbered)) : []),
    ...(unjudged.length > 0 ? ["", ...unjudged.flatMap(unjudgedLines)] : []),
    "",
    ...factsOf(all, sections),
  ].join("\n");
}

/** States the problems: one in a sentence, several in a few words each. */
function opening(problems: readonly Problem[], affected: readonly Affected[]): string[] {
  const [problem] = problems;
  const [entry] = affected;
  if (problem === undefined || entry === undefined) return [];
  const { ruleId, severity, violation } = problem.finding;
  const name = affected.length === 1 ? shortNameOf(entry.finding.instance) : `${affected.length} instances`;
  const start = `${name} ${affected.length === 1 ? "violates" : "violate"}`;
  if (problems.length === 1) return prose(`${start} ${ruleId} (${severity}): ${violation.message}.`);
  const rules = new Set(problems.map(({ finding }) => finding.ruleId)).size;
  const summaries = problems.slice(0, PROBLEMS_IN_OPENING).map(({ finding, instances }) => {
    const summary = finding.violation.summary(instances.length);
    return affected.length === 1 ? summary : `${instances.length} ${summary}`;
  });
  const more = problems.length > summaries.length ? "; ..." : ".";
  return prose(`${start} ${rules === 1 ? ruleId : `${rules} rules`}: ${[...new Set(summaries)].join("; ")}${more}`);
}

/** States the remedy for each problem. A remedy of several problems is written once, at the first, for all their instances. */
function remedies(problems: readonly Problem[], instances: number): string[] {
  const keyOf = ({ finding: { violation, region } }: Problem) => violation.remedy([], region).join("\n");
  // An alert can have thousands of problems with one remedy, so its instances are collected once.
  const alike = new Map(
    [...groupBy(problems, keyOf)].map(([key, same]) => [
      key,
      { same, ids: new Set(same.flatMap((each) => each.instances.map(({ instanceId }) => instanceId))) },
    ]),
  );
  return problems.flatMap((problem) => {
    const { number, finding, instances: own } = problem;
    const { violation, region, severity, ruleId, link } = finding;
    const see = link === null ? [] : [`See ${link}`];
    const { same = [], ids = new Set<string>() } = alike.get(keyOf(problem)) ?? {};
    const [first = problem] = same;
    const remedy = first === problem ? violation.remedy([...ids], region) : [];
    if (problems.length === 1) return ["", "Fix:", ...indented(remedy, 2), ...see];
    const count = instances === 1 ? "" : `: ${own.length === 1 ? "1 instance" : `${own.length} instances`}`;
    const covers = ids.size > own.length ? ` for ${same.map((each) => each.number).join(", ")}` : "";
    return [
      "",
      `${number}. ${severity.toUpperCase()}  ${ruleId}${count}`,
      ...indented(prose(`${capital(violation.message)}.`, 3), 3),
      ...(first === problem ? [`   Fix${covers}:`, ...indented(remedy, 5)] : [`   Fix: same as ${first.number}.`]),
      ...indented(see, 3),
    ];
  });
}

/** States a rule that could not be judged. */
function unjudgedLines({ ruleId, because, instances }: UnjudgedRule): string[] {
  const on = instances === 1 ? "" : ` on ${instances} instances`;
  return prose(`Not judged: ${ruleId}${on}, because ${because}.`);
}

/** Groups the instances by launcher. The launcher with the most instances comes first. */
export function sectionsOf(affected: readonly Affected[]): [string | null, Affected[]][] {
  return [...groupBy(affected, ({ finding }) => finding.launchedBy)].sort(([, a], [, b]) => b.length - a.length);
}

function counts(sections: readonly [string | null, Affected[]][]): string[] {
  const width = String(sections[0]?.[1].length).length;
  return sections.map(([launchedBy, own]) => `${String(own.length).padStart(width)}  ${launcher(launchedBy, own)}`);
}

/** Lists the common tags of a launcher's instances, then each instance on a line. */
export function listOf([launchedBy, affected]: readonly [string | null, Affected[]], numbered: boolean): string[] {
  const [first, ...others] = affected.map(({ finding }) => finding.instance.tags);
  const shared = [...(first ?? [])].filter(
    ([key, value]) => others.length > 0 && others.every((tags) => tags.get(key) === value) && !isSetByAws(key),
  );
  const known = new Set(shared.map(([key]) => key));
  return [
    "",
    `${capital(launcher(launchedBy, affected))}: ${affected.length}`,
    ...(shared.length > 0 ? indented(prose(`common tags: ${shared.map(tag).join(", ")}`, 2), 2) : []),
    ...affected.map(({ finding: { instance }, problems: numbers }) => {
      const { instanceId, instanceType, availabilityZone, publicIp, tags } = instance;
      const own = [...tags].filter(([key]) => !known.has(key) && !isSetByAws(key) && !isName(key));
      const name = known.has("Name") || known.has("name") ? null : nameOf(tags);
      const line = [
        instanceId,
        instanceType,
        availabilityZone,
        launchOf(instance)?.slice(11, 19),
        numbered && `[${numbers.join(", ")}]`,
        [name, publicIp, ...own.map(tag)].filter(Boolean).join(", "),
      ];
      return cut(`  ${line.filter(Boolean).join("  ")}`, COLUMNS);
    }),
  ];
}

/** States the facts about the instance; for several, the facts that are the same for all. */
export function factsOf(affected: readonly Affected[], sections: readonly [string | null, Affected[]][]): string[] {
  const [first] = affected;
  if (first === undefined) return [];
  const { account, region, instance, launchedBy } = first.finding;
  const one = affected.length === 1;
  const same = (key: keyof Instance) =>
    affected.every(({ finding }) => finding.instance[key] === instance[key]) ? instance[key] : null;
  const named = (name: string, key: keyof Instance) => same(key) && `${name} ${same(key)}`;
  const times = affected.flatMap(({ finding }) => launchOf(finding.instance) ?? []).sort();
  const [from, to] = [times[0], times.at(-1)];
  const by = sections.length > 1 ? null : launchedBy === null ? launcher(null, affected) : `by ${launcher(launchedBy)}`;
  const until = to !== from && to ? ` to ${to.slice(11, 19)}` : "";
  return [
    ...fact("Instance", [
      one && instance.instanceId,
      same("instanceType"),
      same("state"),
      named("public IP", "publicIp"),
    ]),
    ...fact("Account", [account, same("availabilityZone") ?? region]),
    ...fact("Launched", [from && `${dateOf(from)}${until} UTC`, by]),
    ...fact("Tags", [one && ([...instance.tags].map(tag).join(", ") || "none")]),
    ...fact("Network", [named("private IP", "privateIp"), same("subnetId"), same("vpcId")]),
    ...fact("Image", [same("imageId"), named("key", "keyName")]),
    ...fact("Profile", [same("instanceProfile")]),
    ...fact("Event", [...new Set(affected.map(({ finding }) => finding.event))]),
    `${"Console".padEnd(LABEL)}${one ? instancePage(region) + instance.instanceId : instancesPage(region)}`,
  ];
}

/** Returns the launcher in words. Takes its instances, because their tags may name the launcher if the event does not. */
export function launcher(launchedBy: string | null, affected: readonly Affected[] = []): string {
  if (launchedBy === null) {
    const tagged = affected.some(({ finding }) => [...finding.instance.tags.keys()].some((key) => !isName(key)));
    return `launcher unknown${tagged ? " (see tags)" : ""}`;
  }
  const [, role, session] = /^arn:[\w-]+:sts::\d+:assumed-role\/([^/]+)\/(.+)$/.exec(launchedBy) ?? [];
  if (role !== undefined) return `role ${role} (session ${session})`;
  const [, user] = /^arn:[\w-]+:iam::\d+:user\/(?:.*\/)?([^/]+)$/.exec(launchedBy) ?? [];
  return user === undefined ? launchedBy : `user ${user}`;
}

function fact(label: string, parts: readonly unknown[]): string[] {
  const text = parts.filter(Boolean).join(", ");
  return text ? wrap(`${label.padEnd(LABEL)}${text}`.split(" "), COLUMNS, " ".repeat(LABEL)) : [];
}

function capital(text: string): string {
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}`;
}

function tag([key, value]: readonly [string, string]): string {
  return `${key}=${value}`;
}

function isSetByAws(key: string): boolean {
  return key.startsWith("aws:");
}

function isName(key: string): boolean {
  return key === "Name" || key === "name";
}

function launchOf({ launchTime, firstLaunchTime }: Instance): string | null {
  return firstLaunchTime ?? launchTime;
}

/** Returns the name of an instance, cut, or its id. */
export function shortNameOf({ tags, instanceId }: Instance): string {
  return cut(nameOf(tags) ?? instanceId, MAX_NAME);
}

/** Wraps text at the width of a phone's screen. */
export function prose(text: string, indent = 0): string[] {
  return wrap(text.split(" "), COLUMNS - indent);
}

function indented(lines: readonly string[], by: number): string[] {
  return lines.map((line) => " ".repeat(by) + line);
}

/** Converts an ISO time to `25 Nov 2026 08:27:34`. */
function dateOf(iso: string): string {
  return new Date(iso).toUTCString().slice(5, 25);
}
