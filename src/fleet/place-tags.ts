import { DescribeTagsCommand, type EC2Client } from "@aws-sdk/client-ec2";
import { isDenied } from "../aws/denied.ts";
import { ec2Facts } from "../facts/facts.ts";
import type { Instance } from "../facts/instances.ts";
import { type Read, readOf, requireSet } from "../facts/pages.ts";
import type { Tags } from "../facts/tags.ts";
import { callFailed } from "./place-error.ts";

/** A page of instances with their tags, and by instance id why the tags of some are not known. */
export interface TaggedPage {
  readonly instances: readonly Instance[];
  readonly unknown: ReadonlyMap<string, string>;
}

const ALL_KNOWN: TaggedPage["unknown"] = new Map();

/**
 * Returns a function that returns each page of an account and region with its tags confirmed. DescribeInstances may omit tags without
 * an error, as Cloud Custodian found. Until an instance has shown a tag, DescribeTags is asked once whether any instance has one, and
 * if so, for the tags of each page that shows none.
 * https://github.com/cloud-custodian/cloud-custodian/blob/main/c7n/resources/ec2.py
 */
export function confirmTags(ec2: Pick<EC2Client, "send">): (page: readonly Instance[]) => Promise<TaggedPage> {
  /** Whether tags that DescribeInstances does not show are missing; null if this is not known yet. */
  let areMissing: Read<boolean> | null = null;
  return async (page) => {
    const asShown = { instances: page, unknown: ALL_KNOWN };
    if (page.some(({ tags }) => tags.size > 0)) {
      areMissing ??= { value: false };
      return asShown;
    }
    if (page.length === 0) return asShown;
    if (areMissing === null || ("error" in areMissing && !isDenied(areMissing.error))) {
      areMissing = await hasTaggedInstance(ec2);
    }
    if ("error" in areMissing) {
      const because = whyUnknown(areMissing.error);
      return { instances: page, unknown: new Map(page.map(({ instanceId }) => [instanceId, because])) };
    }
    return areMissing.value ? withTags(ec2, page) : asShown;
  };
}

/** Returns whether DescribeTags shows a tag of an instance. */
async function hasTaggedInstance(ec2: Pick<EC2Client, "send">): Promise<Read<boolean>> {
  try {
    const page = await ec2.send(
      new DescribeTagsCommand({ Filters: [{ Name: "resource-type", Values: ["instance"] }], MaxResults: 1000 }),
    );
    // A page may be empty although others follow.
    return { value: requireSet(page.Tags, "DescribeTags").length > 0 || Boolean(page.NextToken) };
  } catch (error) {
    return { error };
  }
}

async function withTags(ec2: Pick<EC2Client, "send">, page: readonly Instance[]): Promise<TaggedPage> {
  const reads = await ec2Facts(ec2).tags(page.map(({ instanceId }) => instanceId));
  const unknown = new Map<string, string>();
  const instances = page.map((instance): Instance => {
    const read: Read<Tags> = readOf(reads, instance.instanceId);
    if ("value" in read) return { ...instance, tags: read.value };
    unknown.set(instance.instanceId, whyUnknown(read.error));
    return instance;
  });
  return { instances, unknown };
}

function whyUnknown(error: unknown): string {
  const because = isDenied(error)
    ? "the credentials do not allow ec2:DescribeTags"
    : callFailed("ec2:DescribeTags", error);
  return `no instance of the account and region shows a tag, and ${because}`;
}
