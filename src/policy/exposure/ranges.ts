import { groupBy } from "../../util/group-by.ts";
import { difference, intersection, union } from "./intervals.ts";
import { EVERYTHING, type Traffic } from "./ports.ts";

/** A range of addresses: the bits of its prefix. `00001010` is 10.0.0.0/8; the empty text is all addresses. */
export type Range = string;

const BYTE = "(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)";
const IPV4 = new RegExp(`^(?:${BYTE}\\.){3}${BYTE}$`);

/** Returns whether text is an IPv6 address without a zone. `node:net` is not used, because it would add to the loading time. */
function isIpv6(address: string): boolean {
  return /^[\da-f:.]+$/i.test(address) && URL.canParse(`http://[${address}]`);
}

/** Returns a CIDR block as a range; null for text that is none. */
export function rangeOf(cidr: string): Range | null {
  const [, address = "", prefix] = /^([^/%]+)\/(\d{1,3})$/.exec(cidr) ?? [];
  const bits = IPV4.test(address) ? bitsOfIpv4(address) : isIpv6(address) ? bitsOfIpv6(address) : "";
  return Number(prefix) <= bits.length && bits !== "" ? bits.slice(0, Number(prefix)) : null;
}

function bitsOfIpv4(address: string): string {
  return address
    .split(".")
    .map((byte) => bitsOf(Number(byte), 8))
    .join("");
}

function bitsOfIpv6(address: string): string {
  // The last 32 bits may be written as an IPv4 address.
  const hex = address.replace(/[\d.]+\.[\d.]+$/, (ipv4) => {
    const bits = bitsOfIpv4(ipv4);
    return [bits.slice(0, 16), bits.slice(16)].map((word) => Number.parseInt(word, 2).toString(16)).join(":");
  });
  const [left = [], right = []] = hex.split("::").map((part) => part.split(":").filter((word) => word !== ""));
  const words = [...left, ...Array<string>(8 - left.length - right.length).fill("0"), ...right];
  return words.map((word) => bitsOf(Number.parseInt(word, 16), 16)).join("");
}

function bitsOf(value: number, length: number): string {
  return value.toString(2).padStart(length, "0");
}

/** Returns CIDR blocks as ranges. */
export function rangesOf(cidrs: readonly string[]): readonly Range[] {
  return cidrs.flatMap((cidr) => rangeOf(cidr) ?? []);
}

/** The IPv4 ranges that no public address is in: private use, shared address space, loopback, link-local, multicast and reserved.
 * https://www.iana.org/assignments/iana-ipv4-special-registry/iana-ipv4-special-registry.xhtml */
export const PRIVATE_IPV4 = [
  "0.0.0.0/8",
  "10.0.0.0/8",
  "100.64.0.0/10",
  "127.0.0.0/8",
  "169.254.0.0/16",
  "172.16.0.0/12",
  "192.168.0.0/16",
  "224.0.0.0/3",
];

/** The IPv6 ranges that no public address is in: all but 2000::/3, which alone is the world.
 * https://www.iana.org/assignments/ipv6-address-space/ipv6-address-space.xhtml */
export const PRIVATE_IPV6 = ["::/3", "4000::/2", "8000::/1"];

/** A source of traffic: the range that it comes from, and what is admitted. */
export interface Source {
  readonly range: Range;
  readonly traffic: Traffic;
}

/** What counts as the world. */
export interface World {
  /** The longest prefix of a range that is the world. */
  readonly widest: number;
  /** The ranges that are not public. */
  readonly privateRanges: readonly Range[];
}

/**
 * Returns the sources that admit the world, each with the traffic that it admits it to. Traffic is admitted from the world if the
 * public sources together cover a range with the prefix `widest`, or every public address. Of sources that admit the world only
 * together, those inside a wider one are left out.
 */
export function worldSources<S extends Source>(
  sources: readonly S[],
  { widest, privateRanges }: World,
): readonly { readonly source: S; readonly open: Traffic }[] {
  const isPublic = ({ range }: Source) => !privateRanges.some((each) => range.startsWith(each));
  const publicSources = sources.filter(isPublic);
  const wide = publicSources.filter(({ range }) => range.length <= widest);
  const narrow = publicSources.filter(({ range }) => range.length > widest);
  const everywhere = privateRanges.map((range) => ({ range, traffic: EVERYTHING }));
  const joined = [
    ...[...groupBy(narrow, ({ range }) => range.slice(0, widest)).values()].map((parts) => ({
      parts,
      open: coveredBy(parts, widest),
    })),
    { parts: narrow, open: coveredBy([...narrow, ...everywhere], 0) },
  ].filter(({ open }) => open.length > 0);
  const opens = new Map<S, Traffic>(wide.map((source) => [source, source.traffic]));
  for (const { parts, open } of joined) {
    const admitted = new Map(
      [...groupBy(parts, ({ range }) => range)].map(([range, own]) => [
        range,
        union(own.map(({ traffic }) => traffic)),
      ]),
    );
    for (const source of parts) {
      const shared = intersection(source.traffic, open);
      if (shared.length === 0) continue;
      const wider = Array.from(source.range, (_, length) => admitted.get(source.range.slice(0, length)) ?? []);
      const own = difference(shared, union(wider));
      if (own.length > 0) opens.set(source, union([opens.get(source) ?? [], own]));
    }
  }
  return [...opens].map(([source, open]) => ({ source, open }));
}

/** Returns the traffic that sources admit from every address of a range with a prefix of `depth`, which they are all inside. */
function coveredBy(sources: readonly Source[], depth: number): Traffic {
  const whole = union(sources.filter(({ range }) => range.length <= depth).map(({ traffic }) => traffic));
  const [left, right] = ["0", "1"].map((bit) => sources.filter(({ range }) => range[depth] === bit));
  if (!left?.length || !right?.length) return whole;
  return union([whole, intersection(coveredBy(left, depth + 1), coveredBy(right, depth + 1))]);
}
