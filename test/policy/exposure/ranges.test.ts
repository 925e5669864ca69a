import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Intervals, intersection, union } from "../../../src/policy/exposure/intervals.ts";
import {
  PRIVATE_IPV4,
  PRIVATE_IPV6,
  rangeOf,
  rangesOf,
  type Source,
  worldSources,
} from "../../../src/policy/exposure/ranges.ts";

describe("rangeOf", () => {
  it.each([
    ["10.0.0.0/8", "00001010"],
    ["0.0.0.0/0", ""],
    ["203.0.113.7/32", "11001011000000000111000100000111"],
    ["128.0.0.0/1", "1"],
    ["::/0", ""],
    ["8000::/1", "1"],
    ["2001:db8::/32", "00100000000000010000110110111000"],
  ])("returns the bits of the prefix of %s", (cidr, bits) => {
    expect(rangeOf(cidr)).toBe(bits);
  });

  it("reads each way to write an IPv6 address", () => {
    const whole = rangeOf("2001:db8:0:0:0:0:c000:201/128");
    expect(whole).toHaveLength(128);
    expect(rangeOf("2001:db8::c000:201/128")).toBe(whole);
    expect(rangeOf("2001:DB8::192.0.2.1/128")).toBe(whole);
    expect(rangeOf("1:2:3:4:5:6:7::/112")).toBe(rangeOf("1:2:3:4:5:6:7:0/112"));
  });

  it("ignores bits after the prefix", () => {
    expect(rangeOf("10.1.2.3/8")).toBe("00001010");
  });

  it.each([
    "",
    "10.0.0.0",
    "10.0.0.0/33",
    "10.0.0/8",
    "10.0.0.256/8",
    "10.0.0.01/8",
    "10.0.0.0/",
    "10.0.0.0/8/8",
    "::/129",
    "1::2::3/64",
    "1:2:3:4:5:6:7:8:9/64",
    "12345::/16",
    "::1.2.3/64",
    "fe80::1%eth0/64",
    "pl-1",
    "a/0",
    "/0",
    "1.2.3.4/-1",
  ])("returns null for %j", (text) => {
    expect(rangeOf(text)).toBeNull();
  });
});

/** Addresses of four bits. */
const ADDRESSES = Array.from({ length: 16 }, (_, address) => address.toString(2).padStart(4, "0"));
const PORTS = 4;
const anyRange = fc.string({ unit: fc.constantFrom("0", "1"), maxLength: 4 });
const anyTraffic = fc
  .tuple(fc.nat(PORTS - 1), fc.nat(PORTS - 1))
  .map(([a, b]): Intervals => [[Math.min(a, b), Math.max(a, b)]]);
const anySource = fc.record({ range: anyRange, traffic: anyTraffic });
const anySources = fc.array(anySource, { maxLength: 12 });
const anyPrivate = fc.constantFrom([], ["0"], ["110"], ["001", "0111"], ["000", "01", "1"]);

const admits = ({ traffic }: Source, port: number) => traffic.some(([from, to]) => from <= port && port <= to);
const portsIn = (sets: readonly Intervals[]) =>
  Array.from({ length: PORTS }, (_, port) => port).filter(
    (port) => intersection(union(sets), [[port, port]]).length > 0,
  );

/** Whether the world reaches a port, address by address. */
function isOpen(sources: readonly Source[], port: number, widest: number, privateRanges: readonly string[]): boolean {
  const isIn = (range: string) => (address: string) => address.startsWith(range);
  const covered = new Set(
    sources
      .filter((source) => admits(source, port) && !privateRanges.some((each) => source.range.startsWith(each)))
      .flatMap(({ range }) => ADDRESSES.filter(isIn(range))),
  );
  const blocks = new Set(ADDRESSES.map((address) => address.slice(0, widest)));
  const isPublic = (address: string) => !privateRanges.some((range) => address.startsWith(range));
  return (
    [...blocks].some(
      (block) =>
        !privateRanges.some((each) => block.startsWith(each)) &&
        ADDRESSES.filter(isIn(block)).every((address) => covered.has(address)),
    ) || ADDRESSES.filter(isPublic).every((address) => covered.has(address))
  );
}

describe("worldSources", () => {
  it("finds the ports that the world reaches, as address by address", () => {
    fc.assert(
      fc.property(anySources, fc.nat(4), anyPrivate, (sources, widest, privateRanges) => {
        const found = portsIn(worldSources(sources, { widest, privateRanges }).map(({ open }) => open));
        const expected = Array.from({ length: PORTS }, (_, port) => port).filter((port) =>
          isOpen(sources, port, widest, privateRanges),
        );
        expect(found).toEqual(expected);
      }),
      { numRuns: 2000 },
    );
  });

  it("names public sources, each once, with the ports that the world reaches through it", () => {
    fc.assert(
      fc.property(anySources, fc.nat(4), anyPrivate, (sources, widest, privateRanges) => {
        const found = worldSources(sources, { widest, privateRanges });
        for (const { source, open } of found) {
          expect(sources).toContain(source);
          expect(intersection(open, source.traffic)).toEqual(open);
          expect(open).not.toEqual([]);
          expect(privateRanges.some((each) => source.range.startsWith(each))).toBe(false);
        }
        expect(new Set(found.map(({ source }) => source)).size).toBe(found.length);
      }),
    );
  });

  const open = (cidrs: readonly string[], widest: number, privateRanges: readonly string[]) =>
    worldSources(
      cidrs.map((cidr) => ({ cidr, range: rangeOf(cidr) ?? "?", traffic: [[22, 22]] as Intervals })),
      { widest, privateRanges },
    ).map(({ source }) => source.cidr);
  const ipv4 = (widest: number, ...cidrs: string[]) => open(cidrs, widest, rangesOf(PRIVATE_IPV4));
  const ipv6 = (widest: number, ...cidrs: string[]) => open(cidrs, widest, rangesOf(PRIVATE_IPV6));

  it("takes all of IPv4, in one range or in parts, for the world", () => {
    expect(ipv4(0, "0.0.0.0/0")).toEqual(["0.0.0.0/0"]);
    expect(ipv4(0, "128.0.0.0/1", "0.0.0.0/1")).toEqual(["128.0.0.0/1", "0.0.0.0/1"]);
    expect(ipv4(0, "0.0.0.0/1")).toEqual([]);
    expect(ipv4(0, "0.0.0.0/1", "128.0.0.0/2")).toEqual([]);
  });

  it("takes every public address for the world, without those that are private, multicast or reserved", () => {
    const cidrs = [
      "1.0.0.0/8",
      "2.0.0.0/7",
      "4.0.0.0/6",
      "8.0.0.0/7",
      "11.0.0.0/8",
      "12.0.0.0/6",
      "16.0.0.0/4",
      "32.0.0.0/3",
    ];
    const upper = [
      "64.0.0.0/3",
      "96.0.0.0/6",
      "100.0.0.0/8",
      "101.0.0.0/8",
      "102.0.0.0/7",
      "104.0.0.0/5",
      "112.0.0.0/5",
    ];
    const end = ["120.0.0.0/6", "124.0.0.0/7", "126.0.0.0/8", "128.0.0.0/2", "192.0.0.0/3"];
    expect(ipv4(0, ...cidrs, ...upper, ...end)).toEqual([...cidrs, ...upper, ...end]);
    expect(ipv4(0, ...cidrs, ...upper, ...end.slice(1))).toEqual([]);
  });

  it("takes a public range that is as wide as set for the world, also in adjacent parts", () => {
    expect(ipv4(8, "3.0.0.0/8", "5.0.0.0/9", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8")).toEqual(["3.0.0.0/8"]);
    expect(ipv4(8, "3.0.0.0/9", "3.128.0.0/9", "4.0.0.0/9", "203.0.113.0/24")).toEqual(["3.0.0.0/9", "3.128.0.0/9"]);
    expect(ipv4(8, "3.128.0.0/9", "4.0.0.0/9")).toEqual([]);
    expect(ipv4(16, "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16")).toEqual([]);
    expect(ipv4(32, "203.0.113.7/32", "10.0.0.1/32")).toEqual(["203.0.113.7/32"]);
  });

  it("takes all of IPv6, its unicast range, or one half with it for the world", () => {
    expect(ipv6(0, "::/0")).toEqual(["::/0"]);
    expect(ipv6(0, "2000::/3")).toEqual(["2000::/3"]);
    expect(ipv6(0, "2000::/4", "3000::/4")).toEqual(["2000::/4", "3000::/4"]);
    expect(ipv6(0, "::/1", "8000::/1")).toEqual(["::/1"]);
    expect(ipv6(0, "2000::/4")).toEqual([]);
    expect(ipv6(0, "8000::/1", "fc00::/7", "fe80::/10")).toEqual([]);
  });

  it.each([
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "224.0.0.0/3",
  ])("does not take %s for the world, even where the world is this narrow", (range) => {
    expect(ipv4(Number(range.split("/")[1]), range)).toEqual([]);
  });

  it("takes no private IPv6 range for the world, however narrow the world is set", () => {
    expect(ipv6(128, "fc00::/7", "fe80::/10", "::1/128", "64:ff9b::/96")).toEqual([]);
    expect(ipv6(32, "2001:db8::/32", "2001:db8:8000::/33")).toEqual(["2001:db8::/32"]);
  });

  it("leaves out a source inside a wider one with which others make the world", () => {
    expect(ipv4(0, "0.0.0.0/1", "203.0.113.0/24", "128.0.0.0/1", "203.0.113.7/32")).toEqual([
      "0.0.0.0/1",
      "128.0.0.0/1",
    ]);
  });

  it("takes a moment for as many rules as 16 network interfaces can have", () => {
    const sources = Array.from({ length: 16_000 }, (_, index) => ({
      range: `1${index.toString(2).padStart(31, "0")}`,
      traffic: [[index % 65_536, (index % 65_536) + 100]] as Intervals,
    }));
    const halves = ["0", "1"].map((range) => ({ range, traffic: [[22, 22]] as Intervals }));
    const start = performance.now();
    expect(worldSources([...sources, ...halves], { widest: 0, privateRanges: rangesOf(PRIVATE_IPV4) })).toHaveLength(2);
    expect(performance.now() - start).toBeLessThan(5_000);
  });
});
