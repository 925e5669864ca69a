import type { EC2Client } from "@aws-sdk/client-ec2";
import { describeImages, type Image } from "./images.ts";
import { describeInstances, type Instance } from "./instances.ts";
import { inChunks, type Reads } from "./pages.ts";
import { describeSecurityGroups, type SecurityGroup } from "./security-groups.ts";
import { describeTags, type Tags } from "./tags.ts";
import { describeVolumes, type Volume } from "./volumes.ts";
import { describeDefaultVpc } from "./vpcs.ts";

/** The facts that EC2 is asked for, because a rule needs them. */
export type FactName = "tags" | "instance" | "securityGroups" | "image" | "volumes" | "defaultVpc";

/** A fact that may not be known. */
export type Fact<T> = { readonly value: T } | Unknown;

/** The reason why a fact is not known, in one sentence without a full stop. */
export interface Unknown {
  readonly unknown: string;
  /** Whether EC2 may still show the fact: its responses are eventually consistent. */
  readonly late: boolean;
}

/** The facts of one instance. A rule may use only those in its `needs`, and the account, region and launcher. */
export interface Facts {
  readonly account: string;
  readonly region: string;
  /** The launcher, as the event or the tags name it; null if none is named. */
  readonly launchedBy: string | null;
  readonly tags: Tags;
  /** Null if only the tags were read. */
  readonly instance: Instance | null;
  /** The security groups of all its network interfaces. */
  readonly securityGroups: Fact<readonly SecurityGroup[]>;
  readonly image: Fact<Image>;
  readonly volumes: Fact<readonly Volume[]>;
  /** The id of the region's default VPC; null if it has none. */
  readonly defaultVpc: Fact<string | null>;
}

/** Reads facts of one account and region. A failed call is the error of its ids only. */
export interface FactReader {
  /** The tags of each instance; an empty map for an instance that has none or does not exist. */
  tags(instanceIds: readonly string[]): Promise<Reads<Tags>>;
  /** The instances; null for an instance that DescribeInstances does not show. */
  instances(instanceIds: readonly string[]): Promise<Reads<Instance | null>>;
  /** Security groups by id; null for a group that is not shown. */
  securityGroups(groupIds: readonly string[]): Promise<Reads<SecurityGroup | null>>;
  /** The image of each instance; null if it is not shown. */
  images(instanceIds: readonly string[]): Promise<Reads<Image | null>>;
  /** The attached volumes of each instance. */
  volumes(instanceIds: readonly string[]): Promise<Reads<readonly Volume[]>>;
  /** The id of the default VPC; null if there is none. Throws what the client throws. */
  defaultVpc(): Promise<string | null>;
}

/** Returns a reader of facts that calls EC2 for 200 ids at a time and reads every page. */
export function ec2Facts(ec2: Pick<EC2Client, "send">): FactReader {
  return {
    tags: (instanceIds) => inChunks(instanceIds, (chunk) => describeTags(ec2, chunk)),
    instances: (instanceIds) => inChunks(instanceIds, (chunk) => describeInstances(ec2, chunk)),
    securityGroups: (groupIds) => inChunks(groupIds, (chunk) => describeSecurityGroups(ec2, chunk)),
    images: (instanceIds) => inChunks(instanceIds, (chunk) => describeImages(ec2, chunk)),
    volumes: (instanceIds) => inChunks(instanceIds, (chunk) => describeVolumes(ec2, chunk)),
    defaultVpc: () => describeDefaultVpc(ec2),
  };
}
