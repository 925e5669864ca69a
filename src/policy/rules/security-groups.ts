import type { Fact } from "../../facts/facts.ts";
import type { Ingress, SecurityGroup } from "../../facts/security-groups.ts";
import { groupBy } from "../../util/group-by.ts";
import { cut, wrap } from "../../util/text.ts";
import { type AttachedGroup, type GroupSelector, groupSelector } from "../exposure/group-selector.ts";
import { difference, intersection, union } from "../exposure/intervals.ts";
import {
  andList,
  EVERYTHING,
  listTraffic,
  onlyPorts,
  ports,
  sayTraffic,
  type Traffic,
  trafficOf,
} from "../exposure/ports.ts";
import {
  PRIVATE_IPV4,
  PRIVATE_IPV6,
  type Range,
  rangeOf,
  rangesOf,
  type World,
  worldSources,
} from "../exposure/ranges.ts";
import { COLUMNS, commandForEach, prose } from "../remedies/commands.ts";
import { compliant, notJudged, ofInstance, ruleKind, type Violation, violates } from "../rule.ts";
import { integer, oneOrMore, optional, orList, text } from "../settings.ts";
import { verb } from "../words.ts";

const prefixLists = oneOrMore(
  text({ max: 64, pattern: /^pl-[0-9a-f]+$/, shape: "the id of a prefix list, such as pl-0123abcd" }),
  {
    max: 100,
    of: "ids of prefix lists",
  },
);
const selectors = oneOrMore(groupSelector, { max: 50, of: "security groups" });

/** `security-groups`: what the world may reach, and the groups that an instance must or must not have. */
export const securityGroups = ruleKind({
  name: "security-groups",
  what: "The security groups of an instance must not open it to the world more than allowed, and must be the right ones.",
  why: "A port that is open to the world is found by scanners within minutes. Rules of all groups of all network interfaces add up.",
  settles: "at-launch",
  fields: {
    closed: optional(ports, {
      about:
        'The ports that the world must not reach: `22` (TCP and UDP), `"8000-8999"`, `"tcp:22"`, `"udp:53"`, `"tcp"`, `"udp"`, `"icmp"`, `"protocol:50"` or `"all"`.',
      demand: "the world must not reach {}",
    }),
    onlyOpen: optional(onlyPorts, {
      about: "The only ports that the world may reach, written as in `closed`. An empty list: none.",
      demand: "the world may reach {}",
    }),
    widestIpv4: optional(integer(0, 32), {
      about:
        "A public range with a prefix this short, or shorter, is the world. Adjacent ranges count as one. The default is 0: all of the internet.",
      demand: "a public IPv4 range of /{} or wider is the world",
    }),
    widestIpv6: optional(integer(0, 128), {
      about: "As `widestIpv4`, for IPv6. The default is 0: all of the internet.",
      demand: "a public IPv6 range of /{} or wider is the world",
    }),
    worldPrefixLists: optional(prefixLists, {
      about: "The ids of prefix lists that are the world.",
      demand: "the prefix list {} is the world",
    }),
    trustedPrefixLists: optional(prefixLists, {
      about:
        "The ids of prefix lists that are not the world. If a prefix list in neither setting decides a rule, the rule is not judged.",
      demand: "the prefix list {} is not the world",
    }),
    attached: optional(
      { ...selectors, say: (all) => orList(all.map(groupSelector.say), "and") },
      {
        about:
          'The groups that must be attached: each an id, a name with wildcards, or a tag: `{"tag": "team", "in": ["web"]}`.',
        demand: "an instance must have {}",
      },
    ),
    notAttached: optional(selectors, {
      about:
        "The groups that must not be attached, written as in `attached`. The default group of a VPC is named `default`.",
      demand: "an instance must not have {}",
    }),
  },
  atLeastOne: ["closed", "onlyOpen", "attached", "notAttached"],
  example: {
    rule: { rule: "security-groups", closed: [22, 3389], notAttached: ["default"] },
    fails: [
      "`sg-1` admits `0.0.0.0/0` to TCP port 22",
      "`sg-1` admits `::/0` to every port and protocol",
      "the group `default` is attached",
    ],
    passes: ["`sg-1` admits `10.0.0.0/8` to TCP port 22, and `0.0.0.0/0` to TCP port 443"],
  },

  configure({ closed, onlyOpen, attached = [], notAttached = [], ...settings }) {
    const forbidden = union([...(closed ?? []), ...(onlyOpen ? [difference(EVERYTHING, union(onlyOpen))] : [])]);
    const judgesPorts = closed !== undefined || onlyOpen !== undefined;
    const isByTag = [...attached, ...notAttached].some((selector) => selector.isByTag);
    const world: Settings = {
      ipv4: { widest: settings.widestIpv4 ?? 0, privateRanges: rangesOf(PRIVATE_IPV4) },
      ipv6: { widest: settings.widestIpv6 ?? 0, privateRanges: rangesOf(PRIVATE_IPV6) },
      worldPrefixLists: settings.worldPrefixLists ?? [],
      trustedPrefixLists: settings.trustedPrefixLists ?? [],
    };
    return {
      needs: judgesPorts || isByTag ? ["instance", "securityGroups"] : ["instance"],
      check: ofInstance((instance, { securityGroups: fact }) => {
        if (instance.groups.length === 0) return notJudged("EC2 does not show its security groups", true);
        const groups = attachedGroups(instance.groups, fact);
        const access = judgesPorts && "value" in fact ? accessOf(fact.value, world) : NO_ACCESS;
        const problem: Problem = {
          open: intersection(union(access.openings.map(({ open }) => open)), forbidden),
          forbidden,
          openings: access.openings.filter(({ open }) => intersection(open, forbidden).length > 0),
          groups,
          wrong: groups.filter((group) => notAttached.some((selector) => selector.selects(group))),
          missing: attached.filter((selector) => groups.every((group) => selector.selects(group) === false)),
        };
        if (problem.open.length + problem.wrong.length + problem.missing.length > 0)
          return violates(violationOf(problem));
        if ("unknown" in fact && (judgesPorts || isByTag)) {
          return notJudged(fact.unknown, fact.late);
        }
        const unclear = access.unclear.find(({ traffic }) => intersection(traffic, forbidden).length > 0);
        if (unclear !== undefined) return notJudged(unclear.because);
        return compliant(
          judgesPorts ? sayReach(access) : `its security groups are ${andList(groups.map(nameOf), MAX_LISTED)}`,
        );
      }),
    };
  },
});

/** The settings that say what the world is. */
interface Settings {
  readonly ipv4: World;
  readonly ipv6: World;
  readonly worldPrefixLists: readonly string[];
  readonly trustedPrefixLists: readonly string[];
}

/** A source of an inbound rule of a group. */
interface GroupSource {
  readonly group: SecurityGroup;
  readonly rule: Ingress;
  readonly kind: "ipv4" | "ipv6" | "prefixLists";
  /** The CIDR block, or the id of the prefix list. */
  readonly text: string;
  readonly traffic: Traffic;
}

/** A source that admits the world, and the traffic that it admits it to. */
interface Opening {
  readonly source: GroupSource;
  readonly open: Traffic;
}

/** What the world reaches through the groups of an instance. */
interface Access {
  readonly openings: readonly Opening[];
  /** What may be open to the world, and why that is not known. */
  readonly unclear: readonly { readonly traffic: Traffic; readonly because: string }[];
}

const NO_ACCESS: Access = { openings: [], unclear: [] };

function accessOf(groups: readonly SecurityGroup[], settings: Settings): Access {
  const openings: Opening[] = [];
  const unclear: Access["unclear"][number][] = [];
  const byKind = { ipv4: [] as (GroupSource & { range: Range })[], ipv6: [] as (GroupSource & { range: Range })[] };
  for (const source of groups.flatMap(sourcesOf)) {
    const { kind, text: written, group, traffic } = source;
    if (kind !== "prefixLists") {
      const range = rangeOf(written);
      if (range !== null) byKind[kind].push({ ...source, range });
      else unclear.push({ traffic, because: `a rule of ${nameOf(group)} cannot be read` });
    } else if (settings.worldPrefixLists.includes(written)) openings.push({ source, open: traffic });
    else if (!settings.trustedPrefixLists.includes(written)) {
      const because = `${nameOf(group)} admits the prefix list ${written}, which is neither in "worldPrefixLists" nor in "trustedPrefixLists"`;
      unclear.push({ traffic, because });
    }
  }
  return {
    openings: [...openings, ...worldSources(byKind.ipv4, settings.ipv4), ...worldSources(byKind.ipv6, settings.ipv6)],
    unclear: unclear.sort((a, b) => compare(a.because, b.because)),
  };
}

/** Returns the sources of a group's rules. A rule that cannot be read may admit everything. */
function sourcesOf(group: SecurityGroup): GroupSource[] {
  return group.ingress.flatMap((rule) => {
    const traffic = trafficOf(rule);
    if (traffic === null) return [{ group, rule, kind: "ipv4", text: "", traffic: EVERYTHING }];
    return (["ipv4", "ipv6", "prefixLists"] as const).flatMap((kind) =>
      rule[kind].map((written) => ({ group, rule, kind, text: written, traffic })),
    );
  });
}

function sayReach({ openings }: Access): string {
  const open = union(openings.map((opening) => opening.open));
  return open.length === 0 ? "the world reaches nothing" : `the world reaches only ${sayTraffic(open, MAX_LISTED)}`;
}

function attachedGroups(
  groups: readonly Omit<AttachedGroup, "tags">[],
  fact: Fact<readonly SecurityGroup[]>,
): readonly AttachedGroup[] {
  const shown = new Map("value" in fact ? fact.value.map((group) => [group.groupId, group.tags]) : []);
  return groups
    .map(({ groupId, name }) => ({ groupId, name, tags: shown.get(groupId) ?? null }))
    .sort((a, b) => compare(a.groupId, b.groupId));
}

/** How an instance violates the rule. */
interface Problem {
  /** The forbidden traffic that the world reaches. */
  readonly open: Traffic;
  readonly forbidden: Traffic;
  /** The sources that admit the world to it. */
  readonly openings: readonly Opening[];
  /** All groups, by id. */
  readonly groups: readonly AttachedGroup[];
  readonly wrong: readonly AttachedGroup[];
  readonly missing: readonly GroupSelector[];
}

/** The maximum number of ports, sources or groups that a message lists. */
const MAX_LISTED = 5;
const MAX_NAME = 40;

function violationOf(problem: Problem): Violation {
  const { open, openings, wrong, missing } = problem;
  const sources = unique(openings.map(({ source }) => source.text));
  const opened = new Map(openings.map(({ source: { group } }) => [group.groupId, group]));
  const openedBy = [...opened.values()].sort((a, b) => compare(a.groupId, b.groupId));
  const list = listTraffic(open);
  return {
    message: [
      open.length > 0 &&
        `the world (${andList(sources, MAX_LISTED)}) reaches ${sayTraffic(open, MAX_LISTED)} through ${andList(openedBy.map(nameOf), MAX_LISTED)}`,
      wrong.length > 0 && `it must not have ${groupsOf(wrong.map(nameOf))}`,
      missing.length > 0 &&
        `it lacks ${andList(
          missing.map(({ words }) => words),
          MAX_LISTED,
        )}`,
    ]
      .filter(Boolean)
      .join("; "),
    summary: (instances) => {
      if (open.length > 0) return `${verb(instances, "opens", "open")} ${short(list)} to the world`;
      const has =
        wrong.length > 0 ? `${verb(instances, "has", "have")} a wrong` : `${verb(instances, "lacks", "lack")} a`;
      return `${has} security group`;
    },
    action: (affected) => {
      if (open.length === 0) return `Correct the security groups of ${affected}`;
      const also = wrong.length + missing.length > 0 ? " and correct the security groups" : "";
      return `Close ${short(list)} to the world${also} on ${affected}`;
    },
    remedy: (instanceIds, region) => [
      ...revoke(problem, region),
      ...(wrong.length + missing.length > 0 ? replaceGroups(problem, instanceIds, region) : []),
    ],
    details: {
      ...(open.length > 0 && {
        ports: bounded(list),
        sources: bounded(sources),
        groups: bounded(openedBy.map(({ groupId }) => groupId)),
      }),
      ...(wrong.length > 0 && { wrongGroups: wrong.map(({ groupId }) => groupId) }),
      ...(missing.length > 0 && { missingGroups: missing.map((selector) => selector.text) }),
    },
  };
}

/** The maximum number of texts in a list for programs. An alert must fit into an SNS message. */
const MAX_DETAILS = 100;

function bounded(texts: readonly string[]): readonly string[] {
  const more = texts.length - MAX_DETAILS;
  return more > 0 ? [...texts.slice(0, MAX_DETAILS), `${more} more`] : texts;
}

function nameOf({ groupId, name }: Pick<AttachedGroup, "groupId" | "name">): string {
  return name === "" ? groupId : `${groupId} (${cut(name, MAX_NAME)})`;
}

function groupsOf(names: readonly string[]): string {
  return `the security group${names.length === 1 ? "" : "s"} ${andList(names, MAX_LISTED)}`;
}

/** The longest list of ports in a subject, in characters. */
const MAX_SHORT = 24;

function short(list: readonly string[]): string {
  const all = list.map((each) => each.replace(/^tcp:/, "")).join(", ");
  if (all === "all") return "all ports";
  if (all.length > MAX_SHORT) return `${list.length} port ranges`;
  return /^[\d, -]+$/.test(all) ? `${verb(list.length, "port", "ports")} ${all}` : all;
}

/** The maximum number of sources that a remedy revokes. An alert must fit into an SNS message. */
const MAX_REVOKED = 30;

/**
 * Returns a command for each group that revokes exactly the sources that admit the world.
 * https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RevokeSecurityGroupIngress.html
 */
function revoke({ openings, forbidden }: Problem, region: string): string[] {
  const all = [...groupBy(openings, ({ source }) => keyOf(source))].sort(([a], [b]) => compare(a, b));
  const sources = all.flatMap(([, [opening]]) => opening?.source ?? []);
  const shown = sources.slice(0, MAX_REVOKED);
  const also = difference(union(shown.map(({ traffic }) => traffic)), forbidden);
  const more = sources.length - shown.length;
  return [
    ...[...groupBy(shown, ({ group }) => group.groupId)].flatMap(([groupId, own]) => {
      const rules = [...groupBy(own, ({ rule }) => JSON.stringify([rule.protocol, rule.from, rule.to])).values()];
      return [
        `aws ec2 revoke-security-group-ingress --region ${region} \\`,
        `  --group-id ${groupId} --ip-permissions '[`,
        ...rules.flatMap((each, index) => {
          const json = `${JSON.stringify(permissionOf(each))}${index < rules.length - 1 ? "," : "]'"}`;
          return wrap(json.split(/(?<=,)/), COLUMNS - 4).map((line) => `    ${line}`);
        }),
      ];
    }),
    ...(also.length > 0 ? prose(`This also closes ${sayTraffic(also, 3)} to the world.`) : []),
    ...(more > 0 ? prose(`Then revoke the other ${more} rules in the same way.`) : []),
  ];
}

function keyOf({ group, rule, kind, text: written }: GroupSource): string {
  return JSON.stringify([group.groupId, rule.protocol, rule.from, rule.to, kind, written]);
}

/** Returns a permission as EC2 has it, with only these sources of the same rule. */
function permissionOf(sources: readonly GroupSource[]): object {
  const { protocol, from, to } = sources[0]?.rule ?? { protocol: "-1", from: null, to: null };
  const isIcmp = protocol.startsWith("icmp");
  const texts = (kind: GroupSource["kind"]) =>
    sources.filter((source) => source.kind === kind).map((source) => source.text);
  const [ipv4, ipv6, lists] = [texts("ipv4"), texts("ipv6"), texts("prefixLists")];
  return {
    IpProtocol: protocol,
    ...((from !== null || isIcmp) && { FromPort: from ?? -1 }),
    ...((to !== null || isIcmp) && { ToPort: to ?? -1 }),
    ...(ipv4.length > 0 && { IpRanges: ipv4.map((CidrIp) => ({ CidrIp })) }),
    ...(ipv6.length > 0 && { Ipv6Ranges: ipv6.map((CidrIpv6) => ({ CidrIpv6 })) }),
    ...(lists.length > 0 && { PrefixListIds: lists.map((PrefixListId) => ({ PrefixListId })) }),
  };
}

/**
 * Returns how to replace the groups of instances. A shell refuses the command until `<group-id>` is replaced.
 * https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyInstanceAttribute.html
 */
function replaceGroups(
  { groups, wrong, missing }: Problem,
  instanceIds: readonly string[],
  region: string,
): readonly string[] {
  const kept = groups.filter((group) => !wrong.includes(group)).map(({ groupId }) => groupId);
  const added = missing.flatMap(({ id }) => id ?? []);
  const isComplete = added.length === missing.length && kept.length + added.length > 0;
  const ids = [...unique([...kept, ...added]), ...(isComplete ? [] : ["<group-id>"])];
  return [
    ...prose("For an instance with one network interface, replace its groups:"),
    ...commandForEach(instanceIds, `aws ec2 modify-instance-attribute --region ${region}`, [["--groups", ...ids]]),
  ];
}

function unique(texts: readonly string[]): readonly string[] {
  return [...new Set(texts)].sort();
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
