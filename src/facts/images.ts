import { DescribeInstanceImageMetadataCommand, type EC2Client, type InstanceImageMetadata } from "@aws-sdk/client-ec2";
import { requireSet } from "./pages.ts";

/**
 * The image of an instance. EC2 describes it even if it is deprecated, deregistered, private or not allowed.
 * https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ImageMetadata.html
 */
export interface Image {
  readonly imageId: string;
  readonly name: string | null;
  /** The account id of the owner. */
  readonly ownerId: string | null;
  /** `amazon`, `aws-backup-vault` or `aws-marketplace`; null for any other owner. */
  readonly ownerAlias: string | null;
  /** Such as `available` or `deregistered`. */
  readonly state: string | null;
  /** In ISO 8601. */
  readonly creationDate: string | null;
  /** In ISO 8601; null for an image that is not deprecated. It can be in the future. */
  readonly deprecationTime: string | null;
  /** Whether it meets the account's Allowed AMIs criteria; null if EC2 does not report it. */
  readonly isAllowed: boolean | null;
  readonly isPublic: boolean | null;
}

/** Reads the images of at most 200 instances, by instance id; null for one that EC2 does not show. Throws as `describeTags` does. */
export async function describeImages(
  ec2: Pick<EC2Client, "send">,
  ids: readonly string[],
): Promise<Map<string, Image | null>> {
  const found = new Map<string, Image | null>(ids.map((id) => [id, null]));
  let next: string | undefined;
  do {
    const page = await ec2.send(
      new DescribeInstanceImageMetadataCommand({
        Filters: [{ Name: "instance-id", Values: [...ids] }],
        MaxResults: 1000,
        ...(next && { NextToken: next }),
      }),
    );
    const entries = requireSet(page.InstanceImageMetadata, "DescribeInstanceImageMetadata");
    for (const entry of entries) {
      if (entry.InstanceId === undefined || !found.has(entry.InstanceId)) continue;
      found.set(entry.InstanceId, readImage(entry));
    }
    next = page.NextToken;
  } while (next);
  return found;
}

/** Returns the image of an entry of DescribeInstanceImageMetadata; null for an entry without one. */
export function readImage({ ImageMetadata: image }: InstanceImageMetadata): Image | null {
  if (image?.ImageId === undefined) return null;
  return {
    imageId: image.ImageId,
    name: image.Name ?? null,
    ownerId: image.OwnerId ?? null,
    ownerAlias: image.ImageOwnerAlias ?? null,
    state: image.State ?? null,
    creationDate: image.CreationDate ?? null,
    deprecationTime: image.DeprecationTime ?? null,
    isAllowed: image.ImageAllowed ?? null,
    isPublic: image.IsPublic ?? null,
  };
}
