import type { Instances } from "./instances.ts";

/** https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_InstanceState.html */
export type InstanceState = "pending" | "running" | "shutting-down" | "terminated" | "stopping" | "stopped";

export type Tags = ReadonlyMap<string, string>;

/** A resource that filters can select by its tags. */
export interface Tagged {
  readonly tags: Tags;
}

export interface Vpc extends Tagged {
  readonly id: string;
  /** IPv4, such as `172.31.0.0/16`. */
  readonly cidr: string;
  readonly isDefault: boolean;
}

export interface Subnet {
  readonly id: string;
  readonly vpc: Vpc;
  readonly zone: string;
}

/** A rule of a security group: one protocol, port range and source. */
export interface SecurityGroupRule {
  readonly id: string;
  /** `tcp`, `udp`, `icmp`, `icmpv6`, the number of another protocol, or `-1` for all. */
  readonly protocol: string;
  /** The ports, or ICMP's type and code; undefined for a protocol without them. */
  readonly from: number | undefined;
  readonly to: number | undefined;
  readonly source: RuleSource;
  readonly description: string | undefined;
}

export type RuleSource =
  | { readonly kind: "ipv4" | "ipv6"; readonly cidr: string }
  | { readonly kind: "prefix-list"; readonly id: string }
  | { readonly kind: "group"; readonly id: string; readonly account: string };

export interface SecurityGroup extends Tagged {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly vpc: Vpc;
  ingress: readonly SecurityGroupRule[];
  readonly egress: readonly SecurityGroupRule[];
}

export interface NetworkInterface {
  readonly id: string;
  readonly attachmentId: string;
  readonly subnet: Subnet;
  groups: readonly SecurityGroup[];
  readonly privateIp: string;
  /** The instance has it only while it runs. */
  publicIp: string | undefined;
  readonly ipv6: readonly string[];
}

export interface Volume extends Tagged {
  readonly id: string;
  readonly device: string;
  readonly sizeGiB: number;
  /** The ARN of the KMS key that encrypts it; undefined for a volume that is not encrypted. */
  readonly kmsKey: string | undefined;
}

/** An image (AMI) of this or another account. */
export interface Image {
  readonly id: string;
  readonly name: string;
  readonly ownerId: string;
  readonly ownerAlias?: "amazon" | "aws-marketplace" | "aws-backup-vault" | undefined;
  readonly state: "available" | "deregistered" | "disabled";
  /** In ms since 1970. */
  readonly createdAt: number;
  /** In ms since 1970; undefined without a deprecation time. */
  readonly deprecatedAt?: number | undefined;
  readonly isPublic: boolean;
  /** Whether it meets the account's criteria for Allowed AMIs. */
  readonly isAllowed: boolean;
  /** Such as `x86_64` or `arm64`. */
  readonly architecture: string;
  /** Such as `Linux/UNIX` or `Windows`. */
  readonly platform: string;
}

export interface MetadataOptions {
  readonly httpTokens: "optional" | "required";
  readonly httpEndpoint: "enabled" | "disabled";
  readonly hopLimit: number;
}

/** An instance in EC2. */
export interface Instance {
  readonly id: string;
  readonly reservationId: string;
  readonly account: string;
  readonly region: string;
  readonly imageId: string;
  readonly architecture: string;
  readonly platform: string;
  instanceType: string;
  readonly keyName: string | undefined;
  readonly tenancy: string;
  /** Undefined for an On-Demand Instance. */
  readonly lifecycle: "spot" | "capacity-block" | undefined;
  /** The primary network interface is the first. */
  readonly interfaces: readonly [NetworkInterface, ...NetworkInterface[]];
  readonly volumes: readonly Volume[];
  /** Set if a service (Auto Scaling) launched it. */
  readonly requesterId: string | undefined;
  /** The service principal that manages the instance, such as `eks.amazonaws.com`. */
  readonly operator: string | undefined;
  readonly clientToken: string | undefined;
  /** When the network interfaces were attached: at the first launch, in ms since 1970. */
  readonly attachedAt: number;
  /** When it first ran, which is when its volumes were attached, in ms since 1970; undefined before. */
  firstRanAt: number | undefined;
  /** When it was last launched or started, in ms since 1970. */
  launchedAt: number;
  readonly tags: Map<string, string>;
  state: InstanceState;
  metadataOptions: MetadataOptions;
  /** Whether the last change of the metadata options is not applied yet. */
  metadataPending: boolean;
  /** With its instance profile. */
  association: ProfileAssociation | undefined;
}

/** The association of an instance with an instance profile. */
export interface ProfileAssociation {
  readonly id: string;
  readonly profile: { readonly arn: string; readonly id: string };
}

/** The settings of new instances. What is not set has AWS's default. */
export interface InstanceOptions {
  /** Default in process: another image for each launch. */
  readonly imageId?: string;
  /** Default m1.small. */
  readonly instanceType?: string | undefined;
  /** Default: no key pair. */
  readonly keyName?: string | undefined;
  readonly tenancy?: string | undefined;
  readonly lifecycle?: "spot" | "capacity-block" | undefined;
  /** The name or ARN of an instance profile. Default: none. */
  readonly instanceProfile?: string | undefined;
  readonly metadataOptions?: Partial<MetadataOptions>;
  /** The Availability Zone. Default: that of the subnet. */
  readonly zone?: string | undefined;
  /** The primary network interface is the first. Default: one in a default subnet, with the default group. */
  readonly interfaces?: readonly InterfaceOptions[];
  /** Default: a root volume of 8 GiB that is not encrypted. Without volumes, the root device is an instance store. */
  readonly volumes?: readonly VolumeOptions[];
}

export interface InterfaceOptions {
  /** Default: that of the primary interface, or a default subnet. */
  readonly subnetId?: string | undefined;
  /** Ids. Default: the default group of the VPC. */
  readonly securityGroups?: readonly string[];
  /** Whether it has a public IPv4 address while the instance runs. Default: if it is the only one and in a default subnet, as in AWS. */
  readonly publicIp?: boolean | undefined;
  /** The addresses, or their number. Default: none. */
  readonly ipv6?: readonly string[] | number;
}

export interface VolumeOptions {
  /** Default `/dev/xvda`, the root device. */
  readonly device?: string | undefined;
  readonly sizeGiB?: number | undefined;
  /** Default: whether the region encrypts new volumes. */
  readonly encrypted?: boolean | undefined;
  /** The id or ARN of a KMS key. Default: the account's AWS managed key. */
  readonly kmsKey?: string | undefined;
}

/** The resources of one account in one region, in the order of their creation, and the client tokens of RunInstances. */
export interface Ec2State {
  readonly account: string;
  readonly region: string;
  readonly instances: Instances<Instance>;
  /** Idempotency: the launch of each ClientToken. */
  readonly launches: Map<string, { readonly fingerprint: string; readonly ids: readonly string[] }>;
  readonly vpcs: Map<string, Vpc>;
  readonly subnets: Map<string, Subnet>;
  readonly securityGroups: Map<string, SecurityGroup>;
  /** The registered images. An instance can also be launched from another image. */
  readonly images: Map<string, Image>;
  /** The id of the AWS managed key of EBS. */
  readonly ebsKey: string;
  /** Whether new volumes are encrypted by default. */
  encryptsVolumes: boolean;
  launched: number;
  /** Whether describe calls omit managed instances unless they include managed resources. */
  managedHidden: boolean;
}
