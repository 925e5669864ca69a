import { Ajv2020 } from "ajv/dist/2020.js";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { difference, intersection, union } from "../../../src/policy/exposure/intervals.ts";
import {
  EVERYTHING,
  listTraffic,
  onlyPorts,
  port,
  ports,
  sayTraffic,
  type Traffic,
  trafficOf,
} from "../../../src/policy/exposure/ports.ts";
import { startReading } from "../../../src/policy/settings.ts";

/** A rule as the facts have it. */
const admits = (protocol: string, from: number | null = null, to: number | null = from) =>
  trafficOf({ protocol, from, to }) ?? [];

/** The traffic of a port as a policy writes it; empty if it is refused. */
const written = (value: unknown) => port.read(value, "port", startReading()) ?? [];

const problemOf = (value: unknown) => {
  const reading = startReading();
  port.read(value, "port", reading);
  return reading.problems.map(({ problem }) => problem).join();
};

const overlaps = (a: Traffic, value: unknown) => intersection(a, written(value)).length > 0;

describe("trafficOf", () => {
  it("never takes an ICMP type or code for a port", () => {
    for (const rule of [admits("icmp", 3, 22), admits("icmp", 22), admits("icmpv6", 22, 22), admits("icmp")]) {
      expect([overlaps(rule, 22), overlaps(rule, "tcp"), overlaps(rule, "udp")]).toEqual([false, false, false]);
      expect(overlaps(rule, "icmp")).toBe(true);
    }
  });

  it("keeps the types and codes of ICMP apart", () => {
    expect(intersection(admits("icmp", 8, 0), admits("icmp", 0, 8))).toEqual([]);
    expect(intersection(admits("icmp", 3, null), admits("icmp", 3, 4))).toEqual(admits("icmp", 3, 4));
    expect(intersection(admits("icmp", 3, null), admits("icmp", 4, 0))).toEqual([]);
    expect(difference(admits("icmp"), admits("icmp", 3, null))).not.toEqual([]);
  });

  it.each([22, "tcp:22", "udp:53", "tcp", "udp", "icmp", "protocol:50", "protocol:1", "protocol:58", "all"])(
    "includes %j in protocol -1",
    (value) => {
      expect(difference(written(value), admits("-1"))).toEqual([]);
    },
  );

  it("includes port 22 in a range of TCP around it, but not in one of UDP", () => {
    expect(overlaps(admits("tcp", 0, 65_535), "tcp:22")).toBe(true);
    expect(overlaps(admits("tcp", 20, 22), "tcp:22")).toBe(true);
    expect(overlaps(admits("tcp", 22, 30), "tcp:22")).toBe(true);
    expect(overlaps(admits("tcp", 23, 30), "tcp:22")).toBe(false);
    expect(overlaps(admits("udp", 0, 65_535), "tcp:22")).toBe(false);
    expect(overlaps(admits("udp", 0, 65_535), 22)).toBe(true);
  });

  it("takes the number of a named protocol for its name, and all ports of a rule without ports", () => {
    expect(admits("6", 22)).toEqual(admits("tcp", 22));
    expect(admits("17", 53)).toEqual(admits("udp", 53));
    expect([admits("1"), admits("58")]).toEqual([admits("icmp"), admits("icmpv6")]);
    expect(admits("tcp")).toEqual(admits("tcp", 0, 65_535));
    expect(admits("50")).not.toEqual(admits("51"));
  });

  it.each([
    ["tcp", 5, 4],
    ["tcp", -2, 4],
    ["udp", 0, 65_536],
    ["256", null, null],
    ["ipip", null, null],
    ["", null, null],
  ] as const)("returns null for a rule that EC2 cannot have: %s %s %s", (protocol, from, to) => {
    expect(trafficOf({ protocol, from, to })).toBeNull();
  });

  it("knows every protocol once", () => {
    const each = Array.from({ length: 256 }, (_, number) => admits(String(number)));
    expect(union(each)).toEqual(EVERYTHING);
    expect(admits("255")).not.toEqual([]);
  });
});

const SHAPE =
  'must be a port from 0 to 65535, such as 22, "8000-8999", "tcp:22" or "udp:53"; or "tcp", "udp", "icmp", "protocol:50" or "all"';

describe("a port of a policy", () => {
  it.each([
    [22, union([admits("tcp", 22), admits("udp", 22)])],
    ["22", union([admits("tcp", 22), admits("udp", 22)])],
    ["8000-8999", union([admits("tcp", 8000, 8999), admits("udp", 8000, 8999)])],
    ["tcp:22", admits("tcp", 22)],
    ["udp:53-54", admits("udp", 53, 54)],
    ["0-65535", union([admits("tcp"), admits("udp")])],
    ["tcp", admits("tcp")],
    ["udp", admits("udp")],
    ["icmp", union([admits("icmp"), admits("icmpv6")])],
    ["protocol:50", admits("50")],
    ["protocol:6", admits("tcp")],
    ["protocol:58", admits("icmpv6")],
    ["all", EVERYTHING],
  ])("is read: %j", (value, traffic) => {
    expect(written(value)).toEqual(traffic);
  });

  it.each([
    -1,
    65_536,
    22.5,
    "65536",
    "022",
    "",
    "22-",
    "22 ",
    "ssh",
    "TCP:22",
    "tcp:",
    "icmp:8",
    "protocol:256",
    "protocol:",
    "tcp:22,80",
    null,
    [22],
    {},
  ])("is refused with its shape: %j", (value) => {
    expect(problemOf(value)).toBe(SHAPE);
  });

  it("is refused if it begins with the higher port", () => {
    expect(problemOf("443-80")).toBe("must begin with the lower port");
    expect(written("80-80")).toEqual(written(80));
  });

  it("is accepted by its schema exactly if it is accepted, but for the order of two ports", () => {
    const accepts = new Ajv2020({ strictTypes: false }).compile(port.schema());
    const anyPort = fc.nat(70_000).map(String);
    const anyText = fc.oneof(
      anyPort,
      fc
        .tuple(
          fc.constantFrom("tcp:", "udp:", "protocol:", "icmp:", ""),
          anyPort,
          fc.constantFrom("", "-1", "-65535", "-"),
        )
        .map((parts) => parts.join("")),
    );
    fc.assert(
      fc.property(fc.oneof(fc.integer({ min: -2, max: 70_000 }), fc.double(), anyText), (value) => {
        expect(accepts(value)).toBe(problemOf(value) !== SHAPE);
      }),
    );
  });

  it("may be one of a list, or alone", () => {
    const reading = startReading();
    expect([
      onlyPorts.read([], "", reading),
      ports.read(22, "", reading)?.length,
      ports.read(["22", 80], "", reading)?.length,
    ]).toEqual([[], 1, 2]);
    ports.read(Array(201).fill(22), "closed", reading);
    expect(reading.problems.map(({ problem }) => problem)).toEqual(["must be a list of 1 to 200 ports"]);
  });
});

const said = (...values: unknown[]) => ports.say(values.map(written));

describe("traffic in words", () => {
  it.each([
    [["tcp:22"], "TCP port 22"],
    [["tcp:22", "tcp:3389"], "TCP ports 22 and 3389"],
    [["tcp:8000-8999"], "TCP ports 8000-8999"],
    [[22], "TCP and UDP port 22"],
    [["tcp"], "every TCP port"],
    [["tcp", "udp"], "every TCP and UDP port"],
    [["tcp:22", "udp:53"], "TCP port 22 and UDP port 53"],
    [["icmp"], "ICMP"],
    [["protocol:1"], "ICMP"],
    [["protocol:58"], "ICMPv6"],
    [["protocol:50"], "protocol 50"],
    [["protocol:50", "protocol:47"], "protocols 47 and 50"],
    [["tcp:80", "udp", "icmp", "protocol:50-51"].slice(0, 3), "TCP port 80, every UDP port and ICMP"],
    [["tcp:65535", "udp:0"], "TCP port 65535 and UDP port 0"],
    [["all"], "every port and protocol"],
    [[], ""],
  ])("is said for %j", (values, words) => {
    expect(said(...values)).toBe(words);
  });

  it("is said for everything but some ports", () => {
    const rest = difference(EVERYTHING, union([admits("tcp", 443), admits("icmp"), admits("icmpv6")]));
    expect(sayTraffic(rest)).toBe("TCP ports 0-442 and 444-65535, every UDP port and every other protocol");
    expect(listTraffic(rest).slice(0, 4)).toEqual(["tcp:0-442", "tcp:444-65535", "udp", "protocol:0"]);
  });

  it("is cut to some items of each list", () => {
    const traffic = union([1, 3, 5, 7, 9].map((number) => admits("tcp", number)).concat([admits("udp", 53)]));
    expect(sayTraffic(traffic, 3)).toBe("TCP ports 1, 3, 5 and 2 more and UDP port 53");
    expect(sayTraffic(traffic, 5)).toBe("TCP ports 1, 3, 5, 7 and 9 and UDP port 53");
  });

  it.each([
    [["tcp:22"], ["tcp:22"]],
    [
      [22, 80],
      ["22", "80"],
    ],
    [
      [22, "udp:53"],
      ["tcp:22", "udp:22", "udp:53"],
    ],
    [
      ["tcp", "udp"],
      ["tcp", "udp"],
    ],
    [
      ["udp:5-6", "icmp", "protocol:50"],
      ["udp:5-6", "icmp", "icmpv6", "protocol:50"],
    ],
    [["all"], ["all"]],
    [[], []],
  ])("is listed for programs as a policy writes it: %j", (values, list) => {
    expect(listTraffic(union(values.map(written)))).toEqual(list);
  });
});
