import { resourceId } from "../arns.ts";
import type { XmlFields } from "../service.ts";

/** https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_InstanceState.html */
const STATE_CODES = {
  pending: 0,
  running: 16,
  "shutting-down": 32,
  terminated: 48,
  stopping: 64,
  stopped: 80,
} as const;

export type InstanceState = keyof typeof STATE_CODES;

/** An instance in EC2. */
export interface Instance {
  readonly id: string;
  readonly reservationId: string;
  readonly account: string;
  readonly region: string;
  readonly imageId: string;
  readonly instanceType: string;
  readonly keyName: string | undefined;
  readonly zone: string;
  readonly subnetId: string;
  readonly vpcId: string;
  readonly privateIp: string;
  readonly securityGroup: string;
  /** Set if a service (Auto Scaling) launched it. */
  readonly requesterId: string | undefined;
  /** The service principal that manages the instance, such as `eks.amazonaws.com`. */
  readonly operator: string | undefined;
  readonly clientToken: string | undefined;
  /** The primary network interface, and its attachment. */
  readonly interfaceId: string;
  readonly attachmentId: string;
  /** When the primary network interface was attached: at the first launch, in ms since 1970. */
  readonly attachedAt: number;
  /** When it was last launched or started, in ms since 1970. */
  launchedAt: number;
  readonly tags: Map<string, string>;
  state: InstanceState;
}

/** The instances of one account in one region, in the order of their launch, and the client tokens of RunInstances. */
export interface Ec2State {
  readonly instances: Map<string, Instance>;
  /** Idempotency: the launch of each ClientToken. */
  readonly launches: Map<string, { readonly fingerprint: string; readonly ids: readonly string[] }>;
  readonly vpcId: string;
  readonly subnetIds: readonly string[];
  readonly securityGroup: string;
  launched: number;
  /** Whether describe calls omit managed instances unless they include managed resources. */
  managedHidden: boolean;
}

/** Returns an empty region with its default VPC. */
export function newEc2State(): Ec2State {
  return {
    instances: new Map(),
    launches: new Map(),
    vpcId: resourceId("vpc"),
    subnetIds: [resourceId("subnet"), resourceId("subnet"), resourceId("subnet")],
    securityGroup: resourceId("sg"),
    launched: 0,
    managedHidden: false,
  };
}

/** Returns a state as EC2 writes it: `{ code, name }`. */
export function stateFields(state: InstanceState): XmlFields {
  return { code: STATE_CODES[state], name: state };
}

/** Returns tags as EC2 writes them in an instance; undefined (omitted) without tags. */
function tagSet(tags: ReadonlyMap<string, string>) {
  return tags.size === 0 ? undefined : [...tags].map(([key, value]) => ({ key, value }));
}

/** Returns an instance as RunInstances and DescribeInstances write it. A terminated one has no network, as in AWS. */
export function instanceFields(instance: Instance, index: number): XmlFields {
  const gone = instance.state === "terminated";
  const domain = instance.region === "us-east-1" ? "ec2.internal" : `${instance.region}.compute.internal`;
  const groups = [{ groupId: instance.securityGroup, groupName: "default" }];
  return {
    instanceId: instance.id,
    imageId: instance.imageId,
    instanceState: stateFields(instance.state),
    privateDnsName: gone ? "" : `ip-${instance.privateIp.replaceAll(".", "-")}.${domain}`,
    dnsName: "",
    reason: gone ? "User initiated" : "",
    keyName: instance.keyName,
    amiLaunchIndex: index,
    instanceType: instance.instanceType,
    launchTime: new Date(instance.launchedAt).toISOString(),
    placement: { availabilityZone: instance.zone, groupName: "", tenancy: "default" },
    monitoring: { state: "disabled" },
    subnetId: gone ? undefined : instance.subnetId,
    vpcId: gone ? undefined : instance.vpcId,
    privateIpAddress: gone ? undefined : instance.privateIp,
    groupSet: gone ? [] : groups,
    networkInterfaceSet: gone ? [] : [interfaceFields(instance)],
    architecture: "x86_64",
    rootDeviceType: "ebs",
    rootDeviceName: "/dev/xvda",
    virtualizationType: "hvm",
    clientToken: instance.clientToken ?? "",
    hypervisor: "xen",
    ebsOptimized: false,
    operator: { managed: instance.operator !== undefined, principal: instance.operator },
    tagSet: tagSet(instance.tags),
  };
}

/**
 * The primary network interface. AWS: "To determine the time that instance was first launched, see the attachment time for
 * the primary network interface." https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Instance.html
 */
function interfaceFields(instance: Instance): XmlFields {
  return {
    networkInterfaceId: instance.interfaceId,
    subnetId: instance.subnetId,
    vpcId: instance.vpcId,
    ownerId: instance.account,
    status: "in-use",
    privateIpAddress: instance.privateIp,
    attachment: {
      attachmentId: instance.attachmentId,
      deviceIndex: 0,
      status: "attached",
      attachTime: new Date(instance.attachedAt).toISOString(),
      deleteOnTermination: true,
      networkCardIndex: 0,
    },
  };
}

/** Returns a reservation with the given ones of its instances, at least one. */
export function reservationFields(instances: readonly Instance[]): XmlFields {
  const first = instances[0];
  return {
    reservationId: first?.reservationId,
    ownerId: first?.account,
    requesterId: first?.requesterId,
    groupSet: [],
    instancesSet: instances.map(instanceFields),
  };
}
