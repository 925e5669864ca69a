import { AwsError } from "../errors.ts";
import { integer, type Params, structure, structures, text, texts } from "../params.ts";
import { requestedProfile } from "./instance-profiles.ts";
import { readMetadataOptions } from "./metadata-options.ts";
import type { Ec2State, InstanceOptions, InterfaceOptions, VolumeOptions } from "./model.ts";
import { groupByName } from "./security-groups.ts";
import { missing } from "./validation.ts";
import { ROOT_DEVICE } from "./volumes.ts";

const AMI = /^ami-([0-9a-f]{8}|[0-9a-f]{17})$/;

/** Reads the settings of a RunInstances request. @throws AwsError for parameters that EC2 refuses */
export function readOptions(state: Ec2State, params: Params): InstanceOptions & { readonly imageId: string } {
  const imageId = text(params, "ImageId");
  if (imageId === undefined) throw missing("ImageId");
  if (!AMI.test(imageId)) {
    throw new AwsError("InvalidAMIID.Malformed", `Invalid id: "${imageId}" (expecting "ami-...")`);
  }
  const placement = structure(params, "Placement");
  return {
    imageId,
    instanceType: text(params, "InstanceType"),
    keyName: text(params, "KeyName"),
    tenancy: text(placement, "Tenancy"),
    zone: text(placement, "AvailabilityZone"),
    lifecycle: readLifecycle(structure(params, "InstanceMarketOptions")),
    instanceProfile: requestedProfile(params),
    metadataOptions: readMetadataOptions(structure(params, "MetadataOptions")),
    interfaces: readInterfaces(state, params),
    volumes: readVolumes(params),
  };
}

function readLifecycle(market: Params): InstanceOptions["lifecycle"] {
  const type = text(market, "MarketType");
  if (type === undefined || type === "spot" || type === "capacity-block") return type;
  throw new AwsError("InvalidParameterValue", `Value (${type}) for parameter MarketType is invalid.`);
}

function readInterfaces(state: Ec2State, params: Params): InterfaceOptions[] {
  const list = structures(params, "NetworkInterface");
  const groups = [
    ...texts(params, "SecurityGroupId"),
    ...texts(params, "SecurityGroup").map((name) => groupByName(state, name).id),
  ];
  const subnetId = text(params, "SubnetId");
  if (list.length > 0 && (groups.length > 0 || subnetId !== undefined)) {
    throw new AwsError(
      "InvalidParameterCombination",
      "Network interfaces and an instance-level subnet ID or security groups may not be specified on the same request",
    );
  }
  const ipv6 = readIpv6(params, "Ipv6Address");
  if (list.length === 0) return [{ subnetId, ...(groups.length > 0 && { securityGroups: groups }), ipv6 }];
  return [...list]
    .sort((a, b) => (integer(a, "DeviceIndex") ?? 0) - (integer(b, "DeviceIndex") ?? 0))
    .map((each) => {
      const own = texts(each, "SecurityGroupId");
      const publicIp = text(each, "AssociatePublicIpAddress");
      return {
        subnetId: text(each, "SubnetId"),
        ...(own.length > 0 && { securityGroups: own }),
        publicIp: publicIp === undefined ? undefined : publicIp === "true",
        ipv6: readIpv6(each, "Ipv6Addresses"),
      };
    });
}

/** Returns the addresses of the list, or how many the interface gets. */
function readIpv6(params: Params, list: string): readonly string[] | number {
  const addresses = structures(params, list).map((each) => text(each, "Ipv6Address") ?? "");
  return addresses.length > 0 ? addresses : (integer(params, "Ipv6AddressCount") ?? 0);
}

/** The root volume is the image's, unless a mapping replaces it. */
function readVolumes(params: Params): VolumeOptions[] {
  const volumes = structures(params, "BlockDeviceMapping").map((mapping): VolumeOptions => {
    const ebs = structure(mapping, "Ebs");
    const [encrypted, kmsKey] = [text(ebs, "Encrypted"), text(ebs, "KmsKeyId")];
    if (kmsKey !== undefined && encrypted !== "true") {
      throw new AwsError(
        "InvalidParameterDependency",
        "The parameter KmsKeyId requires the parameter Encrypted to be set.",
      );
    }
    return {
      device: text(mapping, "DeviceName"),
      sizeGiB: integer(ebs, "VolumeSize"),
      // With encryption by default, `false` does not count: https://docs.aws.amazon.com/ebs/latest/userguide/encryption-by-default.html
      encrypted: encrypted === "true" || undefined,
      kmsKey,
    };
  });
  return volumes.some(({ device = ROOT_DEVICE }) => device === ROOT_DEVICE) ? volumes : [{}, ...volumes];
}
