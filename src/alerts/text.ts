import type { Instance } from "../facts/instances.ts";
import { groupBy } from "../util/group-by.ts";
import { cut, wrap } from "../util/text.ts";
import type { Finding, Findings, Judged, UnjudgedRule } from "./finding.ts";
import { instancePage, instancesPage, nameOf } from "./instance-names.ts";

/** The width of a phone's screen. */
const COLUMNS = 72;
const LABEL = 11;
const MAX_NAME = 40;
const MESSAGES_IN_SECTION = 3;

/** Findings of a rule with one remedy, which is stated once. */
interface Problem {
  readonly number: number;
  readonly finding: Finding;
  readonly instances: Instance[];
  /** What is wrong, each with the number of its instances. */
  readonly messages: Map<string, number>;
}

/** An instance with its problems. */
export interface Affected {
  readonly finding: Judged;
  readonly found: { readonly problem: Problem; readonly message: string }[];
}

/**
 * Returns the text of the e-mail: what to do, the problems and how to fix them, then the facts. Several instances have a line each,
 * grouped by launcher. Takes findings of one account and region, the most severe first, whose texts contain no control characters,
 * and the rules that could not be judged.
 */
export function textOf(findings: Findings, unjudged: readonly UnjudgedRule[] = []): string {
  const problems = new Map<string, Problem>();
  const affected = new Map<string, Affected>();
  for (const finding of findings) {
    const { violation, ruleId, region, instance, severity } = finding;
    const { message } = violation;
    const key = JSON.stringify([ruleId, severity, violation.remedy([], region)]);
    const problem: Problem = problems.get(key) ?? {
      number: problems.size + 1,
      finding,
      instances: [],
      messages: new Map(),
    };
    problem.instances.push(instance);
    problem.messages.set(message, (problem.messages.get(message) ?? 0) + 1);
    problems.set(key, problem);
    const entry = affected.get(instance.instanceId) ?? { finding, found: [] };
    entry.found.push({ problem, message });
    affected.set(instance.instanceId, entry);
  }
  const all = [...affected.values()];
  // The lines contain no numbers of problems if each instance has each problem.
  const numbered = all.some((entry) => entry.found.length < problems.size);
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

/** States what to do about the gravest problem and how many others there are, then what is wrong. */
function opening(problems: readonly Problem[], affected: readonly Affected[]): string[] {
  const [problem] = problems;
  if (problem === undefined) return [];
  const { ruleId, severity, violation } = problem.finding;
  const action = firstLine(violation.action(namesOf(problem.instances)), problems.length - 1);
  if (problems.length > 1 && affected.length === 1) return action;
  const instances = affected.map(({ finding }) => finding.instance);
  // No paragraph begins with a name: it could look like a line of the facts.
  const start = instances.length === 1 ? "It violates" : `${counted(instances.length)} violate`;
  const rules = new Set(problems.map(({ finding }) => finding.ruleId)).size;
  if (problems.length > 1) return [...action, "", ...prose(`${start} ${rules === 1 ? ruleId : `${rules} rules`}.`)];
  const [message, ...others] = messagesOf(problem);
  if (others.length === 0) return [...action, "", ...prose(`${start} ${ruleId} (${severity}): ${message}.`)];
  return [...action, "", ...prose(`${start} ${ruleId} (${severity}):`), ...listed([message ?? "", ...others])];
}

/** Returns an action as the first lines of a text, with the number of the other problems. */
function firstLine(action: string, others: number): string[] {
  return prose(`${action}.${others === 0 ? "" : ` Then fix ${others} more ${others === 1 ? "problem" : "problems"}.`}`);
}

/** Returns what is wrong: one message, or several with the numbers of their instances. The list of instances has each message. */
function messagesOf({ messages }: Problem): string[] {
  if (messages.size === 1) return [...messages.keys()];
  const shown = [...messages].slice(0, MESSAGES_IN_SECTION);
  const more = messages.size - shown.length;
  return [
    ...shown.map(([message, instances]) => `${capital(message)}: ${counted(instances)}`),
    ...(more > 0 ? [`${more} more: see the list of instances`] : []),
  ];
}

function listed(messages: readonly string[]): string[] {
  return messages.flatMap((message) => indented(prose(`${message}.`, 2), 2));
}

/** States the remedy for each problem. A remedy of several rules is written once, at the first, for all their instances. */
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
    const count = instances === 1 ? "" : `: ${counted(own.length)}`;
    const covers = same.length > 1 ? ` for ${same.map((each) => each.number).join(", ")}` : "";
    return [
      "",
      `${number}. ${severity.toUpperCase()}  ${ruleId}${count}`,
      ...messagesOf(problem).flatMap((message) => indented(prose(`${capital(message)}.`, 3), 3)),
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
    ...affected.flatMap(({ finding: { instance }, found }) => {
      const { instanceId, instanceType, availabilityZone, publicIp, tags } = instance;
      const own = [...tags].filter(([key]) => !known.has(key) && !isSetByAws(key) && !isName(key));
      const name = known.has("Name") || known.has("name") ? null : nameOf(tags);
      const line = [
        instanceId,
        instanceType,
        availabilityZone,
        launchOf(instance)?.slice(11, 19),
        numbered && `[${found.map(({ problem }) => problem.number).join(", ")}]`,
        [name, publicIp, ...own.map(tag)].filter(Boolean).join(", "),
      ];
      const different = found.filter(({ problem }) => problem.messages.size > 1);
      return [
        cut(`  ${line.filter(Boolean).join("  ")}`, COLUMNS),
        ...different.flatMap(({ message }) => indented(prose(`${capital(message)}.`, 4), 4)),
      ];
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

/** Returns the name of one instance, or the number of several. */
export function namesOf([first, ...others]: readonly Instance[]): string {
  if (first === undefined || others.length > 0) return counted(others.length + 1);
  return shortNameOf(first);
}

/** Returns the name of an instance, cut, or its id. */
export function shortNameOf({ tags, instanceId }: Instance): string {
  return cut(nameOf(tags) ?? instanceId, MAX_NAME);
}

function counted(instances: number): string {
  return instances === 1 ? "1 instance" : `${instances} instances`;
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
