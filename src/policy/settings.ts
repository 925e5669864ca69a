import { isObject } from "../util/json.ts";
import { nearest } from "../util/nearest.ts";
import { type Matcher, readMatcher } from "./matcher.ts";

/**
 * The combinators that describe the settings of a policy. One description of a setting gives its validator, its JSON Schema, its
 * words in `policy check` and its row in the documentation.
 */

/** A problem of a policy. Its path and text contain no value of the policy, because unauthenticated callers can read them. */
export interface PolicyProblem {
  /** The place, such as `rules[2].tags[0].values[1]`; empty for the policy itself. */
  readonly path: string;
  /** The shape of the value and the fix, to follow the path; without a full stop. */
  readonly problem: string;
  /** What the policy has there: a value as JSON, `a list` or `an object`; null for a missing value. Only the operator may see it. */
  readonly found: string | null;
}

/** A JSON Schema, draft 2020-12. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** The state of one reading of a policy. */
export interface Reading {
  /** The first problems, up to `MAX_PROBLEMS`. */
  readonly problems: readonly PolicyProblem[];
  /** The number of all problems. */
  readonly count: number;
  /** Reports a problem at a path. Returns undefined, for a setting's `read` to return. */
  report(path: string, problem: string, found?: unknown): undefined;
  /** The cost of all matchers so far. */
  cost: number;
  /** The ids of the policy's rules; null if they are not all known. */
  readonly ruleIds: ReadonlySet<string> | null;
}

/** The maximum number of reported problems. The others are probably of the same kind. */
export const MAX_PROBLEMS = 50;
const MAX_FOUND = 80;

/** Starts the reading of a policy whose rules have these ids; null if they are not all known. */
export function startReading(ruleIds: Reading["ruleIds"] = null): Reading {
  const problems: PolicyProblem[] = [];
  let count = 0;
  return {
    problems,
    get count() {
      return count;
    },
    cost: 0,
    ruleIds,
    report(path, problem, found) {
      count += 1;
      if (count <= MAX_PROBLEMS) problems.push({ path, problem, found: shown(found) });
      return undefined;
    },
  };
}

/** Lists and objects are not shown: they can be deeper than JSON.stringify can write. */
function shown(found: unknown): string | null {
  if (found === undefined) return null;
  if (Array.isArray(found)) return "a list";
  if (isObject(found)) return "an object";
  const text = JSON.stringify(found);
  return text.length > MAX_FOUND ? `${text.slice(0, MAX_FOUND)}…` : text;
}

/** The description of a value. */
export interface Setting<T> {
  /** Returns the value, or undefined after it reported a problem. */
  read(value: unknown, path: string, reading: Reading): T | undefined;
  schema(): JsonSchema;
  /** The shape of the value in words, to follow "must be". */
  readonly shape: string;
  /** Returns a value in words. */
  say(value: T): string;
}

/** A key of an object, with its setting. */
export interface Field<T> {
  readonly setting: Pick<Setting<unknown>, "shape" | "schema">;
  readonly isRequired: boolean;
  /** The default in words; null if there is none. */
  readonly fallback: string | null;
  /** The purpose of the key, in one sentence, for the documentation. */
  readonly about: string;
  /** Returns the value of the key; `undefined` as raw value means that the key is missing. */
  read(raw: unknown, path: string, reading: Reading): T | undefined;
  /** Returns what a value demands, as a clause; null if it demands nothing. */
  say(value: T): string | null;
}

/** The words of a field: its purpose, and its demand with `{}` for the value; for a flag, also its demand if it is false. */
interface Words {
  readonly about: string;
  readonly demand?: string;
  readonly demandIfFalse?: string;
}

/** A field that an object must have. */
export function required<T>(setting: Setting<T>, words: Words): Field<T> {
  return {
    ...fieldOf(setting, words),
    isRequired: true,
    read: (raw, path, reading) =>
      raw === undefined
        ? reading.report(path, `is missing: it must be ${setting.shape}`)
        : setting.read(raw, path, reading),
  };
}

/** A field that an object may have. */
export function optional<T>(setting: Setting<T>, words: Words): Field<T | undefined> {
  return {
    ...fieldOf<T | undefined>(setting, words),
    read: (raw, path, reading) => (raw === undefined ? undefined : setting.read(raw, path, reading)),
  };
}

/** A field with a default. */
export function withDefault<T>(setting: Setting<T>, value: T, words: Words): Field<T> {
  return {
    ...fieldOf(setting, words),
    fallback: JSON.stringify(value),
    read: (raw, path, reading) => (raw === undefined ? value : setting.read(raw, path, reading)),
  };
}

function fieldOf<T>(
  setting: Setting<NonNullable<T>> | Setting<T>,
  { about, demand, demandIfFalse }: Words,
): Omit<Field<T>, "read"> {
  return {
    setting,
    isRequired: false,
    fallback: null,
    about,
    say(value) {
      if (value === false) return demandIfFalse ?? null;
      if (demand === undefined || value === undefined || value === null) return null;
      return demand.replace("{}", () => (setting as Setting<T>).say(value));
    },
  };
}

/** Fields by key. */
export type Fields = Readonly<Record<string, Field<unknown>>>;

/** The values of fields. */
export type ValuesOf<F extends Fields> = { readonly [K in keyof F]: F[K] extends Field<infer T> ? T : never };

/** An object with exactly these keys. At least one of the keys in `atLeastOne` must be there, if that lists any. */
export function object<F extends Fields>(
  fields: F,
  { atLeastOne = [], shape }: { readonly atLeastOne?: readonly (keyof F & string)[]; readonly shape: string },
): Setting<ValuesOf<F>> {
  const keys = Object.keys(fields);
  return {
    shape,
    read(value, path, reading) {
      if (!isObject(value)) return reading.report(path, `must be ${shape}`, value);
      const before = reading.count;
      reportUnknownKeys(value, keys, path, reading);
      const entries = keys.map((key) => {
        const raw = Object.hasOwn(value, key) ? value[key] : undefined;
        return [key, fields[key]?.read(raw, join(path, key), reading)] as const;
      });
      if (atLeastOne.length > 0 && !atLeastOne.some((key) => Object.hasOwn(value, key))) {
        reading.report(path, `must have ${atLeastOne.length === 1 ? "" : "at least one of "}${listOf(atLeastOne)}`);
      }
      return reading.count > before ? undefined : (Object.fromEntries(entries) as ValuesOf<F>);
    },
    schema: () => ({
      type: "object",
      properties: Object.fromEntries(
        keys.map((key) => [key, { description: fields[key]?.about, ...fields[key]?.setting.schema() }]),
      ),
      ...(keys.some((key) => fields[key]?.isRequired) && { required: keys.filter((key) => fields[key]?.isRequired) }),
      ...(atLeastOne.length > 0 && { anyOf: atLeastOne.map((key) => ({ required: [key] })) }),
      additionalProperties: false,
    }),
    say: (values) =>
      keys
        .map((key) => fields[key]?.say(values[key as keyof typeof values]))
        .filter(Boolean)
        .join("; "),
  };
}

/** Reports each key that is not in `known`, with the most similar one. */
export function reportUnknownKeys(value: object, known: readonly string[], path: string, reading: Reading): void {
  const unknown = Object.keys(value).filter((key) => !known.includes(key));
  const all = unknown.length === 0 ? "" : `the keys are ${listOf(known)}`;
  for (const key of unknown) {
    const meant = reading.count < MAX_PROBLEMS ? nearest(key, known) : undefined;
    reading.report(path, `has an unknown key: ${meant === undefined ? all : `did you mean "${meant}"?`}`, key);
  }
}

/** Appends a key to a path. */
export function join(path: string, key: string): string {
  return path === "" ? key : `${path}.${key}`;
}

/** A text of up to `max` characters that matches a pattern. */
export function text({ max, pattern, shape }: { max: number; pattern?: RegExp; shape: string }): Setting<string> {
  return {
    shape,
    read(value, path, reading) {
      const isValid =
        typeof value === "string" && lengthOf(value) <= max && (pattern === undefined || pattern.test(value));
      return isValid ? value : reading.report(path, `must be ${shape}`, value);
    },
    schema: () => ({ type: "string", maxLength: max, ...(pattern && { pattern: pattern.source }) }),
    say: quoted,
  };
}

/** The length as JSON Schema counts it: in code points. */
function lengthOf(value: string): number {
  return value.length <= 64 ? value.length : [...value].length;
}

/** A whole number in a range. */
export function integer(min: number, max: number): Setting<number> {
  const shape = `a whole number from ${min} to ${max}`;
  return {
    shape,
    read: (value, path, reading) =>
      typeof value === "number" && Number.isInteger(value) && value >= min && value <= max
        ? value
        : reading.report(path, `must be ${shape}`, value),
    schema: () => ({ type: "integer", minimum: min, maximum: max }),
    say: String,
  };
}

/** One of these values. */
export function oneOf<T extends string>(values: readonly T[]): Setting<T> {
  const shape =
    values.length === 1
      ? JSON.stringify(values[0])
      : `one of ${values.map((value) => JSON.stringify(value)).join(", ")}`;
  return {
    shape,
    read(value, path, reading) {
      const found = values.find((each) => each === value);
      if (found !== undefined) return found;
      const meant = typeof value === "string" ? nearest(value, values) : undefined;
      return reading.report(path, `must be ${shape}${meant === undefined ? "" : `; did you mean "${meant}"?`}`, value);
    },
    schema: () => (values.length === 1 ? { const: values[0] } : { enum: values }),
    say: String,
  };
}

/** `true` or `false`. */
export const flag: Setting<boolean> = {
  shape: "true or false",
  read: (value, path, reading) =>
    typeof value === "boolean" ? value : reading.report(path, `must be ${flag.shape}`, value),
  schema: () => ({ type: "boolean" }),
  say: String,
};

/** A list of `min` to `max` items. */
export function list<T>(
  item: Setting<T>,
  { min = 1, max, of }: { min?: number; max: number; of: string },
): Setting<readonly T[]> {
  const shape = `a list of ${min === 0 ? "up to" : `${min} to`} ${max} ${of}`;
  return {
    shape,
    read(value, path, reading) {
      if (!Array.isArray(value) || value.length < min || value.length > max) {
        return reading.report(path, `must be ${shape}`, value);
      }
      const items: T[] = [];
      value.forEach((each: unknown, index) => {
        const read = item.read(each, `${path}[${index}]`, reading);
        if (read !== undefined) items.push(read);
      });
      return items.length === value.length ? items : undefined;
    },
    schema: () => ({ type: "array", items: item.schema(), minItems: min, maxItems: max }),
    say: (values) => orList(values.map((value) => item.say(value))),
  };
}

/** A list as above, or one item instead of it. */
export function oneOrMore<T>(
  item: Setting<T>,
  limits: { min?: number; max: number; of: string },
): Setting<readonly T[]> {
  const many = list(item, limits);
  return {
    ...many,
    shape: `${item.shape}, or ${many.shape}`,
    read(value, path, reading) {
      if (Array.isArray(value)) return many.read(value, path, reading);
      const read = item.read(value, path, reading);
      return read === undefined ? undefined : [read];
    },
    schema: () => ({ anyOf: [item.schema(), many.schema()] }),
  };
}

/** The maximum length of a matcher. An ARN has up to 2,048 characters, but names in it are shorter. */
const MAX_MATCHER = 1024;

/**
 * The maximum cost of all matchers of a policy. It bounds the time for an instance: 2,000 states that are all compared with the
 * longest values of 50 tags, 256 characters each, take 0.4 s.
 */
const MAX_COST = 2_000;

const TOO_COSTLY =
  'is one pattern or wildcard too many: together they would take too long; use more texts without them, and lower counts such as "{1,30}"';

/** Stands for the matchers after `MAX_COST` is exceeded, which are not read. */
const NOT_READ: Matcher = { text: "", matches: () => false, cost: 0 };

/** A matcher: see `matcher.ts`. */
export const matcher: Setting<Matcher> = {
  shape: `text of up to ${MAX_MATCHER} characters, with the wildcards * and ?, or a /pattern/`,
  read(value, path, reading) {
    if (typeof value !== "string" || lengthOf(value) > MAX_MATCHER) {
      return reading.report(path, `must be ${matcher.shape}`, value);
    }
    if (reading.cost > MAX_COST) return NOT_READ;
    const read = readMatcher(value);
    if ("problem" in read) return reading.report(path, read.problem, value);
    reading.cost += read.matcher.cost;
    return reading.cost > MAX_COST ? reading.report(path, TOO_COSTLY) : read.matcher;
  },
  schema: () => ({ $ref: "#/$defs/matcher" }),
  say: ({ text: written }) => quoted(written),
};

/** The schema of a matcher, for the `$defs` of the policy's schema. */
export const MATCHER_SCHEMA: JsonSchema = {
  description:
    "A text with the wildcards * and ?, with case; a backslash escapes them. Or /pattern/ or /pattern/i: a regular expression that the whole value must match.",
  type: "string",
  maxLength: MAX_MATCHER,
};

/** One matcher, or a list of them: any of them may match. */
export const matchers: Setting<readonly Matcher[]> = oneOrMore(matcher, { max: 200, of: "texts" });

/** Returns whether one of the matchers matches. */
export function matchesAny(all: readonly Matcher[], value: string): boolean {
  return all.some((each) => each.matches(value));
}

/** Returns text in quotes, on one line. */
export function quoted(value: string): string {
  return JSON.stringify(value);
}

/** Returns words as `a, b or c`. */
export function orList(words: readonly string[], or = "or"): string {
  return words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} ${or} ${words.at(-1)}`;
}

/** Returns keys in quotes, as a list. */
function listOf(keys: readonly string[]): string {
  return keys.map(quoted).join(", ");
}
