import type { XmlFields } from "../service.ts";
import { WrittenXml } from "../xml.ts";
import { operatorFields, stateFields, tagSet, time } from "./fields.ts";
import { metadataFields } from "./metadata-options.ts";
import type { Instance } from "./model.ts";
import { groupSet, interfaceFields, privateDnsName, publicIpOf } from "./network-interfaces.ts";
import { attachedVolumes, ROOT_DEVICE } from "./volumes.ts";

/** What EC2 writes for an instance without settings of these kinds. https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Instance.html */
const CONSTANT: XmlFields = {
  cpuOptions: new WrittenXml({ coreCount: 1, threadsPerCore: 2 }),
  capacityReservationSpecification: new WrittenXml({ capacityReservationPreference: "open" }),
  hibernationOptions: new WrittenXml({ configured: false }),
  enclaveOptions: new WrittenXml({ enabled: false }),
  privateDnsNameOptions: new WrittenXml({
    hostnameType: "ip-name",
    enableResourceNameDnsARecord: false,
    enableResourceNameDnsAAAARecord: false,
  }),
  maintenanceOptions: new WrittenXml({ autoRecovery: "default", rebootMigration: "default" }),
  bootMode: "uefi-preferred",
  currentInstanceBootMode: "uefi",
  networkPerformanceOptions: new WrittenXml({ bandwidthWeighting: "default" }),
};

/** Returns an instance as RunInstances and DescribeInstances write it. A terminated one has no network, as in AWS. */
export function instanceFields(instance: Instance, index: number): XmlFields {
  const gone = instance.state === "terminated";
  const isWindows = instance.platform.startsWith("Windows");
  const [primary] = instance.interfaces;
  const { subnet, privateIp } = primary;
  return {
    instanceId: instance.id,
    imageId: instance.imageId,
    instanceState: stateFields(instance.state),
    privateDnsName: gone ? "" : privateDnsName(instance.region, privateIp),
    dnsName: "",
    reason: gone ? "User initiated" : "",
    keyName: instance.keyName,
    amiLaunchIndex: index,
    productCodes: [],
    instanceType: instance.instanceType,
    launchTime: time(instance.launchedAt),
    placement: { availabilityZone: subnet.zone, groupName: "", tenancy: instance.tenancy },
    platform: isWindows ? "windows" : undefined,
    platformDetails: instance.platform,
    usageOperation: isWindows ? "RunInstances:0002" : "RunInstances",
    usageOperationUpdateTime: time(instance.attachedAt),
    monitoring: { state: "disabled" },
    subnetId: gone ? undefined : subnet.id,
    vpcId: gone ? undefined : subnet.vpc.id,
    privateIpAddress: gone ? undefined : privateIp,
    ipAddress: publicIpOf(instance, primary),
    ipv6Address: gone ? undefined : primary.ipv6[0],
    sourceDestCheck: gone ? undefined : true,
    groupSet: gone ? [] : groupSet(primary.groups),
    networkInterfaceSet: gone ? [] : instance.interfaces.map((each, device) => interfaceFields(instance, each, device)),
    architecture: instance.architecture,
    rootDeviceType: instance.volumes.length === 0 ? "instance-store" : "ebs",
    rootDeviceName: ROOT_DEVICE,
    blockDeviceMapping: attachedVolumes(instance).map(({ id, device, attachedAt }) => ({
      deviceName: device,
      ebs: { volumeId: id, status: "attached", attachTime: time(attachedAt), deleteOnTermination: true },
    })),
    virtualizationType: "hvm",
    instanceLifecycle: instance.lifecycle,
    iamInstanceProfile: instance.association?.profile,
    metadataOptions: metadataFields(instance),
    clientToken: instance.clientToken ?? "",
    hypervisor: "xen",
    ebsOptimized: false,
    enaSupport: true,
    ...CONSTANT,
    operator: operatorFields(instance),
    tagSet: tagSet(instance.tags),
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
