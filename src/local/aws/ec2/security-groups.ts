import { isIP } from "node:net";
import { arn, resourceId } from "../arns.ts";
import { AwsError } from "../errors.ts";
import { integer, type Params, structures, text, texts } from "../params.ts";
import type { XmlFields } from "../service.ts";
import { tagSet } from "./fields.ts";
import type { Ec2State, RuleSource, SecurityGroup, SecurityGroupRule, Tags, Vpc } from "./model.ts";
import { byId, type FilterFields, itemFilters, listed, page } from "./query.ts";
import { findGroup, findVpc, missing, specifiedTags } from "./validation.ts";

/** The protocols that EC2 names. https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_IpPermission.html */
const NAMES: Readonly<Record<string, string>> = { "1": "icmp", "6": "tcp", "17": "udp", "58": "icmpv6" };

const FILTERS: FilterFields<SecurityGroup> = {
  "group-id": ({ id }) => [id],
  "group-name": ({ name }) => [name],
  "vpc-id": ({ vpc }) => [vpc.id],
};

/** Returns a rule that allows all traffic from or to `source`. */
export function allTraffic(source: RuleSource): SecurityGroupRule {
  return { id: resourceId("sgr"), protocol: "-1", from: undefined, to: undefined, source, description: undefined };
}

/** Returns a new group: it allows all outbound IPv4 traffic, and no inbound traffic. */
export function newGroup(vpc: Vpc, name: string, description: string, tags: Tags = new Map()): SecurityGroup {
  const egress = [allTraffic({ kind: "ipv4", cidr: "0.0.0.0/0" })];
  return { id: resourceId("sg"), name, description, vpc, tags, ingress: [], egress };
}

/** Returns the group of a VPC with a name, by default of the default VPC. @throws AwsError InvalidGroup.NotFound */
export function groupByName(state: Ec2State, name: string, vpc = defaultVpc(state)): SecurityGroup {
  const group = [...state.securityGroups.values()].find((each) => each.vpc === vpc && each.name === name);
  if (group === undefined) throw new AwsError("InvalidGroup.NotFound", `The security group '${name}' does not exist`);
  return group;
}

function defaultVpc(state: Ec2State): Vpc | undefined {
  return [...state.vpcs.values()].find(({ isDefault }) => isDefault);
}

/** DescribeSecurityGroups. */
export function describeSecurityGroups(state: Ec2State, params: Params): XmlFields {
  const { filters, passes } = itemFilters(params, FILTERS);
  const named = [
    ...texts(params, "GroupId").map((id) => findGroup(state, id)),
    ...texts(params, "GroupName").map((name) => groupByName(state, name)),
  ];
  const { securityGroups } = state;
  const groups =
    named.length > 0
      ? [...new Set(named)]
      : (byId(securityGroups, filters, "group-id") ?? [...securityGroups.values()]);
  const { items, nextToken } = page(params, listed(groups.filter(passes)));
  return { securityGroupInfo: items.map((group) => groupFields(state, group)), nextToken };
}

/** CreateSecurityGroup. */
export function createSecurityGroup(state: Ec2State, params: Params): XmlFields {
  const [name, description, vpcId] = ["GroupName", "GroupDescription", "VpcId"].map((key) => text(params, key));
  if (name === undefined) throw missing("GroupName");
  if (description === undefined) throw missing("GroupDescription");
  const vpc = vpcId === undefined ? defaultVpc(state) : findVpc(state, vpcId);
  if (vpc === undefined) throw new AwsError("VPCIdNotSpecified", "No default VPC for this user");
  if ([...state.securityGroups.values()].some((group) => group.vpc === vpc && group.name === name)) {
    throw new AwsError("InvalidGroup.Duplicate", `The security group '${name}' already exists for VPC '${vpc.id}'`);
  }
  const group = newGroup(vpc, name, description, specifiedTags(params, "security-group"));
  state.securityGroups.set(group.id, group);
  return { return: true, groupId: group.id, tagSet: tagSet(group.tags), securityGroupArn: groupArn(state, group) };
}

/** AuthorizeSecurityGroupIngress. */
export function authorizeIngress(state: Ec2State, params: Params): XmlFields {
  const group = requestedGroup(state, params);
  const rules = readRules(state, params);
  const known = new Set(group.ingress.map(identity));
  const duplicate = rules.find((rule) => known.has(identity(rule)));
  if (duplicate !== undefined) {
    throw new AwsError("InvalidPermission.Duplicate", "the specified rule already exists");
  }
  group.ingress = [...group.ingress, ...rules];
  return {
    return: true,
    securityGroupRuleSet: rules.map((rule) => ({
      ...ruleFields(group, rule),
      groupOwnerId: state.account,
      referencedGroupInfo: rule.source.kind === "group" ? sourceFields(rule) : undefined,
    })),
  };
}

/**
 * RevokeSecurityGroupIngress. In a default VPC a rule that does not exist is returned as unknown; in another VPC it is an error.
 * https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RevokeSecurityGroupIngress.html
 */
export function revokeIngress(state: Ec2State, params: Params): XmlFields {
  const group = requestedGroup(state, params);
  const ids = texts(params, "SecurityGroupRuleId");
  const asked = ids.length > 0 ? [] : readRules(state, params);
  const lost = ids.find((id) => !group.ingress.some((rule) => rule.id === id));
  if (lost !== undefined) {
    throw new AwsError("InvalidSecurityGroupRuleId.NotFound", `The security group rule ID '${lost}' does not exist`);
  }
  const present = new Set(group.ingress.map(identity));
  const unknown = asked.filter((rule) => !present.has(identity(rule)));
  if (unknown.length > 0 && !group.vpc.isDefault) {
    throw new AwsError("InvalidPermission.NotFound", "The specified rule does not exist in this security group.");
  }
  const meant = new Set(asked.map(identity));
  const revoked = group.ingress.filter((rule) => ids.includes(rule.id) || meant.has(identity(rule)));
  group.ingress = group.ingress.filter((rule) => !revoked.includes(rule));
  return {
    return: true,
    unknownIpPermissionSet: permissions(unknown),
    revokedSecurityGroupRuleSet: revoked.map((rule) => ({
      ...ruleFields(group, rule),
      referencedGroupId: rule.source.kind === "group" ? rule.source.id : undefined,
    })),
  };
}

function requestedGroup(state: Ec2State, params: Params): SecurityGroup {
  const [id, name] = [text(params, "GroupId"), text(params, "GroupName")];
  if (id !== undefined) return findGroup(state, id);
  if (name === undefined) throw missing("groupName or groupId");
  return groupByName(state, name);
}

/** Reads the rules of a request: in `IpPermissions`, or a single one in the request itself. */
function readRules(state: Ec2State, params: Params): SecurityGroupRule[] {
  const list = structures(params, "IpPermissions");
  const single = text(params, "CidrIp");
  if (list.length === 0 && single === undefined) throw missing("IpPermissions");
  return list.length > 0
    ? list.flatMap((permission) => readPermission(state, permission))
    : [readRule(params, ipv4(single ?? ""), undefined)];
}

function readPermission(state: Ec2State, permission: Params): SecurityGroupRule[] {
  const sources = (name: string, read: (source: Params) => RuleSource) =>
    structures(permission, name).map((source) => readRule(permission, read(source), text(source, "Description")));
  return [
    ...sources("IpRanges", (source) => ipv4(text(source, "CidrIp") ?? "")),
    ...sources("Ipv6Ranges", (source) => ipv6(text(source, "CidrIpv6") ?? "")),
    ...sources("PrefixListIds", (source) => ({ kind: "prefix-list", id: text(source, "PrefixListId") ?? "" })),
    ...sources("Groups", (source) => ({
      kind: "group",
      id: text(source, "GroupId") ?? groupByName(state, text(source, "GroupName") ?? "").id,
      account: text(source, "UserId") ?? state.account,
    })),
  ];
}

function readRule(params: Params, source: RuleSource, description: string | undefined): SecurityGroupRule {
  const asked = (text(params, "IpProtocol") ?? "").toLowerCase();
  const protocol = NAMES[asked] ?? asked;
  if (!/^(-1|tcp|udp|icmp|icmpv6|\d{1,3})$/.test(protocol)) {
    throw new AwsError("InvalidPermission.Malformed", `Unsupported IP protocol "${protocol}"`);
  }
  const rule = { id: resourceId("sgr"), protocol, source, description };
  // All traffic of these protocols is allowed, "regardless of any port range you specify".
  if (!Object.values(NAMES).includes(protocol)) return { ...rule, from: undefined, to: undefined };
  const all = protocol === "icmpv6" ? -1 : undefined;
  const [from = all, to = all] = [integer(params, "FromPort"), integer(params, "ToPort")];
  if (from === undefined || to === undefined) {
    throw new AwsError("InvalidParameterValue", "Must specify both from and to ports with TCP/UDP.");
  }
  const [lowest, highest] = protocol.startsWith("icmp") ? [-1, 255] : [0, 65_535];
  const isOrdered = protocol.startsWith("icmp") || from <= to;
  if (!(from >= lowest && from <= highest && to >= lowest && to <= highest && isOrdered)) {
    throw new AwsError("InvalidParameterValue", `Invalid value for portRange: ${from}-${to}`);
  }
  return { ...rule, from, to };
}

/** EC2 stores a range by its first address: `100.68.0.18/18` as `100.68.0.0/18`. */
function ipv4(cidr: string): RuleSource {
  const [address = "", length = ""] = cidr.split("/");
  if (isIP(address) !== 4 || !/^(\d|[12]\d|3[0-2])$/.test(length)) throw malformed(cidr);
  const bits = address.split(".").reduce((sum, byte) => sum * 256 + Number(byte), 0);
  const size = 2 ** (32 - Number(length));
  const first = Math.floor(bits / size) * size;
  const bytes = [24, 16, 8, 0].map((shift) => Math.floor(first / 2 ** shift) % 256);
  return { kind: "ipv4", cidr: `${bytes.join(".")}/${length}` };
}

/** EC2 stores an address in its shortest form: `0:0:0:0:0:0:0:0` as `::`. */
function ipv6(cidr: string): RuleSource {
  const [address = "", length = ""] = cidr.split("/");
  if (isIP(address) !== 6 || address.includes("%") || !/^(\d{1,2}|1[01]\d|12[0-8])$/.test(length))
    throw malformed(cidr);
  return { kind: "ipv6", cidr: `${new URL(`http://[${address}]`).hostname.slice(1, -1)}/${length}` };
}

function malformed(cidr: string): AwsError {
  return new AwsError("InvalidParameterValue", `CIDR block ${cidr} is malformed`);
}

/** Two rules with the same identity are the same to EC2; their descriptions can differ. */
function identity({ protocol, from, to, source }: SecurityGroupRule): string {
  return JSON.stringify([protocol, from, to, "cidr" in source ? source.cidr : source.id]);
}

function groupArn(state: Ec2State, { id }: SecurityGroup): string {
  return arn("ec2", state.region, state.account, `security-group/${id}`);
}

function groupFields(state: Ec2State, group: SecurityGroup): XmlFields {
  return {
    groupId: group.id,
    groupName: group.name,
    groupDescription: group.description,
    ownerId: state.account,
    vpcId: group.vpc.id,
    securityGroupArn: groupArn(state, group),
    ipPermissions: permissions(group.ingress),
    ipPermissionsEgress: permissions(group.egress),
    tagSet: tagSet(group.tags),
  };
}

/** Returns rules as EC2 describes them: those of one protocol and port range together. */
function permissions(rules: readonly SecurityGroupRule[]): XmlFields[] {
  const together = new Map<string, SecurityGroupRule[]>();
  for (const rule of rules) {
    const key = JSON.stringify([rule.protocol, rule.from, rule.to]);
    together.set(key, [...(together.get(key) ?? []), rule]);
  }
  return [...together.values()].map((same) => {
    const of = (kind: RuleSource["kind"]) => same.filter(({ source }) => source.kind === kind).map(sourceFields);
    return {
      ipProtocol: same[0]?.protocol,
      fromPort: same[0]?.from,
      toPort: same[0]?.to,
      groups: of("group"),
      ipRanges: of("ipv4"),
      ipv6Ranges: of("ipv6"),
      prefixListIds: of("prefix-list"),
    };
  });
}

function sourceFields({ source, description }: SecurityGroupRule): XmlFields {
  switch (source.kind) {
    case "ipv4":
      return { cidrIp: source.cidr, description };
    case "ipv6":
      return { cidrIpv6: source.cidr, description };
    case "prefix-list":
      return { prefixListId: source.id, description };
    case "group":
      return { groupId: source.id, userId: source.account, description };
  }
}

function ruleFields(group: SecurityGroup, rule: SecurityGroupRule): XmlFields {
  const { source } = rule;
  return {
    securityGroupRuleId: rule.id,
    groupId: group.id,
    isEgress: false,
    ipProtocol: rule.protocol,
    fromPort: rule.from ?? -1,
    toPort: rule.to ?? -1,
    cidrIpv4: source.kind === "ipv4" ? source.cidr : undefined,
    cidrIpv6: source.kind === "ipv6" ? source.cidr : undefined,
    prefixListId: source.kind === "prefix-list" ? source.id : undefined,
    description: rule.description,
  };
}
