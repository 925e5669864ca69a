import { type Params, texts } from "../params.ts";
import type { XmlFields } from "../service.ts";
import { operatorFields, stateFields, tagSet, time } from "./fields.ts";
import type { Ec2State, Image, Instance } from "./model.ts";
import { type FilterFields, instancesById, isShown, itemFilters, listed, page, select } from "./query.ts";
import { findInstances } from "./validation.ts";

/** Returns the image of an id; for one that is not registered, an image of the account that is as old as `createdAt`. */
export function imageOf(state: Ec2State, id: string, createdAt: number): Image {
  return state.images.get(id) ?? newImage(state, { id, createdAt });
}

/** Returns an image with the defaults of what is not given: available, private, allowed, for Linux, owned by the account. */
export function newImage(state: Ec2State, image: Pick<Image, "id" | "createdAt"> & Partial<Image>): Image {
  return {
    name: `image-${image.id}`,
    ownerId: state.account,
    state: "available",
    isPublic: false,
    isAllowed: true,
    architecture: "x86_64",
    platform: "Linux/UNIX",
    ...image,
  };
}

interface Described {
  readonly instance: Instance;
  readonly image: Image;
  readonly tags: Instance["tags"];
}

/** https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstanceImageMetadata.html, without zone-id. */
const FILTERS: FilterFields<Described> = {
  "availability-zone": ({ instance }) => [instance.interfaces[0].subnet.zone],
  "instance-id": ({ instance }) => [instance.id],
  "image-allowed": ({ image }) => [String(image.isAllowed)],
  "instance-state-name": ({ instance }) => [instance.state],
  "instance-type": ({ instance }) => [instance.instanceType],
  "launch-time": ({ instance }) => [time(instance.launchedAt)],
  "owner-alias": ({ image }) => (image.ownerAlias === undefined ? [] : [image.ownerAlias]),
  "owner-id": ({ image }) => [image.ownerId],
};

/**
 * DescribeInstanceImageMetadata. It has no parameter for managed resources. AWS does not document whether it returns hidden
 * instances; the embedded AWS does not.
 */
export function describeInstanceImageMetadata(state: Ec2State, params: Params): XmlFields {
  const { filters, passes } = itemFilters(params, FILTERS);
  const ids = texts(params, "InstanceId");
  const instances =
    ids.length > 0 ? listed(findInstances(state, [...new Set(ids)])) : instancesById(state, filters, "instance-id");
  const { items, nextToken } = page(
    params,
    select(instances, (instance) => {
      const image = imageOf(state, instance.imageId, instance.attachedAt);
      const described = { instance, image, tags: instance.tags };
      return isShown(state, {}, instance) && passes(described) ? [described] : [];
    }),
  );
  return { instanceImageMetadataSet: items.map(metadataFields), nextToken };
}

function metadataFields({ instance, image }: Described): XmlFields {
  return {
    instanceId: instance.id,
    instanceType: instance.instanceType,
    launchTime: time(instance.launchedAt),
    availabilityZone: instance.interfaces[0].subnet.zone,
    instanceState: stateFields(instance.state),
    instanceOwnerId: instance.account,
    tagSet: tagSet(instance.tags),
    imageMetadata: {
      imageId: image.id,
      name: image.name,
      imageOwnerId: image.ownerId,
      imageState: image.state,
      imageOwnerAlias: image.ownerAlias,
      creationDate: time(image.createdAt),
      deprecationTime: image.deprecatedAt === undefined ? undefined : time(image.deprecatedAt),
      imageAllowed: image.isAllowed,
      isPublic: image.isPublic,
    },
    operator: operatorFields(instance),
  };
}
