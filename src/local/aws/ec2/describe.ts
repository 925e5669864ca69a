import { AwsError } from "../errors.ts";
import { type Params, text, texts } from "../params.ts";
import type { XmlFields } from "../service.ts";
import { WrittenXml } from "../xml.ts";
import { reservationFields } from "./instance.ts";
import type { Ec2State, Instance } from "./model.ts";
import {
  type Filter,
  type FilterFields,
  instancesById,
  isShown,
  itemFilters,
  listed,
  page,
  readFilters,
  select,
} from "./query.ts";
import { findInstances } from "./validation.ts";

const INSTANCE_FILTERS: FilterFields<Instance> = {
  "instance-id": (instance) => [instance.id],
  "instance-state-name": (instance) => [instance.state],
  "instance-type": (instance) => [instance.instanceType],
  "image-id": (instance) => [instance.imageId],
  "reservation-id": (instance) => [instance.reservationId],
  "vpc-id": (instance) => (instance.state === "terminated" ? [] : [instance.interfaces[0].subnet.vpc.id]),
};

/** DescribeInstances. The response includes terminated instances while they are visible. */
export function describeInstances(state: Ec2State, params: Params): XmlFields {
  const ids = texts(params, "InstanceId");
  if (ids.length > 0 && text(params, "MaxResults") !== undefined) {
    throw new AwsError(
      "InvalidParameterCombination",
      "The parameter instancesSet cannot be used with the parameter maxResults",
    );
  }
  const { filters, passes } = itemFilters(params, INSTANCE_FILTERS);
  const candidates =
    ids.length > 0 ? listed(findInstances(state, [...new Set(ids)])) : instancesById(state, filters, "instance-id");
  const { items, nextToken } = page(
    params,
    select(candidates, (each) => (isShown(state, params, each) && passes(each) ? [each] : [])),
  );
  const reservations = new Map<string, Instance[]>();
  for (const instance of items) {
    const members = reservations.get(instance.reservationId);
    if (members === undefined) reservations.set(instance.reservationId, [instance]);
    else members.push(instance);
  }
  // Each is written at once, so that the page is never there as a million fields.
  const written = [...reservations.values()].map((each) => new WrittenXml(reservationFields(each)));
  return { reservationSet: written, nextToken };
}

function tagPasses(instance: Instance, key: string, value: string, filter: Filter): boolean {
  if (filter.name === "resource-id") return filter.matches(instance.id);
  if (filter.name === "resource-type") return filter.matches("instance");
  if (filter.name === "key") return filter.matches(key);
  if (filter.name === "value") return filter.matches(value);
  return filter.name === `tag:${key}` && filter.matches(value);
}

/**
 * DescribeTags, of instances only. It returns no tags of a terminated instance, nor of one that does not exist. It has no parameter for managed
 * resources. AWS does not document whether it returns the tags of hidden instances; the embedded AWS does not.
 */
export function describeTags(state: Ec2State, params: Params): XmlFields {
  const known = ["resource-id", "resource-type", "key", "value"];
  const filters = readFilters(params, (name) => name.startsWith("tag:") || known.includes(name));
  const { items, nextToken } = page(
    params,
    select(instancesById(state, filters, "resource-id"), (instance) => {
      if (instance.state === "terminated" || !isShown(state, {}, instance)) return [];
      return [...instance.tags]
        .filter(([key, value]) => filters.every((filter) => tagPasses(instance, key, value, filter)))
        .map(([key, value]) => ({ instance, key, value }));
    }),
  );
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
