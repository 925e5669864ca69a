import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { partitionOf } from "../../src/aws/regions.ts";
import { besideTopic, parseTopicArn } from "../../src/aws/topic-arn.ts";

const REGIONS = ["us-east-1", "ap-southeast-2", "il-central-1", "cn-north-1", "us-gov-west-1"] as const;

describe("parseTopicArn", () => {
  const name = fc
    .tuple(fc.stringMatching(/^[A-Za-z0-9_-]{1,250}$/), fc.constantFrom("", ".fifo"))
    .map((parts) => parts.join(""));
  const account = fc.stringMatching(/^[0-9]{12}$/);

  it("returns the parts of an ARN, and besideTopic joins them, in every partition", () => {
    fc.assert(
      fc.property(fc.constantFrom(...REGIONS), account, name, (region, owner, called) => {
        const arn = `arn:${partitionOf(region).name}:sns:${region}:${owner}:${called}`;
        const topic = { arn, region, account: owner, name: called, fifo: called.endsWith(".fifo") };
        expect(parseTopicArn(arn)).toEqual(topic);
        expect(parseTopicArn(besideTopic(topic, "ec2_launches_check").arn)).toEqual(
          besideTopic(topic, "ec2_launches_check"),
        );
      }),
    );
  });

  it("accepts only the characters of an ARN, and a region of its partition", () => {
    const almost = fc
      .tuple(
        fc.constantFrom("arn", "ARN", ""),
        fc.constantFrom("aws", "aws-cn", "aws-us-gov", "aws-iso"),
        fc.constantFrom("sns", "sqs", "SNS"),
        fc.oneof(fc.constantFrom(...REGIONS), fc.string()),
        fc.oneof(account, fc.string()),
        fc.oneof(name, fc.string()),
      )
      .map((parts) => parts.join(":"));
    fc.assert(
      fc.property(fc.oneof(fc.string(), almost), (text) => {
        const topic = parseTopicArn(text);
        if (topic === null) return;
        expect(text).toMatch(/^arn:aws(?:-cn|-us-gov)?:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]+(?:\.fifo)?$/);
        expect(text.split(":")[1]).toBe(partitionOf(topic.region).name);
        expect(topic.name.length).toBeLessThanOrEqual(256);
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    "",
    "arn:aws:sns:us-east-1:123456789012:a\n",
    "arn:aws:sns:us-east-1:123456789012:",
    `arn:aws:sns:us-east-1:123456789012:${"n".repeat(257)}`,
    "arn:aws:sns:us-east-1:123456789012:.fifo",
    "arn:aws:sqs:us-east-1:123456789012:a",
    "arn:aws:sns:us-east-1:123456789012:a:6b0e71bd-7e97-4d97-80ce-4a0994e55286",
    "arn:aws:sns:us-east-1:1234:a",
    "arn:aws-cn:sns:us-east-1:123456789012:a",
    "arn:aws:sns:cn-north-1:123456789012:a",
    "arn:aws-iso:sns:us-iso-east-1:123456789012:a",
  ])("returns null for %j", (text) => {
    expect(parseTopicArn(text)).toBeNull();
  });
});
