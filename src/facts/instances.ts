import {
  DescribeInstancesCommand,
  type EC2Client,
  type Instance as Ec2Instance,
  type Filter,
} from "@aws-sdk/client-ec2";
import { detached } from "../util/text.ts";
import { requireSet } from "./pages.ts";
import { readTags, type Tags } from "./tags.ts";

/** The fields of DescribeInstances that rules and alerts use. */
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
  /** The ARN of the instance profile, which contains the role of the instance. */
  readonly instanceProfile: string | null;
  /** The time of its last launch or start. */
  readonly launchTime: string | null;
  /** The time of its first launch; null if EC2 does not report it. */
  readonly firstLaunchTime: string | null;
  /** The security groups of all its network interfaces, each once. */
  readonly groups: readonly { readonly groupId: string; readonly name: string }[];
  /** The public IPv4 addresses of all its network interfaces. */
  readonly publicIps: readonly string[];
  readonly ipv6Addresses: readonly string[];
  /** The ids of its EBS volumes. EC2 may not show them before the instance runs. */
  readonly volumeIds: readonly string[];
  /** The options of its metadata service; null if EC2 does not report them. */
  readonly metadata: MetadataOptions | null;
  /** `on-demand`, `spot` or `capacity-block`. */
  readonly lifecycle: string;
  /** The AWS service that manages it, such as `eks.amazonaws.com`; null if none does. */
  readonly managedBy: string | null;
  /** `default`, `dedicated` or `host`; null if EC2 does not report it. */
  readonly tenancy: string | null;
  readonly architecture: string | null;
  /** Such as `Linux/UNIX` or `Windows`. */
  readonly platform: string | null;
}

/** https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_InstanceMetadataOptionsResponse.html */
export interface MetadataOptions {
  /** `required` means IMDSv2 only. */
  readonly tokens: string | null;
  readonly endpoint: string | null;
  readonly hopLimit: number | null;
}

/**
 * Reads at most 200 instances, by instance id; null for an instance that EC2 does not show. They are selected by filter: one
 * unknown id in the parameter `InstanceIds` would fail the call for all of them. Throws as `allInstances` does.
 */
export async function describeInstances(
  ec2: Pick<EC2Client, "send">,
  ids: readonly string[],
): Promise<Map<string, Instance | null>> {
  const found = new Map<string, Instance | null>(ids.map((id) => [id, null]));
  for await (const page of pagesOf(ec2, { Name: "instance-id", Values: [...ids] })) {
    for (const instance of page) found.set(instance.instanceId, instance);
  }
  return found;
}

/** A place in the pages of a call. */
export interface Cursor {
  /** The token of the next page; undefined for the first page, and after the last one. */
  next: string | undefined;
}

/**
 * Reads every instance of the client's account and region that is not terminated or shutting down, in pages of up to 1,000, from a
 * cursor on, which it moves. Throws what the client throws, and an Error for a response that is not from EC2.
 */
export function allInstances(
  ec2: Pick<EC2Client, "send">,
  cursor: Cursor = { next: undefined },
): AsyncGenerator<readonly Instance[]> {
  return pagesOf(ec2, { Name: "instance-state-name", Values: ["pending", "running", "stopping", "stopped"] }, cursor);
}

/**
 * Yields the instances that match a filter, page by page. Instances that an AWS service manages are included, although an
 * account can hide them. https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyManagedResourceVisibility.html
 */
async function* pagesOf(
  ec2: Pick<EC2Client, "send">,
  filter: Filter,
  cursor: Cursor = { next: undefined },
): AsyncGenerator<readonly Instance[]> {
  const readPage = async (): Promise<readonly Instance[]> => {
    const page = await ec2.send(
      new DescribeInstancesCommand({
        Filters: [filter],
        IncludeManagedResources: true,
        MaxResults: 1000,
        ...(cursor.next && { NextToken: cursor.next }),
      }),
    );
    // The token is a part of the response's text.
    cursor.next = page.NextToken && detached(page.NextToken);
    return requireSet(page.Reservations, "DescribeInstances").flatMap(({ Instances = [] }) =>
      Instances.flatMap((instance) => (instance.InstanceId ? [readInstance(instance.InstanceId, instance)] : [])),
    );
  };
  // A variable of the generator would keep its page while the next one is read.
  do yield await readPage();
  while (cursor.next);
}

/** Returns an instance of DescribeInstances. */
export function readInstance(instanceId: string, from: Ec2Instance): Instance {
  // AWS: "To determine the time that instance was first launched, see the attachment time for the primary network interface."
  // The primary interface has device index 0 on network card 0, and cannot be detached.
  // https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Instance.html
  // https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/using-eni.html
  const primary = from.NetworkInterfaces?.find(
    ({ Attachment }) => Attachment?.DeviceIndex === 0 && (Attachment.NetworkCardIndex ?? 0) === 0,
  );
  return {
    instanceId,
    state: from.State?.Name ?? "unknown",
    tags: readTags(from.Tags),
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
    groups: groupsOf(from),
    publicIps: [...publicIpsOf(from)],
    ipv6Addresses: [...ipv6AddressesOf(from)],
    volumeIds: (from.BlockDeviceMappings ?? []).flatMap(({ Ebs }) => Ebs?.VolumeId ?? []),
    metadata: from.MetadataOptions
      ? {
          tokens: from.MetadataOptions.HttpTokens ?? null,
          endpoint: from.MetadataOptions.HttpEndpoint ?? null,
          hopLimit: from.MetadataOptions.HttpPutResponseHopLimit ?? null,
        }
      : null,
    // EC2 reports no lifecycle for an On-Demand Instance.
    lifecycle: from.InstanceLifecycle ?? "on-demand",
    managedBy: from.Operator?.Managed ? (from.Operator.Principal ?? "unknown") : null,
    tenancy: from.Placement?.Tenancy ?? null,
    architecture: from.Architecture ?? null,
    platform: from.PlatformDetails ?? from.Platform ?? null,
  };
}

/** Returns the groups of all network interfaces. `SecurityGroups` has only those of the primary one. */
function groupsOf({ SecurityGroups = [], NetworkInterfaces = [] }: Ec2Instance): Instance["groups"] {
  const groups = new Map<string, string>();
  for (const { GroupId, GroupName = "" } of [
    ...SecurityGroups,
    ...NetworkInterfaces.flatMap((networkInterface) => networkInterface.Groups ?? []),
  ]) {
    if (GroupId !== undefined) groups.set(GroupId, GroupName);
  }
  return [...groups].map(([groupId, name]) => ({ groupId, name }));
}

function publicIpsOf({ PublicIpAddress, NetworkInterfaces = [] }: Ec2Instance): Set<string> {
  const all = NetworkInterfaces.flatMap((networkInterface) => [
    networkInterface.Association?.PublicIp,
    ...(networkInterface.PrivateIpAddresses ?? []).map((address) => address.Association?.PublicIp),
  ]);
  return new Set([PublicIpAddress, ...all].flatMap((address) => address || []));
}

function ipv6AddressesOf({ Ipv6Address, NetworkInterfaces = [] }: Ec2Instance): Set<string> {
  const all = NetworkInterfaces.flatMap(({ Ipv6Addresses = [] }) => Ipv6Addresses.map((each) => each.Ipv6Address));
  return new Set([Ipv6Address, ...all].flatMap((address) => address || []));
}
