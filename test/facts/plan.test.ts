import { EC2Client } from "@aws-sdk/client-ec2";
import { beforeEach, describe, expect, it } from "vitest";
import { ec2Facts } from "../../src/facts/facts.ts";
import { planFacts } from "../../src/facts/plan.ts";
import { mockEc2 } from "../support/aws.ts";
import { INSTANCE, instanceId, REGION } from "../support/events.ts";
import { instanceOf } from "../support/findings.ts";

const ec2 = mockEc2();
beforeEach(ec2.start);

const reader = ec2Facts(new EC2Client({ region: REGION }));
const tags = new Map([["Name", "web-1"]]);
const NOT_READ = { unknown: "the policy does not need it", late: false };
const UNREAD = { securityGroups: NOT_READ, image: NOT_READ, volumes: NOT_READ, defaultVpc: NOT_READ };

describe("planFacts", () => {
  it("reads only tags with DescribeTags when the rules need no more", async () => {
    ec2.launch(INSTANCE, { tags });
    const reads = await planFacts(["tags", "tags"], reader).readTags?.([INSTANCE]);
    expect(reads).toEqual(new Map([[INSTANCE, { value: { ...UNREAD, tags, instance: null } }]]));
    expect([ec2.tagCalls(), ec2.instanceCalls()]).toEqual([[[INSTANCE]], []]);
  });

  it("does not read only tags when a rule needs the instance", () => {
    expect(planFacts(["tags", "instance"], reader).readTags).toBeNull();
  });

  it("reads the instance and its tags with DescribeInstances alone", async () => {
    ec2.launch(INSTANCE, { tags });
    expect(await planFacts(["tags"], reader).read([INSTANCE, instanceId(7)])).toEqual(
      new Map([
        [INSTANCE, { value: { ...UNREAD, tags, instance: instanceOf({ tags }) } }],
        [instanceId(7), { value: null }],
      ]),
    );
    expect([ec2.tagCalls(), ec2.instanceCalls()]).toEqual([[], [[INSTANCE, instanceId(7)]]]);
  });
});
