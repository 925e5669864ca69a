import type { Swept } from "../../src/fleet/digest-document.ts";
import type { Group, Groups } from "../../src/fleet/groups.ts";
import type { SweepSums, WorstFinding } from "../../src/fleet/sweep-sums.ts";
import { policyOf } from "../support/policy.ts";

/** The account of the function, and another one. */
export const ACCOUNT = "123456789012";
export const MEMBER = "210987654321";

/** A Saturday and a Monday, on which a sweep was scheduled. */
export const SATURDAY = "2026-11-28T06:00:00Z";
export const MONDAY = "2026-11-30T06:00:00Z";

export const DENIED = "the credentials do not allow ec2:DescribeInstances";

const NONE = { low: 0, medium: 0, high: 0, critical: 0 };

/** Groups of values with their numbers of instances and of violating ones. */
export function groupsOf(...values: readonly (readonly [string | null, number, number])[]): Groups {
  const groups = values.map(
    ([value, instances, violating]): Group => ({ value, instances, violating, severities: NONE }),
  );
  return { groups, others: { values: 0, instances: 0, violating: 0, severities: NONE } };
}

/** The sums of a sweep that found 1,200 instances in one account, all of them compliant, with changes. */
export function sumsOf(changes: Partial<SweepSums> = {}): SweepSums {
  return {
    counts: { instances: 1_200, compliant: 1_200, violating: 0, notJudged: 0, findings: 0 },
    places: { complete: 17, unread: [], unreadCount: 0 },
    rules: {},
    notJudged: {},
    owners: groupsOf(["payments", 1_200, 0]),
    accounts: groupsOf([ACCOUNT, 1_200, 0]),
    fresh: NONE,
    older: NONE,
    ages: { week: 0, month: 0, more: 0, unknown: 0 },
    settling: 0,
    exemptions: {},
    worst: [],
    ...changes,
  };
}

/** One of the worst findings, with changes. */
export function worstOf(changes: Partial<WorstFinding> = {}): WorstFinding {
  return {
    account: ACCOUNT,
    region: "eu-west-1",
    instanceId: "i-0f6b1d6ad35346607",
    name: "web-admin-2",
    ruleId: "open-ports",
    severity: "critical",
    message: "the world (0.0.0.0/0) reaches TCP port 22 through sg-0a1b2c3d4e5f67890 (web-admin)",
    dedupKey: "91a1bf6cd6295a78a0c96c3171afb671",
    ...changes,
  };
}

/** A sweep of an organization with all kinds of problems. */
export const TROUBLED: SweepSums = {
  counts: { instances: 12_480, compliant: 11_718, violating: 724, notJudged: 38, findings: 819 },
  places: {
    complete: 82,
    unread: [
      { account: MEMBER, region: "ap-southeast-2", status: "denied", reason: DENIED },
      { account: MEMBER, region: "eu-west-1", status: "denied", reason: DENIED },
      {
        account: "345678901234",
        region: "us-east-1",
        status: "partial",
        reason: "ec2:DescribeInstances failed: timed out",
      },
    ],
    unreadCount: 3,
  },
  rules: { "required-tags": 602, image: 118, imdsv2: 87, "open-ports": 12 },
  notJudged: { image: { instances: 38, reason: "the credentials do not allow ec2:DescribeInstanceImageMetadata" } },
  owners: groupsOf(["web", 2_966, 293], [null, 3_004, 212], ["payments", 2_410, 121], ["data-platform", 4_100, 98]),
  accounts: groupsOf([ACCOUNT, 9_000, 512], ["345678901234", 3_480, 212]),
  fresh: { low: 0, medium: 29, high: 8, critical: 4 },
  older: { low: 12, medium: 614, high: 49, critical: 8 },
  ages: { week: 96, month: 214, more: 373, unknown: 0 },
  settling: 0,
  exemptions: { 0: 142, 1: 3 },
  worst: [
    worstOf(),
    worstOf({
      region: "us-east-1",
      instanceId: "i-0c1d2e3f4a5b6c7d8",
      dedupKey: "0b6f0f4e4c8e6a1d3b5a7c9e2d4f6a8b",
      name: null,
      message: "the world (::/0) reaches TCP ports 22 and 3389 through sg-0d4e5f6a7b8c9d0e1 (launch-wizard-7)",
    }),
    worstOf({
      account: "345678901234",
      region: "us-east-1",
      instanceId: "i-0aa11bb22cc33dd44",
      dedupKey: "5d1c3e7f9a2b4c6d8e0f1a3b5c7d9e1f",
      name: "etl-runner",
      ruleId: "imdsv2",
      severity: "high",
      message: "the metadata service does not require session tokens (IMDSv2)",
    }),
  ],
};

/** A sweep on a Saturday that found nothing wrong, with changes. */
export function sweptOf({
  scheduledAt = SATURDAY,
  hours = 24,
  id = "a",
  ...changes
}: Partial<Swept & Swept["time"]> = {}): Swept {
  return {
    time: { id, scheduledAt, hours },
    sums: sumsOf(),
    policy: policyOf({ rules: RULES }),
    account: ACCOUNT,
    role: "ec2-audit",
    now: Date.parse(scheduledAt) + 90_000,
    ...changes,
  };
}

const RULES = [
  { rule: "required-tags", tags: ["name", "owner"] },
  { rule: "image", severity: "high", owners: ["amazon"] },
  { rule: "imdsv2", severity: "high" },
  { rule: "security-groups", id: "open-ports", severity: "critical", closed: [22, 3389] },
];

/** The same policy with an exemption for the nodes of a cluster, until a day. */
export function exemptUntil(until: string, reason = "EKS nodes need hop limit 2") {
  return policyOf({
    rules: RULES,
    exemptions: [{ rules: "imdsv2", when: { tag: "eks:cluster-name", present: true }, reason, until }],
  });
}

/** The sweep whose digest docs/alert.md shows. */
export const EXAMPLE: Swept = sweptOf({ sums: TROUBLED, policy: exemptUntil("2026-12-08") });
