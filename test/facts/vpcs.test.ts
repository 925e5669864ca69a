import { DescribeVpcsCommand, EC2Client } from "@aws-sdk/client-ec2";
import { beforeEach, describe, expect, it } from "vitest";
import { describeDefaultVpc } from "../../src/facts/vpcs.ts";
import { mockClients } from "../support/aws.ts";
import { REGION } from "../support/events.ts";

const mock = mockClients(EC2Client);
beforeEach(() => mock.reset());

const read = () => describeDefaultVpc(new EC2Client({ region: REGION }));

describe("describeDefaultVpc", () => {
  it("returns the id of the default VPC, after one call", async () => {
    mock.on(DescribeVpcsCommand).resolves({ Vpcs: [{ VpcId: "vpc-0e9801d129EXAMPLE", IsDefault: true }] });
    expect(await read()).toBe("vpc-0e9801d129EXAMPLE");
    expect(mock.commandCalls(DescribeVpcsCommand).map((call) => call.args[0].input)).toEqual([
      { Filters: [{ Name: "is-default", Values: ["true"] }] },
    ]);
  });

  it("returns null when the region has none", async () => {
    mock.on(DescribeVpcsCommand).resolves({ Vpcs: [] });
    expect(await read()).toBeNull();
    mock.on(DescribeVpcsCommand).resolves({ Vpcs: [{ VpcId: "vpc-06e4ab6c6cEXAMPLE", IsDefault: false }] });
    expect(await read()).toBeNull();
    mock.on(DescribeVpcsCommand).resolves({ Vpcs: [{ IsDefault: true }] });
    expect(await read()).toBeNull();
  });

  it("throws for a response that is not from EC2", async () => {
    mock.on(DescribeVpcsCommand).resolves({});
    await expect(read()).rejects.toThrow("the response to DescribeVpcs is not from EC2");
  });
});
