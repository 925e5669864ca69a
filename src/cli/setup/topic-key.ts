import { partitionOf } from "../../aws/regions.ts";
import { parseTopicArn } from "../../aws/topic-arn.ts";

/** The key of an encrypted topic: its ARN, or its alias (`alias/name`) if the topic names it so. */
export type TopicKey = { readonly arn: string } | { readonly alias: string };

/** The actions on its key that a publisher to an encrypted topic needs.
 * https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html */
export const KEY_ACTIONS = ["kms:GenerateDataKey*", "kms:Decrypt"] as const;

/**
 * Returns the key that a publisher to a topic must be allowed to use. Takes the topic's ARN and its attribute KmsMasterKeyId:
 * the id, ARN or alias of a key. Returns null if the topic has no key, or the AWS managed key, whose key policy allows every
 * publisher of the account.
 */
export function topicKeyOf(topicArn: string, kmsMasterKeyId: string | undefined): TopicKey | null {
  const [topic, id] = [parseTopicArn(topicArn), kmsMasterKeyId ?? ""];
  if (topic === null || id === "") return null;
  const alias = /(?:^|:)(alias\/.+)$/.exec(id)?.[1];
  if (alias === "alias/aws/sns") return null;
  if (alias !== undefined) return { alias };
  if (id.startsWith("arn:")) return { arn: id };
  return { arn: `arn:${partitionOf(topic.region).name}:kms:${topic.region}:${topic.account}:key/${id}` };
}
