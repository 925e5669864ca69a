import type { Matcher } from "./matcher.ts";
import { matchers, matchesAny, orList, quoted } from "./settings.ts";

/** The longest list of allowed values in a message, in characters. An alert repeats its messages. */
const MAX_ALLOWED = 80;

/** Returns the allowed values to follow "not", or null if there are none or too many for a message. */
export function shortList(allowed: readonly Matcher[] | undefined): string | null {
  const list = matchers.say(allowed ?? []);
  return list === "" || list.length > MAX_ALLOWED ? null : list;
}

/** Lists of allowed and of forbidden values. Without `allowed`, every value that is not forbidden is allowed. */
export interface Limits {
  readonly allowed?: readonly Matcher[] | undefined;
  readonly forbidden?: readonly Matcher[] | undefined;
}

/** Returns why a value is not allowed, in one sentence without a full stop; null if it is allowed. */
export function refusalOf(subject: string, value: string, { allowed, forbidden = [] }: Limits): string | null {
  if (matchesAny(forbidden, value)) return `${subject} ${quoted(value)} is not allowed`;
  if (allowed === undefined || matchesAny(allowed, value)) return null;
  const list = shortList(allowed);
  return list === null ? `${subject} ${quoted(value)} is not allowed` : `${subject} is ${quoted(value)}, not ${list}`;
}

/** Returns what a list of allowed values demands; without a list, whether there must be a value or none. */
export function demandOf(
  noun: string,
  { allowed, none }: { readonly allowed?: readonly Matcher[] | undefined; readonly none: boolean },
): string {
  if (allowed !== undefined)
    return `the ${noun} must be ${matchers.say(allowed)}${none ? ", or there must be none" : ""}`;
  return `must have ${none ? "no" : /^[aeiou]/.test(noun) ? "an" : "a"} ${noun}`;
}

/** Returns a sentence about tags: `the tags "a", "b" are missing`; empty without keys. */
export function tagsAre(keys: readonly string[], problem: string): string {
  const list = keys.map(quoted).join(", ");
  if (keys.length === 0) return "";
  return keys.length === 1 ? `the tag ${list} is ${problem}` : `the tags ${list} are ${problem}`;
}

/** The longest list of keys in an action, in characters. */
const MAX_KEYS = 80;

/** Returns keys as an action names them: `the tags "a" and "b"`; their number if the list is too long for a line. */
export function theTags(keys: readonly string[]): string {
  const list = orList(keys.map(quoted), "and");
  if (list.length > MAX_KEYS) return keys.length === 1 ? "a tag" : `${keys.length} tags`;
  return `the ${verb(keys.length, "tag", "tags")} ${list}`;
}

/** Returns the form of a verb for a number of instances. */
export function verb(instances: number, one: string, many: string): string {
  return instances === 1 ? one : many;
}

/** The number of ids or addresses that a message lists. */
const MAX_LISTED = 5;

/** Returns a list of words for a message: `a, b and 3 more`. */
export function brief(words: readonly string[]): string {
  if (words.length <= MAX_LISTED) return words.join(", ");
  return `${words.slice(0, MAX_LISTED).join(", ")} and ${words.length - MAX_LISTED} more`;
}
