import type { Tags } from "../../facts/tags.ts";
import { isObject } from "../../util/json.ts";
import { nearest } from "../../util/nearest.ts";
import { prose } from "../remedies/commands.ts";
import { createTags, isOfAws } from "../remedies/tag-commands.ts";
import { compliant, ruleKind, violates } from "../rule.ts";
import { hideSecret } from "../secrets.ts";
import {
  flag,
  type JsonSchema,
  list,
  matchers,
  matchesAny,
  object,
  optional,
  orList,
  quoted,
  required,
  type Setting,
  text,
  type ValuesOf,
  withDefault,
} from "../settings.ts";
import { shortList, tagsAre, theTags, verb } from "../words.ts";

/** A tag key has 1 to 128 characters, and a resource has at most 50 user-created tags.
 * https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Tags.html#tag-restrictions */
const MAX_KEY_LENGTH = 128;
export const MAX_TAGS = 50;

/** The limit for all keys together. An alert contains them about six times, in messages and remedies, and must fit into the
 * 256 KiB of an SNS message together with the tags of an instance. */
const MAX_KEYS_BYTES = 16 * 1024;

const tagKey = text({ max: MAX_KEY_LENGTH, pattern: /\S/, shape: `a tag key of 1 to ${MAX_KEY_LENGTH} characters` });

const TAG_FIELDS = {
  key: required(tagKey, { about: "The key." }),
  values: optional(matchers, { about: "The allowed values." }),
  allowBlank: withDefault(flag, false, { about: "Whether a blank value is allowed." }),
  caseSensitive: optional(flag, { about: "As for the rule, for this key only." }),
  ifPresent: withDefault(flag, false, { about: "Whether the tag may be missing. If it is there, it must comply." }),
};
const tagObject = object(TAG_FIELDS, { shape: 'an object: {"key": "env", ...}' });

type Tag = ValuesOf<typeof TAG_FIELDS>;

/** A tag key, or a tag with its constraints. */
const tag: Setting<Tag> = {
  shape: 'a tag key or an object: {"key": "env", "values": ["prod"]}',
  read(value, path, reading) {
    if (isObject(value)) return tagObject.read(value, path, reading);
    if (typeof value !== "string") return reading.report(path, `must be ${tag.shape}`, value);
    const key = tagKey.read(value, path, reading);
    return key === undefined ? undefined : tagObject.read({ key }, path, reading);
  },
  schema: () => ({ anyOf: [tagKey.schema(), tagObject.schema()] }),
  say({ key, values, allowBlank, ifPresent, caseSensitive }) {
    const notes = [
      caseSensitive && "with this case",
      values && `with the value ${matchers.say(values)}`,
      allowBlank && "blank or not",
      ifPresent && "if it is present",
    ].filter(Boolean);
    return notes.length === 0 ? quoted(key) : `${quoted(key)} (${notes.join(", ")})`;
  },
};

/** An entry of the rule: tags of which at least one must comply. */
export interface Entry {
  readonly anyOf: readonly Tag[];
}

const ANY_OF = object(
  {
    anyOf: required(list(tag, { max: 10, of: "tags" }), {
      about: "Tags of which the instance must have at least one.",
    }),
  },
  { shape: 'an object: {"anyOf": [...]}' },
);

/** An entry of `tags`: a tag, or `{"anyOf": [tags]}`. */
export const tagEntry: Setting<Entry> = {
  shape: 'a tag key, {"key": "env", ...} or {"anyOf": [...]}',
  read(value, path, reading) {
    if (isObject(value) && Object.hasOwn(value, "anyOf")) return ANY_OF.read(value, path, reading);
    const one = tag.read(value, path, reading);
    return one && { anyOf: [one] };
  },
  schema: (): JsonSchema => ({ anyOf: [tagKey.schema(), tagObject.schema(), ANY_OF.schema()] }),
  say: ({ anyOf }) => (anyOf.length === 1 ? anyOf.map(tag.say).join("") : `one of ${orList(anyOf.map(tag.say))}`),
};

const entries: Setting<readonly Entry[]> = {
  ...list(tagEntry, { max: MAX_TAGS, of: "tags" }),
  read(value, path, reading) {
    const read = list(tagEntry, { max: MAX_TAGS, of: "tags" }).read(value, path, reading);
    const keys = read?.flatMap(({ anyOf }) => anyOf.map(({ key }) => key));
    return Buffer.byteLength(JSON.stringify(JSON.stringify(keys ?? []))) > MAX_KEYS_BYTES
      ? reading.report(path, "must have keys that do not exceed 16 KiB together, as JSON")
      : read;
  },
  say: (all) => orList(all.map(tagEntry.say), "and"),
};

/** `required-tags`: an instance must have each listed tag, with an allowed value. */
export const requiredTags = ruleKind({
  name: "required-tags",
  what: "An instance must have the listed tags, with allowed values.",
  why: "Tags say who owns an instance, what it is for and who pays. Without them nobody can be asked.",
  settles: "soon",
  fields: {
    tags: required(entries, {
      about:
        'The tags: each a key, or an object with `key` and its constraints `values`, `allowBlank`, `caseSensitive` and `ifPresent`, or `{"anyOf": [...]}` with tags of which one is enough.',
      demand: "must have the tags {}",
    }),
    caseSensitive: withDefault(flag, false, {
      about: "Whether the case of keys matters. The console writes `Name`, people write `name`.",
      demand: "the case of the keys matters",
    }),
  },
  example: {
    rule: { rule: "required-tags", tags: ["owner", { key: "env", values: ["prod", "stag*"] }] },
    fails: ["no tag `owner`", "the tag `owner` is blank", "the tag `env` is `Production`"],
    passes: ["`Owner=ada`, `env=staging`"],
  },

  configure({ tags: all, caseSensitive }) {
    const tagsOf = withoutDuplicates(all, caseSensitive);
    return {
      needs: ["tags"],
      check({ tags }) {
        const problems = problemsOf(tags, tagsOf);
        return problems.length === 0
          ? compliant("it has the tags")
          : violates({
              message: messageOf(problems, tags, tagsOf.flat()),
              summary: (instances) => `${verb(instances, "lacks", "lack")} ${short(problems.map(nameOf))}`,
              action: (affected) => actionOf(problems, affected),
              remedy: (instanceIds, region) => [
                ...createTags(keysToSet(problems, tags), instanceIds, region),
                ...misspelledKeys(problems).flatMap((key) => prose(`Then delete the tag ${quoted(key)}.`)),
              ],
              details: detailsOf(problems),
            });
      },
    };
  },
});

/** A required tag with the case of its key settled. */
interface Required extends Tag {
  readonly caseSensitive: boolean;
}

/** Returns the entries, each once. */
function withoutDuplicates(all: readonly Entry[], caseSensitive: boolean): readonly (readonly Required[])[] {
  const entries = new Map<string, readonly Required[]>();
  for (const { anyOf } of all) {
    const own = anyOf.map((each) => ({ ...each, caseSensitive: each.caseSensitive ?? caseSensitive }));
    const key = JSON.stringify(
      own.map((each) => [
        each.caseSensitive ? each.key : each.key.toLowerCase(),
        each.values?.map(({ text: written }) => written),
        each.allowBlank,
        each.caseSensitive,
        each.ifPresent,
      ]),
    );
    if (!entries.has(key)) entries.set(key, own);
  }
  return [...entries.values()];
}

/** How an instance does not comply with an entry. */
type Problem =
  | { readonly kind: "missing"; readonly anyOf: readonly Required[] }
  /** The tags as the instance has them. */
  | {
      readonly kind: "blank" | "value" | "spelling";
      readonly tag: Required;
      readonly key: string;
      readonly value: string;
    };

function problemsOf(tags: Tags, entries: readonly (readonly Required[])[]): Problem[] {
  const byLowerCase = new Map<string, [key: string, value: string][]>();
  for (const own of tags) {
    const lower = own[0].toLowerCase();
    const others = byLowerCase.get(lower);
    if (others) others.push(own);
    else byLowerCase.set(lower, [own]);
  }
  return entries.flatMap((anyOf): Problem[] => {
    const problems: Problem[] = [];
    for (const each of anyOf) {
      const problem = problemOf(each, byLowerCase.get(each.key.toLowerCase()) ?? []);
      if (problem === null) return [];
      problems.push(problem);
    }
    const [first] = problems.filter((problem) => problem.kind !== "missing");
    return [first ?? { kind: "missing", anyOf }];
  });
}

function isKeyOf({ key, caseSensitive }: Required, own: string): boolean {
  return caseSensitive ? own === key : own.toLowerCase() === key.toLowerCase();
}

/** Takes the instance's tags with this key in any case. */
function problemOf(required: Required, own: readonly (readonly [key: string, value: string])[]): Problem | null {
  const { ifPresent } = required;
  const candidates = own.filter(([key]) => isKeyOf(required, key));
  const wrong = candidates.filter(([, value]) => !isAllowed(required, value)).sort();
  const [first] = wrong;
  // An instance can have both `name` and `Name`. One that complies is enough, unless the tag is only constrained.
  if (first !== undefined && (ifPresent || wrong.length === candidates.length)) {
    const [key, value] = first;
    return { kind: value.trim() === "" ? "blank" : "value", tag: required, key, value };
  }
  if (!ifPresent) return candidates.length === 0 ? { kind: "missing", anyOf: [required] } : null;
  const [other] = own.filter(([key]) => !isKeyOf(required, key)).sort();
  return other ? { kind: "spelling", tag: required, key: other[0], value: other[1] } : null;
}

function isAllowed({ values, allowBlank }: Required, value: string): boolean {
  if (value.trim() === "") return allowBlank;
  return values === undefined || matchesAny(values, value);
}

function nameOf(problem: Problem): string {
  return "anyOf" in problem ? problem.anyOf.map(({ key }) => key).join("|") : problem.tag.key;
}

/** Returns the keys to set, each once. A tag that is there in both spellings need not be set. */
function keysToSet(problems: readonly Problem[], tags: Tags): string[] {
  const unset = problems.filter((problem) => problem.kind !== "spelling" || !tags.has(problem.tag.key));
  return [...new Set(unset.map(keyToSet))];
}

function actionOf(problems: readonly Problem[], affected: string): string {
  const keys = [...new Set(problems.map(keyToSet))];
  const own = keys.filter((key) => !isOfAws(key));
  if (own.length === 0) return `Launch ${affected} again with ${theTags(keys)}`;
  const isThere = problems.every(({ kind }) => kind === "value" || kind === "spelling");
  return `${isThere ? "Correct" : "Set"} ${theTags(own)} on ${affected}`;
}

function misspelledKeys(problems: readonly Problem[]): string[] {
  return problems.flatMap((problem) => (problem.kind === "spelling" ? problem.key : []));
}

/** Returns the key to set. A blank tag is filled, not duplicated in another case. The console shows only `Name` as the name. */
function keyToSet(problem: Problem): string {
  if ("tag" in problem) return problem.kind === "spelling" ? problem.tag.key : problem.key;
  const [{ key, caseSensitive } = { key: "", caseSensitive: true }] = problem.anyOf;
  return key.toLowerCase() === "name" && !caseSensitive ? "Name" : key;
}

function messageOf(problems: readonly Problem[], tags: Tags, required: readonly Required[]): string {
  const missing = problems.filter((problem) => "anyOf" in problem);
  const single = missing.flatMap(({ anyOf }) => (anyOf.length === 1 ? anyOf : []));
  const blank = problems.flatMap((problem) => ("tag" in problem && problem.kind === "blank" ? problem.tag.key : []));
  return [
    tagsAre(
      single.map(({ key }) => key),
      "missing",
    ),
    ...missing.flatMap(({ anyOf }) =>
      anyOf.length === 1 ? [] : `one of the tags ${orList(anyOf.map(({ key }) => quoted(key)))} is required`,
    ),
    tagsAre(blank, "blank"),
    ...problems.flatMap((problem) => {
      if ("tag" in problem && problem.kind === "spelling")
        return `the tag ${quoted(problem.key)} must be spelled ${quoted(problem.tag.key)}`;
      if (!("tag" in problem) || problem.kind !== "value") return [];
      return `the tag ${quoted(problem.key)} is ${quoted(hideSecret(problem.value))}, not ${shortList(problem.tag.values) ?? "an allowed value"}`;
    }),
    ...nearMisses(
      missing.flatMap(({ anyOf }) => anyOf),
      required,
      tags,
    ),
  ]
    .filter(Boolean)
    .join("; ");
}

/** The shortest key that is compared with similar ones. Of shorter keys, too many are similar: `env`, `end`. */
const MIN_SIMILAR = 5;

/** Returns a clause for each missing tag that the instance seems to have under a misspelled key. */
function nearMisses(missing: readonly Required[], required: readonly Required[], tags: Tags): string[] {
  // A tag that is required itself is no misspelling of another one.
  const isRequired = (own: string) => required.some((each) => isKeyOf(each, own));
  const keys = [...tags.keys()].filter((key) => !isOfAws(key) && !isRequired(key)).sort();
  return missing.flatMap(({ key }) => {
    const sameLetters = keys.find((each) => each.toLowerCase() === key.toLowerCase());
    const similar = sameLetters ?? (key.length < MIN_SIMILAR ? undefined : nearest(key, keys));
    return similar === undefined ? [] : `${quoted(similar)} may be a misspelling of ${quoted(key)}`;
  });
}

function detailsOf(problems: readonly Problem[]): Record<string, readonly string[]> {
  const of = (kind: Problem["kind"]) => problems.filter((problem) => problem.kind === kind).map(nameOf);
  const [notAllowed, misspelled] = [of("value"), of("spelling")];
  return {
    missing: of("missing"),
    blank: of("blank"),
    ...(notAllowed.length > 0 && { notAllowed }),
    ...(misspelled.length > 0 && { misspelled }),
  };
}

/** The longest list of keys in a subject, in characters. */
const MAX_LIST = 24;

function short(keys: readonly string[]): string {
  const all = keys.join(", ");
  if (all.length > MAX_LIST) return keys.length === 1 ? "a tag" : `${keys.length} tags`;
  return `${keys.length === 1 ? "tag" : "tags"} ${all}`;
}
