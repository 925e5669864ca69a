import type { Image } from "../facts/images.ts";

/** Returns the owner as policies name it: by account id, by alias, and as `self` if the account of the instance owns the image. */
export function ownersOf({ ownerId, ownerAlias }: Image, account: string): string[] {
  return [ownerId, ownerAlias, ownerId === account ? "self" : null].filter((owner) => owner !== null);
}

/** Returns an instance profile as policies name it: by its ARN, and by its name, which follows the last `/`. */
export function namesOfProfile(arn: string): readonly [arn: string, name: string] {
  return [arn, arn.slice(arn.lastIndexOf("/") + 1)];
}
