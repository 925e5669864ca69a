import { describe, expect, it } from "vitest";
import { type Documents, judge, readDocuments } from "../../../src/cli/policy/documents.ts";
import type { Facts } from "../../../src/facts/facts.ts";
import { compliant } from "../../../src/policy/rule.ts";
import { onlyMicro } from "../../support/policy.ts";

/** Tests the facts that documents of the AWS CLI contain. */

const ID = "i-0f6b1d6ad35346607";
const PLACE = { account: "123456789012", region: "eu-west-1" };

function documentsOf(...values: readonly unknown[]): Documents {
  const reading = readDocuments(values.map((value) => ({ name: "file.json", value })));
  if ("problems" in reading) throw new Error(reading.problems.join());
  return reading.documents;
}

/** Returns the facts of the first instance. */
function factsOf(...values: readonly unknown[]): Facts {
  let seen: Facts | undefined;
  const check = (facts: Facts) => {
    seen = facts;
    return compliant("");
  };
  judge({ rules: [{ ...onlyMicro, check }], exemptions: [], routes: [] }, documentsOf(...values), PLACE, 0).next();
  if (seen === undefined) throw new Error("the documents have no instance");
  return seen;
}

const INSTANCE = {
  InstanceId: ID,
  VpcId: "vpc-0a1b2c3d",
  SecurityGroups: [{ GroupId: "sg-0a1b2c3d", GroupName: "web" }],
  NetworkInterfaces: [{ OwnerId: "210987654321", Groups: [{ GroupId: "sg-1a1b2c3d", GroupName: "db" }] }],
  BlockDeviceMappings: [{ DeviceName: "/dev/xvda", Ebs: { VolumeId: "vol-0a1b2c3d", Status: "attached" } }],
};

const unknown = (text: string) => ({ unknown: expect.stringContaining(text), late: false });

describe("judge", () => {
  it("knows the security groups of all network interfaces", () => {
    const group = (GroupId: string, IpPermissions: object[] = []) => ({ GroupId, GroupName: "web", IpPermissions });
    const ssh = {
      IpProtocol: "tcp",
      FromPort: 22,
      ToPort: 22,
      IpRanges: [{ CidrIp: "0.0.0.0/0" }],
      UserIdGroupPairs: [],
    };
    const { securityGroups } = factsOf(INSTANCE, {
      SecurityGroups: [group("sg-1a1b2c3d", [ssh]), group("sg-0a1b2c3d")],
    });
    expect(securityGroups).toMatchObject({
      value: [
        { groupId: "sg-0a1b2c3d", ingress: [] },
        { groupId: "sg-1a1b2c3d", ingress: [{ protocol: "tcp", from: 22, to: 22, ipv4: ["0.0.0.0/0"] }] },
      ],
    });
  });

  it("does not know security groups when one of them is in no file", () => {
    expect(factsOf(INSTANCE).securityGroups).toEqual(unknown("add the output of aws ec2 describe-security-groups"));
    const some = factsOf(INSTANCE, { SecurityGroups: [{ GroupId: "sg-0a1b2c3d" }] });
    expect(some.securityGroups).toEqual(unknown("do not contain sg-1a1b2c3d"));
  });

  it("knows the volumes that are attached, and those of the block devices", () => {
    const volume = (VolumeId: string, ...ids: string[]) => ({
      VolumeId,
      Encrypted: true,
      Attachments: ids.map((InstanceId) => ({ InstanceId, AttachTime: "2026-11-25T08:27:34+00:00" })),
    });
    const { volumes } = factsOf(INSTANCE, {
      Volumes: [volume("vol-0a1b2c3d"), volume("vol-1a1b2c3d", "i-0a1b2c3d", ID)],
    });
    expect(volumes).toMatchObject({
      value: [{ volumeId: "vol-1a1b2c3d", isEncrypted: true }, { volumeId: "vol-0a1b2c3d" }],
    });
  });

  it("takes an empty list of volumes for a fact, and a missing one or a missing volume for unknown", () => {
    expect(factsOf({ InstanceId: ID }, { Volumes: [] }).volumes).toEqual({ value: [] });
    expect(factsOf({ InstanceId: ID }).volumes).toEqual(unknown("add the output of aws ec2 describe-volumes"));
    expect(factsOf(INSTANCE, { Volumes: [] }).volumes).toEqual(unknown("do not contain vol-0a1b2c3d"));
  });

  it("knows the image of an instance", () => {
    const ImageMetadata = {
      ImageId: "ami-0a1b2c3d",
      ImageOwnerAlias: "amazon",
      CreationDate: "2026-01-01T00:00:00.000Z",
    };
    const { image } = factsOf(INSTANCE, { InstanceImageMetadata: [{ InstanceId: ID, ImageMetadata }] });
    expect(image).toMatchObject({ value: { imageId: "ami-0a1b2c3d", ownerAlias: "amazon", isAllowed: null } });
  });

  it("knows whether the VPC of an instance is the default one", () => {
    const vpc = (IsDefault: boolean) => ({ Vpcs: [{ VpcId: "vpc-0a1b2c3d", IsDefault }] });
    expect(factsOf(INSTANCE, vpc(true)).defaultVpc).toEqual({ value: "vpc-0a1b2c3d" });
    expect(factsOf(INSTANCE, vpc(false)).defaultVpc).toEqual({ value: null });
    expect(factsOf(INSTANCE).defaultVpc).toEqual(unknown("add the output of aws ec2 describe-vpcs"));
    expect(factsOf(INSTANCE, { Vpcs: [] }).defaultVpc).toEqual(unknown("do not contain vpc-0a1b2c3d"));
  });

  it("knows the account from the network interface or the instance profile", () => {
    expect(factsOf(INSTANCE).account).toBe("210987654321");
    const IamInstanceProfile = { Arn: "arn:aws:iam::111122223333:instance-profile/web" };
    expect(factsOf({ InstanceId: ID, IamInstanceProfile }).account).toBe("111122223333");
  });

  it("knows the launcher from the tags that only AWS can set", () => {
    const Tags = [{ Key: "aws:autoscaling:groupName", Value: "web-asg" }];
    expect(factsOf({ InstanceId: ID, Tags }).launchedBy).toBe("Auto Scaling group web-asg");
    expect(factsOf({ InstanceId: ID }).launchedBy).toBeNull();
  });
});
