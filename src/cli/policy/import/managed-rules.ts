import { literal } from "../../../policy/matcher.ts";
import type { ConfigParameters } from "./config-parameters.ts";
import type { ConditionDocument, Remarks } from "./imported.ts";

/** A rule as a managed rule gives it, without id and scope; or why there is none. */
type Converted =
  | { readonly rule: string; readonly when?: ConditionDocument; readonly [setting: string]: unknown }
  | { readonly why: string };

/** A managed rule of AWS Config that has a counterpart. */
export interface ManagedRule {
  /** The type of resource that AWS Config judges. */
  readonly type: "AWS::EC2::Instance" | "AWS::EC2::SecurityGroup" | "AWS::EC2::Volume";
  /** The names of its parameters. */
  readonly parameters: RegExp;
  /** Where the counterpart's meaning differs. */
  readonly differs?: string;
  convert(parameters: ConfigParameters, remarks: Remarks): Converted;
}

const NONE = /(?!)/;

const GROUPS =
  "AWS Config judges each security group; this rule judges the security groups of an instance, for IPv4 and IPv6 sources";
const RUNNING = "AWS Config judges running instances only; this rule also judges stopped ones";

/**
 * The managed rules, by identifier.
 * https://docs.aws.amazon.com/config/latest/developerguide/managed-rules-by-aws-config.html
 */
export const MANAGED_RULES: Readonly<Record<string, ManagedRule>> = {
  REQUIRED_TAGS: {
    type: "AWS::EC2::Instance",
    parameters: /^tag[1-6](?:Key|Value)$/,
    convert: requiredTags,
  },
  APPROVED_AMIS_BY_ID: {
    type: "AWS::EC2::Instance",
    parameters: /^amiIds$/,
    differs: RUNNING,
    convert: (parameters) => withList(parameters, "amiIds", (ids) => ({ rule: "image", ids })),
  },
  EC2_INSTANCE_LAUNCHED_WITH_ALLOWED_AMI: {
    type: "AWS::EC2::Instance",
    parameters: /^InstanceStates?$/i,
    convert(parameters) {
      const states = parameters.names.flatMap((name) => parameters.list(name) ?? []);
      return {
        rule: "image",
        ...(states.length > 0 && { when: { state: states.map((state) => literal(state.toLowerCase())) } }),
        allowedAmis: true,
      };
    },
  },
  DESIRED_INSTANCE_TYPE: {
    type: "AWS::EC2::Instance",
    parameters: /^instanceType$/,
    convert: (parameters) => withList(parameters, "instanceType", (allowed) => ({ rule: "instance-type", allowed })),
  },
  DESIRED_INSTANCE_TENANCY: {
    type: "AWS::EC2::Instance",
    parameters: /^(?:tenancy|imageId|hostId)$/,
    convert(parameters) {
      const tenancy = parameters.text("tenancy")?.toLowerCase();
      if (tenancy === undefined) return { why: 'it has no parameter "tenancy"' };
      if (parameters.list("hostId") !== undefined)
        return { why: "no rule kind judges the Dedicated Host of an instance" };
      const images = parameters.list("imageId");
      return {
        rule: "condition",
        ...(images && { when: { image: images.map(literal) } }),
        require: { tenancy: literal(tenancy) },
        message: `the tenancy is not ${tenancy}`.slice(0, MAX_MESSAGE),
      };
    },
  },
  RESTRICTED_INCOMING_TRAFFIC: {
    type: "AWS::EC2::SecurityGroup",
    parameters: /^blockedPort(?:[1-5]|s)$/,
    differs: GROUPS,
    convert: restrictedPorts,
  },
  INCOMING_SSH_DISABLED: {
    type: "AWS::EC2::SecurityGroup",
    parameters: NONE,
    differs: GROUPS,
    convert: () => ({ rule: "security-groups", closed: ["tcp:22"] }),
  },
  VPC_SG_OPEN_ONLY_TO_AUTHORIZED_PORTS: {
    type: "AWS::EC2::SecurityGroup",
    parameters: /^authorized(?:Tcp|Udp)Ports$/,
    differs: `${GROUPS}; AWS Config judges TCP and UDP only, so ICMP stays allowed`,
    convert(parameters) {
      const ports = [
        ...portsOf("tcp", parameters.list("authorizedTcpPorts")),
        ...portsOf("udp", parameters.list("authorizedUdpPorts")),
      ];
      return { rule: "security-groups", onlyOpen: [...ports, "icmp"] };
    },
  },
  VPC_SG_PORT_RESTRICTION_CHECK: {
    type: "AWS::EC2::SecurityGroup",
    parameters: /^(?:restrictPorts|protocolType|excludeExternalSecurityGroups|ipType)$/,
    differs: GROUPS,
    convert(parameters) {
      if (parameters.text("ipType")?.toLowerCase() === "ipv6") return { why: "no rule kind judges IPv6 sources alone" };
      const ports = parameters.list("restrictPorts") ?? ["22", "3389"];
      const protocol = parameters.text("protocolType")?.toLowerCase() ?? "all";
      return { rule: "security-groups", closed: protocol === "all" ? ports : portsOf(protocol, ports) };
    },
  },
  EC2_IMDSV2_CHECK: {
    type: "AWS::EC2::Instance",
    parameters: NONE,
    differs: "this rule also accepts an instance whose metadata endpoint is disabled",
    convert: () => ({ rule: "imdsv2" }),
  },
  EC2_TOKEN_HOP_LIMIT_CHECK: {
    type: "AWS::EC2::Instance",
    parameters: /^tokenHopLimit$/,
    differs:
      "AWS Config judges the hop limit alone; this rule also requires IMDSv2, unless the metadata endpoint is disabled",
    convert: (parameters) => ({ rule: "imdsv2", maxHops: Number(parameters.text("tokenHopLimit") ?? 1) }),
  },
  EC2_INSTANCE_NO_PUBLIC_IP: {
    type: "AWS::EC2::Instance",
    parameters: NONE,
    convert: () => ({ rule: "public-ip" }),
  },
  EC2_NO_AMAZON_KEY_PAIR: {
    type: "AWS::EC2::Instance",
    parameters: NONE,
    differs: RUNNING,
    convert: () => ({ rule: "key-pair", none: true }),
  },
  ENCRYPTED_VOLUMES: {
    type: "AWS::EC2::Volume",
    parameters: /^kmsId$/,
    differs: "AWS Config judges each attached volume; this rule judges the volumes of an instance",
    convert(parameters) {
      const key = parameters.text("kmsId");
      return { rule: "encrypted-volumes", ...(key !== undefined && { keys: [literal(key)] }) };
    },
  },
  EC2_INSTANCE_PROFILE_ATTACHED: {
    type: "AWS::EC2::Instance",
    parameters: /^IamInstanceProfileArnList$/,
    convert(parameters) {
      const allowed = parameters.list("IamInstanceProfileArnList")?.map(literal);
      return { rule: "instance-profile", ...(allowed && { allowed }) };
    },
  },
  INSTANCES_IN_VPC: {
    type: "AWS::EC2::Instance",
    parameters: /^vpcId$/,
    convert: (parameters) => ({ rule: "network", vpcs: parameters.list("vpcId")?.map(literal) ?? ["*"] }),
  },
};

/** The longest message of a rule of the kind `condition`, in characters. */
const MAX_MESSAGE = 200;

function withList(
  parameters: ConfigParameters,
  name: string,
  convert: (values: readonly string[]) => Converted,
): Converted {
  const values = parameters.list(name);
  return values === undefined ? { why: `it has no parameter ${JSON.stringify(name)}` } : convert(values.map(literal));
}

function portsOf(protocol: string, ports: readonly string[] = []): string[] {
  return ports.map((port) => `${protocol}:${port.replaceAll(/\s/g, "")}`);
}

/**
 * AWS Config compares keys and values with case. Without a value, it accepts any, a blank one too.
 * https://docs.aws.amazon.com/config/latest/developerguide/required-tags.html
 */
function requiredTags(parameters: ConfigParameters, remarks: Remarks): Converted {
  const tags = [1, 2, 3, 4, 5, 6].flatMap((number) => {
    const [keyName, valueName] = [`tag${number}Key`, `tag${number}Value`];
    const unresolved = [keyName, valueName].find((name) => parameters.unresolved(name) !== undefined);
    if (unresolved !== undefined) {
      remarks.skip([...parameters.path, unresolved], unresolved, parameters.unresolved(unresolved) ?? "");
      return [];
    }
    let key = parameters.text(keyName);
    const values = listOf(parameters, valueName, remarks);
    if (key === undefined && number === 1) {
      key = "CostCenter";
      remarks.note(parameters.path, keyName, 'it is not set, and "CostCenter" is its default in AWS Config');
    }
    if (key !== undefined)
      return [values === undefined ? { key, allowBlank: true } : { key, values: values.map(literal) }];
    if (values !== undefined) remarks.skip([...parameters.path, valueName], valueName, `there is no ${keyName} to it`);
    return [];
  });
  return tags.length === 0
    ? { why: "none of its tags is known" }
    : { rule: "required-tags", caseSensitive: true, tags };
}

/** Returns the values of a tag, and notes that blanks around them do not count, which AWS does not document. */
function listOf(parameters: ConfigParameters, name: string, remarks: Remarks): readonly string[] | undefined {
  const values = parameters.list(name);
  if (/,\s|\s,/.test(parameters.text(name) ?? "")) {
    remarks.note(
      [...parameters.path, name],
      name,
      "the spaces around the commas are taken as separators, not as parts of the values",
    );
  }
  return values;
}

/**
 * The custom rule `ec2_require_tags_with_valid_values`, and those with its parameters. A value `*` means any that is not blank.
 * https://github.com/awslabs/aws-config-rules/blob/master/python/ec2_require_tags_with_valid_values.py
 */
export const TAGS_WITH_VALUES: ManagedRule = {
  type: "AWS::EC2::Instance",
  parameters: /^requiredTag(?:Key|Values)\d+$/,
  convert(parameters, remarks) {
    const numbers = parameters.names.flatMap((name) => /^requiredTagKey(\d+)$/.exec(name)?.[1] ?? []);
    const tags = numbers.flatMap((number) => {
      const [keyName, valuesName] = [`requiredTagKey${number}`, `requiredTagValues${number}`];
      const unresolved = [keyName, valuesName].find((name) => parameters.unresolved(name) !== undefined);
      if (unresolved !== undefined) {
        remarks.skip([...parameters.path, unresolved], unresolved, parameters.unresolved(unresolved) ?? "");
        return [];
      }
      const key = parameters.text(keyName);
      const values = listOf(parameters, valuesName, remarks);
      if (key === undefined) return [];
      return [values === undefined || values.includes("*") ? { key } : { key, values: values.map(literal) }];
    });
    for (const name of parameters.names) {
      const [, number] = /^requiredTagValues(\d+)$/.exec(name) ?? [];
      if (number === undefined || numbers.includes(number)) continue;
      remarks.skip([...parameters.path, name], name, `there is no requiredTagKey${number} to it`);
    }
    return tags.length === 0
      ? { why: "none of its tags is known" }
      : { rule: "required-tags", caseSensitive: true, tags };
  },
};

/** The `*-tagged` rules, and Security Hub's: the keys must be there, with case. */
export const TAGGED: ManagedRule = {
  type: "AWS::EC2::Instance",
  parameters: /^(?:requiredTagKeys|requiredKeyTags)$/,
  convert(parameters) {
    const keys = parameters.list("requiredTagKeys") ?? parameters.list("requiredKeyTags");
    if (keys === undefined) return { why: "it names no tag keys: it accepts any tag" };
    return { rule: "required-tags", caseSensitive: true, tags: keys.map((key) => ({ key, allowBlank: true })) };
  },
};

/** AWS documents a default for each port. The ports that a rule names usually replace them all. */
function restrictedPorts(parameters: ConfigParameters, remarks: Remarks): Converted {
  const named = [1, 2, 3, 4, 5].flatMap((number) => parameters.list(`blockedPort${number}`) ?? []);
  const ports = [...named, ...(parameters.list("blockedPorts") ?? [])];
  if (ports.length === 0) ports.push("20", "21", "3389", "3306", "4333");
  else if (named.length > 0 && named.length < 5) {
    const defaults = "20, 21, 3389, 3306, 4333";
    remarks.note(
      parameters.path,
      "blockedPort1 to blockedPort5",
      `only the ports that are set are closed; AWS Config documents the defaults ${defaults} for the others, so add them if you rely on them`,
    );
  }
  return { rule: "security-groups", closed: portsOf("tcp", [...new Set(ports)]) };
}
