import { type Finding, findingsOf, type Resolved, resolvedOf } from "../../src/alerts/finding.ts";
import type { Facts } from "../../src/facts/facts.ts";
import type { Image } from "../../src/facts/images.ts";
import type { Instance } from "../../src/facts/instances.ts";
import { evaluate, type Violated } from "../../src/policy/evaluate.ts";
import type { Policy } from "../../src/policy/policy.ts";
import { ACCOUNT, INSTANCE, REGION, TIME } from "./events.ts";
import { policyOf } from "./policy.ts";

/** An instance as DescribeInstances shows it, with changes. */
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
    groups: [{ groupId: "sg-0a1b2c3d4e5f67890", name: "web" }],
    publicIps: [],
    ipv6Addresses: [],
    volumeIds: [],
    metadata: { tokens: "required", endpoint: "enabled", hopLimit: 2 },
    lifecycle: "on-demand",
    managedBy: null,
    tenancy: "default",
    architecture: "x86_64",
    platform: "Linux/UNIX",
    ...changes,
  };
}

/** An image as DescribeInstanceImageMetadata shows it, with changes. */
export function imageOf(changes: Partial<Image> = {}): Image {
  return {
    imageId: "ami-0abcdef1234567890",
    name: "al2023-ami-2023.6.20211105.0-kernel-6.1-x86_64",
    ownerId: "137112412989",
    ownerAlias: "amazon",
    state: "available",
    creationDate: "2021-11-05T18:32:47.000Z",
    deprecationTime: null,
    isAllowed: true,
    isPublic: true,
    ...changes,
  };
}

/** A fact that no rule needed. */
export const NOT_READ = { unknown: "not read", late: false };

/** The facts of a launched instance, with changes. Its tags are those of the instance. */
export function factsOf(changes: Partial<Facts> = {}): Facts {
  const instance = changes.instance === undefined ? instanceOf() : changes.instance;
  return {
    account: ACCOUNT,
    region: REGION,
    launchedBy: ORIGIN.launchedBy,
    tags: instance?.tags ?? new Map(),
    securityGroups: NOT_READ,
    image: NOT_READ,
    volumes: NOT_READ,
    defaultVpc: NOT_READ,
    ...changes,
    instance,
  };
}

/** The facts of an instance of which only the tags were read. */
export function taggedFacts(tags: Readonly<Record<string, string>> = {}): Facts {
  return factsOf({ tags: new Map(Object.entries(tags)), instance: null });
}

/** The violations of a policy by an instance. */
export function violationsOf(facts: Facts, policy: Policy): Violated[] {
  return evaluate(facts, policy, Date.parse(TIME)).filter((verdict) => verdict.kind === "violation");
}

/** The origin of findings, unless a test changes it. */
export const ORIGIN = {
  account: ACCOUNT,
  region: REGION,
  launchedBy: "arn:aws:iam::123456789012:user/Mateo",
  event: "EC2 Instance State-change Notification",
  occasion: TIME,
};

/** A finding of `required-tags` with changes; those of the instance apart from the others. */
export function findingOf({
  instance = {},
  requires = "name,service",
  ...changes
}: Partial<Omit<Finding, "instance">> & { instance?: Partial<Instance>; requires?: string } = {}): Finding {
  const shown = instanceOf(instance);
  const policy = policyOf({ rules: [{ rule: "required-tags", tags: requires.split(",") }] });
  const [finding] = findingsOf(violationsOf(factsOf({ instance: shown }), policy), shown, ORIGIN);
  if (!finding) throw new Error("the instance complies with the policy");
  return { ...finding, ...changes };
}

/** A resolved finding with changes; those of the instance apart from the others. */
export function resolvedFinding({
  instance = {},
  ruleId = "required-tags",
  how = "complies",
  because = "it has the tags",
  changedTags = ["service"],
  ...origin
}: Partial<Omit<Resolved, "instance">> & { instance?: Partial<Instance> } = {}): Resolved {
  const rule = { id: ruleId, name: "required-tags", severity: "medium", link: null } as const;
  const change = { ...ORIGIN, event: "Tag Change on Resource", occasion: "2021-11-11T21:41:54.000Z", ...origin };
  const [finding] = resolvedOf([{ rule, how, because }], changedTags, instanceOf(instance), change);
  if (!finding) throw new Error("there is no resolution");
  return { ...finding, ...origin };
}
