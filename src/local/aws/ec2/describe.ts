import { AwsError } from "../errors.ts";
import { type Params, text, texts } from "../params.ts";
import type { XmlFields } from "../service.ts";
import { type Ec2State, type Instance, reservationFields } from "./instance.ts";
import { type Filter, page, readFilters } from "./query.ts";
import { findInstances } from "./validation.ts";

const INSTANCE_FILTERS: Readonly<Record<string, (instance: Instance) => string[]>> = {
  "instance-id": (instance) => [instance.id],
  "instance-state-name": (instance) => [instance.state],
  "instance-type": (instance) => [instance.instanceType],
  "image-id": (instance) => [instance.imageId],
  "reservation-id": (instance) => [instance.reservationId],
  "vpc-id": (instance) => (instance.state === "terminated" ? [] : [instance.vpcId]),
  "tag-key": (instance) => [...instance.tags.keys()],
};

function instancePasses(instance: Instance, filter: Filter): boolean {
  if (filter.name.startsWith("tag:")) {
    const value = instance.tags.get(filter.name.slice(4));
    return value !== undefined && filter.matches(value);
  }
  return INSTANCE_FILTERS[filter.name]?.(instance).some((value) => filter.matches(value)) ?? false;
}

/**
 * Returns whether the response has the instance: a hidden one is omitted unless the call includes managed resources.
 * https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyManagedResourceVisibility.html
 */
function isShown(state: Ec2State, params: Params, instance: Instance): boolean {
  const hidden = state.managedHidden && instance.operator !== undefined;
  return !hidden || text(params, "IncludeManagedResources") === "true";
}

/** DescribeInstances. The response includes terminated instances while they are visible. */
export function describeInstances(state: Ec2State, params: Params): XmlFields {
  const ids = texts(params, "InstanceId");
  if (ids.length > 0 && text(params, "MaxResults") !== undefined) {
    throw new AwsError(
      "InvalidParameterCombination",
      "The parameter instancesSet cannot be used with the parameter maxResults",
    );
  }
  const filters = readFilters(params, (name) => name.startsWith("tag:") || Object.hasOwn(INSTANCE_FILTERS, name));
  const candidates = ids.length > 0 ? findInstances(state, [...new Set(ids)]) : byId(state, filters, "instance-id");
  const found = candidates.filter(
    (instance) => isShown(state, params, instance) && filters.every((filter) => instancePasses(instance, filter)),
  );
  const { items, nextToken } = page(params, found);
  const reservations = new Map<string, Instance[]>();
  for (const instance of items) {
    const members = reservations.get(instance.reservationId);
    if (members === undefined) reservations.set(instance.reservationId, [instance]);
    else members.push(instance);
  }
  return { reservationSet: [...reservations.values()].map(reservationFields), nextToken };
}

/** Returns the instances that a filter by id can match, by look-up; all without such a filter, or if it has wildcards. */
function byId(state: Ec2State, filters: readonly Filter[], name: string): Instance[] {
  const filter = filters.find((each) => each.name === name);
  if (filter === undefined || filter.values.some((value) => /[*?\\]/.test(value))) return [...state.instances.values()];
  return [...new Set(filter.values)].map((id) => state.instances.get(id)).filter((instance) => instance !== undefined);
}

function tagPasses(instance: Instance, key: string, value: string, filter: Filter): boolean {
  if (filter.name === "resource-id") return filter.matches(instance.id);
  if (filter.name === "resource-type") return filter.matches("instance");
  if (filter.name === "key") return filter.matches(key);
  if (filter.name === "value") return filter.matches(value);
  return filter.name === `tag:${key}` && filter.matches(value);
}

/**
 * DescribeTags. It returns no tags of a terminated instance, nor of one that does not exist. It has no parameter for managed
 * resources. AWS does not document whether it returns the tags of hidden instances; the embedded AWS does not.
 */
export function describeTags(state: Ec2State, params: Params): XmlFields {
  const known = ["resource-id", "resource-type", "key", "value"];
  const filters = readFilters(params, (name) => name.startsWith("tag:") || known.includes(name));
  const found: { instance: Instance; key: string; value: string }[] = [];
  for (const instance of byId(state, filters, "resource-id")) {
    if (instance.state === "terminated" || !isShown(state, {}, instance)) continue;
    for (const [key, value] of instance.tags) {
      if (filters.every((filter) => tagPasses(instance, key, value, filter))) found.push({ instance, key, value });
    }
  }
  const { items, nextToken } = page(params, found);
  return {
    tagSet: items.map(({ instance, key, value }) => ({
      resourceId: instance.id,
      resourceType: "instance",
      key,
      value,
    })),
    nextToken,
  };
}
