import { createHash } from "node:crypto";
import { arn, resourceId } from "../arns.ts";
import type { Clock } from "../clock.ts";
import { AwsError } from "../errors.ts";
import { type Params, structure, text, texts } from "../params.ts";
import type { XmlFields } from "../service.ts";
import { time } from "./fields.ts";
import type { Ec2State, Instance, ProfileAssociation } from "./model.ts";
import { type FilterFields, instancesById, itemFilters, listed, page, select } from "./query.ts";
import { changeableInstances, missing } from "./validation.ts";

const FILTERS: FilterFields<Instance> = { "instance-id": ({ id }) => [id] };

/** Returns an association with the instance profile of a name or ARN. Profiles are not stored: every one exists. @param makeId returns a new id with a prefix */
export function newAssociation(state: Ec2State, nameOrArn: string, makeId = resourceId): ProfileAssociation {
  return { id: makeId("iip-assoc"), profile: profileOf(state, nameOrArn) };
}

function profileOf(state: Ec2State, nameOrArn: string): ProfileAssociation["profile"] {
  const profileArn = nameOrArn.startsWith("arn:")
    ? nameOrArn
    : arn("iam", state.region, state.account, `instance-profile/${nameOrArn}`, "global");
  const digest = createHash("sha256").update(profileArn).digest("hex");
  return { arn: profileArn, id: `AIPA${digest.slice(0, 17).toUpperCase()}` };
}

/** Returns the name or ARN in the parameter `IamInstanceProfile`; undefined without it. */
export function requestedProfile(params: Params): string | undefined {
  const profile = structure(params, "IamInstanceProfile");
  return text(profile, "Arn") ?? text(profile, "Name");
}

/** DescribeIamInstanceProfileAssociations. */
export function describeAssociations(state: Ec2State, params: Params): XmlFields {
  const { filters, passes } = itemFilters(params, FILTERS);
  const ids = texts(params, "AssociationId");
  const instances =
    ids.length > 0 ? listed(ids.map((id) => associated(state, id))) : instancesById(state, filters, "instance-id");
  const { items, nextToken } = page(
    params,
    select(instances, (each) => (each.association !== undefined && passes(each) ? [each] : [])),
  );
  return {
    iamInstanceProfileAssociationSet: items.map((instance) => associationFields(instance, "associated")),
    nextToken,
  };
}

/** AssociateIamInstanceProfile. */
export function associateProfile(state: Ec2State, params: Params, clock: Clock): XmlFields {
  const id = text(params, "InstanceId");
  if (id === undefined) throw missing("InstanceId");
  const [instance] = changeableInstances(state, [id]);
  if (instance === undefined || instance.association !== undefined) {
    throw new AwsError("IncorrectState", `There is an existing association for instance ${id}`);
  }
  instance.association = newAssociation(state, requiredProfile(params));
  return associating(instance, clock);
}

/** ReplaceIamInstanceProfileAssociation. */
export function replaceAssociation(state: Ec2State, params: Params, clock: Clock): XmlFields {
  const id = requiredAssociation(params);
  const instance = associated(state, id);
  state.instances.keep(instance);
  instance.association = { id, profile: profileOf(state, requiredProfile(params)) };
  return associating(instance, clock);
}

/** DisassociateIamInstanceProfile. */
export function disassociateProfile(state: Ec2State, params: Params): XmlFields {
  const instance = associated(state, requiredAssociation(params));
  const fields = associationFields(instance, "disassociating");
  state.instances.keep(instance);
  instance.association = undefined;
  return { iamInstanceProfileAssociation: fields };
}

function requiredProfile(params: Params): string {
  const profile = requestedProfile(params);
  if (profile === undefined) throw missing("IamInstanceProfile");
  return profile;
}

function requiredAssociation(params: Params): string {
  const id = text(params, "AssociationId");
  if (id === undefined) throw missing("AssociationId");
  return id;
}

function associated(state: Ec2State, id: string): Instance {
  for (const { instance } of state.instances.from()) {
    if (instance.association?.id === id) return instance;
  }
  throw new AwsError("InvalidAssociationID.NotFound", `An invalid association-id of '${id}' was given`);
}

function associating(instance: Instance, clock: Clock): XmlFields {
  return {
    iamInstanceProfileAssociation: { ...associationFields(instance, "associating"), timestamp: time(clock.now()) },
  };
}

function associationFields({ id, association }: Instance, state: string): XmlFields {
  return { associationId: association?.id, instanceId: id, iamInstanceProfile: association?.profile, state };
}
