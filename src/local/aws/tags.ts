import type { AwsError } from "./errors.ts";
import { type Params, text } from "./params.ts";

/** SNS, SQS and EventBridge alike: https://docs.aws.amazon.com/general/latest/gr/aws_tagging.html */
const MAX_TAGS = 50;

/** The tags of a resource that is not an instance, by key. */
export type Tags = Map<string, string>;

/** Returns the tags in a list of `{ Key, Value }` of a request to SNS or EventBridge. @param invalid returns the error for an invalid tag */
export function readTags(list: readonly Params[], invalid: (what: string) => AwsError): Tags {
  const tags = new Map(list.map((tag) => [text(tag, "Key") ?? "", text(tag, "Value") ?? ""]));
  if (tags.size < list.length) throw invalid("Duplicated keys are not allowed.");
  checkTags(tags, invalid);
  return tags;
}

/** Checks the lengths of keys and values, and that no key is AWS's own. */
export function checkTags(tags: Tags, invalid: (what: string) => AwsError): void {
  for (const [key, value] of tags) {
    if (key === "" || key.length > 128 || value.length > 256) {
      throw invalid("Tag keys have 1 to 128 characters, tag values 0 to 256.");
    }
    if (/^aws:/i.test(key)) throw invalid("Tag keys starting with 'aws:' are reserved for system use");
  }
}

/** Adds or changes tags of a resource. @throws the error of `tooMany`, before anything is changed */
export function addTags(tags: Tags, added: Tags, tooMany: () => AwsError): void {
  if (new Set([...tags.keys(), ...added.keys()]).size > MAX_TAGS) throw tooMany();
  for (const [key, value] of added) tags.set(key, value);
}

/** Returns tags as the responses of SNS and EventBridge have them. */
export function tagList(tags: Tags): { Key: string; Value: string }[] {
  return [...tags].map(([Key, Value]) => ({ Key, Value }));
}
