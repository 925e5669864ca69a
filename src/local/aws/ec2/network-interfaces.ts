import { hex, resourceId } from "../arns.ts";
import { AwsError } from "../errors.ts";
import type { XmlFields } from "../service.ts";
import { time } from "./fields.ts";
import type {
  Ec2State,
  Instance,
  InstanceOptions,
  InterfaceOptions,
  NetworkInterface,
  SecurityGroup,
  Subnet,
} from "./model.ts";
import { groupByName } from "./security-groups.ts";
import { findGroup, findSubnet } from "./validation.ts";
import { defaultSubnets } from "./vpcs.ts";

/**
 * Returns the network interfaces of a new instance, the primary first.
 * @param options of the instance
 * @param launched how many instances were launched in the region, this one included
 * @param spread which default subnet is used, if the options name none
 * @param makeId returns a new id with a prefix
 * @throws AwsError InvalidSubnetID.NotFound, InvalidGroup.NotFound, InvalidParameter for a group of another VPC than the
 * subnet, InvalidParameterValue for a zone without a default subnet
 */
export function newInterfaces(
  state: Ec2State,
  options: Pick<InstanceOptions, "interfaces" | "zone">,
  launched: number,
  spread: number,
  makeId = resourceId,
): [NetworkInterface, ...NetworkInterface[]] {
  const [primary = {}, ...others] = options.interfaces ?? [];
  const subnets = defaultSubnets(state).filter(({ zone }) => options.zone === undefined || zone === options.zone);
  const usual = subnets[spread % subnets.length];
  const make = (
    { subnetId = primary.subnetId, securityGroups, publicIp, ipv6 = 0 }: InterfaceOptions,
    index: number,
  ): NetworkInterface => {
    const subnet = subnetId === undefined ? usual : findSubnet(state, subnetId);
    if (subnet === undefined) {
      throw new AwsError("InvalidParameterValue", `Invalid availability zone: [${options.zone}]`);
    }
    const { vpc } = subnet;
    const host = launched + index * 32_768;
    const privateIp = `${vpc.cidr.split(".", 2).join(".")}.${(host >> 8) & 255}.${host & 255}`;
    const hasPublicIp = publicIp ?? (others.length === 0 && vpc.isDefault);
    return {
      id: makeId("eni"),
      attachmentId: makeId("eni-attach"),
      subnet,
      groups: securityGroups ? groupsOf(state, subnet, securityGroups) : [groupByName(state, "default", vpc)],
      privateIp,
      publicIp: hasPublicIp ? publicIpFor(privateIp) : undefined,
      ipv6: typeof ipv6 === "number" ? Array.from({ length: ipv6 }, () => `2600:1f18::${hex(4)}:${hex(4)}`) : ipv6,
    };
  };
  return [make(primary, 0), ...others.map((other, index) => make(other, index + 1))];
}

/**
 * Returns the security groups with these ids, for an interface in the subnet.
 * @throws AwsError InvalidGroup.NotFound, InvalidParameter for a group of another VPC
 */
export function groupsOf(state: Ec2State, subnet: Subnet, ids: readonly string[]): SecurityGroup[] {
  const groups = [...new Set(ids)].map((id) => findGroup(state, id));
  const foreign = groups.find(({ vpc }) => vpc !== subnet.vpc);
  if (foreign !== undefined) {
    throw new AwsError(
      "InvalidParameter",
      `Security group ${foreign.id} and subnet ${subnet.id} belong to different networks.`,
    );
  }
  return groups;
}

/** Returns the public IPv4 address that belongs to a private one: `54.31.0.1` to `172.31.0.1`. */
export function publicIpFor(privateIp: string): string {
  return privateIp.replace(/^\d+/, "54");
}

/** Returns the name of a private address in its VPC: `ip-172-31-0-1.ec2.internal`. */
export function privateDnsName(region: string, privateIp: string): string {
  const domain = region === "us-east-1" ? "ec2.internal" : `${region}.compute.internal`;
  return `ip-${privateIp.replaceAll(".", "-")}.${domain}`;
}

/** Returns the hardware address that belongs to a private address. */
function macAddress(privateIp: string): string {
  return `02:00${privateIp
    .split(".")
    .map((part) => `:${Number(part).toString(16).padStart(2, "0")}`)
    .join("")}`;
}

/** Returns security groups as EC2 writes them in an instance and in a network interface. */
export function groupSet(groups: readonly SecurityGroup[]): XmlFields[] {
  return groups.map(({ id, name }) => ({ groupId: id, groupName: name }));
}

/** Returns the public IPv4 address of an interface, which the instance has only while it runs. */
export function publicIpOf(instance: Instance, { publicIp }: NetworkInterface): string | undefined {
  return instance.state === "running" ? publicIp : undefined;
}

/**
 * Returns a network interface as EC2 writes it in its instance. AWS: "To determine the time that instance was first launched,
 * see the attachment time for the primary network interface."
 * https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Instance.html
 * @param index the index of its device
 */
export function interfaceFields(instance: Instance, each: NetworkInterface, index: number): XmlFields {
  const publicIp = publicIpOf(instance, each);
  const association = publicIp === undefined ? undefined : { publicIp, publicDnsName: "", ipOwnerId: "amazon" };
  const privateName = privateDnsName(instance.region, each.privateIp);
  return {
    networkInterfaceId: each.id,
    subnetId: each.subnet.id,
    vpcId: each.subnet.vpc.id,
    description: "",
    ownerId: instance.account,
    status: "in-use",
    macAddress: macAddress(each.privateIp),
    privateIpAddress: each.privateIp,
    privateDnsName: privateName,
    sourceDestCheck: true,
    interfaceType: "interface",
    privateIpAddressesSet: [
      { privateIpAddress: each.privateIp, privateDnsName: privateName, primary: true, association },
    ],
    ipv6AddressesSet: each.ipv6.map((ipv6Address) => ({ ipv6Address })),
    groupSet: groupSet(each.groups),
    association,
    attachment: {
      attachmentId: each.attachmentId,
      deviceIndex: index,
      status: "attached",
      attachTime: time(instance.attachedAt),
      deleteOnTermination: true,
      networkCardIndex: 0,
    },
    operator: { managed: false },
  };
}
