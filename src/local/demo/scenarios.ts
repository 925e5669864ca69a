import { CreateTagsCommand, type EC2Client, RunInstancesCommand, TerminateInstancesCommand } from "@aws-sdk/client-ec2";
import type { EmbeddedAws } from "../aws/index.ts";

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

/** Returns the five scenarios. An audit at the moment of the launch alone would get some of them wrong. */
export function scenarios(ec2: EC2Client, aws: EmbeddedAws): readonly Scenario[] {
  const run = async (tags: Readonly<Record<string, string>>): Promise<readonly string[]> => {
    const list = Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
    const { Instances = [] } = await ec2.send(
      new RunInstancesCommand({
        ImageId: "ami-0abcdef1234567890",
        InstanceType: "t3.micro",
        KeyName: "ops",
        MinCount: 1,
        MaxCount: 1,
        ...(list.length > 0 && { TagSpecifications: [{ ResourceType: "instance", Tags: list }] }),
      }),
    );
    return Instances.map((instance) => instance.InstanceId ?? "");
  };
  return [
    {
      name: "with all required tags",
      expected: "compliant",
      startsAfter: 0,
      launch: () => run({ Name: "web-1", service: "shop" }),
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
      launch: async () => aws.launchAutoScaling({ group: "web-asg", count: 6 }),
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
  ];
}
