import {
  CreateTagsCommand,
  DeleteTagsCommand,
  DescribeInstancesCommand,
  DescribeTagsCommand,
  type Instance,
  RunInstancesCommand,
  StartInstancesCommand,
  StopInstancesCommand,
  type Tag,
  TerminateInstancesCommand,
} from "@aws-sdk/client-ec2";
import { describe, expect, it } from "vitest";
import { ACCOUNT, clients, type Target, unique } from "../targets.ts";

const IMAGE = "ami-12c6146b";
const NOBODY = "i-0123456789abcdef0";

/** EC2's actions that this project calls. */
export function ec2Contract(target: () => Target): void {
  const ec2 = () => clients(target().endpoint).ec2;

  async function run(count: number, tags: Tag[] = []): Promise<Instance[]> {
    const specifications =
      tags.length === 0 ? {} : { TagSpecifications: [{ ResourceType: "instance" as const, Tags: tags }] };
    const answer = await ec2().send(
      new RunInstancesCommand({
        ImageId: IMAGE,
        InstanceType: "t3.micro",
        MinCount: count,
        MaxCount: count,
        ...specifications,
      }),
    );
    return answer.Instances ?? [];
  }
  const idsOf = (instances: readonly Instance[]) => instances.map((instance) => instance.InstanceId ?? "");
  const tagsOf = async (ids: string[]) => {
    const answer = await ec2().send(new DescribeTagsCommand({ Filters: [{ Name: "resource-id", Values: ids }] }));
    return answer.Tags ?? [];
  };
  const asObject = (tags: readonly Tag[]) => Object.fromEntries(tags.map(({ Key, Value }) => [Key, Value]));

  describe("EC2: RunInstances", () => {
    it("launches the requested number of instances, pending, with the fields of DescribeInstances", async () => {
      const answer = await ec2().send(
        new RunInstancesCommand({ ImageId: IMAGE, InstanceType: "t3.micro", MinCount: 2, MaxCount: 2 }),
      );
      expect(answer).toMatchObject({ OwnerId: ACCOUNT, ReservationId: expect.stringMatching(/^r-/) });
      expect(answer.Instances).toHaveLength(2);
      const [first] = answer.Instances ?? [];
      expect(first).toMatchObject({
        InstanceId: expect.stringMatching(/^i-[0-9a-f]{17}$/),
        ImageId: IMAGE,
        InstanceType: "t3.micro",
        State: { Code: 0, Name: "pending" },
        LaunchTime: expect.any(Date),
        Placement: { AvailabilityZone: expect.stringMatching(/^eu-west-1[a-c]$/) },
        PrivateIpAddress: expect.stringMatching(/^\d+\.\d+\.\d+\.\d+$/),
        VpcId: expect.stringMatching(/^vpc-/),
        SubnetId: expect.stringMatching(/^subnet-/),
      });
      const seen = await ec2().send(new DescribeInstancesCommand({ InstanceIds: [first?.InstanceId ?? ""] }));
      expect(seen.Reservations?.[0]).toMatchObject({ OwnerId: ACCOUNT, ReservationId: answer.ReservationId });
    });

    it("tags the instances, and keeps every character that a tag can have", async () => {
      const tags = { Name: `🚀 "quotes" 'single' <&> ünï`, service: "", __proto: "x", long: "v".repeat(256) };
      const [instance] = await run(
        1,
        Object.entries(tags).map(([Key, Value]) => ({ Key, Value })),
      );
      expect(asObject(instance?.Tags ?? [])).toEqual(tags);
      expect(asObject(await tagsOf([instance?.InstanceId ?? ""]))).toEqual(tags);
    });

    it("accepts a tag whose key is __proto__", async () => {
      const [instance] = await run(1, [{ Key: "__proto__", Value: "polluted" }]);
      expect(await tagsOf([instance?.InstanceId ?? ""])).toMatchObject([{ Key: "__proto__", Value: "polluted" }]);
    });
  });

  describe("EC2: tags", () => {
    it("CreateTags adds and replaces, on several instances at once", async () => {
      const ids = idsOf(await run(2, [{ Key: "Name", Value: "old" }]));
      await ec2().send(
        new CreateTagsCommand({
          Resources: ids,
          Tags: [
            { Key: "Name", Value: "new" },
            { Key: "service", Value: "web" },
          ],
        }),
      );
      for (const id of ids) expect(asObject(await tagsOf([id]))).toEqual({ Name: "new", service: "web" });
    });

    it("DeleteTags removes by key; with a value, only a tag that has it", async () => {
      const [id = ""] = idsOf(
        await run(1, [
          { Key: "a", Value: "1" },
          { Key: "b", Value: "2" },
          { Key: "c", Value: "3" },
        ]),
      );
      await ec2().send(
        new DeleteTagsCommand({
          Resources: [id],
          Tags: [{ Key: "a" }, { Key: "b", Value: "other" }, { Key: "c", Value: "3" }],
        }),
      );
      expect(asObject(await tagsOf([id]))).toEqual({ b: "2" });
    });

    it("the fifty-first tag is refused", async () => {
      const [id = ""] = idsOf(await run(1));
      const many = Array.from({ length: 51 }, (_, index) => ({ Key: `key-${index}`, Value: "x" }));
      await ec2().send(new CreateTagsCommand({ Resources: [id], Tags: many.slice(0, 50) }));
      await expect(ec2().send(new CreateTagsCommand({ Resources: [id], Tags: many.slice(50) }))).rejects.toMatchObject({
        name: "TagLimitExceeded",
      });
    });
  });

  describe("EC2: DescribeTags", () => {
    it("returns no tags and no error for an instance that does not exist", async () => {
      expect(await tagsOf([NOBODY])).toEqual([]);
    });

    it("filters by key, by value and by resource-type", async () => {
      const key = unique("key");
      const [first = "", second = ""] = idsOf(await run(2, [{ Key: "other", Value: "x" }]));
      await ec2().send(new CreateTagsCommand({ Resources: [first], Tags: [{ Key: key, Value: "one" }] }));
      await ec2().send(new CreateTagsCommand({ Resources: [second], Tags: [{ Key: key, Value: "two" }] }));
      const found = async (filters: { Name: string; Values: string[] }[]) =>
        (await ec2().send(new DescribeTagsCommand({ Filters: filters }))).Tags?.map((tag) => tag.ResourceId).sort();
      const byKey = { Name: "key", Values: [key] };
      expect(await found([byKey, { Name: "resource-type", Values: ["instance"] }])).toEqual([first, second].sort());
      expect(await found([byKey, { Name: "value", Values: ["two"] }])).toEqual([second]);
      expect(await found([byKey, { Name: "value", Values: ["o*"] }])).toEqual([first]);
    });

    it("returns each tag of 200 instances once, over several pages", async () => {
      const tags = Array.from({ length: 5 }, (_, index) => ({ Key: `key-${index}`, Value: "x" }));
      const ids = idsOf(await run(200, tags));
      const seen: string[] = [];
      let NextToken: string | undefined;
      do {
        const answer = await ec2().send(
          new DescribeTagsCommand({ Filters: [{ Name: "resource-id", Values: ids }], MaxResults: 400, NextToken }),
        );
        for (const tag of answer.Tags ?? []) seen.push(`${tag.ResourceId} ${tag.Key}`);
        NextToken = answer.NextToken || undefined;
      } while (NextToken !== undefined);
      expect(new Set(seen).size).toBe(1000);
      expect(seen).toHaveLength(1000);
    }, 30_000);
  });

  describe("EC2: DescribeInstances", () => {
    it("fails for an unknown id", async () => {
      const ask = (id: string) => ec2().send(new DescribeInstancesCommand({ InstanceIds: [id] }));
      await expect(ask(NOBODY)).rejects.toMatchObject({
        name: "InvalidInstanceID.NotFound",
        message: `The instance ID '${NOBODY}' does not exist`,
      });
    });

    it("filters by instance-id without an error for an unknown id", async () => {
      const answer = await ec2().send(
        new DescribeInstancesCommand({ Filters: [{ Name: "instance-id", Values: [NOBODY] }] }),
      );
      expect(answer.Reservations).toEqual([]);
    });

    it("filters by tag and tag-key", async () => {
      const key = unique("key");
      const [id = ""] = idsOf(await run(1, [{ Key: key, Value: "one" }]));
      const found = async (Name: string, Values: string[]) => {
        const answer = await ec2().send(new DescribeInstancesCommand({ Filters: [{ Name, Values }] }));
        return (answer.Reservations ?? []).flatMap((reservation) => idsOf(reservation.Instances ?? []));
      };
      expect(await found(`tag:${key}`, ["one"])).toEqual([id]);
      expect(await found(`tag:${key}`, ["two"])).toEqual([]);
      expect(await found("tag-key", [key])).toEqual([id]);
    });

    it("pages by MaxResults and NextToken", async () => {
      const key = unique("key");
      const launched: string[] = [];
      for (let count = 0; count < 12; count += 1) launched.push(...idsOf(await run(1, [{ Key: key, Value: "x" }])));
      const seen: string[] = [];
      let NextToken: string | undefined;
      do {
        const answer = await ec2().send(
          new DescribeInstancesCommand({ Filters: [{ Name: "tag-key", Values: [key] }], MaxResults: 5, NextToken }),
        );
        expect(answer.Reservations?.length).toBeLessThanOrEqual(5);
        for (const reservation of answer.Reservations ?? []) seen.push(...idsOf(reservation.Instances ?? []));
        NextToken = answer.NextToken || undefined;
      } while (NextToken !== undefined);
      expect(seen.sort()).toEqual(launched.sort());
    });
  });

  describe("EC2: the end of an instance", () => {
    it("a terminated instance is still described", async () => {
      const [id = ""] = idsOf(await run(1));
      await target().later(60_000);
      const { TerminatingInstances: ending } = await ec2().send(new TerminateInstancesCommand({ InstanceIds: [id] }));
      expect(ending).toMatchObject([
        {
          InstanceId: id,
          CurrentState: { Code: 32, Name: "shutting-down" },
          PreviousState: { Code: 16, Name: "running" },
        },
      ]);
      await target().later(60_000);
      const seen = await ec2().send(new DescribeInstancesCommand({ InstanceIds: [id] }));
      expect(seen.Reservations?.[0]?.Instances?.[0]?.State).toEqual({ Code: 48, Name: "terminated" });
    });

    it("an instance can be stopped and started", async () => {
      const [id = ""] = idsOf(await run(1));
      const state = async () => {
        const seen = await ec2().send(new DescribeInstancesCommand({ InstanceIds: [id] }));
        return seen.Reservations?.[0]?.Instances?.[0]?.State?.Name;
      };
      await target().later(60_000);
      expect(await state()).toBe("running");
      await ec2().send(new StopInstancesCommand({ InstanceIds: [id] }));
      await target().later(60_000);
      expect(await state()).toBe("stopped");
      await ec2().send(new StartInstancesCommand({ InstanceIds: [id] }));
      await target().later(60_000);
      expect(await state()).toBe("running");
    });

    it("an instance that is stopped and started keeps the attach time of its primary network interface", async () => {
      const [id = ""] = idsOf(await run(1));
      const attachTime = async () => {
        const seen = await ec2().send(new DescribeInstancesCommand({ InstanceIds: [id] }));
        const [primary] = seen.Reservations?.[0]?.Instances?.[0]?.NetworkInterfaces ?? [];
        expect(primary?.Attachment?.DeviceIndex).toBe(0);
        return primary?.Attachment?.AttachTime;
      };
      await target().later(60_000);
      const before = await attachTime();
      await ec2().send(new StopInstancesCommand({ InstanceIds: [id] }));
      await target().later(60_000);
      await ec2().send(new StartInstancesCommand({ InstanceIds: [id] }));
      expect(await attachTime()).toEqual(before);
    });

    it("terminating an instance that does not exist fails", async () => {
      await expect(ec2().send(new TerminateInstancesCommand({ InstanceIds: [NOBODY] }))).rejects.toMatchObject({
        name: "InvalidInstanceID.NotFound",
      });
    });
  });

  it("EC2: an instance exists in its own region only", async () => {
    const [id = ""] = idsOf(await run(1));
    const elsewhere = clients(target().endpoint, "us-west-2").ec2;
    await expect(elsewhere.send(new DescribeInstancesCommand({ InstanceIds: [id] }))).rejects.toMatchObject({
      name: "InvalidInstanceID.NotFound",
    });
  });
}
