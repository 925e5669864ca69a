import {
  DescribeSecurityGroupsCommand,
  type EC2Client,
  type SecurityGroup as Ec2SecurityGroup,
  type IpPermission,
} from "@aws-sdk/client-ec2";
import { requireSet } from "./pages.ts";
import { readTags, type Tags } from "./tags.ts";

/** A security group, with its inbound rules. */
export interface SecurityGroup {
  readonly groupId: string;
  readonly name: string;
  readonly tags: Tags;
  readonly ingress: readonly Ingress[];
}

/**
 * What an inbound rule of a security group allows, and from where.
 * https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_IpPermission.html
 */
export interface Ingress {
  /** `tcp`, `udp`, `icmp`, `icmpv6`, the number of another protocol, or `-1` for all protocols. */
  readonly protocol: string;
  /** The first port, for ICMP the type; null for all. */
  readonly from: number | null;
  /** The last port, for ICMP the code; null for all. */
  readonly to: number | null;
  readonly ipv4: readonly string[];
  readonly ipv6: readonly string[];
  readonly prefixLists: readonly string[];
}

/** Reads at most 200 security groups, by id; null for a group that EC2 does not show. Throws as `describeTags` does. */
export async function describeSecurityGroups(
  ec2: Pick<EC2Client, "send">,
  ids: readonly string[],
): Promise<Map<string, SecurityGroup | null>> {
  const found = new Map<string, SecurityGroup | null>(ids.map((id) => [id, null]));
  let next: string | undefined;
  do {
    const page = await ec2.send(
      new DescribeSecurityGroupsCommand({
        Filters: [{ Name: "group-id", Values: [...ids] }],
        MaxResults: 1000,
        ...(next && { NextToken: next }),
      }),
    );
    for (const from of requireSet(page.SecurityGroups, "DescribeSecurityGroups")) {
      const group = readSecurityGroup(from);
      if (group && found.has(group.groupId)) found.set(group.groupId, group);
    }
    next = page.NextToken;
  } while (next);
  return found;
}

/** Returns a security group of DescribeSecurityGroups; null for an entry without an id. */
export function readSecurityGroup(from: Ec2SecurityGroup): SecurityGroup | null {
  const { GroupId, GroupName = "", Tags, IpPermissions = [] } = from;
  if (GroupId === undefined) return null;
  return { groupId: GroupId, name: GroupName, tags: readTags(Tags), ingress: IpPermissions.map(readIngress) };
}

function readIngress(permission: IpPermission): Ingress {
  const { IpProtocol = "-1", FromPort, ToPort, IpRanges = [], Ipv6Ranges = [], PrefixListIds = [] } = permission;
  return {
    protocol: IpProtocol,
    // EC2 writes -1 for all types or codes of ICMP, and omits the ports of a protocol that has none.
    from: FromPort === undefined || FromPort === -1 ? null : FromPort,
    to: ToPort === undefined || ToPort === -1 ? null : ToPort,
    ipv4: IpRanges.flatMap(({ CidrIp }) => CidrIp ?? []),
    ipv6: Ipv6Ranges.flatMap(({ CidrIpv6 }) => CidrIpv6 ?? []),
    prefixLists: PrefixListIds.flatMap(({ PrefixListId }) => PrefixListId ?? []),
  };
}
