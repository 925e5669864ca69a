import {
  AssociateIamInstanceProfileCommand,
  AuthorizeSecurityGroupIngressCommand,
  CreateSecurityGroupCommand,
  CreateSubnetCommand,
  CreateVpcCommand,
  DescribeIamInstanceProfileAssociationsCommand,
  DescribeInstanceImageMetadataCommand,
  DescribeInstancesCommand,
  DescribeSecurityGroupsCommand,
  DescribeVolumesCommand,
  DescribeVpcsCommand,
  DisassociateIamInstanceProfileCommand,
  EnableEbsEncryptionByDefaultCommand,
  type IpPermission,
  ModifyInstanceAttributeCommand,
  ModifyInstanceMetadataOptionsCommand,
  ModifyManagedResourceVisibilityCommand,
  ModifyNetworkInterfaceAttributeCommand,
  ReplaceIamInstanceProfileAssociationCommand,
  RevokeSecurityGroupIngressCommand,
  StartInstancesCommand,
  StopInstancesCommand,
  TerminateInstancesCommand,
} from "@aws-sdk/client-ec2";
import { describe, expect, it } from "vitest";
import { aws, clock, launch, NOBODY, of, START, useEmbeddedAws } from "./embedded-aws.ts";
import { ACCOUNT, unique } from "./targets.ts";

/** The resources that the rules need, where moto_server lacks them or differs; each part gives the reason. */
useEmbeddedAws();

const region = "eu-west-1";
const BOOT = 10_000;

const described = async (id: string) => {
  const { Reservations } = await of().ec2.send(new DescribeInstancesCommand({ InstanceIds: [id] }));
  return Reservations?.[0]?.Instances?.[0] ?? {};
};
const volumesOf = async (id: string, input: object = {}) => {
  const Filters = [{ Name: "attachment.instance-id", Values: [id] }];
  return (await of().ec2.send(new DescribeVolumesCommand({ Filters, ...input }))).Volumes;
};
async function createGroup(input: { VpcId?: string } = {}): Promise<string> {
  const GroupName = unique("group");
  const { GroupId = "" } = await of().ec2.send(
    new CreateSecurityGroupCommand({ GroupName, Description: "a group", ...input }),
  );
  return GroupId;
}
const authorize = (GroupId: string, ...IpPermissions: IpPermission[]) =>
  of().ec2.send(new AuthorizeSecurityGroupIngressCommand({ GroupId, IpPermissions }));
const ingress = async (id: string) => {
  const { SecurityGroups } = await of().ec2.send(new DescribeSecurityGroupsCommand({ GroupIds: [id] }));
  return SecurityGroups?.[0]?.IpPermissions;
};
const SSH = { IpProtocol: "tcp", FromPort: 22, ToPort: 22 };
const WORLD = { IpRanges: [{ CidrIp: "0.0.0.0/0" }] };

describe("DescribeInstanceImageMetadata (moto_server lacks it)", () => {
  // https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstanceImageMetadata.html
  const images = async (Name: string, ...Values: string[]) => {
    const answer = await of().ec2.send(new DescribeInstanceImageMetadataCommand({ Filters: [{ Name, Values }] }));
    return answer.InstanceImageMetadata ?? [];
  };

  it("returns the image of each instance, as it was registered", async () => {
    const image = aws.registerImage(
      {
        name: "al2023-ami-2023.9.20251208.0-kernel-6.1-x86_64",
        ownerId: "137112412989",
        ownerAlias: "amazon",
        createdAt: START - 86_400_000,
        deprecatedAt: START + 86_400_000,
        isPublic: true,
      },
      { region },
    );
    const id = await launch({ ImageId: image, InstanceType: "t3.micro" });
    expect(await images("instance-id", id, NOBODY)).toEqual([
      {
        InstanceId: id,
        InstanceType: "t3.micro",
        LaunchTime: new Date(START),
        AvailabilityZone: "eu-west-1a",
        State: { Code: 0, Name: "pending" },
        OwnerId: ACCOUNT,
        Operator: { Managed: false },
        ImageMetadata: {
          ImageId: image,
          Name: "al2023-ami-2023.9.20251208.0-kernel-6.1-x86_64",
          OwnerId: "137112412989",
          ImageOwnerAlias: "amazon",
          State: "available",
          CreationDate: "2025-12-31T00:00:00.000Z",
          DeprecationTime: "2026-01-02T00:00:00.000Z",
          ImageAllowed: true,
          IsPublic: true,
        },
      },
    ]);
  });

  it("returns a private image of the account for an image that is not registered", async () => {
    const id = await launch({ ImageId: "ami-12c6146b" });
    expect(await images("instance-id", id)).toMatchObject([
      {
        ImageMetadata: {
          ImageId: "ami-12c6146b",
          OwnerId: ACCOUNT,
          State: "available",
          CreationDate: "2026-01-01T00:00:00.000Z",
          ImageAllowed: true,
          IsPublic: false,
        },
      },
    ]);
  });

  it("follows a later change of the image: deregistered, private, not allowed", async () => {
    const id = aws.registerImage({ name: "golden-1", isPublic: true }, { region });
    const [instance = ""] = aws.launch({ region, count: 1, imageId: id });
    aws.registerImage({ id, state: "deregistered", isPublic: false, isAllowed: false }, { region });
    expect(await images("instance-id", instance)).toMatchObject([
      { ImageMetadata: { Name: "golden-1", State: "deregistered", IsPublic: false, ImageAllowed: false } },
    ]);
  });

  it("filters by the owner, its alias, the criteria for Allowed AMIs, the instance's state, type, zone and tags", async () => {
    const imageId = aws.registerImage({ ownerId: "137112412989", ownerAlias: "amazon", isAllowed: false }, { region });
    const [id = ""] = aws.launch({ region, count: 1, imageId, instanceType: "m7g.large", tags: { env: "prod" } });
    await launch();
    for (const [name, value] of [
      ["owner-id", "137112412989"],
      ["owner-alias", "amazon"],
      ["image-allowed", "false"],
      ["instance-type", "m7g.*"],
      ["tag:env", "prod"],
      ["tag-key", "env"],
    ] as const) {
      expect([name, (await images(name, value)).map(({ InstanceId }) => InstanceId)]).toEqual([name, [id]]);
    }
    for (const [name, value] of [
      ["instance-state-name", "pending"],
      ["availability-zone", "eu-west-1*"],
      ["launch-time", "2026-01-01T*"],
    ] as const) {
      expect([name, (await images(name, value)).length]).toEqual([name, 2]);
    }
  });

  it("returns pages, and fails for an unknown instance id", async () => {
    aws.launch({ region, count: 7 });
    const first = await of().ec2.send(new DescribeInstanceImageMetadataCommand({ MaxResults: 5 }));
    const { NextToken } = first;
    const second = await of().ec2.send(new DescribeInstanceImageMetadataCommand({ MaxResults: 5, NextToken }));
    expect([first.InstanceImageMetadata?.length, second.InstanceImageMetadata?.length]).toEqual([5, 2]);
    await expect(
      of().ec2.send(new DescribeInstanceImageMetadataCommand({ InstanceIds: [NOBODY] })),
    ).rejects.toMatchObject({ name: "InvalidInstanceID.NotFound" });
  });
});

describe("The settings of an instance (moto_server lacks these states, or ignores the parameters)", () => {
  it("has no public address, no volumes and pending metadata options until it runs", async () => {
    const id = await launch();
    expect(await described(id)).toMatchObject({ BlockDeviceMappings: [], MetadataOptions: { State: "pending" } });
    expect((await described(id)).PublicIpAddress).toBeUndefined();
    expect((await described(id)).NetworkInterfaces?.[0]?.Association).toBeUndefined();
    expect(await volumesOf(id)).toEqual([]);
    await clock.advance(BOOT);
    expect(await described(id)).toMatchObject({
      BlockDeviceMappings: [{ DeviceName: "/dev/xvda", Ebs: { Status: "attached", DeleteOnTermination: true } }],
      MetadataOptions: { State: "applied" },
      PublicIpAddress: expect.stringMatching(/^54\./),
    });
    expect(await volumesOf(id)).toHaveLength(1);
  });

  it("a stopped instance keeps its volumes and has no public address; a terminated one has neither", async () => {
    const id = await launch();
    await clock.advance(BOOT);
    await of().ec2.send(new StopInstancesCommand({ InstanceIds: [id] }));
    await clock.advance(60_000);
    expect((await described(id)).PublicIpAddress).toBeUndefined();
    expect(await volumesOf(id)).toHaveLength(1);
    await of().ec2.send(new StartInstancesCommand({ InstanceIds: [id] }));
    expect((await described(id)).BlockDeviceMappings).toHaveLength(1);
    await of().ec2.send(new TerminateInstancesCommand({ InstanceIds: [id] }));
    await clock.advance(60_000);
    expect(await volumesOf(id)).toEqual([]);
    expect(await described(id)).toMatchObject({ SecurityGroups: [], NetworkInterfaces: [], BlockDeviceMappings: [] });
  });

  it("has the default group of its VPC, on the primary interface and on the instance", async () => {
    const { SecurityGroups, NetworkInterfaces, VpcId } = await described(await launch());
    expect(SecurityGroups).toMatchObject([{ GroupName: "default" }]);
    expect(NetworkInterfaces?.[0]?.Groups).toEqual(SecurityGroups);
    const [{ GroupId = "" } = {}] = SecurityGroups ?? [];
    expect(await ingress(GroupId)).toMatchObject([
      { IpProtocol: "-1", UserIdGroupPairs: [{ GroupId, UserId: ACCOUNT }], IpRanges: [] },
    ]);
    const { Vpcs } = await of().ec2.send(new DescribeVpcsCommand({}));
    expect(Vpcs).toMatchObject([{ VpcId, IsDefault: true, CidrBlock: "172.31.0.0/16" }]);
  });

  it("SecurityGroups of the instance are those of its primary interface only", async () => {
    const [first, second] = [await createGroup(), await createGroup()];
    const id = await launch({
      NetworkInterfaces: [
        { DeviceIndex: 1, Groups: [second], Ipv6AddressCount: 1 },
        { DeviceIndex: 0, Groups: [first], AssociatePublicIpAddress: false },
      ],
    });
    await clock.advance(BOOT);
    const instance = await described(id);
    expect(instance.SecurityGroups).toMatchObject([{ GroupId: first }]);
    expect(instance.NetworkInterfaces).toMatchObject([
      { Groups: [{ GroupId: first }], Attachment: { DeviceIndex: 0 }, Ipv6Addresses: [] },
      {
        Groups: [{ GroupId: second }],
        Attachment: { DeviceIndex: 1 },
        Ipv6Addresses: [{ Ipv6Address: expect.stringMatching(/^2600:1f18::/) }],
      },
    ]);
    expect(instance.PublicIpAddress).toBeUndefined();
  });

  it("has no public address by default with several interfaces, which share the subnet of the primary one", async () => {
    // https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/using-instance-addressing.html
    const [id = ""] = aws.launch({ region, count: 1, interfaces: [{}, {}] });
    await clock.advance(BOOT);
    const { NetworkInterfaces = [], PublicIpAddress, SubnetId } = await described(id);
    expect(PublicIpAddress).toBeUndefined();
    expect(NetworkInterfaces.map((each) => each.SubnetId)).toEqual([SubnetId, SubnetId]);
    const [elastic = ""] = aws.launch({ region, count: 1, interfaces: [{}, { publicIp: true }] });
    await clock.advance(BOOT);
    const [first, second] = (await described(elastic)).NetworkInterfaces ?? [];
    expect([first?.Association, second?.Association?.PublicIp]).toEqual([undefined, expect.stringMatching(/^54\./)]);
  });

  it("each instance of a launch has IPv6 addresses of its own", async () => {
    const ids = aws.launch({ region, count: 2, interfaces: [{ ipv6: 2 }] });
    const addresses = (await Promise.all(ids.map(described))).flatMap(({ NetworkInterfaces }) =>
      NetworkInterfaces?.[0]?.Ipv6Addresses?.map(({ Ipv6Address }) => Ipv6Address),
    );
    expect(new Set(addresses).size).toBe(4);
  });

  it("launches Spot Instances, dedicated ones, and ones for Windows", async () => {
    const spot = await launch({ InstanceMarketOptions: { MarketType: "spot" }, Placement: { Tenancy: "dedicated" } });
    expect(await described(spot)).toMatchObject({
      InstanceLifecycle: "spot",
      Placement: { Tenancy: "dedicated" },
      PlatformDetails: "Linux/UNIX",
    });
    const ImageId = aws.registerImage({ platform: "Windows", architecture: "arm64" }, { region });
    expect(await described(await launch({ ImageId }))).toMatchObject({
      Platform: "windows",
      PlatformDetails: "Windows",
      Architecture: "arm64",
    });
  });

  it("in process, a launch takes the same settings", async () => {
    const group = await createGroup();
    const [id = ""] = aws.launch({
      region,
      count: 1,
      keyName: "ops",
      instanceType: "t3.large",
      instanceProfile: "web",
      lifecycle: "capacity-block",
      metadataOptions: { httpTokens: "required" },
      interfaces: [{ securityGroups: [group], publicIp: false }, { ipv6: ["2600:1f18::1"] }],
      volumes: [{ encrypted: true }, { device: "/dev/sdf", sizeGiB: 100 }],
    });
    await clock.advance(BOOT);
    expect(await described(id)).toMatchObject({
      KeyName: "ops",
      InstanceType: "t3.large",
      InstanceLifecycle: "capacity-block",
      IamInstanceProfile: { Arn: `arn:aws:iam::${ACCOUNT}:instance-profile/web`, Id: expect.stringMatching(/^AIPA/) },
      MetadataOptions: { HttpTokens: "required", HttpPutResponseHopLimit: 1 },
      SecurityGroups: [{ GroupId: group }],
      NetworkInterfaces: [{}, { Ipv6Addresses: [{ Ipv6Address: "2600:1f18::1" }] }],
    });
    expect(await volumesOf(id)).toMatchObject([
      { Encrypted: true, KmsKeyId: expect.stringMatching(/^arn:aws:kms:eu-west-1:123456789012:key\//) },
      { Encrypted: false, Size: 100 },
    ]);
    const [stored = ""] = aws.launch({ region, count: 1, volumes: [] });
    await clock.advance(BOOT);
    expect(await described(stored)).toMatchObject({ RootDeviceType: "instance-store", BlockDeviceMappings: [] });
  });

  it("has the instance profile of its launch, or the one associated later; a second one is refused", async () => {
    const arn = (name: string) => `arn:aws:iam::${ACCOUNT}:instance-profile/${name}`;
    const id = await launch({ IamInstanceProfile: { Name: "web" } });
    const { IamInstanceProfile: profile } = await described(id);
    expect(profile?.Arn).toBe(arn("web"));
    expect((await described(await launch({ IamInstanceProfile: { Arn: arn("web") } }))).IamInstanceProfile).toEqual(
      profile,
    );
    const bare = await launch();
    const associate = (InstanceId: string) =>
      of().ec2.send(new AssociateIamInstanceProfileCommand({ InstanceId, IamInstanceProfile: { Arn: arn("ssm") } }));
    expect((await associate(bare)).IamInstanceProfileAssociation).toMatchObject({
      InstanceId: bare,
      IamInstanceProfile: { Arn: arn("ssm") },
      State: "associating",
    });
    expect((await described(bare)).IamInstanceProfile?.Arn).toBe(arn("ssm"));
    await expect(associate(id)).rejects.toMatchObject({ name: "IncorrectState" });
  });

  it("the association with an instance profile is found, replaced and removed by its id", async () => {
    const [id, bare] = [await launch({ IamInstanceProfile: { Name: "web" } }), await launch()];
    const Filters = [{ Name: "instance-id", Values: [id, bare] }];
    const { IamInstanceProfileAssociations } = await of().ec2.send(
      new DescribeIamInstanceProfileAssociationsCommand({ Filters }),
    );
    const profile = (await described(id)).IamInstanceProfile;
    const AssociationId = IamInstanceProfileAssociations?.[0]?.AssociationId ?? "";
    expect(IamInstanceProfileAssociations).toEqual([
      { AssociationId, InstanceId: id, IamInstanceProfile: profile, State: "associated" },
    ]);
    await of().ec2.send(
      new ReplaceIamInstanceProfileAssociationCommand({ AssociationId, IamInstanceProfile: { Name: "batch" } }),
    );
    expect((await described(id)).IamInstanceProfile?.Arn).toMatch(/instance-profile\/batch$/);
    const remove = () => of().ec2.send(new DisassociateIamInstanceProfileCommand({ AssociationId }));
    expect((await remove()).IamInstanceProfileAssociation).toMatchObject({ AssociationId, State: "disassociating" });
    expect((await described(id)).IamInstanceProfile).toBeUndefined();
    await expect(remove()).rejects.toMatchObject({ name: "InvalidAssociationID.NotFound" });
  });

  it("the public address that AWS assigned can be removed and assigned again", async () => {
    // https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyNetworkInterfaceAttribute.html
    const id = await launch();
    await clock.advance(BOOT);
    const { PublicIpAddress: before, NetworkInterfaces } = await described(id);
    const NetworkInterfaceId = NetworkInterfaces?.[0]?.NetworkInterfaceId;
    const assign = async (AssociatePublicIpAddress: boolean) => {
      await of().ec2.send(new ModifyNetworkInterfaceAttributeCommand({ NetworkInterfaceId, AssociatePublicIpAddress }));
      return (await described(id)).PublicIpAddress;
    };
    expect([await assign(false), await assign(true)]).toEqual([undefined, before]);
  });

  it("the groups of an instance are those of its only interface; with several, they are changed by interface", async () => {
    // https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyNetworkInterfaceAttribute.html
    const [InstanceId = ""] = aws.launch({ region, count: 1, interfaces: [{}, {}] });
    const Groups = [await createGroup()];
    await expect(of().ec2.send(new ModifyInstanceAttributeCommand({ InstanceId, Groups }))).rejects.toMatchObject({
      name: "InvalidInstanceID",
    });
    const single = await launch();
    await of().ec2.send(new ModifyInstanceAttributeCommand({ InstanceId: single, Groups }));
    expect((await described(single)).NetworkInterfaces).toMatchObject([{ Groups: [{ GroupId: Groups[0] }] }]);
    const NetworkInterfaceId = (await described(InstanceId)).NetworkInterfaces?.[1]?.NetworkInterfaceId;
    await of().ec2.send(new ModifyNetworkInterfaceAttributeCommand({ NetworkInterfaceId, Groups }));
    const [first, second] = (await described(InstanceId)).NetworkInterfaces ?? [];
    expect([first?.Groups?.[0]?.GroupName, second?.Groups?.[0]?.GroupId]).toEqual(["default", Groups[0]]);
    await expect(
      of().ec2.send(new ModifyInstanceAttributeCommand({ InstanceId, InstanceType: { Value: "t3.large" } })),
    ).rejects.toMatchObject({ name: "IncorrectInstanceState" });
  });

  it.each([
    [{ HttpPutResponseHopLimit: 65 }, "InvalidParameterValue"],
    [{ HttpTokens: "maybe" as "required" }, "InvalidParameterValue"],
  ])("metadata options %o are refused", async (MetadataOptions, name) => {
    await expect(launch({ MetadataOptions })).rejects.toMatchObject({ name });
  });

  it("changed metadata options are pending for a moment, or until a stopped instance starts", async () => {
    // https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyInstanceMetadataOptions.html
    const id = await launch();
    const state = async () => (await described(id)).MetadataOptions?.State;
    const modify = () =>
      of().ec2.send(new ModifyInstanceMetadataOptionsCommand({ InstanceId: id, HttpTokens: "required" }));
    await expect(modify()).rejects.toMatchObject({ name: "IncorrectInstanceState" });
    await clock.advance(BOOT);
    expect((await modify()).InstanceMetadataOptions).toMatchObject({ State: "pending", HttpTokens: "required" });
    await clock.advance(BOOT);
    expect(await state()).toBe("applied");
    await of().ec2.send(new StopInstancesCommand({ InstanceIds: [id] }));
    await clock.advance(60_000);
    await modify();
    await clock.advance(60_000);
    expect(await state()).toBe("pending");
    await of().ec2.send(new StartInstancesCommand({ InstanceIds: [id] }));
    await clock.advance(BOOT);
    expect(await state()).toBe("applied");
  });

  it("refuses what EC2 does not know or does not combine", async () => {
    const SecurityGroupIds = [await createGroup()];
    await expect(launch({ SecurityGroupIds, NetworkInterfaces: [{ DeviceIndex: 0 }] })).rejects.toMatchObject({
      name: "InvalidParameterCombination",
    });
    await expect(
      launch({ BlockDeviceMappings: [{ DeviceName: "/dev/xvda", Ebs: { KmsKeyId: "1234" } }] }),
    ).rejects.toMatchObject({ name: "InvalidParameterDependency" });
    await expect(launch({ SubnetId: "subnet-0123456789abcdef0" })).rejects.toMatchObject({
      name: "InvalidSubnetID.NotFound",
    });
    await expect(launch({ Placement: { AvailabilityZone: "eu-west-1z" } })).rejects.toMatchObject({
      name: "InvalidParameterValue",
    });
    const { Vpc: { VpcId = "" } = {} } = await of().ec2.send(new CreateVpcCommand({ CidrBlock: "10.0.0.0/16" }));
    await expect(launch({ SecurityGroupIds: [await createGroup({ VpcId })] })).rejects.toMatchObject({
      name: "InvalidParameter",
    });
  });
});

describe("Security groups (moto_server has no pages, keeps ranges as written, and one reading of unknown rules)", () => {
  it("are returned in pages", async () => {
    for (let made = 0; made < 6; made += 1) await createGroup();
    const first = await of().ec2.send(new DescribeSecurityGroupsCommand({ MaxResults: 5 }));
    const { NextToken } = first;
    const second = await of().ec2.send(new DescribeSecurityGroupsCommand({ MaxResults: 5, NextToken }));
    expect([first.SecurityGroups?.length, second.SecurityGroups?.length]).toEqual([5, 2]);
    await expect(of().ec2.send(new DescribeSecurityGroupsCommand({ MaxResults: 4 }))).rejects.toMatchObject({
      name: "InvalidParameterValue",
    });
  });

  it("a range is stored by its first address in its shortest form, and a protocol by its name", async () => {
    // https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_IpPermission.html
    const id = await createGroup();
    await authorize(
      id,
      { IpProtocol: "6", FromPort: 443, ToPort: 443, IpRanges: [{ CidrIp: "100.68.0.18/18" }] },
      { IpProtocol: "50", FromPort: 1, ToPort: 2, ...WORLD },
      { IpProtocol: "icmpv6", Ipv6Ranges: [{ CidrIpv6: "0:0:0:0:0:0:0:0/0" }] },
    );
    expect(await ingress(id)).toMatchObject([
      { IpProtocol: "tcp", FromPort: 443, ToPort: 443, IpRanges: [{ CidrIp: "100.68.0.0/18" }] },
      { IpProtocol: "50" },
      { IpProtocol: "icmpv6", FromPort: -1, ToPort: -1, Ipv6Ranges: [{ CidrIpv6: "::/0" }] },
    ]);
    expect((await ingress(id))?.[1]?.FromPort).toBeUndefined();
  });

  it.each([
    [{ ...SSH, IpRanges: [{ CidrIp: "0.0.0.0/33" }] }, "InvalidParameterValue"],
    [{ ...SSH, Ipv6Ranges: [{ CidrIpv6: "0.0.0.0/0" }] }, "InvalidParameterValue"],
    [{ ...SSH, Ipv6Ranges: [{ CidrIpv6: "fe80::1%eth0/128" }] }, "InvalidParameterValue"],
    [{ IpProtocol: "tcp", ...WORLD }, "InvalidParameterValue"],
    [{ IpProtocol: "tcp", FromPort: 80, ToPort: 22, ...WORLD }, "InvalidParameterValue"],
    [{ IpProtocol: "ssh", FromPort: 22, ToPort: 22, ...WORLD }, "InvalidPermission.Malformed"],
  ])("the rule %j is refused", async (permission, name) => {
    await expect(authorize(await createGroup(), permission)).rejects.toMatchObject({ name });
  });

  it("a rule is given and revoked by the parameters of the request, or by its id", async () => {
    const GroupId = await createGroup();
    const single = { GroupId, ...SSH, CidrIp: "0.0.0.0/0" };
    const { SecurityGroupRules } = await of().ec2.send(new AuthorizeSecurityGroupIngressCommand(single));
    expect(SecurityGroupRules).toMatchObject([{ GroupId, IsEgress: false, CidrIpv4: "0.0.0.0/0", FromPort: 22 }]);
    const { RevokedSecurityGroupRules } = await of().ec2.send(new RevokeSecurityGroupIngressCommand(single));
    expect(RevokedSecurityGroupRules).toMatchObject([
      { SecurityGroupRuleId: SecurityGroupRules?.[0]?.SecurityGroupRuleId, CidrIpv4: "0.0.0.0/0" },
    ]);
    const again = await of().ec2.send(new AuthorizeSecurityGroupIngressCommand(single));
    const SecurityGroupRuleIds = [again.SecurityGroupRules?.[0]?.SecurityGroupRuleId ?? ""];
    await of().ec2.send(new RevokeSecurityGroupIngressCommand({ GroupId, SecurityGroupRuleIds }));
    expect(await ingress(GroupId)).toEqual([]);
  });

  it("an unknown rule to revoke is returned in a default VPC, and an error in another", async () => {
    // https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RevokeSecurityGroupIngress.html
    const revoke = (GroupId: string) =>
      of().ec2.send(new RevokeSecurityGroupIngressCommand({ GroupId, IpPermissions: [{ ...SSH, ...WORLD }] }));
    expect(await revoke(await createGroup())).toMatchObject({
      Return: true,
      UnknownIpPermissions: [{ ...SSH, ...WORLD }],
    });
    const { Vpc: { VpcId = "" } = {} } = await of().ec2.send(new CreateVpcCommand({ CidrBlock: "10.0.0.0/16" }));
    await expect(revoke(await createGroup({ VpcId }))).rejects.toMatchObject({ name: "InvalidPermission.NotFound" });
  });
});

describe("A VPC that is not the default (moto_server gives its instances no group)", () => {
  it("has its own default group, which its instances have", async () => {
    const { Vpc: { VpcId = "" } = {} } = await of().ec2.send(new CreateVpcCommand({ CidrBlock: "10.0.0.0/16" }));
    const { Subnet } = await of().ec2.send(new CreateSubnetCommand({ VpcId, CidrBlock: "10.0.0.0/24" }));
    const { SecurityGroups } = await of().ec2.send(
      new DescribeSecurityGroupsCommand({ Filters: [{ Name: "vpc-id", Values: [VpcId] }] }),
    );
    const instance = await described(await launch({ SubnetId: Subnet?.SubnetId }));
    expect(instance.SecurityGroups).toEqual([{ GroupId: SecurityGroups?.[0]?.GroupId, GroupName: "default" }]);
  });
});

describe("Volumes (moto_server has no pages, and no managed resources)", () => {
  it("are returned in pages", async () => {
    aws.launch({ region, count: 6 });
    await clock.advance(BOOT);
    const first = await of().ec2.send(new DescribeVolumesCommand({ MaxResults: 5 }));
    const { NextToken } = first;
    const second = await of().ec2.send(new DescribeVolumesCommand({ MaxResults: 5, NextToken }));
    expect([first.Volumes?.length, second.Volumes?.length]).toEqual([5, 1]);
  });

  it("are encrypted once the region encrypts new volumes, whatever the launch says", async () => {
    // https://docs.aws.amazon.com/ebs/latest/userguide/encryption-by-default.html
    expect(await of().ec2.send(new EnableEbsEncryptionByDefaultCommand({}))).toMatchObject({
      EbsEncryptionByDefault: true,
    });
    const id = await launch({ BlockDeviceMappings: [{ DeviceName: "/dev/sdf", Ebs: { Encrypted: false } }] });
    await clock.advance(BOOT);
    expect((await volumesOf(id))?.map(({ Encrypted }) => Encrypted)).toEqual([true, true]);
  });

  it("of a managed instance are omitted once hidden, unless the call includes managed resources", async () => {
    // https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyManagedResourceVisibility.html
    const [id = ""] = aws.launch({ region, count: 1, operator: "eks.amazonaws.com" });
    await clock.advance(BOOT);
    expect(await volumesOf(id)).toMatchObject([{ Operator: { Managed: true, Principal: "eks.amazonaws.com" } }]);
    await of().ec2.send(new ModifyManagedResourceVisibilityCommand({ DefaultVisibility: "hidden" }));
    expect(await volumesOf(id)).toEqual([]);
    expect(await volumesOf(id, { IncludeManagedResources: true })).toHaveLength(1);
  });
});
