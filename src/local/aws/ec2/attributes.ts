import { AwsError } from "../errors.ts";
import { type Params, structure, text, texts } from "../params.ts";
import type { XmlFields } from "../service.ts";
import type { Ec2State, NetworkInterface } from "./model.ts";
import { groupsOf, publicIpFor } from "./network-interfaces.ts";
import { changeableInstances, missing } from "./validation.ts";

/** ModifyInstanceAttribute, for the instance type and the security groups of an instance with one network interface. */
export function modifyInstanceAttribute(state: Ec2State, params: Params): XmlFields {
  const id = text(params, "InstanceId");
  if (id === undefined) throw missing("InstanceId");
  const [instanceType, groups] = [text(structure(params, "InstanceType"), "Value"), texts(params, "GroupId")];
  if (instanceType === undefined && groups.length === 0) {
    throw new AwsError("InvalidParameterCombination", "No attributes specified.");
  }
  for (const instance of changeableInstances(state, [id])) {
    if (instanceType !== undefined && instance.state !== "stopped") {
      throw new AwsError("IncorrectInstanceState", `The instance '${id}' is not in the 'stopped' state.`);
    }
    if (groups.length > 0 && instance.interfaces.length > 1) {
      throw new AwsError(
        "InvalidInstanceID",
        `There are multiple interfaces attached to instance '${id}'. Please specify an interface ID for the operation instead.`,
      );
    }
    const [primary] = instance.interfaces;
    if (groups.length > 0) primary.groups = groupsOf(state, primary.subnet, groups);
    if (instanceType !== undefined) instance.instanceType = instanceType;
  }
  return { return: true };
}

/** ModifyNetworkInterfaceAttribute, for the security groups and the public address that AWS assigns. */
export function modifyInterfaceAttribute(state: Ec2State, params: Params): XmlFields {
  const [id, groups] = [text(params, "NetworkInterfaceId"), texts(params, "SecurityGroupId")];
  const assigned = text(params, "AssociatePublicIpAddress");
  if (id === undefined) throw missing("NetworkInterfaceId");
  if (groups.length === 0 && assigned === undefined) throw missing("SecurityGroupId");
  const found = interfaceOf(state, id);
  if (groups.length > 0) found.groups = groupsOf(state, found.subnet, groups);
  if (assigned !== undefined) found.publicIp = assigned === "true" ? publicIpFor(found.privateIp) : undefined;
  return { return: true };
}

/** Returns a network interface that is going to change. */
function interfaceOf(state: Ec2State, id: string): NetworkInterface {
  for (const { instance } of state.instances.from()) {
    const found = instance.state === "terminated" ? undefined : instance.interfaces.find((each) => each.id === id);
    if (found === undefined) continue;
    state.instances.keep(instance);
    return found;
  }
  throw new AwsError("InvalidNetworkInterfaceID.NotFound", `The networkInterface ID '${id}' does not exist`);
}
