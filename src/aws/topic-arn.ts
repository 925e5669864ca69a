import { isAccountId, isRegion, partitionOf } from "./regions.ts";

/** The parts of an SNS topic's ARN. */
export interface TopicArn {
  readonly arn: string;
  readonly region: string;
  readonly account: string;
  readonly name: string;
  readonly fifo: boolean;
}

/**
 * Parses an SNS topic ARN, `arn:<partition>:sns:<region>:<account>:<name>`. Returns null for any other text, and for a region
 * of another partition. A name has 1 to 256 characters of A-Z a-z 0-9 _ -, and may end in `.fifo`:
 * https://docs.aws.amazon.com/sns/latest/api/API_CreateTopic.html
 */
export function parseTopicArn(text: string): TopicArn | null {
  const parts = text.split(":");
  const [arn, partition, service, region, account, name] = parts;
  if (parts.length !== 6 || arn !== "arn" || service !== "sns") return null;
  if (region === undefined || account === undefined || name === undefined) return null;
  if (!isRegion(region) || !isAccountId(account) || partition !== partitionOf(region).name) return null;
  if (name.length > 256 || !/^[\w-]+(?:\.fifo)?$/.test(name)) return null;
  return { arn: text, region, account, name, fifo: name.endsWith(".fifo") };
}

/** Returns another topic in the same partition, region and account. */
export function besideTopic(topic: TopicArn, name: string): TopicArn {
  const arn = `${topic.arn.slice(0, topic.arn.lastIndexOf(":"))}:${name}`;
  return { ...topic, arn, name, fifo: name.endsWith(".fifo") };
}
