import type { FindingLine, Header, Line, PlaceLine, RuleLine, Sums } from "../../src/cli/report/lines.ts";
import { REPORT_SCHEMA } from "../../src/cli/report/lines.ts";
import type { Group, Groups, Totals } from "../../src/fleet/totals.ts";
import type { Severity } from "../../src/policy/rule.ts";

/** The size and the kind of a made-up report. */
export interface Sample {
  readonly findings: number;
  readonly accounts?: number;
  /** Compared with a previous report. */
  readonly since?: boolean;
  /** A text that becomes part of every text that comes from AWS. */
  readonly hostile?: string;
}

const TIME = "2026-11-25T06:00:00.000Z";
const REGIONS = ["us-east-1", "us-west-2", "eu-west-1", "eu-central-1", "ap-southeast-2"];
const ACCOUNT_NAMES = ["prod-core", "prod-data", "staging", "sandbox", "security"];
const OWNERS = ["payments", "data-platform", "web", "ml-research", "search", null];
const NAMES = ["etl-nightly", "jenkins-agent", "cache", "ml-train", "api-green", "batch-runner", null];
const ZERO: Readonly<Record<Severity, number>> = { low: 0, medium: 0, high: 0, critical: 0 };

/** Each rule with its share of the findings, its message and its remedy. */
const KINDS: readonly {
  readonly rule: RuleLine;
  readonly share: number;
  readonly message: (index: number) => string;
  readonly remedy: (id: string, region: string) => string[];
}[] = [
  {
    rule: ruleLine("closed-to-the-world", "security-groups", "critical", "the world must not reach ports 22 and 3389"),
    share: 8,
    message: (index) =>
      `the world (0.0.0.0/0) reaches TCP port 22 through sg-0a1b2c3d4e5f6${String(index % 40).padStart(4, "0")} (launch-wizard-${index % 40})`,
    remedy: (_, region) => [
      `aws ec2 revoke-security-group-ingress --region ${region} --group-id sg-0a1b2c3d4e5f60001 --protocol tcp --port 22 --cidr 0.0.0.0/0`,
    ],
  },
  {
    rule: ruleLine("imdsv2", "imdsv2", "high", "IMDSv2 must be required"),
    share: 20,
    message: () => "the metadata service accepts IMDSv1",
    remedy: (id, region) => [
      `aws ec2 modify-instance-metadata-options --region ${region} --instance-id ${id} --http-tokens required`,
    ],
  },
  {
    rule: ruleLine("approved-images", "image", "high", 'the image\'s owner must be "210987654321"'),
    share: 17,
    message: (index) => `the image ami-0${String(index % 300).padStart(16, "0")} belongs to 099720109477`,
    remedy: () => ["Launch a new instance from an approved image, and terminate this one."],
  },
  {
    rule: ruleLine("required-tags", "required-tags", "medium", 'the tags "owner" and "service" are required'),
    share: 55,
    message: (index) => `the tag ${index % 3 === 0 ? '"owner"' : '"service"'} is missing`,
    remedy: (id, region) => [`aws ec2 create-tags --region ${region} --resources ${id} --tags Key=owner,Value=`],
  },
];

function ruleLine(id: string, rule: string, severity: Severity, demands: string): RuleLine {
  return { id, rule, severity, mode: "alert", demands, when: null, link: "https://wiki.example.com/ec2" };
}

/** Yields the lines of a made-up report, the same ones each time. Every tenth instance violates the policy. */
export function* sampleLines({ findings, accounts = 5, since = false, hostile = "" }: Sample): Generator<Line> {
  const header: Header = {
    type: "report",
    schema: REPORT_SCHEMA,
    time: TIME,
    tool: "ec2-audit 1.0.0",
    rules: KINDS.map(({ rule }) => rule),
    exemptions: [
      {
        rules: ["imdsv2"],
        when: `the tag "app" is "legacy${hostile}"`,
        reason: `The vendor's agent needs IMDSv1${hostile}`,
        until: "2026-12-31",
      },
    ],
    accounts: Object.fromEntries(
      Array.from({ length: accounts }, (_, index) => [accountId(index), accountName(index) + hostile]),
    ),
    ownerTag: "owner",
    serviceTag: "service",
    since: since ? "2026-11-24T06:00:00.000Z" : null,
  };
  yield header;
  const seen = new Map<string, FindingLine[]>();
  for (let index = 0; index < findings; index++) {
    const line = findingLine(index, accounts, since, hostile);
    const place = `${line.account} ${line.region}`;
    const own = seen.get(place);
    if (own) own.push(line);
    else seen.set(place, [line]);
    yield line;
  }
  for (let account = 0; account < accounts; account++) {
    for (const region of REGIONS) yield placeLine(accountId(account), region, seen);
  }
  yield sums([...seen.values()].flat(), findings, since);
}

function accountId(index: number): string {
  return String(210_000_000_000 + index);
}

function accountName(index: number): string {
  return ACCOUNT_NAMES[index] ?? `team-${index}`;
}

function findingLine(index: number, accounts: number, since: boolean, hostile: string): FindingLine {
  const kind = KINDS.find((_, at) => index % 100 < KINDS.slice(0, at + 1).reduce((sum, { share }) => sum + share, 0));
  if (kind === undefined) throw new Error("the shares of the kinds must add up to 100");
  const { rule, message, remedy } = kind;
  const instanceId = `i-${(index * 2_654_435_761).toString(16).padStart(17, "0").slice(-17)}`;
  const region = REGIONS[(index * 7) % (REGIONS.length - 1)] ?? "us-east-1";
  const [owner, name] = [OWNERS[index % OWNERS.length], NAMES[index % NAMES.length]];
  const launchTime = new Date(Date.parse(TIME) - (index % 360) * 86_400_000 - index * 977).toISOString();
  const hex = (index * 40_503 + 1).toString(16).padStart(16, "0");
  return {
    type: "finding",
    status: since && index % 18 === 0 ? "new" : "open",
    firstSeen: since && index % 18 !== 0 ? new Date(Date.parse(launchTime) + 3_600_000).toISOString() : TIME,
    id: hex.repeat(2),
    dedupKey: [...hex].reverse().join("").repeat(2),
    account: accountId((index * 3) % accounts),
    region,
    instanceId,
    rule: rule.rule,
    ruleId: rule.id,
    severity: rule.severity,
    message: message(index) + hostile,
    remedy: remedy(instanceId, region),
    link: rule.link,
    launchedBy: index % 4 === 0 ? null : `Auto Scaling group workers-${index % 30}${hostile}`,
    name: name ? `${name}-${index}${hostile}` : null,
    tags: { ...(owner && { owner: owner + hostile }), ...(name && { Name: `${name}-${index}${hostile}` }) },
    state: "running",
    instanceType: "t3.micro",
    imageId: "ami-0abcdef1234567890",
    keyName: null,
    availabilityZone: `${region}a`,
    vpcId: "vpc-0a1b2c3d4e5f67890",
    subnetId: "subnet-0a1b2c3d4e5f67890",
    privateIp: `10.${index % 250}.0.7`,
    publicIp: null,
    instanceProfile: null,
    launchTime,
  };
}

function placeLine(account: string, region: string, seen: ReadonlyMap<string, readonly FindingLine[]>): PlaceLine {
  const findings = seen.get(`${account} ${region}`)?.length ?? 0;
  const isDenied = account === accountId(4) && region === "ap-southeast-2";
  return {
    type: "place",
    account,
    region,
    status: isDenied ? "denied" : "complete",
    reason: isDenied ? "the credentials do not allow ec2:DescribeInstances" : null,
    instances: findings * 10,
    compliant: findings * 9,
    violating: findings,
    notJudged: 0,
    findings,
    calls: 1 + Math.floor((findings * 10) / 1000),
    notJudgedRules: [],
  };
}

function sums(all: readonly FindingLine[], findings: number, since: boolean): Sums {
  const totals: Totals = {
    instances: findings * 10,
    compliant: findings * 9,
    violating: findings,
    notJudged: 0,
    findings,
    exempt: 12,
    severities: severitiesOf(all),
    rules: Object.fromEntries(
      KINDS.map(({ rule: { id } }) => {
        const violation = all.filter(({ ruleId }) => ruleId === id).length;
        return [id, { compliant: findings * 10 - violation, violation, notJudged: 0, exempt: 0, outOfScope: 0 }];
      }),
    ),
    owners: groupsOf(all, ({ tags }) => tags.owner ?? null),
    services: groupsOf(all, () => null),
    months: groupsOf(all, ({ launchTime }) => launchTime?.slice(0, 7) ?? null),
    launchers: groupsOf(all, ({ launchedBy }) => launchedBy),
    exemptions: { 0: 12 },
  };
  const previous = {
    instances: totals.instances,
    compliant: totals.compliant - 16,
    violating: totals.violating + 16,
    notJudged: 0,
    findings: findings + 16,
  };
  const fresh = all.filter(({ status }) => status === "new").length;
  return {
    type: "sums",
    interrupted: false,
    seconds: 41,
    calls: 1_704,
    totals,
    since: since
      ? {
          new: fresh,
          open: findings - fresh,
          unknown: 0,
          unknownSeverities: ZERO,
          resolved: { fixed: 171, terminated: 32, exempted: 3, scope: 0, policy: 0 },
          rules: { imdsv2: { new: 4, resolved: 31 }, "required-tags": { new: fresh, resolved: 9 } },
          previous,
        }
      : null,
  };
}

function severitiesOf(all: readonly FindingLine[]): Totals["severities"] {
  const counts = { ...ZERO };
  for (const { severity } of all) counts[severity] += 1;
  return counts;
}

function groupsOf(all: readonly FindingLine[], keyOf: (line: FindingLine) => string | null): Groups {
  const groups = new Map<string | null, FindingLine[]>();
  for (const line of all) {
    const value = keyOf(line);
    const own = groups.get(value);
    if (own) own.push(line);
    else groups.set(value, [line]);
  }
  return {
    groups: [...groups].map(
      ([value, own]): Group => ({
        value,
        instances: own.length * 10,
        violating: own.length,
        severities: severitiesOf(own),
      }),
    ),
    others: { values: 0, instances: 0, violating: 0, severities: ZERO },
  };
}
