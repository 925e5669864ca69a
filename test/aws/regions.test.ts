import { DescribeTagsCommand } from "@aws-sdk/client-ec2";
import { PublishCommand } from "@aws-sdk/client-sns";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createClients } from "../../src/aws/clients.ts";
import { isAccountId, isRegion, partitionOf } from "../../src/aws/regions.ts";
import { configOf } from "../support/config.ts";
import { ACCOUNT, AT } from "../support/events.ts";
import { interceptNetwork } from "../support/network.ts";

/** The endpoints of each partition. */
const PARTITIONS = [
  { region: "eu-west-1", partition: "aws", domain: "amazonaws.com", consoleHost: "console.aws.amazon.com" },
  { region: "cn-north-1", partition: "aws-cn", domain: "amazonaws.com.cn", consoleHost: "console.amazonaws.cn" },
  { region: "cn-northwest-1", partition: "aws-cn", domain: "amazonaws.com.cn", consoleHost: "console.amazonaws.cn" },
  {
    region: "us-gov-west-1",
    partition: "aws-us-gov",
    domain: "amazonaws.com",
    consoleHost: "console.amazonaws-us-gov.com",
  },
  {
    region: "us-gov-east-1",
    partition: "aws-us-gov",
    domain: "amazonaws.com",
    consoleHost: "console.amazonaws-us-gov.com",
  },
  { region: "eusc-de-east-1", partition: "aws-eusc", domain: "amazonaws.eu", consoleHost: "console.amazonaws-eusc.eu" },
];
/** Regions of AWS's isolated partitions, which are not supported. */
const ISOLATED = ["us-iso-east-1", "us-isob-east-1", "us-isof-south-1", "eu-isoe-west-1"];

const OTHER = "210987654321";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["Date"], now: AT });
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

const settings = (region: string, partition: string) => ({
  AWS_REGION: region,
  ALERT_TOPIC_ARN: `arn:${partition}:sns:${region}:${ACCOUNT}:ec2_audit_alert`,
  AUDIT_ROLE_NAME: "ec2-audit",
});

describe.each(PARTITIONS)("in $region, of the partition $partition", ({ region, partition, domain, consoleHost }) => {
  it("calls EC2, SNS and STS at the partition's endpoints, signed for the region", async () => {
    const sent = interceptNetwork();
    const clients = createClients(configOf(settings(region, partition)), Date.now);
    await clients.ec2(OTHER, region).send(new DescribeTagsCommand({}));
    await clients.sns(region).send(new PublishCommand({ TopicArn: "arn", Message: "x" }));
    expect(sent.map(({ action, protocol, hostname, scope }) => [action, `${protocol}//${hostname}`, scope])).toEqual([
      ["AssumeRole", `https://sts.${region}.${domain}`, `${region}/sts`],
      ["DescribeTags", `https://ec2.${region}.${domain}`, `${region}/ec2`],
      ["Publish", `https://sns.${region}.${domain}`, `${region}/sns`],
    ]);
    expect(sent[0]?.parameters.get("RoleArn")).toBe(`arn:${partition}:iam::${OTHER}:role/ec2-audit`);
  });

  it("has the partition's console", () => {
    expect(partitionOf(region).consoleHost).toBe(consoleHost);
  });
});

describe("isRegion", () => {
  it.each([
    ["us-east-1", "aws", "amazonaws.com"],
    ["mx-central-1", "aws", "amazonaws.com"],
    ["ap-southeast-7", "aws", "amazonaws.com"],
    ["cn-northwest-1", "aws-cn", "amazonaws.com.cn"],
    ["us-gov-east-1", "aws-us-gov", "amazonaws.com"],
  ])("accepts %s, of the partition %s", (region, partition, dnsSuffix) => {
    expect(isRegion(region)).toBe(true);
    expect(partitionOf(region)).toMatchObject({ name: partition, dnsSuffix });
  });

  it.each([
    "evil.com/#",
    "us-east-1.evil.com",
    "us-east-1/",
    "us-east-1\n",
    "us-east-1:80",
    "@us-east-1",
    "us_east_1",
    "us-east-1a",
    "us-east-",
    "US-EAST-1",
    "local",
    "",
    ...ISOLATED,
  ])("rejects %j", (text) => {
    expect(isRegion(text)).toBe(false);
  });

  it("accepts only names that cannot change the end of a host name", () => {
    const text = fc.oneof(
      fc.string(),
      fc
        .tuple(fc.constantFrom(...PARTITIONS.map(({ region: name }) => name)), fc.string())
        .map((parts) => parts.join("")),
    );
    fc.assert(
      fc.property(text, (region) => {
        fc.pre(isRegion(region));
        expect(new URL(`https://ec2.${region}.amazonaws.com/`).hostname).toBe(`ec2.${region}.amazonaws.com`);
      }),
    );
  });
});

describe("isAccountId", () => {
  it("accepts twelve digits only", () => {
    expect(isAccountId("012345678901")).toBe(true);
    for (const text of ["1234567890123", "12345678901", "12345678901\n", "１２３４５６７８９０１２", "-12345678901"]) {
      expect(isAccountId(text)).toBe(false);
    }
  });
});
