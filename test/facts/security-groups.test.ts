import { DescribeSecurityGroupsCommand, EC2Client } from "@aws-sdk/client-ec2";
import { beforeEach, describe, expect, it } from "vitest";
import { describeSecurityGroups, readSecurityGroup } from "../../src/facts/security-groups.ts";
import { mockClients } from "../support/aws.ts";
import { REGION } from "../support/events.ts";

const mock = mockClients(EC2Client);
beforeEach(() => mock.reset());

const read = (...ids: readonly string[]) => describeSecurityGroups(new EC2Client({ region: REGION }), ids);
const inputs = () => mock.commandCalls(DescribeSecurityGroupsCommand).map((call) => call.args[0].input);

/** A group as AWS documents it: https://docs.aws.amazon.com/cli/latest/reference/ec2/describe-security-groups.html */
const GROUP = {
  GroupId: "sg-903004f8",
  GroupName: "MySecurityGroup",
  Description: "My security group",
  OwnerId: "123456789012",
  VpcId: "vpc-1a2b3c4d",
  Tags: [{ Key: "team", Value: "web" }],
  IpPermissions: [
    {
      IpProtocol: "tcp",
      FromPort: 22,
      ToPort: 22,
      IpRanges: [{ CidrIp: "203.0.113.0/24", Description: "Access from NY office" }, { CidrIp: "0.0.0.0/0" }],
      Ipv6Ranges: [{ CidrIpv6: "::/0" }],
      PrefixListIds: [{ PrefixListId: "pl-63a5400a" }],
      UserIdGroupPairs: [],
    },
  ],
  IpPermissionsEgress: [{ IpProtocol: "-1", IpRanges: [{ CidrIp: "0.0.0.0/0" }] }],
};

describe("describeSecurityGroups", () => {
  it("returns each group, and null for one that is not shown, such as a group of another account", async () => {
    mock.on(DescribeSecurityGroupsCommand).resolves({ SecurityGroups: [GROUP] });
    expect(await read("sg-903004f8", "sg-other")).toEqual(
      new Map([
        [
          "sg-903004f8",
          {
            groupId: "sg-903004f8",
            name: "MySecurityGroup",
            tags: new Map([["team", "web"]]),
            ingress: [
              {
                protocol: "tcp",
                from: 22,
                to: 22,
                ipv4: ["203.0.113.0/24", "0.0.0.0/0"],
                ipv6: ["::/0"],
                prefixLists: ["pl-63a5400a"],
              },
            ],
          },
        ],
        ["sg-other", null],
      ]),
    );
    expect(inputs()).toEqual([
      { Filters: [{ Name: "group-id", Values: ["sg-903004f8", "sg-other"] }], MaxResults: 1000 },
    ]);
  });

  it("reads every page, and ignores other groups", async () => {
    const page = (GroupId: string) => [{ ...GROUP, GroupId }];
    mock
      .on(DescribeSecurityGroupsCommand)
      .resolvesOnce({ SecurityGroups: page("sg-1"), NextToken: "more" })
      .resolvesOnce({ SecurityGroups: [...page("sg-2"), ...page("sg-3"), {}] });
    expect([...(await read("sg-1", "sg-2")).values()].map((group) => group?.groupId)).toEqual(["sg-1", "sg-2"]);
    expect(inputs().map(({ NextToken }) => NextToken)).toEqual([undefined, "more"]);
  });

  it("throws for a response that is not from EC2", async () => {
    mock.on(DescribeSecurityGroupsCommand).resolves({});
    await expect(read("sg-1")).rejects.toThrow("the response to DescribeSecurityGroups is not from EC2");
  });
});

describe("readSecurityGroup", () => {
  const ingressOf = (permission: object) =>
    readSecurityGroup({ GroupId: "sg-1", IpPermissions: [permission] })?.ingress[0];

  it("returns null for an entry without an id", () => {
    expect(readSecurityGroup({ GroupName: "x" })).toBeNull();
  });

  it("returns a group without rules, tags and a name", () => {
    expect(readSecurityGroup({ GroupId: "sg-1" })).toEqual({ groupId: "sg-1", name: "", tags: new Map(), ingress: [] });
  });

  it.each<[string, object, object]>([
    ["all protocols", { IpProtocol: "-1" }, { protocol: "-1", from: null, to: null }],
    ["all types of ICMP", { IpProtocol: "icmp", FromPort: -1, ToPort: -1 }, { protocol: "icmp", from: null, to: null }],
    ["a type of ICMP", { IpProtocol: "icmp", FromPort: 8, ToPort: -1 }, { from: 8, to: null }],
    ["the type 0 of ICMP", { IpProtocol: "icmp", FromPort: 0, ToPort: 0 }, { from: 0, to: 0 }],
    ["another protocol", { IpProtocol: "50" }, { protocol: "50", from: null, to: null }],
    ["all ports of UDP", { IpProtocol: "udp", FromPort: 0, ToPort: 65535 }, { from: 0, to: 65535 }],
    [
      "sources without a range",
      { IpProtocol: "tcp", IpRanges: [{}], Ipv6Ranges: [{}], PrefixListIds: [{}] },
      { ipv4: [], ipv6: [], prefixLists: [] },
    ],
    ["no protocol", {}, { protocol: "-1", ipv4: [], ipv6: [], prefixLists: [] }],
  ])("reads a rule for %s", (_, permission, ingress) => {
    expect(ingressOf(permission)).toMatchObject(ingress);
  });
});
