import {
  DescribeInstancesCommand,
  type DescribeInstancesCommandInput,
  DescribeTagsCommand,
  type DescribeTagsCommandInput,
  EC2Client,
  type Filter,
  type Instance,
  type InstanceStateName,
} from "@aws-sdk/client-ec2";
import { PublishCommand, type PublishCommandInput, SNSClient } from "@aws-sdk/client-sns";
import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import { mockClient } from "aws-sdk-client-mock";
import { afterAll } from "vitest";

import { ACCOUNT } from "./events.ts";

/** The instance that EC2 shows. */
export interface Shown {
  readonly tags?: Readonly<Record<string, string>> | ReadonlyMap<string, string>;
  readonly state?: InstanceStateName;
  readonly more?: Partial<Instance>;
}

/** Mocks the clients of a class for the test file. The files of a worker share the class, so this restores it. */
export const mockClients: typeof mockClient = (client) => {
  const mock = mockClient(client);
  afterAll(() => mock.restore());
  return mock;
};

/**
 * Mocks EC2 behind every `EC2Client` of the test file, and STS with the account `ACCOUNT`. EC2 responds to DescribeTags and
 * DescribeInstances from the instances that the test launches, and records the calls. As in EC2, a terminated instance has
 * no tags.
 */
export function mockEc2() {
  const mock = mockClients(EC2Client);
  const sts = mockClients(STSClient);
  const instances = new Map<string, Shown>();
  const hooks: { beforeInstances: (() => void) | null } = { beforeInstances: null };
  const start = () => {
    mock.reset();
    sts.reset();
    sts.on(GetCallerIdentityCommand).resolves({ Account: ACCOUNT });
    instances.clear();
    hooks.beforeInstances = null;
    mock.on(DescribeTagsCommand).callsFake(async ({ Filters }: DescribeTagsCommandInput) => ({
      Tags: idsIn(Filters, "resource-id").flatMap((id) => {
        const shown = instances.get(id);
        if (shown?.state === "terminated") return [];
        return tagsOf(shown).map((tag) => ({ ...tag, ResourceId: id, ResourceType: "instance" as const }));
      }),
    }));
    mock.on(DescribeInstancesCommand).callsFake(async ({ Filters }: DescribeInstancesCommandInput) => {
      hooks.beforeInstances?.();
      return { Reservations: idsIn(Filters, "instance-id").flatMap((id) => reservationOf(id, instances.get(id))) };
    });
  };
  start();
  return {
    mock,
    sts,
    /** Removes all instances and calls: for `beforeEach`. */
    start,
    /** Launches an instance, or replaces it. */
    launch: (id: string, shown: Shown = {}) => void instances.set(id, shown),
    /** Sets a callback between DescribeTags and DescribeInstances. */
    beforeInstances: (happen: () => void) => {
      hooks.beforeInstances = happen;
    },
    /** The instance ids of each DescribeTags call. */
    tagCalls: () =>
      mock.commandCalls(DescribeTagsCommand).map((call) => idsIn(call.args[0].input.Filters, "resource-id")),
    /** The instance ids of each DescribeInstances call. */
    instanceCalls: () =>
      mock.commandCalls(DescribeInstancesCommand).map((call) => idsIn(call.args[0].input.Filters, "instance-id")),
  };
}

/** Mocks SNS behind every `SNSClient` of the test file. It accepts and records every message. */
export function mockSns() {
  const mock = mockClients(SNSClient);
  const start = () => {
    mock.reset();
    mock.on(PublishCommand).resolves({ MessageId: "94f20ce6-13c5-43a0-9a9e-ca52d816e90b" });
  };
  start();
  return {
    mock,
    start,
    published: (): PublishCommandInput[] => mock.commandCalls(PublishCommand).map((call) => call.args[0].input),
  };
}

/** Returns the JSON document of a published message. */
export function documentIn(message: PublishCommandInput | undefined) {
  return JSON.parse(JSON.parse(message?.Message ?? "").default) as {
    id: string;
    account: string;
    region: string;
    launchedBy: string | null;
    severity: string;
    findings: {
      id: string;
      dedupKey: string;
      instanceId: string;
      rule: string;
      ruleId: string;
      severity: string;
      launchedBy: string | null;
      missing: string[];
      blank: string[];
    }[];
  };
}

/** Returns an error as the SDK throws it for an error response of AWS. */
export function awsError(name: string, message: string): Error {
  return Object.assign(new Error(message), { name });
}

function idsIn(filters: Filter[] | undefined, name: string): string[] {
  return filters?.find((filter) => filter.Name === name)?.Values ?? [];
}

function tagsOf(shown: Shown | undefined): { Key: string; Value: string }[] {
  const { tags = {} } = shown ?? {};
  const entries = tags instanceof Map ? [...tags] : Object.entries(tags);
  return entries.map(([Key, Value]) => ({ Key, Value }));
}

function reservationOf(id: string, shown: Shown | undefined): { Instances: Instance[] }[] {
  if (shown === undefined) return [];
  const { state = "running", more } = shown;
  return [
    {
      Instances: [
        {
          InstanceId: id,
          State: { Name: state },
          Tags: tagsOf(shown),
          InstanceType: "t3.micro",
          ImageId: "ami-0abcdef1234567890",
          KeyName: "my-key-pair",
          Placement: { AvailabilityZone: "us-east-1a", Tenancy: "default" },
          VpcId: "vpc-0a1b2c3d4e5f67890",
          SubnetId: "subnet-0a1b2c3d4e5f67890",
          PrivateIpAddress: "10.0.0.157",
          LaunchTime: new Date("2021-11-11T21:29:50Z"),
          NetworkInterfaces: [{ Attachment: { DeviceIndex: 0, AttachTime: new Date("2021-11-11T21:29:50Z") } }],
          SecurityGroups: [{ GroupId: "sg-0a1b2c3d4e5f67890", GroupName: "web" }],
          MetadataOptions: { HttpTokens: "required", HttpEndpoint: "enabled", HttpPutResponseHopLimit: 2 },
          Architecture: "x86_64",
          PlatformDetails: "Linux/UNIX",
          ...more,
        },
      ],
    },
  ];
}
