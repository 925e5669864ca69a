import { DescribeInstanceImageMetadataCommand, EC2Client } from "@aws-sdk/client-ec2";
import { beforeEach, describe, expect, it } from "vitest";
import { describeImages, readImage } from "../../src/facts/images.ts";
import { mockClients } from "../support/aws.ts";
import { INSTANCE, instanceIds, REGION } from "../support/events.ts";

const mock = mockClients(EC2Client);
beforeEach(() => mock.reset());

const read = (...ids: readonly string[]) => describeImages(new EC2Client({ region: REGION }), ids);
const inputs = () => mock.commandCalls(DescribeInstanceImageMetadataCommand).map((call) => call.args[0].input);

/** An entry as AWS documents it, with a deprecated image of Amazon.
 * https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstanceImageMetadata.html */
const ENTRY = {
  InstanceId: INSTANCE,
  InstanceType: "t3.micro" as const,
  LaunchTime: new Date("2021-11-11T21:29:50Z"),
  AvailabilityZone: "us-east-1a",
  State: { Code: 16, Name: "running" as const },
  OwnerId: "123456789012",
  Tags: [],
  ImageMetadata: {
    ImageId: "ami-0abcdef1234567890",
    Name: "al2023-ami-2023.2.20231113.0-kernel-6.1-x86_64",
    OwnerId: "137112412989",
    State: "available" as const,
    ImageOwnerAlias: "amazon",
    CreationDate: "2023-11-13T20:48:12.000Z",
    DeprecationTime: "2024-02-11T20:48:00.000Z",
    ImageAllowed: true,
    IsPublic: true,
  },
};
const IMAGE = {
  imageId: "ami-0abcdef1234567890",
  name: "al2023-ami-2023.2.20231113.0-kernel-6.1-x86_64",
  ownerId: "137112412989",
  ownerAlias: "amazon",
  state: "available",
  creationDate: "2023-11-13T20:48:12.000Z",
  deprecationTime: "2024-02-11T20:48:00.000Z",
  isAllowed: true,
  isPublic: true,
};

describe("describeImages", () => {
  it("returns the image of each instance, and null for one without an entry", async () => {
    const [other = ""] = instanceIds(1);
    mock.on(DescribeInstanceImageMetadataCommand).resolves({ InstanceImageMetadata: [ENTRY] });
    expect(await read(INSTANCE, other)).toEqual(
      new Map([
        [INSTANCE, IMAGE],
        [other, null],
      ]),
    );
    expect(inputs()).toEqual([{ Filters: [{ Name: "instance-id", Values: [INSTANCE, other] }], MaxResults: 1000 }]);
  });

  it("returns null for each instance when the list is empty", async () => {
    mock.on(DescribeInstanceImageMetadataCommand).resolves({ InstanceImageMetadata: [] });
    expect(await read(INSTANCE)).toEqual(new Map([[INSTANCE, null]]));
  });

  it("reads every page", async () => {
    const [first = "", second = ""] = instanceIds(2);
    mock
      .on(DescribeInstanceImageMetadataCommand)
      .resolvesOnce({ InstanceImageMetadata: [{ ...ENTRY, InstanceId: first }], NextToken: "more" })
      .resolvesOnce({ InstanceImageMetadata: [{ ...ENTRY, InstanceId: second }] });
    expect([...(await read(first, second)).values()]).toEqual([IMAGE, IMAGE]);
    expect(inputs().map(({ NextToken }) => NextToken)).toEqual([undefined, "more"]);
  });

  it("ignores entries of other instances, and entries without an id", async () => {
    const { InstanceId, ...without } = ENTRY;
    mock
      .on(DescribeInstanceImageMetadataCommand)
      .resolves({ InstanceImageMetadata: [without, { ...ENTRY, InstanceId: "i-99999999" }] });
    expect(await read(INSTANCE)).toEqual(new Map([[INSTANCE, null]]));
  });

  it("throws for a response that is not from EC2", async () => {
    mock.on(DescribeInstanceImageMetadataCommand).resolves({});
    await expect(read(INSTANCE)).rejects.toThrow("the response to DescribeInstanceImageMetadata is not from EC2");
  });
});

describe("readImage", () => {
  it("returns null for an entry without an image", () => {
    expect([readImage({}), readImage({ ImageMetadata: { Name: "x" } })]).toEqual([null, null]);
  });

  it("returns null for what EC2 does not report", () => {
    expect(readImage({ ImageMetadata: { ImageId: "ami-1" } })).toEqual({
      imageId: "ami-1",
      name: null,
      ownerId: null,
      ownerAlias: null,
      state: null,
      creationDate: null,
      deprecationTime: null,
      isAllowed: null,
      isPublic: null,
    });
  });

  it("keeps that an image is not allowed, and not public", () => {
    const ImageMetadata = { ...ENTRY.ImageMetadata, ImageAllowed: false, IsPublic: false };
    expect(readImage({ ImageMetadata })).toMatchObject({ isAllowed: false, isPublic: false });
  });
});
