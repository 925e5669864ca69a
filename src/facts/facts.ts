import type { EC2Client } from "@aws-sdk/client-ec2";
import { describeInstances, type Instance } from "./instances.ts";
import { inChunks, type Reads } from "./pages.ts";
import { describeTags, type Tags } from "./tags.ts";

/** The facts that a rule can need. */
export type FactName = "tags" | "instance";

/** The facts of one instance. A rule may use only those in its `needs`. */
export interface Facts {
  readonly tags: Tags;
  /** Null if only the tags were read. */
  readonly instance: Instance | null;
}

/** Reads facts of instances of one account and region. A failed call is the error of its instances only. */
export interface FactReader {
  /** The tags of each instance; an empty map for an instance that has none or does not exist. */
  tags(instanceIds: readonly string[]): Promise<Reads<Tags>>;
  /** The instances; null for an instance that DescribeInstances does not show. */
  instances(instanceIds: readonly string[]): Promise<Reads<Instance | null>>;
}

/** Returns a reader of facts that calls EC2 for 200 instances at a time and reads every page. */
export function ec2Facts(ec2: Pick<EC2Client, "send">): FactReader {
  return {
    tags: (instanceIds) => inChunks(instanceIds, (chunk) => describeTags(ec2, chunk)),
    instances: (instanceIds) => inChunks(instanceIds, (chunk) => describeInstances(ec2, chunk)),
  };
}
