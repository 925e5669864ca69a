import { DescribeTagsCommand } from "@aws-sdk/client-ec2";
import { PublishCommand } from "@aws-sdk/client-sns";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { createClients } from "../../src/aws/clients.ts";
import { isRegion, partitionOf } from "../../src/aws/regions.ts";
import { parseTopicArn } from "../../src/aws/topic-arn.ts";
import { readEvent } from "../../src/launches/events.ts";
import { isCertificateUrl } from "../../src/sns/certificate.ts";
import { configOf, problemsOf } from "../support/config.ts";
import { ACCOUNT, AT } from "../support/events.ts";
import { interceptNetwork } from "../support/network.ts";

/** Where requests go in each partition, and as whom. */
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
/** AWS's isolated partitions, which this function does not serve. */
const ISOLATED = ["us-iso-east-1", "us-isob-east-1", "us-isof-south-1", "eu-isoe-west-1"];

const OTHER = "210987654321";
const CERTIFICATE = "SimpleNotificationService-f3ecfb7224c7233fe7bb5f59f96de52f.pem";

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
const launchIn = (region: string) => ({
  "detail-type": "EC2 Instance State-change Notification",
  account: ACCOUNT,
  region,
  time: new Date(AT).toISOString(),
  detail: { "instance-id": "i-0123456789abcdef0", state: "pending" },
});

describe.each(PARTITIONS)("in $region, of the partition $partition", ({ region, partition, domain, consoleHost }) => {
  test("EC2, SNS and STS are asked at their hosts there, each request signed for the region", async () => {
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

  test("a launch is audited, and the configuration takes the topics", () => {
    expect(readEvent(launchIn(region), AT)).toMatchObject({ kind: "launches", launches: [{ region }] });
    const { alertTopic, launchTopics } = configOf(settings(region, partition));
    expect([alertTopic, ...launchTopics].map(({ arn }) => arn)).toEqual([
      `arn:${partition}:sns:${region}:${ACCOUNT}:ec2_audit_alert`,
      `arn:${partition}:sns:${region}:${ACCOUNT}:ec2_launches_check`,
    ]);
  });

  test("a topic under another partition's name is none", () => {
    for (const other of ["aws", "aws-cn", "aws-us-gov", "aws-eusc", "aws-iso"].filter((name) => name !== partition)) {
      expect(parseTopicArn(`arn:${other}:sns:${region}:${ACCOUNT}:ec2_launches_check`)).toBeNull();
    }
  });

  test("SNS's certificates are at its host there, and at no other partition's", () => {
    for (const other of new Set(PARTITIONS.map((one) => one.domain))) {
      const url = `https://sns.${region}.${other}/${CERTIFICATE}`;
      expect({ url, accepted: isCertificateUrl(url, region) }).toEqual({ url, accepted: other === domain });
    }
  });

  test("the console is the partition's", () => {
    expect(partitionOf(region).consoleHost).toBe(consoleHost);
  });
});

describe.each(ISOLATED)("in %s, of an isolated partition", (region) => {
  test("nothing is audited, rather than asked of another partition", () => {
    expect(isRegion(region)).toBe(false);
    expect(readEvent(launchIn(region), AT)).toMatchObject({ kind: "malformed" });
    expect(problemsOf({ AWS_REGION: region }).map(({ key }) => key)).toEqual(["AWS_REGION"]);
    for (const partition of ["aws", "aws-iso"]) {
      expect(parseTopicArn(`arn:${partition}:sns:${region}:${ACCOUNT}:ec2_launches_check`)).toBeNull();
    }
  });
});
