import type { Instance } from "../facts/instances.ts";
import { groupBy } from "../util/group-by.ts";
import { cut, wrap } from "../util/text.ts";
import type { Finding, Findings } from "./finding.ts";
import { instancePage, instancesPage, nameOf } from "./instance-names.ts";

/** A phone shows no more. */
const COLUMNS = 72;
const LABEL = 11;
const MAX_NAME = 40;
const PROBLEMS_IN_OPENING = 3;

/** Findings that differ only in their instance: they are stated once, with one remedy for all. */
interface Problem {
  readonly number: number;
  readonly finding: Finding;
  readonly instances: Instance[];
}

/** An instance, and the numbers of its problems. */
interface Subject {
  readonly finding: Finding;
  readonly problems: number[];
}

/**
 * The text for people: what is wrong, how to fix it, then the facts. Takes findings of one account and region, the gravest
 * first, whose texts have no control characters. With several instances there is a line for each, by launcher.
 */
export function textOf(findings: Findings): string {
  const problems = new Map<string, Problem>();
  const subjects = new Map<string, Subject>();
  for (const finding of findings) {
    const { violation, ruleId, region, instance, severity } = finding;
    const key = JSON.stringify([ruleId, severity, violation.message, violation.remedy([], region)]);
    const problem = problems.get(key) ?? { number: problems.size + 1, finding, instances: [] };
    problem.instances.push(instance);
    problems.set(key, problem);
    const subject = subjects.get(instance.instanceId) ?? { finding, problems: [] };
    subject.problems.push(problem.number);
    subjects.set(instance.instanceId, subject);
  }
  const all = [...subjects.values()];
  // Where each instance has each problem, its line need not say which.
  const numbered = all.some((subject) => subject.problems.length < problems.size);
  const sections = sectionsOf(all);
  return [
    ...opening([...problems.values()], all),
    ...(sections.length > 1 ? ["", ...counts(sections)] : []),
    ...remedies([...problems.values()], all.length),
    ...(all.length > 1 ? sections.flatMap((section) => listOf(section, numbered)) : []),
    "",
    ...factsOf(all, sections),
  ].join("\n");
}

/** What is wrong: a whole sentence for one problem, a few words each for several. */
function opening(problems: readonly Problem[], subjects: readonly Subject[]): string[] {
  const [problem] = problems;
  const [subject] = subjects;
  if (problem === undefined || subject === undefined) return [];
  const { ruleId, severity, violation } = problem.finding;
  const who = subjects.length === 1 ? whoIs(subject.finding.instance) : `${subjects.length} instances`;
  const start = `${who} ${subjects.length === 1 ? "violates" : "violate"}`;
  if (problems.length === 1) return prose(`${start} ${ruleId} (${severity}): ${violation.message}.`);
  const rules = new Set(problems.map(({ finding }) => finding.ruleId)).size;
  const told = problems.slice(0, PROBLEMS_IN_OPENING).map(({ finding, instances }) => {
    const summary = finding.violation.summary(instances.length);
    return subjects.length === 1 ? summary : `${instances.length} ${summary}`;
  });
  const more = problems.length > told.length ? "; ..." : ".";
  return prose(`${start} ${rules === 1 ? ruleId : `${rules} rules`}: ${[...new Set(told)].join("; ")}${more}`);
}

/** How to correct each problem. A remedy that several problems share is written once, at the first of them, for all their instances. */
function remedies(problems: readonly Problem[], instances: number): string[] {
  const keyOf = ({ finding: { violation, region } }: Problem) => violation.remedy([], region).join("\n");
  const alike = groupBy(problems, keyOf);
  return problems.flatMap((problem) => {
    const { number, finding, instances: own } = problem;
    const { violation, region, severity, ruleId } = finding;
    const same = alike.get(keyOf(problem)) ?? [];
    const [first = problem] = same;
    const ids = new Set(same.flatMap((each) => each.instances.map(({ instanceId }) => instanceId)));
    const remedy = violation.remedy([...ids], region);
    if (problems.length === 1) return ["", "Fix:", ...indented(remedy, 2)];
    const count = instances === 1 ? "" : `: ${own.length === 1 ? "1 instance" : `${own.length} instances`}`;
    const covers = ids.size > own.length ? ` for ${same.map((each) => each.number).join(", ")}` : "";
    return [
      "",
      `${number}. ${severity.toUpperCase()}  ${ruleId}${count}`,
      ...indented(prose(`${capital(violation.message)}.`, 3), 3),
      ...(first === problem ? [`   Fix${covers}:`, ...indented(remedy, 5)] : [`   Fix: as for ${first.number}.`]),
    ];
  });
}

/** The instances of each launcher. The launcher with the most comes first. */
function sectionsOf(subjects: readonly Subject[]): [string | null, Subject[]][] {
  return [...groupBy(subjects, ({ finding }) => finding.launchedBy)].sort(([, a], [, b]) => b.length - a.length);
}

function counts(sections: readonly [string | null, Subject[]][]): string[] {
  const width = String(sections[0]?.[1].length).length;
  return sections.map(([launchedBy, own]) => `${String(own.length).padStart(width)}  ${launcher(launchedBy, own)}`);
}

/** The tags that all instances of a launcher share, then a line for each instance. */
function listOf([launchedBy, subjects]: readonly [string | null, Subject[]], numbered: boolean): string[] {
  const [first, ...others] = subjects.map(({ finding }) => finding.instance.tags);
  const shared = [...(first ?? [])].filter(
    ([key, value]) => others.length > 0 && others.every((tags) => tags.get(key) === value) && !isOfAws(key),
  );
  const known = new Set(shared.map(([key]) => key));
  return [
    "",
    `${capital(launcher(launchedBy, subjects))}: ${subjects.length}`,
    ...(shared.length > 0 ? indented(prose(`all with ${shared.map(tag).join(", ")}`, 2), 2) : []),
    ...subjects.map(({ finding: { instance }, problems: numbers }) => {
      const { instanceId, instanceType, availabilityZone, publicIp, tags } = instance;
      const own = [...tags].filter(([key]) => !known.has(key) && !isOfAws(key) && !isName(key));
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

/** What is known about the instance; for several, what is the same for all. */
function factsOf(subjects: readonly Subject[], sections: readonly [string | null, Subject[]][]): string[] {
  const [first] = subjects;
  if (first === undefined) return [];
  const { account, region, instance, launchedBy } = first.finding;
  const one = subjects.length === 1;
  const same = (key: keyof Instance) =>
    subjects.every(({ finding }) => finding.instance[key] === instance[key]) ? instance[key] : null;
  const named = (name: string, key: keyof Instance) => same(key) && `${name} ${same(key)}`;
  const times = subjects.flatMap(({ finding }) => launchOf(finding.instance) ?? []).sort();
  const [from, to] = [times[0], times.at(-1)];
  const by = sections.length > 1 ? null : launchedBy === null ? launcher(null, subjects) : `by ${launcher(launchedBy)}`;
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
    ...fact("Event", [...new Set(subjects.map(({ finding }) => finding.event))]),
    `${"Console".padEnd(LABEL)}${one ? instancePage(region) + instance.instanceId : instancesPage(region)}`,
  ];
}

/** The launcher in plain words. Takes its instances: their tags may name the launcher where the event does not. */
function launcher(launchedBy: string | null, subjects: readonly Subject[] = []): string {
  if (launchedBy === null) {
    const tagged = subjects.some(({ finding }) => [...finding.instance.tags.keys()].some((key) => !isName(key)));
    return `launcher not in event${tagged ? " (see tags)" : ""}`;
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

function isOfAws(key: string): boolean {
  return key.startsWith("aws:");
}

function isName(key: string): boolean {
  return key === "Name" || key === "name";
}

function launchOf({ launchTime, firstLaunchTime }: Instance): string | null {
  return firstLaunchTime ?? launchTime;
}

function whoIs({ tags, instanceId }: Instance): string {
  return cut(nameOf(tags) ?? instanceId, MAX_NAME);
}

function prose(text: string, indent = 0): string[] {
  return wrap(text.split(" "), COLUMNS - indent);
}

function indented(lines: readonly string[], by: number): string[] {
  return lines.map((line) => " ".repeat(by) + line);
}

/** `25 Nov 2026 08:27:34` of an ISO time. */
function dateOf(iso: string): string {
  return new Date(iso).toUTCString().slice(5, 25);
}
