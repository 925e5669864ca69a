import { LEAVES } from "../../policy/condition.ts";
import { orList, quoted } from "../../policy/settings.ts";
import { isObject } from "../../util/json.ts";
import { covers, mayOverlap, onlyTextOf } from "./matcher-sets.ts";

/** Conditions that no instance meets. Takes conditions as a valid policy has them, in JSON. */

/** What a leaf, or the opposite of a leaf, demands of one property or tag. */
interface Literal {
  /** A key of `LEAVES`, or `tag`. */
  readonly leaf: string;
  /** The matcher of the tag's key; null for a property. */
  readonly key: string | null;
  readonly holds: boolean;
  /** The matchers of its values; null if the tag must only be present. */
  readonly values: readonly string[] | null;
}

/** Literals that must all hold. */
type Conjunction = readonly Literal[];

/** The maximum number of alternatives. A condition with more is not examined. */
const MAX_ALTERNATIVES = 256;

/** Properties that have two values: the owner's id and alias, the profile's ARN and name. */
const WITH_TWO_VALUES = ["imageOwner", "instanceProfile"];

/** The values that EC2 reports, where they have a known form. A terminated instance is not judged. */
const POSSIBLE: Readonly<Record<string, readonly string[]>> = {
  account: ["????????????"],
  region: ["*-*-*"],
  zone: ["*-*-*"],
  image: ["ami-*"],
  vpc: ["vpc-*"],
  subnet: ["subnet-*"],
  instanceType: ["*.*"],
  state: ["pending", "running", "stopping", "stopped"],
  lifecycle: ["on-demand", "spot", "capacity-block", "scheduled", "interruptible-capacity-reservation"],
  tenancy: ["default", "dedicated", "host"],
  architecture: ["i386", "x86_64", "arm64", "x86_64_mac", "arm64_mac"],
};

/** Returns why no instance meets all these conditions, in one sentence without a full stop; null if one may meet them. */
export function contradictionIn(conditions: readonly unknown[]): string | null {
  const alternatives = combined(
    conditions.filter((each) => each !== undefined).map((each) => alternativesOf(each, true)),
  );
  if (alternatives === null) return null;
  const clashes = alternatives.map(clashIn);
  return clashes.every((clash) => clash !== null) ? (clashes[0] ?? null) : null;
}

/** Returns the alternatives of a condition, or of its opposite; null if there are too many. */
function alternativesOf(condition: unknown, holds: boolean): readonly Conjunction[] | null {
  if (!isObject(condition)) return null;
  if (Object.hasOwn(condition, "not")) return alternativesOf(condition.not, !holds);
  const parts = Array.isArray(condition.all) ? condition.all : condition.any;
  if (Array.isArray(parts)) {
    const all = parts.map((part: unknown) => alternativesOf(part, holds));
    if (Array.isArray(condition.all) === holds) return combined(all);
    return all.every((each) => each !== null) ? within(all.flat()) : null;
  }
  if (typeof condition.tag === "string") {
    const isAbsent = condition.present === false;
    const values = Object.hasOwn(condition, "in") ? listOf(condition.in) : null;
    return [[{ leaf: "tag", key: condition.tag, holds: isAbsent !== holds, values }]];
  }
  const [leaf = ""] = Object.keys(condition);
  return [[{ leaf, key: null, holds, values: listOf(condition[leaf]) }]];
}

/** Returns the alternatives in which one of each holds. */
function combined(all: readonly (readonly Conjunction[] | null)[]): readonly Conjunction[] | null {
  return all.reduce<readonly Conjunction[] | null>(
    (before, each) => before && each && within(before.flatMap((one) => each.map((other) => [...one, ...other]))),
    [[]],
  );
}

function within(alternatives: readonly Conjunction[]): readonly Conjunction[] | null {
  return alternatives.length > MAX_ALTERNATIVES ? null : alternatives;
}

/** Returns a setting that is one matcher or a list of them as a list. */
export function listOf(value: unknown): readonly string[] {
  return [value].flat().filter((each): each is string => typeof each === "string");
}

/** Returns why literals cannot all hold; null if they may. */
function clashIn(literals: Conjunction): string | null {
  for (const literal of literals.filter(({ holds }) => holds)) {
    const clash = clashWith(literal, literals);
    if (clash !== null) return clash;
  }
  return null;
}

/** Returns why a literal that must hold cannot: each of its values is impossible or excluded. */
function clashWith(literal: Literal, literals: Conjunction): string | null {
  const { leaf, key, values } = literal;
  const what = wordsOf(literal);
  const others = literals.filter((other) => other !== literal && other.leaf === leaf);
  const absent = others.find(
    (other) => !other.holds && other.values === null && key !== null && covers(other.key ?? "", key),
  );
  if (absent !== undefined) return `${what} cannot be both present and missing`;
  if (values === null) return null;
  const possible = POSSIBLE[leaf];
  if (possible !== undefined && !values.some((value) => possible.some((each) => mayOverlap(value, each)))) {
    const form = possible.length === 1 ? `has the form ${say(possible)}` : `is ${say(possible)}`;
    return `${what} ${form}, never ${say(values)}`;
  }
  const excluded = others.flatMap((other) => (!other.holds && other.key === key ? (other.values ?? []) : []));
  const left = values.filter((value) => !excluded.some((each) => covers(each, value)));
  if (left.length === 0) {
    return `${what} cannot be both ${say(values)} and ${excluded.includes("*") ? "missing" : `not ${say(excluded)}`}`;
  }
  // Two tags may match one key with wildcards, and so may two values of some properties.
  if (WITH_TWO_VALUES.includes(leaf) || (key !== null && onlyTextOf(key) === null)) return null;
  for (const other of others) {
    if (!other.holds || other.key !== key || other.values === null) continue;
    const { values: allowed } = other;
    if (!left.some((value) => allowed.some((each) => mayOverlap(value, each)))) {
      return `${what} cannot be both ${say(left)} and ${say(allowed)}`;
    }
  }
  return null;
}

function wordsOf({ leaf, key }: Literal): string {
  return key === null ? (LEAVES[leaf]?.words ?? leaf) : `the tag ${quoted(key)}`;
}

/** The longest list of values in a sentence. */
const MAX_SAID = 6;

function say(values: readonly string[]): string {
  const more = values.length - MAX_SAID;
  return orList([...values.slice(0, MAX_SAID).map(quoted), ...(more > 0 ? [`${more} more`] : [])]);
}
