import { DescribeInstancesCommand, EC2Client } from "@aws-sdk/client-ec2";
import { beforeEach, describe, expect, it } from "vitest";
import { describeInstances } from "../../src/facts/instances.ts";
import { mockEc2 } from "../support/aws.ts";
import { INSTANCE, instanceId, instanceIds, REGION } from "../support/events.ts";
import { instanceOf } from "../support/findings.ts";

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
});
