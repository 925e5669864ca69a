import { createHash } from "node:crypto";
import type { Finding } from "../../src/alerts/finding.ts";
import type { Instance } from "../../src/facts/instances.ts";
import { ACCOUNT, INSTANCE, REGION, TIME } from "./events.ts";
import { policyOf } from "./policy.ts";

/** An instance as DescribeInstances shows it, with what a test changes. */
export function instanceOf(changes: Partial<Instance> = {}): Instance {
  return {
    instanceId: INSTANCE,
    state: "running",
    tags: new Map(),
    instanceType: "t3.micro",
    imageId: "ami-0abcdef1234567890",
    keyName: "my-key-pair",
    availabilityZone: "us-east-1a",
    vpcId: "vpc-0a1b2c3d4e5f67890",
    subnetId: "subnet-0a1b2c3d4e5f67890",
    privateIp: "10.0.0.157",
    publicIp: null,
    instanceProfile: null,
    launchTime: "2021-11-11T21:29:50.000Z",
    firstLaunchTime: "2021-11-11T21:29:50.000Z",
    ...changes,
  };
}

export const ORIGIN = {
  account: ACCOUNT,
  region: REGION,
  launchedBy: "arn:aws:iam::123456789012:user/Mateo",
  event: "EC2 Instance State-change Notification",
  occasion: TIME,
};

/** A finding of `required-tags`, with the instance's changes apart from its own. */
export function findingOf({
  instance = {},
  requires = "name,service",
  ...changes
}: Partial<Omit<Finding, "instance">> & {
  instance?: Partial<Instance>;
  requires?: string;
} = {}): Finding {
  const about = instanceOf(instance);
  const violation = policyOf({ rules: [{ rule: "required-tags", tags: requires.split(",") }] }).rules[0]?.check({
    tags: about.tags,
    instance: about,
  });
  if (!violation) throw new Error("the instance keeps the rule");
  return {
    id: idOf(about.instanceId, violation.message),
    dedupKey: idOf(about.instanceId),
    ...ORIGIN,
    rule: "required-tags",
    ruleId: "required-tags",
    severity: "medium",
    violation,
    instance: about,
    ...changes,
  };
}

function idOf(...parts: string[]): string {
  return createHash("sha256").update(parts.join("\n")).digest("hex").slice(0, 32);
}
