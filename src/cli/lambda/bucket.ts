import {
  BucketAlreadyExists,
  BucketAlreadyOwnedByYou,
  CreateBucketCommand,
  GetBucketTaggingCommand,
  HeadBucketCommand,
  PutBucketEncryptionCommand,
  PutBucketPolicyCommand,
  PutBucketTaggingCommand,
  PutObjectCommand,
  PutPublicAccessBlockCommand,
  S3ServiceException,
} from "@aws-sdk/client-s3";
import { partitionOf } from "../../aws/regions.ts";
import type { Aws } from "../aws.ts";
import { CliError } from "../cli-error.ts";
import { type Tags, tagList } from "../tags.ts";

/** A bucket and the account that must own it. */
export interface Bucket {
  readonly name: string;
  readonly account: string;
}

/** Returns whether the bucket exists. Throws CliError when it belongs to another account or is in another region. */
export async function hasBucket({ s3, region }: Aws, { name, account }: Bucket): Promise<boolean> {
  try {
    // Anyone can guess a bucket's name and create it first. The code must never go to another account's bucket.
    // https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-owner-condition.html
    await s3.send(new HeadBucketCommand({ Bucket: name, ExpectedBucketOwner: account }));
    return true;
  } catch (error) {
    // The response to HEAD has no body, so the status is the only code.
    // https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadBucket.html
    const status = error instanceof S3ServiceException ? error.$metadata.httpStatusCode : undefined;
    if (status === 404) return false;
    if (status === 403) throw notOwned(name, account);
    if (status === 301) throw new CliError(`the bucket ${name} is not in ${region}`, OTHER_BUCKET);
    throw error;
  }
}

/**
 * Creates the bucket: private, encrypted, and closed to callers without TLS. New buckets are private and encrypted by default;
 * this does not rely on the default. Throws CliError when another account has a bucket of that name.
 */
export async function createBucket({ s3, region }: Aws, { name, account }: Bucket): Promise<void> {
  const owned = { Bucket: name, ExpectedBucketOwner: account };
  try {
    await s3.send(new CreateBucketCommand({ Bucket: name }));
  } catch (error) {
    if (error instanceof BucketAlreadyExists) throw notOwned(name, account);
    // Another user of this account has just created it.
    if (!(error instanceof BucketAlreadyOwnedByYou)) throw error;
  }
  const PublicAccessBlockConfiguration = {
    BlockPublicAcls: true,
    IgnorePublicAcls: true,
    BlockPublicPolicy: true,
    RestrictPublicBuckets: true,
  };
  await s3.send(new PutPublicAccessBlockCommand({ ...owned, PublicAccessBlockConfiguration }));
  const Rules = [{ ApplyServerSideEncryptionByDefault: { SSEAlgorithm: "AES256" as const } }];
  await s3.send(new PutBucketEncryptionCommand({ ...owned, ServerSideEncryptionConfiguration: { Rules } }));
  const arn = `arn:${partitionOf(region).name}:s3:::${name}`;
  const refuseWithoutTls = {
    Sid: "RefuseWithoutTls",
    Effect: "Deny",
    Principal: "*",
    Action: "s3:*",
    Resource: [arn, `${arn}/*`],
    Condition: { Bool: { "aws:SecureTransport": "false" } },
  };
  const Policy = JSON.stringify({ Version: "2012-10-17", Statement: [refuseWithoutTls] });
  await s3.send(new PutBucketPolicyCommand({ ...owned, Policy }));
}

/** Adds these tags to the bucket's tags. */
export async function tagBucket({ s3 }: Aws, { name, account }: Bucket, tags: Tags): Promise<void> {
  const owned = { Bucket: name, ExpectedBucketOwner: account };
  const before = await s3.send(new GetBucketTaggingCommand(owned)).catch((error: unknown) => {
    if (error instanceof S3ServiceException && error.name === "NoSuchTagSet") return { TagSet: [] };
    throw error;
  });
  const kept = (before.TagSet ?? []).filter(({ Key = "" }) => !(Key in tags));
  await s3.send(new PutBucketTaggingCommand({ ...owned, Tagging: { TagSet: [...kept, ...tagList(tags)] } }));
}

/** Uploads an object. Replaces an object with the same key. */
export async function upload({ s3 }: Aws, { name, account }: Bucket, key: string, body: Uint8Array): Promise<void> {
  await s3.send(new PutObjectCommand({ Bucket: name, ExpectedBucketOwner: account, Key: key, Body: body }));
}

const OTHER_BUCKET = "With --bucket, name a bucket of this account in this region.";

function notOwned(name: string, account: string): CliError {
  return new CliError(
    `the bucket ${name} does not belong to account ${account}, or these credentials may not use it`,
    OTHER_BUCKET,
  );
}
