import { arn, resourceId } from "../arns.ts";
import { AwsError } from "../errors.ts";
import { type Params, texts } from "../params.ts";
import type { XmlFields } from "../service.ts";
import { operatorFields, tagSet, time } from "./fields.ts";
import type { Ec2State, Instance, Tags, Volume, VolumeOptions } from "./model.ts";
import {
  type FilterFields,
  instancesById,
  isShown,
  itemFilters,
  listed,
  type Positioned,
  page,
  select,
} from "./query.ts";

export const ROOT_DEVICE = "/dev/xvda";

/** A volume with its instance. */
interface Attached extends Volume {
  readonly instance: Instance;
  /** In ms since 1970. */
  readonly attachedAt: number;
}

const FILTERS: FilterFields<Attached> = {
  "attachment.instance-id": ({ instance }) => [instance.id],
  "volume-id": ({ id }) => [id],
  encrypted: ({ kmsKey }) => [String(kmsKey !== undefined)],
};

/** Returns a new volume. @param makeId returns a new id with a prefix */
export function newVolume(state: Ec2State, options: VolumeOptions, tags: Tags, makeId = resourceId): Volume {
  const { device = ROOT_DEVICE, sizeGiB = 8, encrypted = state.encryptsVolumes, kmsKey = state.ebsKey } = options;
  const keyArn = kmsKey.startsWith("arn:") ? kmsKey : arn("kms", state.region, state.account, `key/${kmsKey}`);
  return { id: makeId("vol"), device, sizeGiB, kmsKey: encrypted ? keyArn : undefined, tags };
}

/** EnableEbsEncryptionByDefault. */
export function enableEncryption(state: Ec2State): XmlFields {
  state.encryptsVolumes = true;
  return { ebsEncryptionByDefault: true };
}

/** Returns the volumes of an instance: none before it first runs, and none when it is terminated. */
export function attachedVolumes(instance: Instance): Attached[] {
  const attachedAt = instance.firstRanAt;
  if (attachedAt === undefined || instance.state === "terminated") return [];
  return instance.volumes.map((volume) => ({ ...volume, instance, attachedAt }));
}

/** DescribeVolumes. Every volume is attached to an instance, and deleted with it. */
export function describeVolumes(state: Ec2State, params: Params): XmlFields {
  const { filters, passes } = itemFilters(params, FILTERS);
  const ids = texts(params, "VolumeId");
  const all = select(instancesById(state, filters, "attachment.instance-id"), (instance) =>
    isShown(state, params, instance) ? attachedVolumes(instance) : [],
  );
  const volumes = ids.length > 0 ? listed(namedVolumes(all, ids)) : all;
  const { items, nextToken } = page(
    params,
    select(volumes, (volume) => (passes(volume) ? [volume] : [])),
  );
  return { volumeSet: items.map(volumeFields), nextToken };
}

/** @throws AwsError InvalidVolume.NotFound */
function namedVolumes(all: Positioned<Attached>, ids: readonly string[]): Attached[] {
  const found = [...all(0)].flatMap(({ items }) => items.filter(({ id }) => ids.includes(id)));
  const lost = ids.find((id) => !found.some((volume) => volume.id === id));
  if (lost !== undefined) throw new AwsError("InvalidVolume.NotFound", `The volume '${lost}' does not exist.`);
  return found;
}

function volumeFields({ instance, ...volume }: Attached): XmlFields {
  const attachedAt = time(volume.attachedAt);
  return {
    volumeId: volume.id,
    size: volume.sizeGiB,
    snapshotId: "",
    availabilityZone: instance.interfaces[0].subnet.zone,
    status: "in-use",
    createTime: attachedAt,
    volumeType: "gp3",
    multiAttachEnabled: false,
    encrypted: volume.kmsKey !== undefined,
    kmsKeyId: volume.kmsKey,
    attachmentSet: [
      {
        volumeId: volume.id,
        instanceId: instance.id,
        device: volume.device,
        status: "attached",
        attachTime: attachedAt,
        deleteOnTermination: true,
      },
    ],
    operator: operatorFields(instance),
    tagSet: tagSet(volume.tags),
  };
}
