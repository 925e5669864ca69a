import type { Ingress } from "../../facts/security-groups.ts";
import { oneOrMore, orList, type Setting } from "../settings.ts";
import { difference, type Intervals, intersection, union } from "./intervals.ts";

/**
 * A set of protocols and ports, as intervals of numbers: 65,536 for each protocol that has ports, or types and codes, then one for
 * each other protocol. An ICMP type has numbers of its own, so that it is never taken for a port.
 */
export type Traffic = Intervals;

const PORTS = 65_536;
const NAMES = ["tcp", "udp", "icmp", "icmpv6"] as const;
type Named = (typeof NAMES)[number];

/** The numbers of the protocols that EC2 names.
 * https://www.iana.org/assignments/protocol-numbers/protocol-numbers.xhtml */
const NAMED: ReadonlyMap<string, Named> = new Map([
  ["6", "tcp"],
  ["17", "udp"],
  ["1", "icmp"],
  ["58", "icmpv6"],
]);
const OTHERS = NAMES.length * PORTS;
const MAX_PROTOCOL = 255;

/** Every port and protocol. */
export const EVERYTHING: Traffic = difference(
  [[0, OTHERS + MAX_PROTOCOL]],
  union([...NAMED.keys()].map((number) => [[OTHERS + Number(number), OTHERS + Number(number)]])),
);

function portsOf(protocol: Named, from = 0, to = PORTS - 1): Traffic {
  const start = NAMES.indexOf(protocol) * PORTS;
  return [[start + from, start + to]];
}

/**
 * Returns what an inbound rule admits; null for one that cannot be read. `-1` is every protocol. For ICMP, the ports are the type
 * and the code. https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_IpPermission.html
 */
export function trafficOf({ protocol, from, to }: Pick<Ingress, "protocol" | "from" | "to">): Traffic | null {
  if (protocol === "-1") return EVERYTHING;
  const name = NAMED.get(protocol) ?? NAMES.find((each) => each === protocol);
  if (name === undefined) {
    const isNumber = /^\d{1,3}$/.test(protocol) && Number(protocol) <= MAX_PROTOCOL;
    return isNumber ? [[OTHERS + Number(protocol), OTHERS + Number(protocol)]] : null;
  }
  const hasPorts = name === "tcp" || name === "udp";
  const first = hasPorts ? (from ?? 0) : from === null ? 0 : from * 256 + (to ?? 0);
  const last = hasPorts ? (to ?? PORTS - 1) : from === null ? PORTS - 1 : from * 256 + (to ?? 255);
  return first >= 0 && first <= last && last < PORTS ? portsOf(name, first, last) : null;
}

const NUMBER = "(?:0|[1-9]\\d{0,3}|[1-5]\\d{4}|6[0-4]\\d{3}|65[0-4]\\d{2}|655[0-2]\\d|6553[0-5])";
const PROTOCOL = "(?:0|[1-9]\\d?|1\\d{2}|2[0-4]\\d|25[0-5])";
const PORT = new RegExp(`^(?:all|icmp|tcp|udp|protocol:${PROTOCOL}|(?:(?:tcp|udp):)?${NUMBER}(?:-${NUMBER})?)$`);
const SHAPE =
  'a port from 0 to 65535, such as 22, "8000-8999", "tcp:22" or "udp:53"; or "tcp", "udp", "icmp", "protocol:50" or "all"';

/** A port of a policy. One without a protocol is of TCP and UDP. `icmp` includes ICMPv6. */
export const port: Setting<Traffic> = {
  shape: SHAPE,
  read(value, path, reading) {
    const written = typeof value === "number" ? String(value) : value;
    if (typeof written !== "string" || !PORT.test(written)) return reading.report(path, `must be ${SHAPE}`, value);
    if (written === "all") return EVERYTHING;
    if (written === "icmp") return union([portsOf("icmp"), portsOf("icmpv6")]);
    const name = NAMES.find((each) => each === written);
    if (name !== undefined) return portsOf(name);
    const [protocol, range = written] = written.split(":");
    if (protocol === "protocol") return trafficOf({ protocol: range, from: null, to: null }) ?? undefined;
    const [first = 0, last = first] = range.split("-").map(Number);
    if (first > last) return reading.report(path, "must begin with the lower port", value);
    const protocols = NAMES.slice(0, 2).filter((each) => range === written || each === protocol);
    return union(protocols.map((each) => portsOf(each, first, last)));
  },
  schema: () => ({
    anyOf: [
      { type: "integer", minimum: 0, maximum: PORTS - 1 },
      { type: "string", pattern: PORT.source },
    ],
  }),
  say: (traffic) => sayTraffic(traffic),
};

const LIMITS = { max: 200, of: "ports" };

/** Ports of a policy. */
export const ports: Setting<readonly Traffic[]> = {
  ...oneOrMore(port, LIMITS),
  say: (all) => sayTraffic(union(all)),
};

/** The only ports of something; an empty list is none. */
export const onlyPorts: typeof ports = {
  ...oneOrMore(port, { ...LIMITS, min: 0 }),
  say: (all) => (all.length === 0 ? "nothing" : `nothing but ${ports.say(all)}`),
};

/** The parts of a set of traffic. */
interface Parts {
  readonly tcp: Intervals;
  readonly udp: Intervals;
  readonly icmp: Intervals;
  readonly icmpv6: Intervals;
  /** The numbers of the other protocols. */
  readonly others: Intervals;
}

function partsOf(traffic: Traffic): Parts {
  const part = (index: number, size: number): Intervals =>
    intersection(traffic, [[index * PORTS, index * PORTS + size - 1]]).map(([from, to]) => [
      from - index * PORTS,
      to - index * PORTS,
    ]);
  const [tcp = [], udp = [], icmp = [], icmpv6 = []] = NAMES.map((_, index) => part(index, PORTS));
  return { tcp, udp, icmp, icmpv6, others: part(NAMES.length, MAX_PROTOCOL + 1) };
}

/** Returns traffic in words: `TCP ports 22 and 3389, UDP port 53 and ICMP`. Each list is cut to `limit` items. */
export function sayTraffic(traffic: Traffic, limit = Number.POSITIVE_INFINITY): string {
  if (isSame(traffic, EVERYTHING)) return "every port and protocol";
  const { tcp, udp, icmp, icmpv6, others } = partsOf(traffic);
  const both = tcp.length > 0 && isSame(tcp, udp);
  return andList(
    [
      sayPorts(both ? "TCP and UDP" : "TCP", tcp, limit),
      both ? "" : sayPorts("UDP", udp, limit),
      icmp.length > 0 ? "ICMP" : icmpv6.length > 0 ? "ICMPv6" : "",
      isSame(others, partsOf(EVERYTHING).others) ? "every other protocol" : sayList("protocol", others, limit),
    ].filter(Boolean),
  );
}

function sayPorts(protocol: string, all: Intervals, limit: number): string {
  return isFull(all) ? `every ${protocol} port` : sayList(`${protocol} port`, all, limit);
}

function sayList(noun: string, all: Intervals, limit: number): string {
  const words = all.map(sayInterval);
  if (words.length === 0) return "";
  return `${noun}${words.length === 1 && !words.join("").includes("-") ? "" : "s"} ${andList(words, limit)}`;
}

/** Returns words as `a, b and c`; more than `limit` words as `a, b and 7 more`. */
export function andList(words: readonly string[], limit = Number.POSITIVE_INFINITY): string {
  const more = words.length - limit;
  return orList(more > 0 ? [...words.slice(0, limit), `${more} more`] : words, "and");
}

/** Returns traffic as a policy writes it: `["22", "tcp:443", "icmp"]`. ICMPv6 has its own name, as in EC2. */
export function listTraffic(traffic: Traffic): readonly string[] {
  if (isSame(traffic, EVERYTHING)) return ["all"];
  const { tcp, udp, icmp, icmpv6, others } = partsOf(traffic);
  const list = (protocol: string, all: Intervals) =>
    isFull(all) ? [protocol] : all.map((each) => `${protocol}:${sayInterval(each)}`);
  return [
    ...(isSame(tcp, udp) && !isFull(tcp) ? tcp.map(sayInterval) : [...list("tcp", tcp), ...list("udp", udp)]),
    ...(icmp.length > 0 ? ["icmp"] : []),
    ...(icmpv6.length > 0 ? ["icmpv6"] : []),
    ...others.map((each) => `protocol:${sayInterval(each)}`),
  ];
}

function sayInterval([from, to]: readonly [from: number, to: number]): string {
  return from === to ? String(from) : `${from}-${to}`;
}

function isFull([first]: Intervals): boolean {
  return first !== undefined && first[0] === 0 && first[1] === PORTS - 1;
}

function isSame(a: Intervals, b: Intervals): boolean {
  return a.length === b.length && a.every(([from, to], index) => from === b[index]?.[0] && to === b[index]?.[1]);
}
