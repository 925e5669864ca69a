import type { Tags } from "../../facts/tags.ts";
import type { RuleKind } from "../rule.ts";
import { createTags } from "./create-tags.ts";

/** Tag keys have 1 to 128 characters, and an instance at most 50 tags of its own.
 * https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Tags.html#tag-restrictions */
const MAX_KEY_LENGTH = 128;
const MAX_TAGS = 50;

/** An alert must fit into SNS's 256 KiB together with an instance's tags, and contains the keys about six times: in what is
 * wrong and in how to fix it, in the text and in the document. */
const MAX_TOLD_BYTES = 16 * 1024;

/**
 * `required-tags`: an instance has every tag named, with a value that is not blank.
 * Settings: `tags`, a list of tag keys; `caseSensitive`, false unless given (the console writes `Name`, people `name`).
 */
export const requiredTags: RuleKind = {
  name: "required-tags",
  settings: ["tags", "caseSensitive"],

  configure({ tags: keys, caseSensitive = false }) {
    const problems: string[] = [];
    if (!Array.isArray(keys) || keys.length === 0 || keys.length > MAX_TAGS || !keys.every(isTagKey)) {
      problems.push(`"tags" must be a list of 1 to ${MAX_TAGS} tag keys of 1 to ${MAX_KEY_LENGTH} characters`);
    } else if (Buffer.byteLength(JSON.stringify(JSON.stringify(keys))) > MAX_TOLD_BYTES) {
      problems.push('"tags" are together too long to be told in one alert of SNS');
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
          // What is there is to be filled, and not set beside; and the console shows the tag Name, written so.
          toSet.push(own ?? (folded === "name" && !caseSensitive ? "Name" : key));
        }
        if (missing.length + blank.length === 0) return null;
        return {
          message: [say("missing", missing), say("blank", blank)].filter(Boolean).join("; "),
          summary: (instances) => `${instances === 1 ? "lacks" : "lack"} ${shortly([...missing, ...blank])}`,
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

/** Which keys have a value; and which blank ones there are, as written. An instance may have both `name` and `Name`. */
function sortKeys(tags: Tags, fold: (key: string) => string): { present: Set<string>; blanks: Map<string, string> } {
  const present = new Set<string>();
  const blanks = new Map<string, string>();
  for (const [key, value] of tags) {
    if (value.trim() === "") blanks.set(fold(key), key);
    else present.add(fold(key));
  }
  return { present, blanks };
}

function say(what: string, keys: readonly string[]): string {
  if (keys.length === 0) return "";
  const quoted = keys.map((key) => `"${key}"`).join(", ");
  return keys.length === 1 ? `the tag ${quoted} is ${what}` : `the tags ${quoted} are ${what}`;
}

/** How many characters of keys a subject has room for. */
const MAX_SHORT = 24;

function shortly(keys: readonly string[]): string {
  const list = keys.join(", ");
  if (list.length > MAX_SHORT) return keys.length === 1 ? "a tag" : `${keys.length} tags`;
  return `${keys.length === 1 ? "tag" : "tags"} ${list}`;
}
