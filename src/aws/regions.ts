/**
 * An AWS partition.
 * Source: https://docs.aws.amazon.com/whitepapers/latest/aws-fault-isolation-boundaries/partitions.html
 */
export interface Partition {
  readonly name: "aws" | "aws-cn" | "aws-us-gov" | "aws-eusc";
  /**
   * The domain of the partition's service endpoints, without a leading dot. SNS's signing certificates are at its endpoint in
   * every partition: see AWS's own SnsMessageManager (aws-sdk-java-v2, SnsHostProvider).
   */
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
/** The domain is from the SDK's table of partitions (@aws-sdk/core, partitions.js). */
const EUROPEAN_SOVEREIGN: Partition = {
  name: "aws-eusc",
  dnsSuffix: "amazonaws.eu",
  consoleHost: "console.amazonaws-eusc.eu",
};

/**
 * Returns whether the text is a region name of a supported partition: `us-east-1`, `us-gov-west-1`, `cn-north-1`,
 * `eusc-de-east-1`. Regions of the isolated partitions (`us-iso-east-1`) are refused: they would count as regions of another
 * partition. A region from an event becomes part of a host name, so it must not contain a character that could end or extend
 * one.
 */
export function isRegion(text: string): boolean {
  return /^(?:[a-z]{2}|us-gov|eusc-de)-[a-z]{2,12}-\d{1,2}$/.test(text);
}

/** Returns the partition of a region. Takes a region name that `isRegion` accepts. */
export function partitionOf(region: string): Partition {
  if (region.startsWith("cn-")) return CHINA;
  if (region.startsWith("us-gov-")) return GOVERNMENT;
  if (region.startsWith("eusc-")) return EUROPEAN_SOVEREIGN;
  return COMMERCIAL;
}

/** Returns whether the text is an account id: twelve digits. */
export function isAccountId(text: string): boolean {
  return /^\d{12}$/.test(text);
}
