import { DescribeInstancesCommand, DescribeTagsCommand } from "@aws-sdk/client-ec2";
import { describe, expect, it } from "vitest";
import { aws, clock, eventQueue, NOBODY, of, useEmbeddedAws } from "./embedded-aws.ts";
import { ACCOUNT } from "./targets.ts";

useEmbeddedAws();

describe("EC2 in process, without HTTP", () => {
  const region = "eu-west-1";

  it("a launch without a group is a user's: pending, running, and no event of Auto Scaling", async () => {
    const [ec2, autoScaling] = [await eventQueue("aws.ec2"), await eventQueue("aws.autoscaling")];
    const ids = aws.launch({ region, count: 2, tags: { Name: "web" } });
    await clock.advance(10_000);
    const events = await ec2();
    const changes = events.filter((event) => event.detail.state !== undefined);
    expect(changes.map(({ detail }) => [detail["instance-id"], detail.state])).toEqual([
      [ids[0], "pending"],
      [ids[1], "pending"],
      [ids[0], "running"],
      [ids[1], "running"],
    ]);
    const trail = events.find((event) => event["detail-type"] === "AWS API Call via CloudTrail");
    expect(trail.detail.userIdentity).toMatchObject({ type: "IAMUser", userName: "operator", accountId: ACCOUNT });
    expect(await autoScaling()).toEqual([]);
    const { Tags } = await of().ec2.send(new DescribeTagsCommand({ Filters: [{ Name: "resource-id", Values: ids }] }));
    expect(Tags?.map(({ Key, Value }) => `${Key}=${Value}`)).toEqual(["Name=web", "Name=web"]);
  });

  it("a launch with a group is Auto Scaling's, as launchAutoScaling makes it", async () => {
    const events = await eventQueue("aws.autoscaling");
    const ids = [
      ...aws.launch({ region, count: 1, group: "web" }),
      ...aws.launchAutoScaling({ region, count: 1, group: "web" }),
    ];
    await clock.advance(10_000);
    expect((await events()).map(({ detail }) => [detail.EC2InstanceId, detail.AutoScalingGroupName])).toEqual(
      ids.map((id) => [id, "web"]),
    );
  });

  it("a launch is in the named account and region; by default in the own account and us-east-1", async () => {
    const [away] = aws.launch({ account: "210987654321", region, count: 1 });
    const [home] = aws.launch({ count: 1 });
    const { Reservations } = await of().ec2.send(new DescribeInstancesCommand({}));
    expect(Reservations).toEqual([]);
    expect(() => aws.tag([away ?? ""], { a: "b" }, { account: "210987654321", region })).not.toThrow();
    expect(() => aws.tag([home ?? ""], { a: "b" })).not.toThrow();
    expect(() => aws.tag([away ?? ""], { a: "b" })).toThrow(/does not exist/);
  });

  it("tag emits the tag change as CreateTags does, and accepts AWS's own keys", async () => {
    const ids = aws.launch({ region, count: 1, tags: { Name: "web" } });
    const events = await eventQueue("aws.tag");
    aws.tag(ids, { service: "shop", "aws:cloudformation:stack-name": "s", Name: "web" }, { region });
    aws.tag(ids, { service: "shop" }, { region });
    expect((await events()).map(({ detail }) => detail)).toMatchObject([
      {
        "changed-tag-keys": ["service", "aws:cloudformation:stack-name"],
        tags: { Name: "web", service: "shop", "aws:cloudformation:stack-name": "s" },
      },
    ]);
  });

  it("terminate shuts down and terminates, with an event for each; an unknown id is an error", async () => {
    const ids = aws.launch({ region, count: 1 });
    await clock.advance(10_000);
    const events = await eventQueue("aws.ec2");
    aws.terminate(ids, { region });
    await clock.advance(20_000);
    expect((await events()).map(({ detail }) => detail.state)).toEqual(["shutting-down", "terminated"]);
    expect(() => aws.terminate([NOBODY], { region })).toThrow(/does not exist/);
  });
});
