import { CreateTagsCommand, type EC2Client, RunInstancesCommand, TerminateInstancesCommand } from "@aws-sdk/client-ec2";
import type { EmbeddedAws } from "../aws/index.ts";

/** One launch and what the audit should come to. */
export interface Story {
  readonly name: string;
  readonly expected: "compliant" | "violating" | "ignored";
  /** Seconds on the wall after which it begins. */
  readonly begins: number;
  /** Launches the story's instances and answers their ids. */
  launch(): Promise<readonly string[]>;
  /** What happens to them later. */
  readonly later?: {
    readonly after: number;
    readonly says: string;
    happen(ids: readonly string[]): Promise<unknown>;
  };
}

/** The five stories. Each is one that an audit at the moment of the launch, or without a second look, gets wrong or right. */
export function stories(ec2: EC2Client, aws: EmbeddedAws): readonly Story[] {
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
      name: "tagged as the house wants it",
      expected: "compliant",
      begins: 0,
      launch: () => run({ Name: "web-1", service: "shop" }),
    },
    {
      name: "without the tag service",
      expected: "violating",
      begins: 0.4,
      launch: () => run({ Name: "test-alice" }),
    },
    {
      name: "whose tags arrive after some seconds",
      expected: "compliant",
      begins: 0.8,
      launch: () => run({}),
      later: {
        after: 2.2,
        says: "its tags arrive",
        happen: (ids) =>
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
      begins: 1.2,
      launch: async () => aws.launchAutoScaling({ group: "web-asg", count: 6 }),
    },
    {
      name: "terminated within its grace",
      expected: "ignored",
      begins: 1.6,
      launch: () => run({}),
      later: {
        after: 2,
        says: "it is terminated",
        happen: (ids) => ec2.send(new TerminateInstancesCommand({ InstanceIds: [...ids] })),
      },
    },
  ];
}
