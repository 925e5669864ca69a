import { DescribeVpcsCommand, EC2Client } from "@aws-sdk/client-ec2";
import { beforeEach, describe, expect, it } from "vitest";
import { ec2Facts } from "../../src/facts/facts.ts";
import { mockClients } from "../support/aws.ts";
import { instanceIds, REGION } from "../support/events.ts";

const mock = mockClients(EC2Client);
beforeEach(() => mock.reset());

const reader = ec2Facts(new EC2Client({ region: REGION }));

describe("ec2Facts", () => {
  it.each([
    ["tags", "DescribeTagsCommand"],
    ["instances", "DescribeInstancesCommand"],
    ["securityGroups", "DescribeSecurityGroupsCommand"],
    ["images", "DescribeInstanceImageMetadataCommand"],
    ["volumes", "DescribeVolumesCommand"],
  ] as const)("reads %s for 200 ids in a call", async (name, command) => {
    const empty = { Tags: [], Reservations: [], SecurityGroups: [], InstanceImageMetadata: [], Volumes: [] };
    mock.onAnyCommand().resolves(empty);
    const ids = instanceIds(201);
    expect([...(await reader[name](ids)).keys()]).toEqual(ids);
    const calls = mock.calls().map(({ args: [call] }) => [call.constructor.name, call.input]);
    const reading = (values: readonly string[]) =>
      expect.objectContaining({ Filters: [expect.objectContaining({ Values: values })] });
    expect(calls).toEqual([
      [command, reading(ids.slice(0, 200))],
      [command, reading(ids.slice(200))],
    ]);
  });

  it("reads the id of the default VPC", async () => {
    mock.on(DescribeVpcsCommand).resolves({ Vpcs: [{ VpcId: "vpc-1", IsDefault: true }] });
    expect(await reader.defaultVpc()).toBe("vpc-1");
  });
});
