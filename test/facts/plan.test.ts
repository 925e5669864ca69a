import { DescribeTagsCommand, EC2Client } from "@aws-sdk/client-ec2";
import { beforeEach, describe, expect, it } from "vitest";
import { ec2Facts, type FactName, type FactReader } from "../../src/facts/facts.ts";
import type { Reads } from "../../src/facts/pages.ts";
import { actionsFor, planFacts } from "../../src/facts/plan.ts";
import { awsError, mockEc2 } from "../support/aws.ts";
import { INSTANCE, instanceId, REGION } from "../support/events.ts";
import { instanceOf } from "../support/findings.ts";

const ec2 = mockEc2();
beforeEach(ec2.start);

const reader = ec2Facts(new EC2Client({ region: REGION }));
const tags = new Map([["Name", "web-1"]]);
const NOT_READ = { unknown: "the policy does not need it", late: false };
const UNREAD = { securityGroups: NOT_READ, image: NOT_READ, volumes: NOT_READ, defaultVpc: NOT_READ };

describe("planFacts", () => {
  it("reads only tags with DescribeTags when the rules need no more", async () => {
    ec2.launch(INSTANCE, { tags });
    const reads = await planFacts(["tags", "tags"], reader).readTags?.([INSTANCE]);
    expect(reads).toEqual(new Map([[INSTANCE, { value: { ...UNREAD, tags, instance: null } }]]));
    expect([ec2.tagCalls(), ec2.instanceCalls()]).toEqual([[[INSTANCE]], []]);
  });

  it("returns the error of DescribeTags", async () => {
    const error = awsError("RequestLimitExceeded", "Request limit exceeded.");
    ec2.mock.on(DescribeTagsCommand).rejects(error);
    expect(await planFacts(["tags"], reader).readTags?.([INSTANCE])).toEqual(new Map([[INSTANCE, { error }]]));
  });

  it("does not read only tags when a rule needs the instance", () => {
    expect(planFacts(["tags", "instance"], reader).readTags).toBeNull();
  });

  it("reads the instance and its tags with DescribeInstances alone", async () => {
    ec2.launch(INSTANCE, { tags });
    expect(await planFacts(["tags"], reader).read([INSTANCE, instanceId(7)])).toEqual(
      new Map([
        [INSTANCE, { value: { ...UNREAD, tags, instance: instanceOf({ tags }) } }],
        [instanceId(7), { value: null }],
      ]),
    );
    expect([ec2.tagCalls(), ec2.instanceCalls()]).toEqual([[], [[INSTANCE, instanceId(7)]]]);
  });
});

describe("the facts that DescribeInstances does not return", () => {
  const GROUPS = [
    { groupId: "sg-1", name: "web" },
    { groupId: "sg-2", name: "db" },
  ];
  const group = (groupId: string) => ({ groupId, name: "web", tags: new Map(), ingress: [] });
  const image = {
    imageId: "ami-1",
    name: "golden-1",
    ownerId: "123456789012",
    ownerAlias: null,
    state: "available",
    creationDate: null,
    deprecationTime: null,
    isAllowed: null,
    isPublic: false,
  };
  const volume = { volumeId: "vol-1", isEncrypted: true, kmsKeyId: null };
  const denied = Object.assign(new Error("You are not authorized"), { name: "UnauthorizedOperation" });
  const throttled = Object.assign(new Error("Request limit exceeded."), { name: "RequestLimitExceeded" });
  const other = instanceId(2);

  /** A reader that shows two instances and everything about them, with changes; it records what it is asked for. */
  function readerOf(changes: Partial<FactReader> = {}) {
    const calls: string[] = [];
    const recorded =
      <T>(name: string, read: (id: string) => T) =>
      async (ids: readonly string[]): Promise<Reads<T>> => {
        calls.push(`${name} ${ids.join()}`);
        return new Map(ids.map((id) => [id, { value: read(id) }]));
      };
    const all: FactReader = {
      tags: recorded("tags", () => tags),
      instances: recorded("instances", (id) =>
        instanceOf({ instanceId: id, groups: id === other ? GROUPS.slice(1) : GROUPS }),
      ),
      securityGroups: recorded("groups", group),
      images: recorded("images", () => image),
      volumes: recorded("volumes", () => [volume]),
      defaultVpc: async () => {
        calls.push("vpc");
        return "vpc-1";
      },
      ...changes,
    };
    return { reader: all, calls };
  }
  const ALL = ["tags", "instance", "securityGroups", "image", "volumes", "defaultVpc"] as const;
  const factsOf = async (changes: Partial<FactReader>, needs: readonly FactName[] = ALL) => {
    const read = (await planFacts(needs, readerOf(changes).reader).read([INSTANCE])).get(INSTANCE);
    return read && "value" in read ? read.value : read?.error;
  };
  const failing = (error: unknown) => async (ids: readonly string[]) => new Map(ids.map((id) => [id, { error }]));

  it("are each read once for all instances, each group once", async () => {
    const { reader: all, calls } = readerOf();
    const reads = await planFacts(ALL, all).read([INSTANCE, other]);
    expect(calls.sort()).toEqual(
      [
        `images ${INSTANCE},${other}`,
        `instances ${INSTANCE},${other}`,
        "groups sg-1,sg-2",
        `volumes ${INSTANCE},${other}`,
        "vpc",
      ].sort(),
    );
    expect(reads.get(INSTANCE)).toMatchObject({
      value: {
        securityGroups: { value: [{ groupId: "sg-1" }, { groupId: "sg-2" }] },
        image: { value: image },
        volumes: { value: [volume] },
        defaultVpc: { value: "vpc-1" },
      },
    });
    expect(reads.get(other)).toMatchObject({ value: { securityGroups: { value: [{ groupId: "sg-2" }] } } });
  });

  it.each<[FactName, string]>([
    ["securityGroups", "groups sg-1,sg-2"],
    ["image", `images ${INSTANCE}`],
    ["volumes", `volumes ${INSTANCE}`],
    ["defaultVpc", "vpc"],
  ])("are read only if a rule needs them: %s", async (name, call) => {
    const { reader: all, calls } = readerOf();
    const read = (await planFacts([name], all).read([INSTANCE])).get(INSTANCE);
    expect(calls).toEqual([`instances ${INSTANCE}`, call]);
    const facts = read && "value" in read && read.value ? { ...read.value } : null;
    const unread = Object.entries(facts ?? {}).flatMap(([key, fact]) => ("unknown" in (fact as object) ? [key] : []));
    expect(unread).toEqual(["securityGroups", "image", "volumes", "defaultVpc"].filter((each) => each !== name));
  });

  it("are not read for instances that are terminated or not shown", async () => {
    for (const state of ["terminated", "shutting-down", null]) {
      const instances = async (ids: readonly string[]) =>
        new Map(ids.map((id) => [id, { value: state === null ? null : instanceOf({ instanceId: id, state, tags }) }]));
      const { reader: all, calls } = readerOf({ instances });
      const read = (await planFacts(ALL, all).read([INSTANCE])).get(INSTANCE);
      expect(calls).toEqual([]);
      expect(read).toEqual(
        state === null ? { value: null } : { value: { ...UNREAD, tags, instance: instanceOf({ state, tags }) } },
      );
    }
  });

  it("are read for the instances beside a terminated one", async () => {
    const instances = async (ids: readonly string[]) =>
      new Map(
        ids.map((id) => [
          id,
          { value: instanceOf({ instanceId: id, state: id === other ? "terminated" : "running" }) },
        ]),
      );
    const { reader: all, calls } = readerOf({ instances });
    const reads = await planFacts(ALL, all).read([other, INSTANCE]);
    expect(calls).toContain(`images ${INSTANCE}`);
    expect(reads.get(other)).toMatchObject({ value: UNREAD });
    expect(reads.get(INSTANCE)).toMatchObject({ value: { image: { value: image } } });
  });

  it("are not read for an instance whose own read failed", async () => {
    const { reader: all, calls } = readerOf({ instances: failing(throttled) });
    expect((await planFacts(ALL, all).read([INSTANCE])).get(INSTANCE)).toEqual({ error: throttled });
    expect(calls).toEqual([]);
  });

  it("are not known, but may still be shown, while EC2 does not show a group or the image", async () => {
    const securityGroups = async (ids: readonly string[]) =>
      new Map(ids.map((id) => [id, { value: id === "sg-1" ? group(id) : null }]));
    const images = async (ids: readonly string[]) => new Map(ids.map((id) => [id, { value: null }]));
    expect(await factsOf({ securityGroups, images })).toMatchObject({
      securityGroups: { unknown: "EC2 does not show the security group sg-2", late: true },
      image: { unknown: "EC2 does not show the image", late: true },
      volumes: { value: [volume] },
    });
  });

  it.each<[FactName, Partial<FactReader>, string]>([
    ["securityGroups", { securityGroups: failing(denied) }, "ec2:DescribeSecurityGroups"],
    ["image", { images: failing(denied) }, "ec2:DescribeInstanceImageMetadata"],
    ["volumes", { volumes: failing(denied) }, "ec2:DescribeVolumes"],
    ["defaultVpc", { defaultVpc: () => Promise.reject(denied) }, "ec2:DescribeVpcs"],
  ])("are not known for good when the credentials do not allow their call: %s", async (name, changes, action) => {
    const facts = await factsOf(changes);
    expect(facts).toMatchObject({ [name]: { unknown: `the credentials do not allow ${action}`, late: false } });
    expect(JSON.stringify(facts).split("unknown")).toHaveLength(2);
  });

  it.each<[string, Partial<FactReader>]>([
    ["security groups", { securityGroups: failing(throttled) }],
    ["images", { images: failing(throttled) }],
    ["volumes", { volumes: failing(throttled) }],
    ["the default VPC", { defaultVpc: () => Promise.reject(throttled) }],
  ])("fail the instance when their call fails for another reason: %s", async (_, changes) => {
    expect(await factsOf(changes)).toBe(throttled);
  });

  it("include that a region has no default VPC, and that an instance has no groups", async () => {
    const instances = async (ids: readonly string[]) =>
      new Map(ids.map((id) => [id, { value: instanceOf({ groups: [] }) }]));
    expect(await factsOf({ defaultVpc: async () => null, instances })).toMatchObject({
      defaultVpc: { value: null },
      securityGroups: { value: [] },
    });
  });
});

describe("the actions that facts need", () => {
  it.each<[readonly FactName[], string[]]>([
    [[], ["ec2:DescribeTags", "ec2:DescribeInstances"]],
    [["tags"], ["ec2:DescribeTags", "ec2:DescribeInstances"]],
    [["tags", "instance"], ["ec2:DescribeInstances"]],
    [["image"], ["ec2:DescribeInstances", "ec2:DescribeInstanceImageMetadata"]],
    [
      ["tags", "defaultVpc", "volumes", "securityGroups", "image"],
      [
        "ec2:DescribeInstances",
        "ec2:DescribeSecurityGroups",
        "ec2:DescribeInstanceImageMetadata",
        "ec2:DescribeVolumes",
        "ec2:DescribeVpcs",
      ],
    ],
  ])("of %j are %j", (needs, actions) => {
    expect(actionsFor(needs)).toEqual(actions);
  });
});
