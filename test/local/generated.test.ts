import {
  DescribeIamInstanceProfileAssociationsCommand,
  DescribeInstanceImageMetadataCommand,
  DescribeInstancesCommand,
  type DescribeInstancesCommandInput,
  DescribeTagsCommand,
  DescribeVolumesCommand,
  paginateDescribeInstances,
  paginateDescribeTags,
  paginateDescribeVolumes,
  StopInstancesCommand,
} from "@aws-sdk/client-ec2";
import { beforeEach, describe, expect, it } from "vitest";
import { aws, clock, of, START, useEmbeddedAws } from "./embedded-aws.ts";

const COUNT = 2_500;
const region = "eu-west-1";

/** Instances that are made from their index when a call asks for them. */
describe("A generated fleet", () => {
  useEmbeddedAws();

  /** How many instances were made. */
  let made: number;
  let idOf: (index: number) => string;
  beforeEach(() => {
    idOf = aws.generate({
      region,
      count: COUNT,
      instance: (index) => {
        made += 1;
        return {
          imageId: "ami-12c6146b12c6146bf",
          launchedAt: START,
          instanceProfile: index === 7 ? "web" : undefined,
          state: index % 10 === 0 ? "stopped" : "running",
          group: index === 1 ? "web" : undefined,
          tags: { Name: `web-${index}`, service: "shop" },
          volumes: [{}, { device: "/dev/sdb", encrypted: true }],
        };
      },
    });
    made = 0;
  });

  async function pages(input: DescribeInstancesCommandInput, pageSize = 1000) {
    const found: (string | undefined)[][] = [];
    for await (const page of paginateDescribeInstances({ client: of().ec2, pageSize }, input)) {
      found.push((page.Reservations ?? []).flatMap(({ Instances = [] }) => Instances.map((each) => each.InstanceId)));
    }
    return found;
  }
  const one = async (index: number) => {
    const answer = await of().ec2.send(new DescribeInstancesCommand({ InstanceIds: [idOf(index)] }));
    return answer.Reservations?.[0]?.Instances?.[0];
  };

  it("is returned in pages, each instance once, the same ones each time", async () => {
    const found = await pages({});
    expect(found.map(({ length }) => length)).toEqual([1000, 1000, 500]);
    expect(new Set(found.flat()).size).toBe(COUNT);
    expect(found.flat()[2_499]).toBe(idOf(2_499));
    expect(await pages({})).toEqual(found);
  });

  it("makes only the instances of the page", async () => {
    const { NextToken } = await of().ec2.send(new DescribeInstancesCommand({ MaxResults: 1000 }));
    made = 0;
    await of().ec2.send(new DescribeInstancesCommand({ MaxResults: 100, NextToken }));
    expect(made).toBe(101);
  });

  it("is filtered, also page by page", async () => {
    const stopped = await pages({ Filters: [{ Name: "instance-state-name", Values: ["stopped"] }] }, 100);
    expect(stopped.map(({ length }) => length)).toEqual([100, 100, 50]);
    expect(stopped[0]?.slice(0, 2)).toEqual([idOf(0), idOf(10)]);
  });

  it("has the fields that AWS returns for an instance", async () => {
    expect(await one(1)).toMatchObject({
      EnaSupport: true,
      EnclaveOptions: { Enabled: false },
      PrivateDnsNameOptions: { HostnameType: "ip-name" },
      UsageOperation: "RunInstances",
      UsageOperationUpdateTime: new Date(START),
      NetworkInterfaces: [
        {
          InterfaceType: "interface",
          MacAddress: expect.stringMatching(/^02(:[0-9a-f]{2}){5}$/),
          SourceDestCheck: true,
        },
      ],
      BlockDeviceMappings: [{ DeviceName: "/dev/xvda" }, { DeviceName: "/dev/sdb" }],
    });
  });

  it("is shown by all describe actions", async () => {
    const { ec2 } = of();
    const ids = [idOf(1), idOf(7)];
    let tags = 0;
    for await (const { Tags = [] } of paginateDescribeTags({ client: ec2, pageSize: 1000 }, {})) tags += Tags.length;
    expect(tags).toBe(2 * COUNT + 1);
    let volumes = 0;
    const encrypted = { Filters: [{ Name: "encrypted", Values: ["true"] }] };
    for await (const { Volumes = [] } of paginateDescribeVolumes({ client: ec2, pageSize: 500 }, encrypted)) {
      volumes += Volumes.length;
    }
    expect(volumes).toBe(COUNT);
    const byId = (Name: string) => ({ Filters: [{ Name, Values: ids }] });
    const { Tags } = await ec2.send(new DescribeTagsCommand(byId("resource-id")));
    expect(Tags?.map(({ Value }) => Value)).toEqual(["web", "web-1", "shop", "web-7", "shop"]);
    const { Volumes } = await ec2.send(new DescribeVolumesCommand(byId("attachment.instance-id")));
    expect(Volumes?.map(({ Attachments }) => Attachments?.[0]?.InstanceId)).toEqual([ids[0], ids[0], ids[1], ids[1]]);
    const images = await ec2.send(new DescribeInstanceImageMetadataCommand(byId("instance-id")));
    expect(images.InstanceImageMetadata?.map(({ InstanceId }) => InstanceId)).toEqual(ids);
    const profiles = await ec2.send(new DescribeIamInstanceProfileAssociationsCommand(byId("instance-id")));
    expect(profiles.IamInstanceProfileAssociations?.map(({ InstanceId }) => InstanceId)).toEqual([ids[1]]);
  });

  it("keeps what calls change", async () => {
    aws.tag([idOf(3)], { owner: "ops" }, { region });
    await of().ec2.send(new StopInstancesCommand({ InstanceIds: [idOf(4)] }));
    await clock.advance(60_000);
    expect((await one(3))?.Tags).toContainEqual({ Key: "owner", Value: "ops" });
    expect((await one(4))?.State?.Name).toBe("stopped");
    const stopped = await pages({ Filters: [{ Name: "instance-state-name", Values: ["stopped"] }] });
    expect(stopped.flat()).toHaveLength(251);
  });

  it("loses a terminated instance after an hour, which moves no other to another page", async () => {
    const { NextToken } = await of().ec2.send(new DescribeInstancesCommand({ MaxResults: 5 }));
    aws.terminate([idOf(2)], { region });
    await clock.advance(2 * 3_600_000);
    const next = await of().ec2.send(new DescribeInstancesCommand({ MaxResults: 5, NextToken }));
    expect(next.Reservations?.[0]?.Instances?.[0]?.InstanceId).toBe(idOf(5));
    expect((await pages({})).flat()).toHaveLength(COUNT - 1);
    await expect(one(2)).rejects.toMatchObject({ name: "InvalidInstanceID.NotFound" });
  });

  it("stands before the launched instances", async () => {
    const launched = aws.launch({ region, count: 3 });
    expect((await pages({})).flat().slice(-4)).toEqual([idOf(COUNT - 1), ...launched]);
  });

  it("cannot be in a place twice", () => {
    const fleet = { region, count: 1, instance: () => ({ imageId: "ami-12c6146b", launchedAt: START }) };
    expect(() => aws.generate(fleet)).toThrow(RangeError);
  });
});
