import {
  AuthorizeSecurityGroupIngressCommand,
  CreateSecurityGroupCommand,
  CreateSubnetCommand,
  CreateVpcCommand,
  DescribeInstancesCommand,
  DescribeSecurityGroupsCommand,
  DescribeVolumesCommand,
  DescribeVpcsCommand,
  type Filter,
  type Instance,
  ModifyInstanceAttributeCommand,
  ModifyInstanceMetadataOptionsCommand,
  RevokeSecurityGroupIngressCommand,
  RunInstancesCommand,
  type RunInstancesCommandInput,
  StopInstancesCommand,
} from "@aws-sdk/client-ec2";
import { describe, expect, it } from "vitest";
import { ACCOUNT, clients, type Target, unique } from "../targets.ts";

const NO_GROUP = "sg-0123456789abcdef0";

/** EC2's resources that the rules need: what RunInstances sets, and the security groups, volumes and VPCs of an instance. */
export function ec2ResourcesContract(target: () => Target): void {
  const ec2 = () => clients(target().endpoint).ec2;

  /** Launches an instance, waits until it runs and describes it. */
  async function running(input: Partial<RunInstancesCommandInput> = {}): Promise<Instance> {
    const { Instances } = await ec2().send(
      new RunInstancesCommand({
        ImageId: "ami-12c6146b",
        InstanceType: "t3.micro",
        MinCount: 1,
        MaxCount: 1,
        ...input,
      }),
    );
    await target().later(60_000);
    const seen = await ec2().send(new DescribeInstancesCommand({ InstanceIds: [Instances?.[0]?.InstanceId ?? ""] }));
    return seen.Reservations?.[0]?.Instances?.[0] ?? {};
  }

  const defaultVpc = async () => {
    const { Vpcs } = await ec2().send(new DescribeVpcsCommand({ Filters: [{ Name: "is-default", Values: ["true"] }] }));
    return Vpcs?.[0]?.VpcId ?? "";
  };
  async function createGroup(input: { VpcId?: string } = {}): Promise<string> {
    const { GroupId = "" } = await ec2().send(
      new CreateSecurityGroupCommand({ GroupName: unique("group"), Description: "a group", ...input }),
    );
    return GroupId;
  }
  const describeGroups = async (...Filters: Filter[]) =>
    (await ec2().send(new DescribeSecurityGroupsCommand({ Filters }))).SecurityGroups ?? [];
  const describeGroup = async (id: string) => (await describeGroups({ Name: "group-id", Values: [id] }))[0];

  describe("EC2: DescribeVpcs", () => {
    it("returns the default VPC by filter, and a created one by id", async () => {
      const id = await defaultVpc();
      expect(id).toMatch(/^vpc-/);
      const { Vpc } = await ec2().send(new CreateVpcCommand({ CidrBlock: "10.0.0.0/16" }));
      const { Vpcs } = await ec2().send(new DescribeVpcsCommand({ VpcIds: [Vpc?.VpcId ?? ""] }));
      expect(Vpcs).toMatchObject([
        { IsDefault: false, CidrBlock: "10.0.0.0/16", OwnerId: ACCOUNT, State: "available" },
      ]);
      const both = await ec2().send(
        new DescribeVpcsCommand({ Filters: [{ Name: "vpc-id", Values: [id, Vpc?.VpcId ?? ""] }] }),
      );
      expect(both.Vpcs?.map(({ VpcId, IsDefault }) => [VpcId, IsDefault]).sort()).toEqual(
        [
          [id, true],
          [Vpc?.VpcId, false],
        ].sort(),
      );
    });

    it("fails for an unknown id", async () => {
      await expect(ec2().send(new DescribeVpcsCommand({ VpcIds: ["vpc-0123456789abcdef0"] }))).rejects.toMatchObject({
        name: "InvalidVpcID.NotFound",
      });
    });
  });

  describe("EC2: security groups", () => {
    it("a VPC has a default group, which allows all outbound traffic", async () => {
      const VpcId = await defaultVpc();
      const groups = await describeGroups(
        { Name: "vpc-id", Values: [VpcId] },
        { Name: "group-name", Values: ["default"] },
      );
      expect(groups).toMatchObject([
        { GroupName: "default", VpcId, OwnerId: ACCOUNT, IpPermissionsEgress: [{ IpProtocol: "-1" }] },
      ]);
    });

    it("CreateSecurityGroup creates a tagged group in the default VPC, without inbound rules", async () => {
      const GroupName = unique("group");
      const { GroupId = "" } = await ec2().send(
        new CreateSecurityGroupCommand({
          GroupName,
          Description: "web servers",
          TagSpecifications: [{ ResourceType: "security-group", Tags: [{ Key: "team", Value: "shop" }] }],
        }),
      );
      const group = await describeGroup(GroupId);
      expect(group).toMatchObject({
        GroupId,
        GroupName,
        Description: "web servers",
        OwnerId: ACCOUNT,
        VpcId: await defaultVpc(),
        IpPermissions: [],
        IpPermissionsEgress: [{ IpProtocol: "-1", IpRanges: [{ CidrIp: "0.0.0.0/0" }] }],
        Tags: [{ Key: "team", Value: "shop" }],
      });
      expect(
        await describeGroups({ Name: "tag:team", Values: ["shop"] }, { Name: "group-name", Values: [GroupName] }),
      ).toEqual([group]);
      expect(group?.IpPermissionsEgress?.[0]?.FromPort).toBeUndefined();
      await expect(
        ec2().send(new CreateSecurityGroupCommand({ GroupName, Description: "again" })),
      ).rejects.toMatchObject({ name: "InvalidGroup.Duplicate" });
    });

    it("AuthorizeSecurityGroupIngress adds the rules of each source, joined by protocol and ports", async () => {
      const [GroupId, other] = [await createGroup(), await createGroup()];
      const ssh = { IpProtocol: "tcp", FromPort: 22, ToPort: 22 };
      const answer = await ec2().send(
        new AuthorizeSecurityGroupIngressCommand({
          GroupId,
          IpPermissions: [
            {
              ...ssh,
              IpRanges: [{ CidrIp: "203.0.113.0/24", Description: "office" }, { CidrIp: "0.0.0.0/0" }],
              Ipv6Ranges: [{ CidrIpv6: "::/0" }],
            },
            { IpProtocol: "-1", UserIdGroupPairs: [{ GroupId: other }] },
            { IpProtocol: "icmp", FromPort: 3, ToPort: -1, IpRanges: [{ CidrIp: "10.0.0.0/8" }] },
          ],
        }),
      );
      expect(answer.Return).toBe(true);
      await ec2().send(
        new AuthorizeSecurityGroupIngressCommand({
          GroupId,
          IpPermissions: [{ ...ssh, PrefixListIds: [{ PrefixListId: "pl-0123456789abcdef0" }] }],
        }),
      );
      const found = (await describeGroup(GroupId))?.IpPermissions ?? [];
      expect(found).toHaveLength(3);
      expect(found).toEqual(
        expect.arrayContaining([
          expect.objectContaining({
            ...ssh,
            IpRanges: expect.arrayContaining([
              { CidrIp: "203.0.113.0/24", Description: "office" },
              { CidrIp: "0.0.0.0/0" },
            ]),
            Ipv6Ranges: [{ CidrIpv6: "::/0" }],
            PrefixListIds: [expect.objectContaining({ PrefixListId: "pl-0123456789abcdef0" })],
            UserIdGroupPairs: [],
          }),
          expect.objectContaining({
            IpProtocol: "-1",
            UserIdGroupPairs: [expect.objectContaining({ GroupId: other, UserId: ACCOUNT })],
            IpRanges: [],
          }),
          expect.objectContaining({ IpProtocol: "icmp", FromPort: 3, ToPort: -1 }),
        ]),
      );
    });

    it("RevokeSecurityGroupIngress removes one source of a rule, and keeps the others", async () => {
      const GroupId = await createGroup();
      const ssh = { IpProtocol: "tcp", FromPort: 22, ToPort: 22 };
      await ec2().send(
        new AuthorizeSecurityGroupIngressCommand({
          GroupId,
          IpPermissions: [{ ...ssh, IpRanges: [{ CidrIp: "0.0.0.0/0" }, { CidrIp: "10.0.0.0/8" }] }],
        }),
      );
      const { Return } = await ec2().send(
        new RevokeSecurityGroupIngressCommand({
          GroupId,
          IpPermissions: [{ ...ssh, IpRanges: [{ CidrIp: "0.0.0.0/0" }] }],
        }),
      );
      expect(Return).toBe(true);
      expect((await describeGroup(GroupId))?.IpPermissions).toMatchObject([
        { ...ssh, IpRanges: [{ CidrIp: "10.0.0.0/8" }] },
      ]);
    });

    it("a rule that exists is refused", async () => {
      const GroupId = await createGroup();
      const add = () =>
        ec2().send(
          new AuthorizeSecurityGroupIngressCommand({
            GroupId,
            IpPermissions: [{ IpProtocol: "tcp", FromPort: 80, ToPort: 80, IpRanges: [{ CidrIp: "0.0.0.0/0" }] }],
          }),
        );
      await add();
      await expect(add()).rejects.toMatchObject({ name: "InvalidPermission.Duplicate" });
    });

    it("an unknown id is an error as a parameter, and matches nothing as a filter", async () => {
      await expect(ec2().send(new DescribeSecurityGroupsCommand({ GroupIds: [NO_GROUP] }))).rejects.toMatchObject({
        name: "InvalidGroup.NotFound",
      });
      expect(await describeGroups({ Name: "group-id", Values: [NO_GROUP] })).toEqual([]);
      const GroupId = await createGroup();
      const byId = await ec2().send(new DescribeSecurityGroupsCommand({ GroupIds: [GroupId] }));
      expect(byId.SecurityGroups).toMatchObject([{ GroupId }]);
    });
  });

  describe("EC2: the settings of an instance", () => {
    it("by default it has no key pair and no profile, and allows IMDSv1", async () => {
      const instance = await running();
      expect(instance).toMatchObject({
        Architecture: "x86_64",
        MetadataOptions: {
          State: "applied",
          HttpTokens: "optional",
          HttpEndpoint: "enabled",
          HttpPutResponseHopLimit: 1,
        },
        Placement: { Tenancy: "default" },
        VpcId: await defaultVpc(),
      });
      expect([instance.KeyName, instance.IamInstanceProfile, instance.InstanceLifecycle]).toEqual([
        undefined,
        undefined,
        undefined,
      ]);
    });

    it("has the named key pair, groups and metadata options", async () => {
      const [first, second] = [await createGroup(), await createGroup()];
      const instance = await running({
        KeyName: "ops",
        SecurityGroupIds: [first, second],
        MetadataOptions: { HttpTokens: "required", HttpPutResponseHopLimit: 2, HttpEndpoint: "enabled" },
      });
      expect(instance).toMatchObject({
        KeyName: "ops",
        MetadataOptions: { HttpTokens: "required", HttpPutResponseHopLimit: 2, HttpEndpoint: "enabled" },
      });
      const ids = instance.SecurityGroups?.map(({ GroupId }) => GroupId);
      expect(ids?.sort()).toEqual([first, second].sort());
    });

    it("fails for an unknown group", async () => {
      await expect(running({ SecurityGroupIds: [NO_GROUP] })).rejects.toMatchObject({ name: "InvalidGroup.NotFound" });
    });

    it("has a public address in a default subnet, and none in another", async () => {
      const exposed = await running();
      expect(exposed.PublicIpAddress).toMatch(/^\d+\.\d+\.\d+\.\d+$/);
      expect(exposed.NetworkInterfaces?.[0]?.Association?.PublicIp).toBe(exposed.PublicIpAddress);
      const { Vpc: { VpcId = "" } = {} } = await ec2().send(new CreateVpcCommand({ CidrBlock: "10.1.0.0/16" }));
      const { Subnet } = await ec2().send(new CreateSubnetCommand({ VpcId, CidrBlock: "10.1.0.0/24" }));
      const hidden = await running({ SubnetId: Subnet?.SubnetId, SecurityGroupIds: [await createGroup({ VpcId })] });
      expect(hidden).toMatchObject({
        VpcId,
        SubnetId: Subnet?.SubnetId,
        PrivateIpAddress: expect.stringMatching(/^10\.1\./),
        Placement: { AvailabilityZone: Subnet?.AvailabilityZone },
      });
      expect(hidden.PublicIpAddress).toBeUndefined();
    });

    it("ModifyInstanceAttribute changes the groups, and the type of a stopped instance", async () => {
      const { InstanceId = "" } = await running({ SecurityGroupIds: [await createGroup()] });
      const GroupId = await createGroup();
      await ec2().send(new ModifyInstanceAttributeCommand({ InstanceId, Groups: [GroupId] }));
      await ec2().send(new StopInstancesCommand({ InstanceIds: [InstanceId] }));
      await target().later(60_000);
      await ec2().send(new ModifyInstanceAttributeCommand({ InstanceId, InstanceType: { Value: "t3.large" } }));
      const seen = await ec2().send(new DescribeInstancesCommand({ InstanceIds: [InstanceId] }));
      expect(seen.Reservations?.[0]?.Instances).toMatchObject([
        { InstanceType: "t3.large", SecurityGroups: [{ GroupId }] },
      ]);
    });

    it("ModifyInstanceMetadataOptions changes what is named", async () => {
      const { InstanceId = "" } = await running();
      const { InstanceMetadataOptions } = await ec2().send(
        new ModifyInstanceMetadataOptionsCommand({
          InstanceId,
          HttpTokens: "required",
          HttpEndpoint: "enabled",
          HttpPutResponseHopLimit: 1,
        }),
      );
      expect(InstanceMetadataOptions).toMatchObject({ HttpTokens: "required" });
      await target().later(60_000);
      const seen = await ec2().send(new DescribeInstancesCommand({ InstanceIds: [InstanceId] }));
      expect(seen.Reservations?.[0]?.Instances?.[0]?.MetadataOptions).toMatchObject({
        State: "applied",
        HttpTokens: "required",
        HttpEndpoint: "enabled",
        HttpPutResponseHopLimit: 1,
      });
    });
  });

  describe("EC2: DescribeVolumes", () => {
    it("returns the volumes of instances, which the block device mappings name", async () => {
      const [first, second] = [await running(), await running()];
      const ids = [first.InstanceId ?? "", second.InstanceId ?? ""];
      const { Volumes = [] } = await ec2().send(
        new DescribeVolumesCommand({ Filters: [{ Name: "attachment.instance-id", Values: ids }] }),
      );
      expect(Volumes.map(({ Attachments }) => Attachments?.[0]?.InstanceId).sort()).toEqual(ids.sort());
      const mapped = [first, second].map(({ BlockDeviceMappings }) => BlockDeviceMappings?.[0]?.Ebs?.VolumeId);
      expect(Volumes.map(({ VolumeId }) => VolumeId).sort()).toEqual(mapped.sort());
      expect(Volumes[0]).toMatchObject({ Encrypted: false, State: "in-use", Attachments: [{ State: "attached" }] });
      expect(Volumes[0]?.KmsKeyId).toBeUndefined();
    });

    it("returns an encrypted volume with its key", async () => {
      const key = `arn:aws:kms:eu-west-1:${ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab`;
      const { InstanceId = "" } = await running({
        BlockDeviceMappings: [{ DeviceName: "/dev/sdf", Ebs: { VolumeSize: 20, Encrypted: true, KmsKeyId: key } }],
      });
      const { Volumes } = await ec2().send(
        new DescribeVolumesCommand({
          Filters: [
            { Name: "attachment.instance-id", Values: [InstanceId] },
            { Name: "encrypted", Values: ["true"] },
          ],
        }),
      );
      expect(Volumes).toMatchObject([
        { Encrypted: true, KmsKeyId: key, Size: 20, Attachments: [{ InstanceId, Device: "/dev/sdf" }] },
      ]);
    });

    it("fails for an unknown id", async () => {
      await expect(
        ec2().send(new DescribeVolumesCommand({ VolumeIds: ["vol-0123456789abcdef0"] })),
      ).rejects.toMatchObject({ name: "InvalidVolume.NotFound" });
    });
  });
}
