import {
  CreateTagsCommand,
  RunInstancesCommand,
  type RunInstancesCommandInput,
  TerminateInstancesCommand,
} from "@aws-sdk/client-ec2";
import type { Demo } from "./setup.ts";

/** A launch and its expected outcome. */
export interface Scenario {
  readonly name: string;
  readonly expected: "compliant" | "violating" | "ignored";
  /** When it starts, in seconds of real time. */
  readonly startsAfter: number;
  /** Launches the instances and returns their ids. */
  launch(): Promise<readonly string[]>;
  /** A later change to the instances. */
  readonly change?: {
    readonly after: number;
    readonly name: string;
    apply(ids: readonly string[]): Promise<unknown>;
  };
}

const TAGS = { Name: "web-1", service: "shop" };

/** Returns the seven scenarios. An audit at the moment of the launch alone would get some of them wrong. */
export function scenarios({ ec2, aws, approvedImage, openGroup }: Demo): readonly Scenario[] {
  const run = async (
    tags: Readonly<Record<string, string>>,
    more: Partial<RunInstancesCommandInput> = {},
  ): Promise<readonly string[]> => {
    const list = Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
    const { Instances = [] } = await ec2.send(
      new RunInstancesCommand({
        ImageId: approvedImage,
        InstanceType: "t3.micro",
        KeyName: "ops-2026",
        MinCount: 1,
        MaxCount: 1,
        ...more,
        ...(list.length > 0 && { TagSpecifications: [{ ResourceType: "instance", Tags: list }] }),
      }),
    );
    return Instances.map((instance) => instance.InstanceId ?? "");
  };
  return [
    {
      name: "complies with every rule",
      expected: "compliant",
      startsAfter: 0,
      launch: () => run(TAGS, { MetadataOptions: { HttpTokens: "required" } }),
    },
    {
      name: "without the tag service",
      expected: "violating",
      startsAfter: 0.4,
      launch: () => run({ Name: "test-alice" }),
    },
    {
      name: "tagged a few seconds later",
      expected: "compliant",
      startsAfter: 0.8,
      launch: () => run({}),
      change: {
        after: 2.2,
        name: "its tags are added",
        apply: (ids) =>
          ec2.send(
            new CreateTagsCommand({
              Resources: [...ids],
              Tags: [
                { Key: "Name", Value: "batch-7" },
                { Key: "Service", Value: "billing" },
              ],
            }),
          ),
      },
    },
    {
      name: "an Auto Scaling burst without tags",
      expected: "violating",
      startsAfter: 1.2,
      launch: async () =>
        aws.launchAutoScaling({ group: "web-asg", count: 6, imageId: approvedImage, keyName: "ops-2026" }),
    },
    {
      name: "terminated within its grace",
      expected: "ignored",
      startsAfter: 1.6,
      launch: () => run({}),
      change: {
        after: 2,
        name: "it is terminated",
        apply: (ids) => ec2.send(new TerminateInstancesCommand({ InstanceIds: [...ids] })),
      },
    },
    {
      name: "port 22 open to the world, a wrong key pair, an unapproved image",
      expected: "violating",
      startsAfter: 2,
      launch: () =>
        run(
          { Name: "lab-3", service: "lab" },
          { ImageId: "ami-0fedcba9876543210", KeyName: "my-laptop", SecurityGroupIds: [openGroup] },
        ),
    },
    {
      name: "an unapproved image, with an exemption",
      expected: "compliant",
      startsAfter: 2.4,
      launch: () => run({ Name: "old-1", service: "shop", project: "migration" }, { ImageId: "ami-0fedcba9876543210" }),
    },
  ];
}
