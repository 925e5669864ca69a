import { DescribeTagsCommand, type EC2Client, type Tag, type TagDescription } from "@aws-sdk/client-ec2";
import { requireSet } from "./pages.ts";

/** Tag values by key, as written. */
export type Tags = ReadonlyMap<string, string>;

/**
 * Reads the tags of at most 200 instances, by instance id; an empty map for an instance that has none or does not exist. Throws
 * what the client throws, and an Error for a response that is not from EC2.
 */
export async function describeTags(ec2: Pick<EC2Client, "send">, ids: readonly string[]): Promise<Map<string, Tags>> {
  const found = new Map<string, Map<string, string>>(ids.map((id) => [id, new Map()]));
  let next: string | undefined;
  do {
    const page = await ec2.send(
      new DescribeTagsCommand({
        Filters: [{ Name: "resource-id", Values: [...ids] }],
        MaxResults: 1000,
        ...(next && { NextToken: next }),
      }),
    );
    for (const tag of requireSet(page.Tags, "DescribeTags")) addTag(found.get(tag.ResourceId ?? ""), tag);
    next = page.NextToken;
  } while (next);
  return found;
}

/** Adds a tag to the tags of its resource, if there are any to add it to. A tag without a key is ignored. */
function addTag(tags: Map<string, string> | undefined, tag: Tag | TagDescription): void {
  if (tag.Key !== undefined) tags?.set(tag.Key, tag.Value ?? "");
}

/** Returns the tags of a resource. */
export function readTags(from: readonly Tag[] | undefined): Tags {
  const tags = new Map<string, string>();
  for (const tag of from ?? []) addTag(tags, tag);
  return tags;
}
