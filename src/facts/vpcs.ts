import { DescribeVpcsCommand, type EC2Client } from "@aws-sdk/client-ec2";
import { requireSet } from "./pages.ts";

/**
 * Reads the id of the region's default VPC; null if there is none. A region has at most one. Throws as `describeTags` does.
 * https://docs.aws.amazon.com/vpc/latest/userguide/default-vpc.html
 */
export async function describeDefaultVpc(ec2: Pick<EC2Client, "send">): Promise<string | null> {
  const page = await ec2.send(new DescribeVpcsCommand({ Filters: [{ Name: "is-default", Values: ["true"] }] }));
  return requireSet(page.Vpcs, "DescribeVpcs").find(({ IsDefault }) => IsDefault)?.VpcId ?? null;
}
