import {
  CreateTagsCommand,
  DescribeInstancesCommand,
  DescribeTagsCommand,
  ModifyManagedResourceVisibilityCommand,
  StartInstancesCommand,
  StopInstancesCommand,
  TerminateInstancesCommand,
} from "@aws-sdk/client-ec2";
import { PutRuleCommand, PutTargetsCommand } from "@aws-sdk/client-eventbridge";
import { CreateTopicCommand, SubscribeCommand } from "@aws-sdk/client-sns";
import { describe, expect, it } from "vitest";
import { aws, clock, eventQueue, LAUNCH, launch, NOBODY, of, queue, useEmbeddedAws } from "./embedded-aws.ts";
import { ACCOUNT } from "./targets.ts";

/** EC2's behaviour that moto_server lacks; each part gives the reason. */
useEmbeddedAws();

describe("EC2's launch times (moto_server keeps the first launch time, and has no attach time)", () => {
  it("a start changes the launch time, but not the attach time of the primary network interface", async () => {
    const id = await launch();
    const times = async () => {
      const { Reservations } = await of().ec2.send(new DescribeInstancesCommand({ InstanceIds: [id] }));
      const instance = Reservations?.[0]?.Instances?.[0];
      return [instance?.LaunchTime, instance?.NetworkInterfaces?.[0]?.Attachment?.AttachTime];
    };
    const [launched, attached] = [new Date("2026-01-01T00:00:00Z"), new Date("2026-01-01T00:00:00Z")];
    expect(await times()).toEqual([launched, attached]);
    await clock.advance(10_000);
    await of().ec2.send(new StopInstancesCommand({ InstanceIds: [id] }));
    await clock.advance(3_600_000);
    expect(await times()).toEqual([launched, attached]);
    await of().ec2.send(new StartInstancesCommand({ InstanceIds: [id] }));
    expect(await times()).toEqual([new Date("2026-01-01T01:00:10Z"), attached]);
  });
});

describe("EC2's events (moto_server emits none for calls of its API)", () => {
  it("an instance is pending at once, running after some seconds, then shutting-down and terminated", async () => {
    const events = await eventQueue("aws.ec2");
    const id = await launch();
    const states = async () =>
      (await events()).filter((event) => event.detail.state !== undefined).map((event) => event.detail.state);
    expect(await states()).toEqual(["pending"]);
    await clock.advance(10_000);
    expect(await states()).toEqual(["running"]);
    await of().ec2.send(new TerminateInstancesCommand({ InstanceIds: [id] }));
    await clock.advance(20_000);
    expect(await states()).toEqual(["shutting-down", "terminated"]);
  });

  it("a state change has AWS's documented shape", async () => {
    const events = await eventQueue("aws.ec2");
    const id = await launch();
    expect((await events()).find((event) => event.detail.state)).toEqual({
      version: "0",
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      "detail-type": "EC2 Instance State-change Notification",
      source: "aws.ec2",
      account: ACCOUNT,
      time: "2026-01-01T00:00:00Z",
      region: "eu-west-1",
      resources: [`arn:aws:ec2:eu-west-1:${ACCOUNT}:instance/${id}`],
      detail: { "instance-id": id, state: "pending" },
    });
  });

  it("CreateTags emits the changed keys and all tags, and nothing when nothing changed", async () => {
    const id = await launch({
      TagSpecifications: [{ ResourceType: "instance", Tags: [{ Key: "Name", Value: "web" }] }],
    });
    const events = await eventQueue("aws.tag");
    const tag = (Value: string) =>
      of().ec2.send(
        new CreateTagsCommand({
          Resources: [id],
          Tags: [
            { Key: "service", Value },
            { Key: "Name", Value: "web" },
          ],
        }),
      );
    await tag("shop");
    await tag("shop");
    expect(await events()).toMatchObject([
      {
        "detail-type": "Tag Change on Resource",
        source: "aws.tag",
        detail: {
          "changed-tag-keys": ["service"],
          service: "ec2",
          "resource-type": "instance",
          version: 5,
          tags: { Name: "web", service: "shop" },
        },
      },
    ]);
  });

  it("CloudTrail reports every instance of a RunInstances call, and its caller", async () => {
    const events = await eventQueue("aws.ec2");
    await launch({ MinCount: 3, MaxCount: 3 });
    const trail = (await events()).find((event) => event["detail-type"] === "AWS API Call via CloudTrail");
    expect(trail.detail).toMatchObject({
      eventSource: "ec2.amazonaws.com",
      eventName: "RunInstances",
      awsRegion: "eu-west-1",
      userIdentity: {
        type: "IAMUser",
        arn: `arn:aws:iam::${ACCOUNT}:user/alice`,
        accountId: ACCOUNT,
        userName: "alice",
      },
      requestParameters: { instancesSet: { items: [{ imageId: LAUNCH.ImageId, minCount: 3, maxCount: 3 }] } },
    });
    expect(trail.detail.responseElements.instancesSet.items).toHaveLength(3);
  });

  it("CloudTrail omits the response to a large RunInstances call, so that the event fits the topic", async () => {
    const { TopicArn = "" } = await of().sns.send(new CreateTopicCommand({ Name: "launches" }));
    const { arn: Endpoint, bodies } = await queue();
    await of().sns.send(
      new SubscribeCommand({ TopicArn, Protocol: "sqs", Endpoint, Attributes: { RawMessageDelivery: "true" } }),
    );
    const EventPattern = '{"detail-type":["AWS API Call via CloudTrail"]}';
    await of().events.send(new PutRuleCommand({ Name: "trail", EventPattern }));
    await of().events.send(new PutTargetsCommand({ Rule: "trail", Targets: [{ Id: "t", Arn: TopicArn }] }));
    await launch({ MinCount: 10, MaxCount: 10 });
    await launch({ MinCount: 500, MaxCount: 500 });
    const [small, large] = (await bodies()).map((body) => JSON.parse(body).detail);
    expect(small.responseElements.instancesSet.items).toHaveLength(10);
    expect(large.responseElements).toEqual({ omitted: true });
    expect(large.requestParameters.instancesSet.items).toMatchObject([{ minCount: 500 }]);
  });

  it("Auto Scaling launches are tagged with their group, and reported when they run", async () => {
    const events = await eventQueue("aws.autoscaling");
    const clock0 = clock.now();
    const ids = aws.launchAutoScaling({ group: "web", count: 2, region: "eu-west-1", tags: { Name: "x" } });
    await clock.advance(10_000);
    const told = await events();
    expect(told.map((event) => event.detail.EC2InstanceId)).toEqual(ids);
    expect(told[0]).toMatchObject({
      "detail-type": "EC2 Instance Launch Successful",
      detail: { AutoScalingGroupName: "web", StatusCode: "InProgress" },
    });
    expect(Date.parse(told[0].time)).toBeGreaterThan(clock0);
    const { Tags } = await of().ec2.send(new DescribeTagsCommand({ Filters: [{ Name: "resource-id", Values: ids }] }));
    expect(Tags).toHaveLength(4);
    expect(Tags).toContainEqual({
      ResourceId: ids[0],
      ResourceType: "instance",
      Key: "aws:autoscaling:groupName",
      Value: "web",
    });
  });
});

describe("EC2's checks (moto_server does not have these)", () => {
  const { ec2 } = { ec2: () => of().ec2 };

  it("malformed and unknown ids have different errors", async () => {
    await expect(ec2().send(new DescribeInstancesCommand({ InstanceIds: ["nonsense"] }))).rejects.toMatchObject({
      name: "InvalidInstanceID.Malformed",
    });
    await expect(
      ec2().send(new DescribeInstancesCommand({ InstanceIds: [NOBODY, "i-0123456789abcdef1"] })),
    ).rejects.toMatchObject({
      name: "InvalidInstanceID.NotFound",
      message: `The instance IDs '${NOBODY}, i-0123456789abcdef1' do not exist`,
    });
    await expect(
      ec2().send(new CreateTagsCommand({ Resources: [NOBODY], Tags: [{ Key: "a", Value: "b" }] })),
    ).rejects.toMatchObject({ name: "InvalidInstanceID.NotFound" });
  });

  it("callers cannot set tag keys of AWS", async () => {
    const call = ec2().send(
      new CreateTagsCommand({ Resources: [await launch()], Tags: [{ Key: "aws:x", Value: "y" }] }),
    );
    await expect(call).rejects.toMatchObject({ name: "InvalidParameterValue" });
  });

  it("a filter has at most 200 values", async () => {
    const ask = (count: number) =>
      ec2().send(
        new DescribeTagsCommand({
          Filters: [{ Name: "resource-id", Values: Array.from({ length: count }, () => NOBODY) }],
        }),
      );
    expect((await ask(200)).Tags).toEqual([]);
    await expect(ask(201)).rejects.toMatchObject({ name: "FilterLimitExceeded" });
  });

  it("tags are filtered by tag:KEY, and returned in pages of the requested size", async () => {
    const ids = aws.launchAutoScaling({ group: "g", count: 5, region: "eu-west-1", tags: { Name: "x", service: "y" } });
    const Filters = [{ Name: "tag:Name", Values: ["x"] }];
    expect((await ec2().send(new DescribeTagsCommand({ Filters }))).Tags?.map((tag) => tag.ResourceId)).toEqual(ids);
    const sizes: (number | undefined)[] = [];
    let NextToken: string | undefined;
    do {
      const answer = await ec2().send(new DescribeTagsCommand({ MaxResults: 6, NextToken }));
      sizes.push(answer.Tags?.length);
      NextToken = answer.NextToken;
    } while (NextToken !== undefined);
    expect(sizes).toEqual([6, 6, 3]);
  });

  it("MaxResults is 5 to 1,000, by default 1,000, and cannot be combined with ids", async () => {
    const id = await launch();
    await expect(ec2().send(new DescribeTagsCommand({ MaxResults: 4 }))).rejects.toMatchObject({
      name: "InvalidParameterValue",
    });
    await expect(ec2().send(new DescribeInstancesCommand({ MaxResults: 1001 }))).rejects.toMatchObject({
      name: "InvalidParameterValue",
    });
    await expect(ec2().send(new DescribeInstancesCommand({ InstanceIds: [id], MaxResults: 5 }))).rejects.toMatchObject({
      name: "InvalidParameterCombination",
    });
    aws.launchAutoScaling({ group: "g", count: 1000, region: "eu-west-1", tags: { Name: "x" } });
    const first = await ec2().send(new DescribeTagsCommand({}));
    expect(first.Tags).toHaveLength(1000);
    const second = await ec2().send(new DescribeTagsCommand({ NextToken: first.NextToken }));
    expect(second.Tags).toHaveLength(1000);
    expect(second.NextToken).toBeUndefined();
    await expect(ec2().send(new DescribeTagsCommand({ NextToken: "made-up" }))).rejects.toMatchObject({
      name: "InvalidNextToken",
    });
  });

  it("a launch with the same client token is the same launch", async () => {
    const ClientToken = "token";
    const id = await launch({ ClientToken });
    expect(await launch({ ClientToken })).toBe(id);
    await expect(launch({ ClientToken, MaxCount: 2 })).rejects.toMatchObject({ name: "IdempotentParameterMismatch" });
  });

  it("a managed instance is omitted once the account hides managed resources, unless the call includes them", async () => {
    const [managed = ""] = aws.launch({
      region: "eu-west-1",
      count: 1,
      operator: "eks.amazonaws.com",
      tags: { a: "b" },
    });
    const own = await launch();
    const shown = async (input: object = {}) =>
      (await ec2().send(new DescribeInstancesCommand(input))).Reservations?.flatMap(({ Instances = [] }) =>
        Instances.map(({ InstanceId, Operator }) => [InstanceId, Operator?.Managed, Operator?.Principal]),
      );
    const tags = async () => (await ec2().send(new DescribeTagsCommand({}))).Tags?.map(({ ResourceId }) => ResourceId);
    const both = [
      [managed, true, "eks.amazonaws.com"],
      [own, false, undefined],
    ];
    expect(await shown()).toEqual(both);
    expect(await tags()).toEqual([managed]);
    await ec2().send(new ModifyManagedResourceVisibilityCommand({ DefaultVisibility: "hidden" }));
    expect(await shown()).toEqual(both.slice(1));
    expect(await tags()).toEqual([]);
    expect(await shown({ IncludeManagedResources: true })).toEqual(both);
  });

  it("a terminated instance has no tags in DescribeTags, none anywhere after five minutes, and does not exist after an hour", async () => {
    const id = await launch({ TagSpecifications: [{ ResourceType: "instance", Tags: [{ Key: "Name", Value: "x" }] }] });
    const tags = async () =>
      (await ec2().send(new DescribeTagsCommand({ Filters: [{ Name: "resource-id", Values: [id] }] }))).Tags;
    await clock.advance(10_000);
    await ec2().send(new TerminateInstancesCommand({ InstanceIds: [id] }));
    expect(await tags()).toHaveLength(1);
    await clock.advance(60_000);
    expect(await tags()).toEqual([]);
    const shown = async () => {
      const { Reservations } = await ec2().send(new DescribeInstancesCommand({ InstanceIds: [id] }));
      return Reservations?.[0]?.Instances?.[0];
    };
    expect(await shown()).toMatchObject({ State: { Name: "terminated" }, Tags: [{ Key: "Name", Value: "x" }] });
    await clock.advance(300_000);
    expect((await shown())?.Tags ?? []).toEqual([]);
    await clock.advance(3_600_000);
    await expect(ec2().send(new DescribeInstancesCommand({ InstanceIds: [id] }))).rejects.toMatchObject({
      name: "InvalidInstanceID.NotFound",
    });
  });
});
