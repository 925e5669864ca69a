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

/** An instance as EC2 remembers it. */
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
  /** Set where a service (Auto Scaling) launched it on somebody's behalf. */
  readonly requesterId: string | undefined;
  /** The service principal that manages the instance, such as `eks.amazonaws.com`. */
  readonly operator: string | undefined;
  readonly clientToken: string | undefined;
  /** ms epoch */
  readonly launchedAt: number;
  readonly tags: Map<string, string>;
  state: InstanceState;
}

/** The instances of one account in one region, in the order of their launch, and what RunInstances must remember. */
export interface Ec2State {
  readonly instances: Map<string, Instance>;
  /** Idempotency: the launch each ClientToken stands for. */
  readonly launches: Map<string, { readonly fingerprint: string; readonly ids: readonly string[] }>;
  readonly vpcId: string;
  readonly subnetIds: readonly string[];
  readonly securityGroup: string;
  launched: number;
  /** Whether describe calls leave out the instances that a service manages, unless they ask for them. */
  managedHidden: boolean;
}

/** An empty region with its default VPC. */
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

/** `{ code, name }`, as EC2 writes a state. */
export function stateFields(state: InstanceState): XmlFields {
  return { code: STATE_CODES[state], name: state };
}

/** Tags as EC2 writes them in an instance; undefined (left out) where there are none. */
function tagSet(tags: ReadonlyMap<string, string>) {
  return tags.size === 0 ? undefined : [...tags].map(([key, value]) => ({ key, value }));
}

/** One instance as RunInstances and DescribeInstances write it. A terminated one has lost its network, as in AWS. */
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

/** A reservation with those of its instances that are given (at least one). */
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
