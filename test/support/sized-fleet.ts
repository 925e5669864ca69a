import type { EmbeddedAws, GeneratedInstance } from "../../src/local/aws/index.ts";

/** A fleet of any size in the embedded AWS, of which it is known how many instances violate which rule of `FLEET_POLICY`. */

export const FLEET_ACCOUNTS = ["123456789012", "210987654321", "333344445555"] as const;
export const FLEET_REGIONS = [
  "us-east-1",
  "us-east-2",
  "us-west-2",
  "eu-west-1",
  "eu-central-1",
  "eu-north-1",
  "ap-southeast-2",
  "sa-east-1",
] as const;

/** DescribeInstances returns all facts of these rules. */
export const FLEET_POLICY = {
  version: 1,
  rules: [
    { rule: "required-tags", tags: ["owner", "service"], severity: "medium" },
    { rule: "imdsv2", severity: "high" },
    { rule: "key-pair", none: true, severity: "low" },
    { rule: "public-ip", severity: "critical" },
  ],
} as const;

type RuleId = (typeof FLEET_POLICY.rules)[number]["rule"];

/** What is true of a place, and of a fleet. */
export interface Expected {
  readonly instances: number;
  readonly violating: number;
  readonly findings: number;
  /** How many instances violate each rule. */
  readonly rules: Readonly<Record<RuleId, number>>;
}

export interface ExpectedPlace extends Expected {
  readonly account: string;
  readonly region: string;
  /** The pages of DescribeInstances with 1,000 instances each. */
  readonly pages: number;
}

/** The rules that the violating instances violate, in turn. */
const DEFECTS: readonly (readonly RuleId[])[] = [
  ["required-tags"],
  ["imdsv2"],
  ["key-pair"],
  ["public-ip", "required-tags"],
];

const OWNERS = ["payments", "data-platform", "web", "ml-research", "search", "identity", "logistics", "security"];
const SERVICES = ["checkout", "catalog", "etl", "training", "api", "cache", "queue", "batch", "gateway", "reports"];
const TYPES = ["t3.micro", "t3.large", "m5.large", "m7g.xlarge", "c6i.2xlarge", "r6i.large", "c7g.large"];
const ENVIRONMENTS = ["prod", "prod", "prod", "staging", "dev"];
/** The first launch. The last is three years later. */
const FROM = Date.UTC(2023, 10, 1);
const SPAN_SECONDS = 3 * 365 * 86_400;

/**
 * Adds a fleet of `instances` over the accounts and regions. Every tenth instance violates the policy. The instances and their ids
 * are the same each time. Returns what is true of each place.
 */
export function addSizedFleet(aws: Pick<EmbeddedAws, "generate">, instances: number): ExpectedPlace[] {
  const places = FLEET_ACCOUNTS.flatMap((account) => FLEET_REGIONS.map((region) => ({ account, region })));
  let from = 0;
  return places.map((place, index) => {
    const until = Math.round((instances * (index + 1)) / places.length);
    const [first, count] = [from, until - from];
    from = until;
    aws.generate({ ...place, count, instance: (of) => instanceAt(first + of) });
    return expectedPlace(place, first, count);
  });
}

/** Returns what is true of several places together. */
export function expectedOf(places: readonly Expected[]): Expected {
  return places.reduce((sum, each) => ({
    instances: sum.instances + each.instances,
    violating: sum.violating + each.violating,
    findings: sum.findings + each.findings,
    rules: {
      "required-tags": sum.rules["required-tags"] + each.rules["required-tags"],
      imdsv2: sum.rules.imdsv2 + each.rules.imdsv2,
      "key-pair": sum.rules["key-pair"] + each.rules["key-pair"],
      "public-ip": sum.rules["public-ip"] + each.rules["public-ip"],
    },
  }));
}

function expectedPlace(place: { account: string; region: string }, first: number, count: number): ExpectedPlace {
  const rules = { "required-tags": 0, imdsv2: 0, "key-pair": 0, "public-ip": 0 };
  let [violating, findings] = [0, 0];
  for (let index = first; index < first + count; index += 1) {
    const defects = defectsAt(index);
    if (defects.length > 0) violating += 1;
    findings += defects.length;
    for (const rule of defects) rules[rule] += 1;
  }
  return { ...place, instances: count, pages: Math.max(1, Math.ceil(count / 1000)), violating, findings, rules };
}

function defectsAt(index: number): readonly RuleId[] {
  if (index % 10 !== 3) return [];
  return DEFECTS[Math.floor(index / 10) % DEFECTS.length] ?? [];
}

function instanceAt(index: number): GeneratedInstance {
  const defects = defectsAt(index);
  const pick = (values: readonly string[], salt: number) => values[hash(index, salt) % values.length] ?? "";
  const service = pick(SERVICES, 1);
  const environment = pick(ENVIRONMENTS, 2);
  const tags = {
    Name: `${service}-${environment}-${index.toString(36)}`,
    service,
    environment,
    "cost-center": String(4000 + (hash(index, 3) % 40)),
    ...(!defects.includes("required-tags") && { owner: pick(OWNERS, 4) }),
  };
  return {
    imageId: `ami-0a1b2c3d4e5f6${(hash(index, 5) % 40).toString(16).padStart(4, "0")}`,
    instanceType: pick(TYPES, 6),
    launchedAt: FROM + (hash(index, 7) % SPAN_SECONDS) * 1000,
    // A stopped instance has no public address.
    state: defects.length === 0 && hash(index, 8) % 16 === 0 ? "stopped" : "running",
    group: index % 2 === 0 ? `${service}-${environment}` : undefined,
    instanceProfile: service,
    keyName: defects.includes("key-pair") ? "legacy" : undefined,
    metadataOptions: { httpTokens: defects.includes("imdsv2") ? "optional" : "required" },
    interfaces: [{ publicIp: defects.includes("public-ip") }],
    volumes: [{}],
    tags,
  };
}

/** Returns a whole number that looks random. */
function hash(index: number, salt: number): number {
  let mixed = Math.imul(index ^ (salt * 0x9e3779b1), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
