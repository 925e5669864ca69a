import { DescribeInstancesCommand, DescribeRegionsCommand } from "@aws-sdk/client-ec2";
import { GetCallerIdentityCommand } from "@aws-sdk/client-sts";
import { describe, expect, it } from "vitest";
import { aws, of, useEmbeddedAws } from "./embedded-aws.ts";
import { clients } from "./targets.ts";

/** What moto_server 5 does not have: the states of regions, and the parameters of DescribeRegions but RegionNames. */
describe("the regions of an account", () => {
  useEmbeddedAws();

  const names = async (input: object) => {
    const { Regions = [] } = await of().ec2.send(new DescribeRegionsCommand(input));
    return Regions.map(({ RegionName }) => RegionName);
  };

  it("are the 17 that need no opt-in, and with AllRegions all 34", async () => {
    expect(await names({})).toHaveLength(17);
    expect(await names({ AllRegions: true })).toHaveLength(34);
  });

  it("include a region once the account has enabled it, and no other account's", async () => {
    aws.enableRegion("af-south-1");
    aws.enableRegion("me-south-1", "210987654321");
    const optedIn = { Filters: [{ Name: "opt-in-status", Values: ["opted-in"] }] };
    expect(await names(optedIn)).toEqual(["af-south-1"]);
    aws.disableRegion("af-south-1");
    expect(await names(optedIn)).toEqual([]);
  });

  it("are filtered by status, name and endpoint", async () => {
    const filter = (Name: string, ...Values: string[]) => ({ AllRegions: true, Filters: [{ Name, Values }] });
    expect(await names(filter("opt-in-status", "not-opted-in"))).toHaveLength(17);
    expect(await names({ ...filter("opt-in-status", "not-opted-in"), AllRegions: false })).toEqual([]);
    expect(await names(filter("region-name", "us-*"))).toEqual(["us-east-1", "us-east-2", "us-west-1", "us-west-2"]);
    expect(await names(filter("endpoint", "ec2.il-central-1.amazonaws.com"))).toEqual(["il-central-1"]);
    await expect(names(filter("zone", "x"))).rejects.toMatchObject({ name: "InvalidParameterValue" });
  });

  it("do not include an unknown one: to name it is an error", async () => {
    await expect(names({ RegionNames: ["eu-west-9"] })).rejects.toMatchObject({ name: "InvalidParameterValue" });
  });

  it("do not know the caller's credentials before the account enables them", async () => {
    const { ec2, sts } = clients(aws.endpoint, "af-south-1");
    await expect(ec2.send(new DescribeInstancesCommand({}))).rejects.toMatchObject({
      name: "AuthFailure",
      message: "AWS was not able to validate the provided access credentials",
      $metadata: { httpStatusCode: 401 },
    });
    await expect(sts.send(new GetCallerIdentityCommand({}))).rejects.toMatchObject({ name: "InvalidClientTokenId" });
    aws.enableRegion("af-south-1");
    await expect(ec2.send(new DescribeInstancesCommand({}))).resolves.toMatchObject({ Reservations: [] });
  });

  it("cannot be disabled if they need no opt-in, as in AWS", () => {
    expect(() => aws.disableRegion("us-east-1")).toThrow(RangeError);
  });
});
