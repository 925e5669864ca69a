import type { RuleDocument } from "../../../../src/cli/policy/import/imported.ts";

/** An instance as DescribeInstances returns it, without what no case is about. */
export interface Instance {
  readonly InstanceId: string;
  readonly State: { readonly Name: string };
  readonly Tags: readonly { readonly Key: string; readonly Value: string }[];
  readonly [member: string]: unknown;
}

/** A document, the policy that a person would write from its words, and what is said of the rest. */
export interface Case {
  /** The name of the file in documents/. */
  readonly document: string;
  readonly rules: readonly RuleDocument[];
  /** The paths of what is not imported. */
  readonly notImported?: readonly string[];
  /** The paths of notes. */
  readonly notes?: readonly string[];
  /** Instances that comply with the policy, or are out of its scope. */
  readonly good?: readonly Instance[];
  /** Instances that violate the policy. */
  readonly bad?: readonly Instance[];
}

/** Returns a running instance with tags. */
export function instance(
  tags: Readonly<Record<string, string>>,
  more: Readonly<Record<string, unknown>> = {},
): Instance {
  return {
    InstanceId: "i-0123456789abcdef0",
    ImageId: "ami-0123456789abcdef0",
    InstanceType: "t3.micro",
    State: { Name: "running" },
    VpcId: "vpc-0a1b2c3d",
    SubnetId: "subnet-0a1b2c3d",
    ...more,
    Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })),
  };
}

/** The volumes that instances can have, as DescribeVolumes returns them. */
export const VOLUMES = [
  { VolumeId: "vol-0a1b2c3d", Encrypted: true, Attachments: [] },
  { VolumeId: "vol-0d3c2b1a", Encrypted: false, Attachments: [] },
];

function volume(VolumeId: string) {
  return { BlockDeviceMappings: [{ DeviceName: "/dev/xvda", Ebs: { VolumeId, Status: "attached" } }] };
}

/** A rule that constrains tags where an instance has them, as tag policies do. */
function ifPresent(...tags: readonly (readonly [key: string, values?: readonly string[]])[]): RuleDocument {
  return {
    rule: "required-tags",
    caseSensitive: true,
    tags: tags.map(([key, values]) =>
      values === undefined ? { key, allowBlank: true, ifPresent: true } : { key, values, ifPresent: true },
    ),
  };
}

/** A rule that requires tags, with case, and accepts blank values. */
function required(id: string | undefined, ...keys: readonly string[]): RuleDocument {
  return {
    rule: "required-tags",
    ...(id !== undefined && { id }),
    caseSensitive: true,
    tags: keys.map((key) => ({ key, allowBlank: true })),
  };
}

const none = instance({});
const costCenter = (value: string) => instance({ CostCenter: value });

const TAG_POLICIES: readonly Case[] = [
  {
    document: "tagpolicy-01-syntax-costcenter.json",
    rules: [ifPresent(["CostCenter", ["100", "200", "300*"]])],
    good: [none, costCenter("100"), costCenter("300"), costCenter("3007")],
    bad: [costCenter("1000"), costCenter(""), costCenter("*"), instance({ costcenter: "100" })],
  },
  {
    document: "tagpolicy-02-syntax-costcenter-2023.json",
    rules: [ifPresent(["CostCenter", ["100", "200"]])],
    good: [none, costCenter("200")],
    bad: [costCenter("300"), instance({ COSTCENTER: "100" })],
  },
  {
    document: "tagpolicy-03-ex1-root-key-case.json",
    rules: [ifPresent(["CostCenter"], ["Project"])],
    good: [none, costCenter(""), instance({ CostCenter: "any", Project: "any" })],
    bad: [
      instance({ costcenter: "any" }),
      instance({ CostCenter: "any", PROJECT: "" }),
      instance({ CostCenter: "any", COSTCENTER: "any" }),
    ],
  },
  {
    document: "tagpolicy-04-ex1-account-values.json",
    rules: [ifPresent(["costcenter", ["Production", "Test"]], ["project", ["A", "B"]])],
    notes: ["tags.CostCenter", "tags.Project"],
    good: [none, instance({ costcenter: "Test", project: "A" })],
    bad: [costCenter("Production"), instance({ costcenter: "test" }), instance({ project: "C" })],
  },
  {
    document: "tagpolicy-05-ex1-effective.json",
    rules: [ifPresent(["Project", ["A", "B"]], ["CostCenter", ["Production", "Test"]])],
    good: [none, costCenter("Production"), instance({ Project: "B" })],
    bad: [costCenter("production"), instance({ project: "A" })],
  },
  {
    document: "tagpolicy-06-ex2-prevent-color.json",
    rules: [{ rule: "prohibited-tags", keys: ["Color"] }],
    good: [none, instance({ Colour: "red" })],
    bad: [instance({ Color: "red" }), instance({ color: "" })],
  },
  {
    document: "tagpolicy-08-report-lowercase.json",
    rules: [ifPresent(["costcenter"])],
    notes: ["tags.CostCenter"],
    good: [none, instance({ costcenter: "" })],
    bad: [costCenter("any")],
  },
  {
    document: "tagpolicy-09-report-capitalisation.json",
    rules: [ifPresent(["CostCenter"])],
    good: [none, costCenter(""), costCenter("any")],
    bad: [instance({ costcenter: "any" })],
  },
  {
    document: "tagpolicy-10-report-values.json",
    rules: [ifPresent(["CostCenter", ["HR", "Legal"]])],
    good: [none, costCenter("HR")],
    bad: [costCenter("hr"), instance({ Costcenter: "HR" })],
  },
  {
    document: "tagpolicy-12-required-other-service.json",
    rules: [ifPresent(["Owner"])],
    good: [none, instance({ Owner: "ada" })],
    bad: [instance({ owner: "ada" })],
  },
  {
    document: "tagpolicy-13-inherit-a-root.json",
    rules: [ifPresent(["CostCenter", ["Development", "Support"]])],
    good: [none, costCenter("Support")],
    bad: [costCenter("Marketing")],
  },
  {
    document: "tagpolicy-14-inherit-b-assign.json",
    rules: [ifPresent(["CostCenter", ["Sandbox"]])],
    good: [none, costCenter("Sandbox")],
    bad: [costCenter("Support")],
  },
  { document: "tagpolicy-15-inherit-c-append.json", rules: [], notImported: ["tags.costcenter"] },
  {
    document: "tagpolicy-16-inherit-ac-effective.json",
    rules: [ifPresent(["CostCenter", ["Development", "Support", "Marketing"]])],
    good: [none, costCenter("Marketing")],
    bad: [costCenter("Sales")],
  },
  {
    document: "tagpolicy-17-inherit-d-remove.json",
    rules: [],
    notImported: ["tags.costcenter.tag_value.enforced_for", "tags.costcenter"],
  },
  {
    document: "tagpolicy-19-inherit-e-restrict.json",
    rules: [ifPresent(["Project", ["Maintenance", "Escalations"]])],
    good: [none, instance({ Project: "Maintenance" })],
    bad: [instance({ Project: "Research" }), instance({ PROJECT: "Maintenance" })],
  },
  { document: "tagpolicy-20-inherit-f-child.json", rules: [], notImported: ["tags.project"] },
  {
    document: "tagpolicy-21-inherit-ef-effective.json",
    rules: [ifPresent(["Project", ["Maintenance", "Escalations", "Escalations - research"]])],
    good: [none, instance({ Project: "Escalations - research" })],
    bad: [instance({ Project: "Escalations-research" })],
  },
  {
    document: "tagpolicy-22-inherit-jk-effective.json",
    rules: [ifPresent(["PROJECT", ["Maintenance"]])],
    good: [none, instance({ PROJECT: "Maintenance" })],
    bad: [instance({ project: "Maintenance" })],
  },
  {
    document: "tagpolicy-23-describe-effective-policy.json",
    rules: [ifPresent(["CostCenter"])],
    notes: ["EffectivePolicy.PolicyContent.tags"],
    good: [none, costCenter("any"), costCenter("")],
    bad: [instance({ costcenter: "any" })],
  },
  {
    document: "tagpolicy-25-whitepaper-disaster-recovery.json",
    rules: [ifPresent(["example-inc:disaster-recovery:rpo", ["6h", "24h"]])],
    good: [none, instance({ "example-inc:disaster-recovery:rpo": "6h" })],
    bad: [instance({ "example-inc:disaster-recovery:rpo": "12h" })],
  },
];

const CONFIG: readonly Case[] = [
  {
    document: "config-01-cli-put-config-rule.json",
    rules: [required("RequiredTagsForEC2Instances", "CostCenter", "Owner")],
    good: [instance({ CostCenter: "", Owner: "ada" })],
    bad: [none, costCenter("100"), instance({ costcenter: "100", owner: "ada" })],
  },
  {
    document: "config-03-parameters-default.json",
    rules: [required(undefined, "CostCenter")],
    good: [costCenter("")],
    bad: [none, instance({ costcenter: "100" })],
  },
  {
    document: "config-04-parameters-four-keys.json",
    rules: [required(undefined, "Name", "Description", "BudgetCode", "Owner")],
    good: [instance({ Name: "web", Description: "", BudgetCode: "1", Owner: "ada" })],
    bad: [none, instance({ Name: "web", Description: "", BudgetCode: "1" })],
  },
  {
    document: "config-07-conformance-pack.json",
    rules: [],
    notImported: [
      "Resources.CustomRuleForEC2.Properties",
      "Resources.ConfigRuleForVolumeTags.Properties",
      "Resources.CloudTrailEnabled.Properties",
    ],
  },
  {
    document: "config-08-custom-rule-valid-values.json",
    rules: [
      {
        rule: "required-tags",
        caseSensitive: true,
        tags: [
          { key: "CostCenter", values: ["R&D", "Ops"] },
          { key: "Environment", values: ["Stage", "Dev", "Prod"] },
        ],
      },
    ],
    good: [instance({ CostCenter: "R&D", Environment: "Prod" })],
    bad: [none, costCenter("R&D"), instance({ CostCenter: "R&D", Environment: "prod" })],
  },
  { document: "config-09-describe-config-rules.json", rules: [], notImported: ["ConfigRules[0]"] },
];

const ENCRYPTED = volume("vol-0a1b2c3d");
const PLAIN = volume("vol-0d3c2b1a");

const notInGroup = { tag: "aws:autoscaling:groupName", present: false } as const;

const CUSTODIAN: readonly Case[] = [
  {
    document: "c7n-01-tag-compliance-report.yml",
    rules: [required("ec2-tag-compliance", "Owner", "CostCenter", "Project")],
    good: [instance({ Owner: "", CostCenter: "1", Project: "A" })],
    bad: [none, instance({ Owner: "ada", CostCenter: "1" }), instance({ owner: "ada", CostCenter: "1", Project: "A" })],
  },
  {
    document: "c7n-03-tag-compliance-asg.yml",
    rules: [],
    notImported: ["policies[0]", "policies[1]", "policies[2]", "policies[3]", "policies[4]"],
  },
  { document: "c7n-04-tag-value.yml", rules: [], notImported: ["policies[0]"] },
  {
    document: "c7n-07-value-filter-eq.yml",
    rules: [],
    notImported: ["policies[0]", "policies[1]", "policies[2]", "policies[3]"],
  },
  { document: "c7n-08-auto-tag-user.yml", rules: [], notImported: ["policies[0]"] },
  { document: "c7n-09-tag-key-transforms.yml", rules: [], notImported: ["[0].filters[0]"] },
  {
    document: "c7n-10-special-values.yml",
    rules: [],
    notImported: [0, 1, 2, 3, 4, 5, 6].map((index) => `filters[${index}]`),
  },
  {
    document: "c7n-11-value-regex-and-integer.yml",
    rules: [],
    notImported: ["filters[0]", "filters[1]"],
  },
  {
    document: "c7n-12-invalid-ami.yml",
    rules: [
      {
        rule: "condition",
        id: "ec2-invalid-ami",
        when: { state: "running" },
        require: { not: { image: "ami-12324567" } },
        message:
          'the instance matches the Cloud Custodian policy "ec2-invalid-ami": Find all running EC2 instances that are using invalid AMIs and stop them',
      },
    ],
    good: [none, instance({}, { ImageId: "ami-12324567", State: { Name: "stopped" } })],
    bad: [instance({}, { ImageId: "ami-12324567" })],
  },
  {
    document: "c7n-13-launch-terminate-issue856.yml",
    rules: [required("ec2-tag-compliance", "required1", "required2")],
    good: [instance({ required1: "", required2: "x" })],
    bad: [none, instance({ required1: "x" })],
  },
  { document: "c7n-14-not-in-issue2544.yml", rules: [], notImported: ["[0]"] },
  {
    document: "c7n-15-in-yaml-booleans-issue5833.yml",
    rules: [],
    notImported: [0, 1, 2].map((index) => `vars.tag-filters[${index}]`),
  },
  {
    document: "c7n-tag-compliance-enforcement.yml",
    rules: [{ ...required("ec2-tag-compliance-mark", "Owner", "CostCenter", "Project"), when: notInGroup }],
    notImported: ["policies[1]"],
    notes: ["policies[0]", "policies[2]", "policies[3]", "policies[4]"],
    good: [
      instance({ Owner: "", CostCenter: "1", Project: "A" }),
      instance({ "aws:autoscaling:groupName": "web" }),
      instance({ Owner: "", CostCenter: "1", Project: "A", c7n_status: "stop@2026/11/30" }),
    ],
    bad: [none, instance({ Owner: "ada", CostCenter: "1" })],
  },
  {
    document: "c7n-readme.yml",
    rules: [
      { rule: "encrypted-volumes", id: "ec2-require-non-public-and-encrypted-volumes" },
      {
        rule: "required-tags",
        id: "tag-compliance",
        when: { state: "running" },
        caseSensitive: true,
        tags: [
          { anyOf: ["Environment", "AppId", "OwnerContact"].map((key) => ({ key, allowBlank: true })) },
          { anyOf: ["Environment", "AppId", "DeptID"].map((key) => ({ key, allowBlank: true })) },
        ],
      },
    ],
    notImported: ["policies[0]"],
    notes: ["policies[2]"],
    good: [
      instance({ Environment: "" }, ENCRYPTED),
      instance({ OwnerContact: "ada", DeptID: "7" }, ENCRYPTED),
      instance({}, { ...ENCRYPTED, State: { Name: "stopped" } }),
    ],
    bad: [
      instance({}, ENCRYPTED),
      instance({ OwnerContact: "ada" }, ENCRYPTED),
      instance({ Environment: "prod" }, PLAIN),
    ],
  },
];

/** All documents, with what their import must give. */
export const CASES: readonly Case[] = [...TAG_POLICIES, ...CONFIG, ...CUSTODIAN];
