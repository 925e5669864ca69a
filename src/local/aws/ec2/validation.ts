import { isInstanceId } from "../../../aws/instance-id.ts";
import { AwsError } from "../errors.ts";
import { type Params, structures, text, texts } from "../params.ts";
import type { Ec2State, Instance, SecurityGroup, Subnet, Vpc } from "./model.ts";

/** https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Tags.html#tag-restrictions */
const MAX_TAGS = 50;
const MAX_KEY = 128;
const MAX_VALUE = 256;

/** Returns the error for a missing required parameter. */
export function missing(parameter: string): AwsError {
  return new AwsError("MissingParameter", `The request must contain the parameter ${parameter}`);
}

/** Returns the instances with these ids, in that order. @throws AwsError InvalidInstanceID.Malformed, .NotFound */
export function findInstances(state: Ec2State, ids: readonly string[]): Instance[] {
  const bad = ids.find((id) => !isInstanceId(id));
  if (bad !== undefined) throw new AwsError("InvalidInstanceID.Malformed", `Invalid id: "${bad}"`);
  const found = ids.map((id) => state.instances.get(id));
  const lost = ids.filter((_, index) => found[index] === undefined);
  if (lost.length === 1) {
    throw new AwsError("InvalidInstanceID.NotFound", `The instance ID '${lost[0]}' does not exist`);
  }
  if (lost.length > 1) {
    throw new AwsError("InvalidInstanceID.NotFound", `The instance IDs '${lost.join(", ")}' do not exist`);
  }
  return found.filter((instance) => instance !== undefined);
}

/** Returns instances that are going to change. @throws AwsError as findInstances does */
export function changeableInstances(state: Ec2State, ids: readonly string[]): Instance[] {
  const instances = findInstances(state, ids);
  for (const instance of instances) state.instances.keep(instance);
  return instances;
}

/** Returns the VPC with an id. @throws AwsError InvalidVpcID.NotFound */
export function findVpc(state: Ec2State, id: string): Vpc {
  return find(state.vpcs, id, "InvalidVpcID.NotFound", "vpc ID");
}

/** Returns the subnet with an id. @throws AwsError InvalidSubnetID.NotFound */
export function findSubnet(state: Ec2State, id: string): Subnet {
  return find(state.subnets, id, "InvalidSubnetID.NotFound", "subnet ID");
}

/** Returns the security group with an id. @throws AwsError InvalidGroup.NotFound */
export function findGroup(state: Ec2State, id: string): SecurityGroup {
  return find(state.securityGroups, id, "InvalidGroup.NotFound", "security group");
}

function find<T>(items: ReadonlyMap<string, T>, id: string, notFound: string, what: string): T {
  const item = items.get(id);
  if (item === undefined) throw new AwsError(notFound, `The ${what} '${id}' does not exist`);
  return item;
}

/** Returns the instances of the required list `InstanceId`, which are going to change. @throws AwsError MissingParameter and those of findInstances */
export function requiredInstances(state: Ec2State, params: Params): Instance[] {
  const ids = texts(params, "InstanceId");
  if (ids.length === 0) throw missing("InstanceId");
  return changeableInstances(state, ids);
}

/** Returns the tags in the list `Tag` of `params`, after EC2's checks of a caller's tags. @throws AwsError InvalidParameterValue */
export function callerTags(params: Params): Map<string, string> {
  const tags = new Map<string, string>();
  for (const tag of structures(params, "Tag")) {
    const key = text(tag, "Key") ?? "";
    const value = text(tag, "Value") ?? "";
    const refuse = (reason: string) => new AwsError("InvalidParameterValue", reason);
    if (key === "") throw refuse("Tag key cannot be empty");
    if (/^aws:/i.test(key)) throw refuse("Tag keys starting with 'aws:' are reserved for internal use");
    if ([...key].length > MAX_KEY) throw refuse(`Tag key exceeds the maximum length of ${MAX_KEY} characters`);
    if ([...value].length > MAX_VALUE) throw refuse(`Tag value exceeds the maximum length of ${MAX_VALUE} characters`);
    if (tags.has(key)) throw refuse(`Duplicate tag key '${key}' specified.`);
    tags.set(key, value);
  }
  return tags;
}

/** @throws AwsError TagLimitExceeded when a resource with `present` tags would have more than 50 after `added`; those of AWS do not count. */
export function checkTagLimit(present: ReadonlyMap<string, string>, added: ReadonlyMap<string, string>): void {
  const keys = new Set([...present.keys(), ...added.keys()].filter((key) => !key.startsWith("aws:")));
  if (keys.size > MAX_TAGS) {
    throw new AwsError("TagLimitExceeded", "The maximum number of Tags for a resource has been reached.");
  }
}

/**
 * Returns the tags that a request specifies for the resources of `type` that it creates.
 * @param valid the types that the action can tag
 * @throws AwsError InvalidParameterValue, TagLimitExceeded
 */
export function specifiedTags(params: Params, type: string, valid: readonly string[] = [type]): Map<string, string> {
  let tags = new Map<string, string>();
  for (const specification of structures(params, "TagSpecification")) {
    const specified = text(specification, "ResourceType") ?? "";
    if (!valid.includes(specified)) {
      throw new AwsError(
        "InvalidParameterValue",
        `'${specified}' is not a valid taggable resource type for this operation.`,
      );
    }
    const checked = callerTags(specification);
    checkTagLimit(new Map(), checked);
    if (specified === type) tags = checked;
  }
  return tags;
}
