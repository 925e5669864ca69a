import { resourceId } from "../arns.ts";
import { type Params, text, texts } from "../params.ts";
import type { XmlFields } from "../service.ts";
import { tagSet } from "./fields.ts";
import type { Ec2State, Subnet, Vpc } from "./model.ts";
import { type FilterFields, itemFilters, listed, page } from "./query.ts";
import { allTraffic, newGroup } from "./security-groups.ts";
import { findVpc, missing, specifiedTags } from "./validation.ts";

const ZONES = ["a", "b", "c"];

const FILTERS: FilterFields<Vpc> = {
  "vpc-id": ({ id }) => [id],
  "is-default": ({ isDefault }) => [String(isDefault)],
};

/** Adds a VPC with its default security group. */
export function addVpc(state: Ec2State, vpc: Omit<Vpc, "id">): Vpc {
  const added = { ...vpc, id: resourceId("vpc") };
  state.vpcs.set(added.id, added);
  const group = newGroup(added, "default", "default VPC security group");
  // https://docs.aws.amazon.com/vpc/latest/userguide/default-security-group.html
  group.ingress = [allTraffic({ kind: "group", id: group.id, account: state.account })];
  state.securityGroups.set(group.id, group);
  return added;
}

/** Adds the default VPC with a subnet in each of three zones. https://docs.aws.amazon.com/vpc/latest/userguide/default-vpc.html */
export function addDefaultVpc(state: Ec2State): void {
  const vpc = addVpc(state, { cidr: "172.31.0.0/16", isDefault: true, tags: new Map() });
  for (const zone of ZONES) addSubnet(state, vpc, `${state.region}${zone}`);
}

function addSubnet(state: Ec2State, vpc: Vpc, zone: string): Subnet {
  const subnet = { id: resourceId("subnet"), vpc, zone };
  state.subnets.set(subnet.id, subnet);
  return subnet;
}

/** Returns the subnets of the default VPC, one for each zone. */
export function defaultSubnets(state: Ec2State): Subnet[] {
  return [...state.subnets.values()].filter(({ vpc }) => vpc.isDefault);
}

/** DescribeVpcs. */
export function describeVpcs(state: Ec2State, params: Params): XmlFields {
  const named = texts(params, "VpcId").map((id) => findVpc(state, id));
  const vpcs = named.length > 0 ? [...new Set(named)] : [...state.vpcs.values()];
  const { items, nextToken } = page(params, listed(vpcs.filter(itemFilters(params, FILTERS).passes)));
  return { vpcSet: items.map((vpc) => vpcFields(state, vpc)), nextToken };
}

/** CreateVpc. */
export function createVpc(state: Ec2State, params: Params): XmlFields {
  const cidr = text(params, "CidrBlock");
  if (cidr === undefined) throw missing("CidrBlock");
  return { vpc: vpcFields(state, addVpc(state, { cidr, isDefault: false, tags: specifiedTags(params, "vpc") })) };
}

/** CreateSubnet. */
export function createSubnet(state: Ec2State, params: Params): XmlFields {
  const [id, cidr] = [text(params, "VpcId"), text(params, "CidrBlock")];
  if (id === undefined) throw missing("VpcId");
  if (cidr === undefined) throw missing("CidrBlock");
  const vpc = findVpc(state, id);
  const subnet = addSubnet(state, vpc, text(params, "AvailabilityZone") ?? `${state.region}a`);
  return {
    subnet: {
      subnetId: subnet.id,
      vpcId: vpc.id,
      ownerId: state.account,
      state: "available",
      cidrBlock: cidr,
      availabilityZone: subnet.zone,
      defaultForAz: false,
      mapPublicIpOnLaunch: false,
    },
  };
}

function vpcFields(state: Ec2State, { id, cidr, isDefault, tags }: Vpc): XmlFields {
  return {
    vpcId: id,
    ownerId: state.account,
    state: "available",
    cidrBlock: cidr,
    isDefault,
    instanceTenancy: "default",
    tagSet: tagSet(tags),
  };
}
