import { DescribeInstancesCommand, EC2Client } from "@aws-sdk/client-ec2";
import { beforeEach, describe, expect, it } from "vitest";
import { allInstances, describeInstances, type Instance, readInstance } from "../../src/facts/instances.ts";
import { isTerminated } from "../../src/facts/terminated.ts";
import { mockEc2 } from "../support/aws.ts";
import { INSTANCE, instanceId, instanceIds, REGION } from "../support/events.ts";
import { instanceOf } from "../support/findings.ts";

/** An instance of which EC2 reports nothing. */
const NOTHING: Partial<Instance> = {
  instanceId: INSTANCE,
  state: "unknown",
  imageId: null,
  keyName: null,
  availabilityZone: null,
  vpcId: null,
  subnetId: null,
  privateIp: null,
  publicIp: null,
  instanceProfile: null,
  groups: [],
  publicIps: [],
  ipv6Addresses: [],
  volumeIds: [],
  metadata: null,
  lifecycle: "on-demand",
  managedBy: null,
  tenancy: null,
  architecture: null,
  platform: null,
};

const ec2 = mockEc2();
beforeEach(ec2.start);

const read = (...ids: readonly string[]) => describeInstances(new EC2Client({ region: REGION }), ids);
const inputs = () => ec2.mock.commandCalls(DescribeInstancesCommand).map((call) => call.args[0].input);

describe("describeInstances", () => {
  it("returns each instance, and null for one that EC2 does not show", async () => {
    const instanceProfile = "arn:aws:iam::123456789012:instance-profile/web";
    const more = { PublicIpAddress: "203.0.113.7", IamInstanceProfile: { Arn: instanceProfile, Id: "AIPAEXAMPLE" } };
    ec2.launch(INSTANCE, { tags: { Name: "web-1" }, more });
    const tags = new Map([["Name", "web-1"]]);
    expect(await read(INSTANCE, instanceId(7))).toEqual(
      new Map([
        [INSTANCE, instanceOf({ tags, publicIp: "203.0.113.7", publicIps: ["203.0.113.7"], instanceProfile })],
        [instanceId(7), null],
      ]),
    );
  });

  it("selects instances by filter, because an unknown id would fail the call, and includes managed ones", async () => {
    await read(INSTANCE);
    expect(inputs()).toEqual([
      {
        Filters: [{ Name: "instance-id", Values: [INSTANCE] }],
        IncludeManagedResources: true,
        MaxResults: 1000,
      },
    ]);
  });

  it("returns null for the fields that EC2 does not report", async () => {
    ec2.mock.on(DescribeInstancesCommand).resolves({ Reservations: [{ Instances: [{ InstanceId: INSTANCE }] }] });
    expect((await read(INSTANCE)).get(INSTANCE)).toMatchObject({
      state: "unknown",
      tags: new Map(),
      instanceType: null,
      launchTime: null,
      firstLaunchTime: null,
    });
  });

  it("reads every page and every reservation", async () => {
    const [first = "", second = "", third = ""] = instanceIds(3);
    const of = (...ids: string[]) => ({ Instances: ids.map((InstanceId) => ({ InstanceId })) });
    ec2.mock
      .on(DescribeInstancesCommand)
      .resolvesOnce({ Reservations: [{}, of(first), of(second)], NextToken: "more" })
      .resolvesOnce({ Reservations: [of(third)] });
    const found = await read(first, second, third);
    expect([...found].map(([id, instance]) => instance?.instanceId === id)).toEqual([true, true, true]);
    expect(inputs().map((input) => input.NextToken)).toEqual([undefined, "more"]);
  });

  it("ignores an instance without an id", async () => {
    ec2.mock.on(DescribeInstancesCommand).resolves({ Reservations: [{ Instances: [{ InstanceType: "t3.micro" }] }] });
    expect(await read(INSTANCE)).toEqual(new Map([[INSTANCE, null]]));
  });

  it("reads the first launch time from the primary interface, which is on network card 0", async () => {
    const interfaceOf = (DeviceIndex: number, NetworkCardIndex: number | undefined, time: string) => ({
      Attachment: {
        DeviceIndex,
        AttachTime: new Date(time),
        ...(NetworkCardIndex !== undefined && { NetworkCardIndex }),
      },
    });
    const others = [interfaceOf(1, 0, "2021-01-01"), interfaceOf(0, 1, "2021-01-02")];
    for (const [NetworkInterfaces, time] of [
      [others, null],
      [[...others, interfaceOf(0, 0, "2021-01-03")], "2021-01-03T00:00:00.000Z"],
      [[...others, interfaceOf(0, undefined, "2021-01-04")], "2021-01-04T00:00:00.000Z"],
    ] as const) {
      ec2.launch(INSTANCE, { more: { NetworkInterfaces: [...NetworkInterfaces] } });
      expect((await read(INSTANCE)).get(INSTANCE)?.firstLaunchTime).toBe(time);
    }
  });

  it("has the groups and the public addresses of all its network interfaces, each once", async () => {
    const web = { GroupId: "sg-1", GroupName: "web" };
    const NetworkInterfaces = [
      {
        Groups: [web],
        Association: { PublicIp: "203.0.113.7" },
        PrivateIpAddresses: [
          { Primary: true, Association: { PublicIp: "203.0.113.7" } },
          { Primary: false, Association: { PublicIp: "203.0.113.8" } },
          { Primary: false },
        ],
        Ipv6Addresses: [{ Ipv6Address: "2001:db8::1", IsPrimaryIpv6: true }],
      },
      { Groups: [{ GroupId: "sg-2", GroupName: "db" }, web, {}], Ipv6Addresses: [{ Ipv6Address: "2001:db8::2" }, {}] },
      {},
    ];
    const more = {
      SecurityGroups: [web],
      NetworkInterfaces,
      PublicIpAddress: "203.0.113.7",
      Ipv6Address: "2001:db8::1",
    };
    ec2.launch(INSTANCE, { more });
    expect((await read(INSTANCE)).get(INSTANCE)).toMatchObject({
      publicIp: "203.0.113.7",
      publicIps: ["203.0.113.7", "203.0.113.8"],
      ipv6Addresses: ["2001:db8::1", "2001:db8::2"],
      groups: [
        { groupId: "sg-1", name: "web" },
        { groupId: "sg-2", name: "db" },
      ],
    });
  });

  it.each<[string, Parameters<typeof readInstance>[1], Partial<Instance>]>([
    ["nothing", {}, { ...NOTHING }],
    [
      "empty addresses, as before the instance runs",
      { PublicIpAddress: "", Ipv6Address: "" },
      { publicIps: [], ipv6Addresses: [] },
    ],
    ["no metadata options", { InstanceId: INSTANCE }, { metadata: null }],
    [
      "metadata options in part",
      { MetadataOptions: { State: "pending" } },
      { metadata: { tokens: null, endpoint: null, hopLimit: null } },
    ],
    ["a Spot Instance", { InstanceLifecycle: "spot" }, { lifecycle: "spot" }],
    [
      "an instance of EKS",
      { Operator: { Managed: true, Principal: "eks.amazonaws.com" } },
      { managedBy: "eks.amazonaws.com" },
    ],
    ["a managing service without a name", { Operator: { Managed: true } }, { managedBy: "unknown" }],
    ["no managing service", { Operator: { Managed: false } }, { managedBy: null }],
    ["Windows, by its older field", { Platform: "windows" as never }, { platform: "windows" }],
    ["Windows", { Platform: "windows" as never, PlatformDetails: "Windows" }, { platform: "Windows" }],
    [
      "volumes and other devices",
      { BlockDeviceMappings: [{ Ebs: { VolumeId: "vol-1" } }, { DeviceName: "/dev/sdb" }, { Ebs: {} }] },
      { volumeIds: ["vol-1"] },
    ],
    [
      "where it is",
      { Placement: { AvailabilityZone: "us-east-1a", Tenancy: "dedicated" }, Architecture: "arm64" },
      { availabilityZone: "us-east-1a", tenancy: "dedicated", architecture: "arm64" },
    ],
    [
      "a primary interface that is not attached yet",
      { NetworkInterfaces: [{}, { Attachment: { DeviceIndex: 0 } }] },
      { firstLaunchTime: null },
    ],
    [
      "a security group without a name",
      { SecurityGroups: [{ GroupId: "sg-1" }] },
      { groups: [{ groupId: "sg-1", name: "" }] },
    ],
    ["its state", { State: { Code: 0, Name: "pending" } }, { state: "pending" }],
    ["its tags", { Tags: [{ Key: "a", Value: "b" }] }, { tags: new Map([["a", "b"]]) }],
  ])("is read with %s", (_, from, expected) => {
    expect(readInstance(INSTANCE, from)).toMatchObject(expected);
  });
});

describe("allInstances", () => {
  it("yields every instance that is not terminated, page by page", async () => {
    const [first = "", second = ""] = instanceIds(2);
    ec2.mock
      .on(DescribeInstancesCommand)
      .resolvesOnce({ Reservations: [{ Instances: [{ InstanceId: first }] }], NextToken: "more" })
      .resolvesOnce({ Reservations: [{ Instances: [{ InstanceId: second }] }] });
    const pages: string[][] = [];
    for await (const page of allInstances(new EC2Client({ region: REGION }))) {
      pages.push(page.map((instance) => instance.instanceId));
    }
    expect(pages).toEqual([[first], [second]]);
    const filter = { Name: "instance-state-name", Values: ["pending", "running", "stopping", "stopped"] };
    expect(inputs()[0]).toEqual({ Filters: [filter], IncludeManagedResources: true, MaxResults: 1000 });
  });
});

describe("isTerminated", () => {
  it("is true of the two states that an instance does not leave", () => {
    const states = ["pending", "running", "stopping", "stopped", "shutting-down", "terminated"];
    expect(states.filter((state) => isTerminated(instanceOf({ state })))).toEqual(["shutting-down", "terminated"]);
  });
});
