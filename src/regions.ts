/**
 * What differs between AWS partitions, as far as this project needs it.
 * Source: https://docs.aws.amazon.com/whitepapers/latest/aws-fault-isolation-boundaries/partitions.html
 */
export interface Partition {
  readonly name: "aws" | "aws-cn" | "aws-us-gov";
  /** The domain under which the partition's service endpoints are, without a leading dot. */
  readonly dnsSuffix: string;
  /** The host of the partition's web console. */
  readonly consoleHost: string;
}

const COMMERCIAL: Partition = { name: "aws", dnsSuffix: "amazonaws.com", consoleHost: "console.aws.amazon.com" };
const CHINA: Partition = { name: "aws-cn", dnsSuffix: "amazonaws.com.cn", consoleHost: "console.amazonaws.cn" };
const GOVERNMENT: Partition = {
  name: "aws-us-gov",
  dnsSuffix: "amazonaws.com",
  consoleHost: "console.amazonaws-us-gov.com",
};

/**
 * Whether the text has the form of a region name (`us-east-1`, `us-gov-west-1`, `cn-north-1`). A region out of an
 * event becomes part of a host name, so nothing that could end or extend a host name may pass.
 */
export function isRegion(text: string): boolean {
  return /^[a-z]{2}(?:-[a-z]{2,12}){1,2}-\d{1,2}$/.test(text);
}

/** The partition that a region belongs to. Takes a region name that `isRegion` accepts. */
export function partitionOf(region: string): Partition {
  if (region.startsWith("cn-")) return CHINA;
  if (region.startsWith("us-gov-")) return GOVERNMENT;
  return COMMERCIAL;
}

/** Whether the text has the form of an account id: twelve digits. */
export function isAccountId(text: string): boolean {
  return /^\d{12}$/.test(text);
}
