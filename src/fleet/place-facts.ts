import type { EC2Client } from "@aws-sdk/client-ec2";
import { isDenied } from "../aws/denied.ts";
import { ec2Facts, type FactReader } from "../facts/facts.ts";
import type { Image } from "../facts/images.ts";
import type { Instance } from "../facts/instances.ts";
import { type Read, type Reads, readOf } from "../facts/pages.ts";
import type { SecurityGroup } from "../facts/security-groups.ts";
import type { Volume } from "../facts/volumes.ts";
import { detached } from "../util/text.ts";

/**
 * Returns a function that returns the reader of facts for a page of instances. The readers ask EC2 for each security group, each
 * image and the default VPC once for all pages of an account and region. A call that failed for another reason than a missing
 * permission is made again for the next page.
 */
export function factsOfPages(ec2: Pick<EC2Client, "send">): (page: readonly Instance[]) => FactReader {
  const facts = ec2Facts(ec2);
  const securityGroups = memory<SecurityGroup | null>(() => true);
  // An instance that has just ended shows no image. Another instance of the image may.
  const images = memory<Image | null>((image) => image !== null);
  // Each instance has its own, and is read once.
  const volumes = memory<readonly Volume[]>(() => false);
  let defaultVpc: Promise<string | null> | null = null;

  return (page) => {
    const instances = new Map(page.map((instance) => [instance.instanceId, { value: instance }]));
    return {
      ...facts,
      instances: async () => instances,
      securityGroups: (ids) => securityGroups(ids, facts.securityGroups),
      images: async () => {
        // The metadata belongs to the image, so one instance of each image is enough. An unknown image may be any.
        const imageIdOf = ({ instanceId, imageId }: Instance) => imageId ?? instanceId;
        const samples = new Map(page.map((instance) => [imageIdOf(instance), instance.instanceId]));
        const sampleOf = (imageId: string) => samples.get(imageId) ?? imageId;
        const reads = await images([...samples.keys()], async (imageIds) => {
          const ofSamples = await facts.images(imageIds.map(sampleOf));
          return new Map(imageIds.map((imageId) => [imageId, readOf(ofSamples, sampleOf(imageId))]));
        });
        return new Map(page.map((instance) => [instance.instanceId, readOf(reads, imageIdOf(instance))]));
      },
      volumes: (ids) => volumes(ids, facts.volumes),
      defaultVpc: () => {
        defaultVpc ??= facts.defaultVpc().catch((error: unknown) => {
          if (!isDenied(error)) defaultVpc = null;
          throw error;
        });
        return defaultVpc;
      },
    };
  };
}

type ReadIds<T> = (ids: readonly string[]) => Promise<Reads<T>>;

/**
 * Returns a function that reads the ids that it does not know. It keeps the values that `isKept` selects, and asks no more once the
 * credentials do not allow it.
 */
function memory<T>(isKept: (value: T) => boolean): (ids: readonly string[], read: ReadIds<T>) => Promise<Reads<T>> {
  const known = new Map<string, Read<T>>();
  let denied: Read<T> | null = null;
  return async (ids, read) => {
    const open = denied === null ? ids.filter((id) => !known.has(id)) : [];
    const reads = open.length === 0 ? known : await read(open);
    for (const id of open) {
      const one = readOf(reads, id);
      if ("value" in one) {
        if (isKept(one.value)) known.set(detached(id), one);
      } else if (isDenied(one.error)) denied = one;
    }
    return new Map(ids.map((id) => [id, known.get(id) ?? denied ?? readOf(reads, id)]));
  };
}
