import { partitionOf } from "../../aws/regions.ts";
import { parseTopicArn, type TopicArn } from "../../aws/topic-arn.ts";

/** The key of an encrypted topic: its ARN, or its alias (`alias/name`) if the topic names it so. */
export type TopicKey = { readonly arn: string } | { readonly alias: string };

/** The actions on its key that a publisher to an encrypted topic needs.
 * https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html */
export const KEY_ACTIONS = ["kms:GenerateDataKey*", "kms:Decrypt"] as const;

/** Returns whether a topic's attribute KmsMasterKeyId names the AWS managed key of SNS. */
export function isManagedKey(kmsMasterKeyId: string | undefined): boolean {
  return aliasIn(kmsMasterKeyId ?? "") === "alias/aws/sns";
}

/**
 * Returns the key that a publisher to a topic must be allowed to use. Takes the topic's ARN and its attribute KmsMasterKeyId:
 * the id, ARN or alias of a key. Returns null if the topic has no key, or the AWS managed key, whose key policy allows every
 * publisher of the account.
 */
export function topicKeyOf(topicArn: string, kmsMasterKeyId: string | undefined): TopicKey | null {
  const [topic, id] = [parseTopicArn(topicArn), kmsMasterKeyId ?? ""];
  if (topic === null || id === "") return null;
  if (isManagedKey(id)) return null;
  const alias = aliasIn(id);
  if (alias !== undefined) return { alias };
  return { arn: id.startsWith("arn:") ? id : arnIn(topic, `key/${id}`) };
}

/** Returns the ARN by which KMS finds the key of a topic: the key's, or its alias's. */
export function findableArn(topicArn: string, key: TopicKey): string {
  if ("arn" in key) return key.arn;
  const topic = parseTopicArn(topicArn);
  return topic === null ? key.alias : arnIn(topic, key.alias);
}

function aliasIn(kmsMasterKeyId: string): string | undefined {
  return /(?:^|:)(alias\/.+)$/.exec(kmsMasterKeyId)?.[1];
}

function arnIn({ region, account }: TopicArn, resource: string): string {
  return `arn:${partitionOf(region).name}:kms:${region}:${account}:${resource}`;
}
