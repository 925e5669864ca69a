import { describe, expect, it } from "vitest";
import type { Imported } from "../../../../src/cli/policy/import/imported.ts";
import { importDocument } from "../../../../src/cli/policy/import/recognise.ts";

/** Tests the import of AWS Config rules: https://docs.aws.amazon.com/config/latest/developerguide/managed-rules-by-aws-config.html */

function importJson(document: unknown): Imported {
  return importDocument("rules.json", JSON.stringify(document));
}

/** Returns a managed rule as DescribeConfigRules does. */
function managed(identifier: string, parameters: Readonly<Record<string, string>> = {}, more: object = {}) {
  return {
    ConfigRuleName: `my-${identifier.toLowerCase().replaceAll("_", "-")}`,
    ConfigRuleArn: "arn:aws:config:us-east-1:123456789012:config-rule/config-rule-abcdef",
    ConfigRuleId: "config-rule-abcdef",
    Source: { Owner: "AWS", SourceIdentifier: identifier },
    InputParameters: JSON.stringify(parameters),
    ConfigRuleState: "ACTIVE",
    EvaluationModes: [{ Mode: "DETECTIVE" }],
    ...more,
  };
}

const OWNER = { tag1Key: "Owner" };
const OWNER_RULE = { rule: "required-tags", caseSensitive: true, tags: [{ key: "Owner", allowBlank: true }] };

describe("The import of AWS Config rules", () => {
  it.each<[string, Record<string, string>, object]>([
    ["APPROVED_AMIS_BY_ID", { amiIds: "ami-1, ami-2" }, { rule: "image", ids: ["ami-1", "ami-2"] }],
    ["EC2_INSTANCE_LAUNCHED_WITH_ALLOWED_AMI", {}, { rule: "image", allowedAmis: true }],
    [
      "EC2_INSTANCE_LAUNCHED_WITH_ALLOWED_AMI",
      { InstanceStates: "running,stopped" },
      { rule: "image", when: { state: ["running", "stopped"] }, allowedAmis: true },
    ],
    [
      "DESIRED_INSTANCE_TYPE",
      { instanceType: "t2.small, m4.large" },
      { rule: "instance-type", allowed: ["t2.small", "m4.large"] },
    ],
    [
      "DESIRED_INSTANCE_TENANCY",
      { tenancy: "DEDICATED", imageId: "ami-1" },
      {
        rule: "condition",
        when: { image: ["ami-1"] },
        require: { tenancy: "dedicated" },
        message: "the tenancy is not dedicated",
      },
    ],
    [
      "RESTRICTED_INCOMING_TRAFFIC",
      {},
      { rule: "security-groups", closed: ["tcp:20", "tcp:21", "tcp:3389", "tcp:3306", "tcp:4333"] },
    ],
    [
      "RESTRICTED_INCOMING_TRAFFIC",
      { blockedPort1: "22", blockedPort2: "3389", blockedPorts: "22, 5432" },
      { rule: "security-groups", closed: ["tcp:22", "tcp:3389", "tcp:5432"] },
    ],
    ["INCOMING_SSH_DISABLED", {}, { rule: "security-groups", closed: ["tcp:22"] }],
    [
      "VPC_SG_OPEN_ONLY_TO_AUTHORIZED_PORTS",
      { authorizedTcpPorts: "443,1020-1025", authorizedUdpPorts: "500" },
      { rule: "security-groups", onlyOpen: ["tcp:443", "tcp:1020-1025", "udp:500", "icmp"] },
    ],
    ["VPC_SG_PORT_RESTRICTION_CHECK", {}, { rule: "security-groups", closed: ["22", "3389"] }],
    [
      "VPC_SG_PORT_RESTRICTION_CHECK",
      { restrictPorts: "53", protocolType: "UDP" },
      { rule: "security-groups", closed: ["udp:53"] },
    ],
    ["EC2_IMDSV2_CHECK", {}, { rule: "imdsv2" }],
    ["EC2_TOKEN_HOP_LIMIT_CHECK", {}, { rule: "imdsv2", maxHops: 1 }],
    ["EC2_TOKEN_HOP_LIMIT_CHECK", { tokenHopLimit: "2" }, { rule: "imdsv2", maxHops: 2 }],
    ["EC2_INSTANCE_NO_PUBLIC_IP", {}, { rule: "public-ip" }],
    ["EC2_NO_AMAZON_KEY_PAIR", {}, { rule: "key-pair", none: true }],
    ["ENCRYPTED_VOLUMES", {}, { rule: "encrypted-volumes" }],
    ["ENCRYPTED_VOLUMES", { kmsId: "1234abcd" }, { rule: "encrypted-volumes", keys: ["1234abcd"] }],
    ["EC2_INSTANCE_PROFILE_ATTACHED", {}, { rule: "instance-profile" }],
    [
      "EC2_INSTANCE_PROFILE_ATTACHED",
      { IamInstanceProfileArnList: "arn:aws:iam::123456789012:instance-profile/web" },
      { rule: "instance-profile", allowed: ["arn:aws:iam::123456789012:instance-profile/web"] },
    ],
    ["INSTANCES_IN_VPC", {}, { rule: "network", vpcs: ["*"] }],
    ["INSTANCES_IN_VPC", { vpcId: "vpc-1" }, { rule: "network", vpcs: ["vpc-1"] }],
  ])("maps %s with the parameters %j", (identifier, parameters, expected) => {
    const rule = managed(identifier, parameters);
    const { rules, notImported } = importJson({ ConfigRules: [rule] });
    expect(rules).toEqual([{ id: rule.ConfigRuleName, ...expected }]);
    expect(notImported).toEqual([]);
  });

  it.each([
    ["INCOMING_SSH_DISABLED", "IPv6"],
    ["EC2_IMDSV2_CHECK", "metadata endpoint is disabled"],
    ["EC2_TOKEN_HOP_LIMIT_CHECK", "also requires IMDSv2"],
    ["EC2_NO_AMAZON_KEY_PAIR", "running instances only"],
  ])("notes where the meaning of %s differs", (identifier, difference) => {
    const { notes } = importJson(managed(identifier));
    expect(notes).toEqual([expect.objectContaining({ path: "", why: expect.stringContaining(difference) })]);
  });

  it("takes the values of tags literally, with case", () => {
    const { rules, notes } = importJson({ tag1Key: "Env", tag1Value: "prod*, stage", tag2Key: "Owner" });
    const env = { key: "Env", values: ["prod\\*", "stage"] };
    expect(rules).toEqual([
      { rule: "required-tags", caseSensitive: true, tags: [env, { key: "Owner", allowBlank: true }] },
    ]);
    expect(notes.map(({ path }) => path)).toEqual(["tag1Value"]);
  });

  it("takes AWS's default for the first tag, and says so", () => {
    const { rules, notes } = importJson(managed("REQUIRED_TAGS"));
    expect(rules).toMatchObject([{ tags: [{ key: "CostCenter", allowBlank: true }] }]);
    expect(notes.map(({ path, why }) => [path, why])).toEqual([
      ["", "it has no scope, so AWS Config judges every type of resource; the rule judges EC2 instances only"],
      ["InputParameters", 'it is not set, and "CostCenter" is its default in AWS Config'],
    ]);
  });

  it.each([
    ["a value without its key", { ...OWNER, tag2Value: "x" }, ["tag2Value"]],
    ["a parameter that the rule does not have", { ...OWNER, tag7Key: "x" }, ["InputParameters.tag7Key"]],
  ])("lists %s", (_, parameters, paths) => {
    const { rules, notImported } = importJson(
      "tag7Key" in parameters ? managed("REQUIRED_TAGS", parameters) : parameters,
    );
    expect(rules).toMatchObject([OWNER_RULE]);
    expect(notImported.map(({ path }) => path)).toEqual(paths);
  });

  it("reads the parameters of Security Hub and of the rules that end with -tagged", () => {
    expect(importJson({ requiredTagKeys: ["Owner"] }).rules).toEqual([OWNER_RULE]);
    expect(importJson({ requiredKeyTags: "Owner" }).rules).toEqual([OWNER_RULE]);
  });

  it("reads the custom rule for tags with valid values, in which * stands for any value that is not blank", () => {
    const rule = managed(
      "",
      {},
      {
        ConfigRuleName: "tags",
        Source: { Owner: "CUSTOM_LAMBDA", SourceIdentifier: "arn:aws:lambda:us-east-1:123456789012:function:tags" },
        InputParameters: JSON.stringify({ requiredTagKey1: "Owner", requiredTagValues1: "*" }),
      },
    );
    const { rules, notes } = importJson(rule);
    expect(rules).toEqual([{ rule: "required-tags", id: "tags", caseSensitive: true, tags: [{ key: "Owner" }] }]);
    expect(notes).toHaveLength(1);
  });

  it.each([
    ["a list of rules", [managed("EC2_IMDSV2_CHECK")], "my-ec2-imdsv2-check"],
    ["the input of put-config-rule", { ConfigRule: managed("EC2_IMDSV2_CHECK") }, "my-ec2-imdsv2-check"],
    [
      "describe-organization-config-rules",
      {
        OrganizationConfigRules: [
          {
            OrganizationConfigRuleName: "org-imdsv2",
            OrganizationManagedRuleMetadata: { RuleIdentifier: "EC2_IMDSV2_CHECK", TagKeyScope: "env" },
            ExcludedAccounts: ["210987654321"],
          },
        ],
      },
      "org-imdsv2",
    ],
  ])("reads %s", (_, document, id) => {
    expect(importJson(document).rules).toMatchObject([{ rule: "imdsv2", id }]);
  });

  it("takes the scope of a rule by tags and accounts", () => {
    const scope = { ComplianceResourceTypes: ["AWS::EC2::Instance"], TagKey: "env", TagValue: "prod" };
    const { rules } = importJson([
      managed("EC2_IMDSV2_CHECK", {}, { Scope: scope }),
      managed("DESIRED_INSTANCE_TENANCY", { tenancy: "HOST", imageId: "ami-1" }, { Scope: { TagKey: "env" } }),
    ]);
    expect(rules.map(({ when }) => when)).toEqual([
      { tag: "env", in: ["prod"] },
      { all: [{ tag: "env", present: true }, { image: ["ami-1"] }] },
    ]);
  });

  it("notes the other types that a rule judges", () => {
    const scope = { ComplianceResourceTypes: ["AWS::EC2::Instance", "AWS::S3::Bucket"] };
    const { notes } = importJson(managed("REQUIRED_TAGS", OWNER, { Scope: scope }));
    expect(notes).toEqual([expect.objectContaining({ why: expect.stringContaining("not AWS::S3::Bucket") })]);
  });

  it.each([
    [
      "of other resources",
      managed("REQUIRED_TAGS", OWNER, { Scope: { ComplianceResourceTypes: ["AWS::S3::Bucket"] } }),
    ],
    ["of one resource", managed("REQUIRED_TAGS", OWNER, { Scope: { ComplianceResourceId: "i-0123456789abcdef0" } })],
    ["of security groups with a tag", managed("INCOMING_SSH_DISABLED", {}, { Scope: { TagKey: "public" } })],
    ["that is being deleted", managed("EC2_IMDSV2_CHECK", {}, { ConfigRuleState: "DELETING" })],
    ["without a counterpart", managed("EC2_STOPPED_INSTANCE")],
    ["that judges the tags of images", managed("APPROVED_AMIS_BY_TAG", { amisByTagKeyAndValue: "a:b" })],
    ["that judges Dedicated Hosts", managed("DESIRED_INSTANCE_TENANCY", { tenancy: "HOST", hostId: "h-1" })],
    ["that judges IPv6 alone", managed("VPC_SG_PORT_RESTRICTION_CHECK", { ipType: "IPv6" })],
    ["without a parameter that it must have", managed("APPROVED_AMIS_BY_ID")],
    ["with parameters that are not JSON", managed("REQUIRED_TAGS", {}, { InputParameters: "tag1Key=Owner" })],
  ])("lists a rule %s with its name", (_, rule) => {
    const { rules, notImported } = importJson({ ConfigRules: [rule] });
    expect(rules).toEqual([]);
    const what = `AWS Config rule "${rule.ConfigRuleName}" (${rule.Source.SourceIdentifier})`;
    expect(notImported).toEqual([{ path: "ConfigRules[0]", what, why: expect.any(String) }]);
  });

  it("gives rules with one name different ids", () => {
    const { rules } = importJson([managed("EC2_IMDSV2_CHECK"), managed("EC2_IMDSV2_CHECK")]);
    expect(rules.map(({ id }) => id)).toEqual(["my-ec2-imdsv2-check", "my-ec2-imdsv2-check-2"]);
  });
});

describe("The import of a CloudFormation template or conformance pack", () => {
  const TEMPLATE = `
Parameters:
  Key: { Type: String, Default: Owner }
  Types: { Type: String, Default: "" }
  Account: { Type: String }
Conditions:
  hasTypes: !Not [!Equals ["", !Ref Types]]
  hasKey: !And [!Not [!Condition hasTypes], !Or [!Equals [!Ref Key, Owner], !Condition hasTypes]]
Resources:
  Tags:
    Type: AWS::Config::ConfigRule
    Properties:
      InputParameters:
        tag1Key: !Ref Key
        tag1Value: !Join [",", [a, !Sub "\${Key}-b"]]
        tag2Key: !Ref Account
        tag3Key: !Sub "\${AWS::Region}-key"
        tag4Key: !If [hasTypes, x, !Ref AWS::NoValue]
        tag5Key: !If [hasKey, Team, !Ref AWS::NoValue]
        tag5Value: yes
      Source: { Owner: AWS, SourceIdentifier: REQUIRED_TAGS }
  Type:
    Type: AWS::Config::ConfigRule
    Properties:
      ConfigRuleName: instance-type
      InputParameters: { instanceType: !GetAtt Other.Types }
      Source: { Owner: AWS, SourceIdentifier: DESIRED_INSTANCE_TYPE }
  Off:
    Type: AWS::Config::ConfigRule
    Condition: hasTypes
    Properties:
      Source: { Owner: AWS, SourceIdentifier: EC2_IMDSV2_CHECK }
  Mend:
    Type: AWS::Config::RemediationConfiguration
    Properties: { ConfigRuleName: !Ref Tags }
  Organization:
    Type: AWS::Organizations::Policy
    Properties:
      Type: TAG_POLICY
      Content: { tags: { env: { tag_key: { "@@assign": Env } } } }
`;
  const imported = importDocument("pack.yml", TEMPLATE);

  it("takes the defaults of the parameters, and evaluates conditions", () => {
    expect(imported.rules).toEqual([
      {
        rule: "required-tags",
        id: "Tags",
        caseSensitive: true,
        tags: [
          { key: "Owner", values: ["a", "Owner-b"] },
          { key: "Team", values: ["true"] },
        ],
      },
      { rule: "required-tags", caseSensitive: true, tags: [{ key: "Env", allowBlank: true, ifPresent: true }] },
    ]);
    expect(imported.notes.map(({ path }) => path.split(".").at(-1))).toEqual([
      "Properties",
      "tag1Key",
      "tag1Value",
      "tag5Key",
      "tag5Value",
    ]);
  });

  it("lists what depends on the deployment, and what is no rule, with lines", () => {
    expect(imported.notImported.map(({ path, line, why }) => [path, line, why])).toEqual([
      ["Resources.Tags.Properties.InputParameters.tag2Key", 16, 'the parameter "Account" has no default'],
      [
        "Resources.Tags.Properties.InputParameters.tag3Key",
        17,
        '"AWS::Region" is known only when the template is deployed',
      ],
      ["Resources.Type.Properties", 24, "instanceType: the function Fn::GetAtt is not evaluated here"],
      ["Resources.Off", 28, "its Condition does not hold with the template's defaults"],
      ["Resources.Mend", 33, "it is a remediation: what is done to resources that violate a rule, not a demand"],
    ]);
  });

  it("reads resources without the template around them", () => {
    const text =
      "Imds:\n  Type: AWS::Config::ConfigRule\n  Properties:\n    Source: { Owner: AWS, SourceIdentifier: EC2_IMDSV2_CHECK }\n";
    expect(importDocument("rule.yml", text).rules).toEqual([{ rule: "imdsv2", id: "Imds" }]);
  });

  it("reads the long forms of JSON", () => {
    const parameters = { instanceType: { "Fn::If": ["has", { Ref: "Types" }, { Ref: "AWS::NoValue" }] } };
    const source = { Owner: "AWS", SourceIdentifier: "DESIRED_INSTANCE_TYPE" };
    const { rules } = importJson({
      Parameters: { Types: { Type: "String", Default: "t3.micro" } },
      Conditions: { has: { "Fn::Not": [{ "Fn::Equals": ["", { Ref: "Types" }] }] } },
      Resources: {
        Type: { Type: "AWS::Config::ConfigRule", Properties: { InputParameters: parameters, Source: source } },
      },
    });
    expect(rules).toEqual([{ rule: "instance-type", id: "Type", allowed: ["t3.micro"] }]);
  });

  it("does not follow conditions in a circle for ever", () => {
    const document = {
      Conditions: { a: { Condition: "b" }, b: { Condition: "a" } },
      Resources: { R: { Type: "AWS::Config::ConfigRule", Condition: "a" } },
    };
    expect(importJson(document).notImported).toEqual([expect.objectContaining({ path: "Resources.R" })]);
  });
});
