import { CliError } from "../cli.ts";
import type { Ended } from "../run-program.ts";

/** Runs the AWS CLI with these arguments. */
export type RunAws = (args: readonly string[]) => Promise<Ended>;

/** Whether the bucket is there. @throws CliError when it is another account's, or AWS does not say */
export async function hasBucket(aws: RunAws, bucket: string, account: string): Promise<boolean> {
  // A bucket's name can be guessed, and taken by somebody else first: code must never go to a stranger.
  // https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-owner-condition.html
  const { code, stderr } = await aws(["s3api", "head-bucket", "--bucket", bucket, "--expected-bucket-owner", account]);
  if (code === 0) return true;
  if (/\(404\)|NoSuchBucket|Not Found/i.test(stderr)) return false;
  if (/\(403\)|Forbidden|AccessDenied/i.test(stderr)) {
    throw new CliError(
      `the bucket ${bucket} is not account ${account}'s, or these credentials may not look at it`,
      "Name another one with --bucket, which this account has made.",
    );
  }
  throw new CliError(`the bucket ${bucket} could not be looked at: ${stderr.trim()}`);
}

/** Makes the bucket, which nobody outside the account can read. @throws CliError when it cannot be made */
export async function makeBucket(aws: RunAws, bucket: string, region: string): Promise<void> {
  // us-east-1 is the default, and refused as a constraint. https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html
  const place = region === "us-east-1" ? [] : ["--create-bucket-configuration", `LocationConstraint=${region}`];
  const { code, stderr } = await aws(["s3api", "create-bucket", "--bucket", bucket, ...place]);
  if (code === 0) return;
  throw new CliError(
    `the bucket ${bucket} could not be made: ${stderr.trim()}`,
    "Name one that is there with --bucket.",
  );
}
