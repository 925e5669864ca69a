import { CliError } from "./cli-error.ts";
import { MADE_BY } from "./names.ts";

/** Tags by key. */
export type Tags = Readonly<Record<string, string>>;

/** Tags in the form of most services, which is a list. */
export function tagList(tags: Tags): { Key: string; Value: string }[] {
  return Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
}

/** The opposite of `tagList`. */
export function tagsIn(list: readonly { Key?: string | undefined; Value?: string | undefined }[] = []): Tags {
  return Object.fromEntries(list.map(({ Key = "", Value = "" }) => [Key, Value]));
}

/** What AWS takes, in keys and values alike. https://docs.aws.amazon.com/tag-editor/latest/userguide/tagging.html */
const CHARACTERS = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u;

/**
 * Reads the values of `--tag`, each a `Key=Value`; the value may contain further "=" and may be empty.
 * @returns the tags by key
 * @throws CliError for a tag that AWS does not accept, a key given twice, and the keys by which teardown recognizes what setup made
 */
export function parseTags(given: readonly string[] = []): Tags {
  const tags = new Map<string, string>();
  for (const each of given) {
    const [, key = "", value = ""] = /^([^=]+)=(.*)$/s.exec(each) ?? [];
    if (key === "") throw new CliError("--tag must have the form Key=Value", "Such as --tag owner=platform.");
    if (key.length > 128 || value.length > 256 || !CHARACTERS.test(key + value) || /^aws:/i.test(key)) {
      throw new CliError(
        `AWS does not accept the tag of --tag ${JSON.stringify(each)}`,
        `A key has at most 128 characters and does not start with aws:, a value has at most 256. Both have letters, digits,
spaces and _ . : / = + - @ only.`,
      );
    }
    if (key === MADE_BY.key || key.startsWith(`${MADE_BY.key}:`)) {
      throw new CliError(`--tag cannot set ${key}`, "teardown recognizes by it what setup made.");
    }
    if (tags.has(key)) throw new CliError(`--tag gives ${key} twice`);
    tags.set(key, value);
  }
  return Object.fromEntries(tags);
}
