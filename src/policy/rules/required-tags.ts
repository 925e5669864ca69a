import type { Tags } from "../../facts/tags.ts";
import type { RuleKind } from "../rule.ts";
import { createTags } from "./create-tags.ts";

/** A tag key has 1 to 128 characters, and a resource has at most 50 user-created tags.
 * https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Tags.html#tag-restrictions */
const MAX_KEY_LENGTH = 128;
const MAX_TAGS = 50;

/** The limit for all keys together. An alert contains them about six times, in messages and remedies, and must fit into the
 * 256 KiB of an SNS message together with the tags of an instance. */
const MAX_KEYS_BYTES = 16 * 1024;

/**
 * `required-tags`: an instance must have every listed tag, with a value that is not blank.
 * Settings: `tags`, a list of tag keys; `caseSensitive`, default false (the console writes `Name`, people write `name`).
 */
export const requiredTags: RuleKind = {
  name: "required-tags",
  settings: ["tags", "caseSensitive"],

  configure({ tags: keys, caseSensitive = false }) {
    const problems: string[] = [];
    if (!Array.isArray(keys) || keys.length === 0 || keys.length > MAX_TAGS || !keys.every(isTagKey)) {
      problems.push(`"tags" must be a list of 1 to ${MAX_TAGS} tag keys of 1 to ${MAX_KEY_LENGTH} characters`);
    } else if (Buffer.byteLength(JSON.stringify(JSON.stringify(keys))) > MAX_KEYS_BYTES) {
      problems.push('"tags" must not exceed 16 KiB as JSON');
    }
    if (typeof caseSensitive !== "boolean") problems.push('"caseSensitive" must be true or false');
    if (problems.length > 0) return { problems };

    const fold = (key: string) => (caseSensitive ? key : key.toLowerCase());
    const required = new Map<string, string>();
    for (const key of keys as string[]) if (!required.has(fold(key))) required.set(fold(key), key);

    return {
      needs: ["tags"],
      check({ tags }) {
        const { present, blanks } = sortKeys(tags, fold);
        const missing: string[] = [];
        const blank: string[] = [];
        const toSet: string[] = [];
        for (const [folded, key] of required) {
          if (present.has(folded)) continue;
          const own = blanks.get(folded);
          (own === undefined ? missing : blank).push(key);
          // A blank tag is filled, not duplicated in another case. The console shows only the tag `Name` as the name.
          toSet.push(own ?? (folded === "name" && !caseSensitive ? "Name" : key));
        }
        if (missing.length + blank.length === 0) return null;
        return {
          message: [sentence(missing, "missing"), sentence(blank, "blank")].filter(Boolean).join("; "),
          summary: (instances) => `${instances === 1 ? "lacks" : "lack"} ${short([...missing, ...blank])}`,
          remedy: (instanceIds, region) => createTags(toSet, instanceIds, region),
          details: { missing, blank },
        };
      },
    };
  },
};

function isTagKey(key: unknown): key is string {
  return typeof key === "string" && key.trim() !== "" && key.length <= MAX_KEY_LENGTH;
}

/** Returns the keys with a value, and the blank keys as written. An instance can have both `name` and `Name`. */
function sortKeys(tags: Tags, fold: (key: string) => string): { present: Set<string>; blanks: Map<string, string> } {
  const present = new Set<string>();
  const blanks = new Map<string, string>();
  for (const [key, value] of tags) {
    if (value.trim() === "") blanks.set(fold(key), key);
    else present.add(fold(key));
  }
  return { present, blanks };
}

function sentence(keys: readonly string[], problem: string): string {
  if (keys.length === 0) return "";
  const quoted = keys.map((key) => `"${key}"`).join(", ");
  return keys.length === 1 ? `the tag ${quoted} is ${problem}` : `the tags ${quoted} are ${problem}`;
}

/** The longest list of keys in a subject, in characters. */
const MAX_LIST = 24;

function short(keys: readonly string[]): string {
  const list = keys.join(", ");
  if (list.length > MAX_LIST) return keys.length === 1 ? "a tag" : `${keys.length} tags`;
  return `${keys.length === 1 ? "tag" : "tags"} ${list}`;
}
