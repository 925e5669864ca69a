import {
  DescribeInstancesCommand,
  DescribeTagsCommand,
  type EC2Client,
  type Instance as Ec2Instance,
  type Filter,
  type Tag,
  type TagDescription,
} from "@aws-sdk/client-ec2";

/** What a rule can ask to know. */
export type FactName = "tags" | "instance";

/** Tag values by key, as written. */
export type Tags = ReadonlyMap<string, string>;

/** What DescribeInstances tells of an instance, as far as rules and readers of an alert need it. */
export interface Instance {
  readonly instanceId: string;
  readonly state: string;
  readonly tags: Tags;
  readonly instanceType: string | null;
  readonly imageId: string | null;
  readonly keyName: string | null;
  readonly availabilityZone: string | null;
  readonly vpcId: string | null;
  readonly subnetId: string | null;
  readonly privateIp: string | null;
  readonly publicIp: string | null;
  /** The ARN of the instance profile, which gives its programs a role. */
  readonly instanceProfile: string | null;
  /** When it was last launched or started. */
  readonly launchTime: string | null;
  /** When it was first launched; null where EC2 does not report it. */
  readonly firstLaunchTime: string | null;
}

/** The facts of one instance. A rule may read those it said that it needs. */
export interface Facts {
  readonly tags: Tags;
  /** Null where no rule in force needs the instance and nothing is about to be alerted. */
  readonly instance: Instance | null;
}

/** Reads facts of instances of one account and region. */
export interface FactReader {
  /** The tags of each instance named, by instance id; an empty map for one that has none, or does not exist. */
  tags(instanceIds: readonly string[]): Promise<Reads<Tags>>;
  /** The instances named that DescribeInstances shows, by instance id; null for one that it does not show. */
  instances(instanceIds: readonly string[]): Promise<Reads<Instance | null>>;
}

/** What was read of each instance, or the error with which its call failed. */
export type Reads<T> = ReadonlyMap<string, { readonly value: T } | { readonly error: unknown }>;

/** A filter takes 200 values at most. https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeTags.html */
export const IDS_PER_CALL = 200;

/** EC2 lets a caller burst a hundred describe calls; a few side by side are quick and leave room for others.
 * https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html */
const CALLS_AT_ONCE = 4;

/** The reader of facts behind an EC2 client: batches of 200 instances, every page of the answer. */
export function ec2Facts(ec2: Pick<EC2Client, "send">): FactReader {
  return {
    tags: (instanceIds) => inChunks(instanceIds, (chunk) => describeTags(ec2, chunk)),
    instances: (instanceIds) => inChunks(instanceIds, (chunk) => describeInstances(ec2, chunk)),
  };
}

async function describeTags(ec2: Pick<EC2Client, "send">, ids: readonly string[]): Promise<Map<string, Tags>> {
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
    for (const tag of requireAnswer(page.Tags, "DescribeTags")) addTag(found.get(tag.ResourceId ?? ""), tag);
    next = page.NextToken;
  } while (next);
  return found;
}

/** Instances are asked for by filter: by id, one that is unknown would fail the call for all the others. */
async function describeInstances(
  ec2: Pick<EC2Client, "send">,
  ids: readonly string[],
): Promise<Map<string, Instance | null>> {
  const found = new Map<string, Instance | null>(ids.map((id) => [id, null]));
  for await (const page of pagesOf(ec2, { Name: "instance-id", Values: [...ids] })) {
    for (const instance of page) found.set(instance.instanceId, instance);
  }
  return found;
}

/**
 * Every instance of the client's account and region that runs or can run again, a page of up to 1,000 at a time. Throws what
 * the client throws, and an Error for an answer that is not EC2's.
 */
export function allInstances(ec2: Pick<EC2Client, "send">): AsyncGenerator<readonly Instance[]> {
  return pagesOf(ec2, { Name: "instance-state-name", Values: ["pending", "running", "stopping", "stopped"] });
}

/**
 * The instances that pass a filter, page by page. Those that a service manages are asked for too, because an account can hide
 * them. https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyManagedResourceVisibility.html
 */
async function* pagesOf(ec2: Pick<EC2Client, "send">, filter: Filter): AsyncGenerator<readonly Instance[]> {
  let next: string | undefined;
  do {
    const page = await ec2.send(
      new DescribeInstancesCommand({
        Filters: [filter],
        IncludeManagedResources: true,
        MaxResults: 1000,
        ...(next && { NextToken: next }),
      }),
    );
    yield requireAnswer(page.Reservations, "DescribeInstances").flatMap(({ Instances = [] }) =>
      Instances.flatMap((instance) => (instance.InstanceId ? [readInstance(instance.InstanceId, instance)] : [])),
    );
    next = page.NextToken;
  } while (next);
}

function readInstance(instanceId: string, from: Ec2Instance): Instance {
  const tags = new Map<string, string>();
  for (const tag of from.Tags ?? []) addTag(tags, tag);
  // AWS: "To determine the time that instance was first launched, see the attachment time for the primary network interface."
  // It is the one of device index 0 on network card 0, and cannot be detached.
  // https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Instance.html
  // https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/using-eni.html
  const primary = from.NetworkInterfaces?.find(
    ({ Attachment: at }) => at?.DeviceIndex === 0 && (at.NetworkCardIndex ?? 0) === 0,
  );
  return {
    instanceId,
    state: from.State?.Name ?? "unknown",
    tags,
    instanceType: from.InstanceType ?? null,
    imageId: from.ImageId ?? null,
    keyName: from.KeyName ?? null,
    availabilityZone: from.Placement?.AvailabilityZone ?? null,
    vpcId: from.VpcId ?? null,
    subnetId: from.SubnetId ?? null,
    privateIp: from.PrivateIpAddress ?? null,
    publicIp: from.PublicIpAddress ?? null,
    instanceProfile: from.IamInstanceProfile?.Arn ?? null,
    launchTime: from.LaunchTime?.toISOString() ?? null,
    firstLaunchTime: primary?.Attachment?.AttachTime?.toISOString() ?? null,
  };
}

function addTag(tags: Map<string, string> | undefined, tag: Tag | TagDescription): void {
  if (tag.Key !== undefined) tags?.set(tag.Key, tag.Value ?? "");
}

/**
 * EC2 answers an empty set when there is nothing; no set at all means that something else answered (a proxy's HTML
 * page, say). Taken for "no tags" or "no such instance" it would be a false alert, or a lost one.
 */
function requireAnswer<T>(set: readonly T[] | undefined, action: string): readonly T[] {
  if (set === undefined) throw new Error(`${action} was answered by something that is not EC2`);
  return set;
}

/** Reads in chunks of `IDS_PER_CALL`, a few at once. A chunk that fails fails its own instances and no others. */
async function inChunks<T>(
  ids: readonly string[],
  read: (chunk: readonly string[]) => Promise<Map<string, T>>,
): Promise<Reads<T>> {
  const reads = new Map<string, { value: T } | { error: unknown }>();
  const chunks: (readonly string[])[] = [];
  for (let from = 0; from < ids.length; from += IDS_PER_CALL) chunks.push(ids.slice(from, from + IDS_PER_CALL));
  const queue = chunks.values();
  const work = async () => {
    for (const chunk of queue) {
      try {
        for (const [id, value] of await read(chunk)) reads.set(id, { value });
      } catch (error) {
        for (const id of chunk) reads.set(id, { error });
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(CALLS_AT_ONCE, chunks.length) }, work));
  return reads;
}
