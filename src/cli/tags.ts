import { CliError } from "./cli-error.ts";
import { MADE_BY } from "./names.ts";

/** Tags by key. */
export type Tags = Readonly<Record<string, string>>;

/** Returns tags as a list, the format of most AWS services. */
export function tagList(tags: Tags): { Key: string; Value: string }[] {
  return Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
}

/** Returns the tags of a list; the inverse of `tagList`. */
export function tagsIn(list: readonly { Key?: string | undefined; Value?: string | undefined }[] = []): Tags {
  return Object.fromEntries(list.map(({ Key = "", Value = "" }) => [Key, Value]));
}

/** The characters that AWS accepts in keys and values. https://docs.aws.amazon.com/tag-editor/latest/userguide/tagging.html */
const CHARACTERS = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u;

/**
 * Reads the values of `--tag`, each a `Key=Value`; the value may contain further "=" and may be empty.
 * Returns the tags by key. Throws CliError for a tag that AWS does not accept, a key given twice, and the
 * keys by which teardown identifies the resources that setup created.
 */
export function parseTags(given: readonly string[] = []): Tags {
  const tags = new Map<string, string>();
  for (const each of given) {
    const [, key = "", value = ""] = /^([^=]+)=(.*)$/s.exec(each) ?? [];
    if (key === "") throw new CliError("--tag must have the form Key=Value", "Example: --tag owner=platform");
    if (key.length > 128 || value.length > 256 || !CHARACTERS.test(key + value) || /^aws:/i.test(key)) {
      throw new CliError(
        `AWS does not accept the tag of --tag ${JSON.stringify(each)}`,
        `A key has at most 128 characters and must not start with aws:. A value has at most 256 characters. Both may contain
only letters, digits, spaces and _ . : / = + - @.`,
      );
    }
    if (key === MADE_BY.key || key.startsWith(`${MADE_BY.key}:`)) {
      throw new CliError(`--tag cannot set ${key}`, "teardown identifies by it the resources that setup created.");
    }
    if (tags.has(key)) throw new CliError(`--tag gives ${key} twice`);
    tags.set(key, value);
  }
  return Object.fromEntries(tags);
}
