import { DescribeVolumesCommand, EC2Client } from "@aws-sdk/client-ec2";
import { beforeEach, describe, expect, it } from "vitest";
import { describeVolumes, readVolume } from "../../src/facts/volumes.ts";
import { mockClients } from "../support/aws.ts";
import { INSTANCE, instanceIds, REGION } from "../support/events.ts";

const mock = mockClients(EC2Client);
beforeEach(() => mock.reset());

const read = (...ids: readonly string[]) => describeVolumes(new EC2Client({ region: REGION }), ids);
const inputs = () => mock.commandCalls(DescribeVolumesCommand).map((call) => call.args[0].input);

const KEY = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab";
const attachedTo = (...ids: readonly string[]) =>
  ids.map((InstanceId) => ({ InstanceId, Device: "/dev/xvda", State: "attached" as const, VolumeId: "vol-1" }));
/** A volume as AWS documents it: https://docs.aws.amazon.com/cli/latest/reference/ec2/describe-volumes.html */
const VOLUME = {
  VolumeId: "vol-1",
  Encrypted: true,
  KmsKeyId: KEY,
  State: "in-use" as const,
  VolumeType: "gp3" as const,
};

describe("describeVolumes", () => {
  it("returns the volumes of each instance, and none for an instance without any", async () => {
    const [other = ""] = instanceIds(1);
    mock.on(DescribeVolumesCommand).resolves({
      Volumes: [
        { ...VOLUME, Attachments: attachedTo(INSTANCE) },
        { VolumeId: "vol-2", Encrypted: false, Attachments: attachedTo(INSTANCE) },
      ],
    });
    expect(await read(INSTANCE, other)).toEqual(
      new Map([
        [
          INSTANCE,
          [
            { volumeId: "vol-1", isEncrypted: true, kmsKeyId: KEY },
            { volumeId: "vol-2", isEncrypted: false, kmsKeyId: null },
          ],
        ],
        [other, []],
      ]),
    );
  });

  it("selects volumes by their instances, and includes those of managed instances", async () => {
    mock.on(DescribeVolumesCommand).resolves({ Volumes: [] });
    await read(INSTANCE);
    expect(inputs()).toEqual([
      {
        Filters: [{ Name: "attachment.instance-id", Values: [INSTANCE] }],
        IncludeManagedResources: true,
        MaxResults: 500,
      },
    ]);
  });

  it("returns a volume with Multi-Attach for each of its instances that was asked for", async () => {
    const [one = "", two = "", three = ""] = instanceIds(3);
    mock.on(DescribeVolumesCommand).resolves({ Volumes: [{ ...VOLUME, Attachments: attachedTo(one, two, three) }] });
    const volumes = await read(one, two);
    expect([...volumes]).toEqual([one, two].map((id) => [id, [expect.objectContaining({ volumeId: "vol-1" })]]));
  });

  it("reads every page", async () => {
    const page = (VolumeId: string) => [{ ...VOLUME, VolumeId, Attachments: attachedTo(INSTANCE) }];
    mock
      .on(DescribeVolumesCommand)
      .resolvesOnce({ Volumes: page("vol-1"), NextToken: "more" })
      .resolvesOnce({ Volumes: page("vol-2") });
    expect((await read(INSTANCE)).get(INSTANCE)?.map(({ volumeId }) => volumeId)).toEqual(["vol-1", "vol-2"]);
    expect(inputs().map(({ NextToken }) => NextToken)).toEqual([undefined, "more"]);
  });

  it("ignores volumes without an id, without attachments, and attachments without an instance", async () => {
    const Volumes = [{ Encrypted: true, Attachments: attachedTo(INSTANCE) }, VOLUME, { ...VOLUME, Attachments: [{}] }];
    mock.on(DescribeVolumesCommand).resolves({ Volumes });
    expect(await read(INSTANCE)).toEqual(new Map([[INSTANCE, []]]));
  });

  it("throws for a response that is not from EC2", async () => {
    mock.on(DescribeVolumesCommand).resolves({});
    await expect(read(INSTANCE)).rejects.toThrow("the response to DescribeVolumes is not from EC2");
  });
});

describe("readVolume", () => {
  it("returns null for what EC2 does not report, and for an entry without an id", () => {
    expect(readVolume({ VolumeId: "vol-1" })).toEqual({ volumeId: "vol-1", isEncrypted: null, kmsKeyId: null });
    expect(readVolume({})).toBeNull();
  });
});
