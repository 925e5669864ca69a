import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { NAMES } from "../../src/cli/names.ts";
import { policyIn } from "../../src/cli/policy/read-policy.ts";
import { functionActions } from "../../src/cli/policy-file.ts";
import type { Installation } from "../../src/cli/setup/plan.ts";
import { functionPolicy } from "../../src/cli/setup/statements.ts";
import { policyOfTags } from "../../src/policy/policy.ts";
import { BUILT_FILE } from "../support/hosts.ts";
import {
  MEMBER,
  readStatement,
  readTemplate,
  reference,
  resolveTemplate,
  type Statement,
  statementsOf,
  TEMPLATE,
} from "./template.ts";

/**
 * The calls that the deployed file can make, read from the file: the SDK's schema of an operation is
 * `[9, namespace, "DescribeTags", …]`, where the namespace is a variable with the value "com.amazonaws.ec2".
 */
function callsOf(code: string): readonly string[] {
  const namespaces = new Map<string, string>();
  for (const [, variable = "", service = ""] of code.matchAll(/([\w$]+)\s*=\s*[`"']com\.amazonaws\.(\w+)[`"']/g)) {
    namespaces.set(variable, service);
  }
  const operations = code.matchAll(/\[\s*9\s*,\s*([\w$]+)\s*,\s*[`"'](\w+)[`"']/g);
  return [...operations].map(([, variable = "", operation]) => `${namespaces.get(variable)}:${operation}`).sort();
}

/** "No permissions are required to perform this operation." https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html */
const NEEDS_NO_PERMISSION = ["sts:GetCallerIdentity"];

/** The calls without the SDK: the names of the target and of the action in the file. */
const JSON_CALLS = [
  ["organizations:ListAccounts", "AWSOrganizationsV20161128", "ListAccounts"],
  ["sqs:SendMessage", "AmazonSQS", "SendMessage"],
] as const;

const file = readFileSync(BUILT_FILE, "utf8");
const everyCall = [
  ...callsOf(file),
  ...JSON_CALLS.flatMap(([call, ...names]) => (names.every((name) => file.includes(name)) ? call : [])),
].sort();
/** The calls that need a permission. */
const calls = everyCall.filter((call) => !NEEDS_NO_PERMISSION.includes(call));

/** The calls by host. The first test fails for a call that is not listed. */
const EVERY_HOST = ["ec2:DescribeInstances", "ec2:DescribeTags", "sns:Publish"];
/** Only for policies that need their facts. */
const OTHER_FACTS = [
  "ec2:DescribeInstanceImageMetadata",
  "ec2:DescribeSecurityGroups",
  "ec2:DescribeVolumes",
  "ec2:DescribeVpcs",
];
/** The actions of the default policy at launches. */
const READS = ["ec2:DescribeTags", "ec2:DescribeInstances"];
/** Only for a sweep: it continues by a message to the function's own queue, on webtask by its launch topic. */
const SWEEP = ["ec2:DescribeRegions", "organizations:ListAccounts", "sqs:SendMessage"];
/** Only a host that SNS calls over HTTPS subscribes and confirms: a webtask, or a function URL, which the template does not create. */
const HTTPS_HOSTS = ["sns:ConfirmSubscription", "sns:Subscribe"];
/** Only with AUDIT_ROLE_NAME, for other accounts. */
const OTHER_ACCOUNTS = ["sts:AssumeRole"];
/** Calls by Lambda's own poller and runtime, with the function's role.
 * https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html#events-sqs-permissions */
const BY_LAMBDA = [
  "logs:CreateLogStream",
  "logs:PutLogEvents",
  "sqs:DeleteMessage",
  "sqs:GetQueueAttributes",
  "sqs:ReceiveMessage",
];

const actionsOf = (statements: readonly Statement[]) => statements.flatMap(({ actions }) => actions).sort();
const allowing = (statements: readonly Statement[], action: string) =>
  statements.filter(({ actions }) => actions.includes(action));

describe("the calls in the built file", () => {
  it("are all listed", () => {
    const listed = [...EVERY_HOST, ...OTHER_FACTS, ...SWEEP, ...HTTPS_HOSTS, ...OTHER_ACCOUNTS, ...NEEDS_NO_PERMISSION];
    expect(everyCall).toEqual(listed.sort());
  });
});

describe("the role of the function on Lambda", () => {
  const template = readTemplate(TEMPLATE);
  const roleOf = (parameters: Readonly<Record<string, string>>) =>
    statementsOf(resolveTemplate(template, parameters).FunctionRole);
  const withoutHttps = calls.filter((call) => ![...HTTPS_HOSTS, ...OTHER_FACTS, ...SWEEP].includes(call));
  const ours = withoutHttps.filter((call) => !OTHER_ACCOUNTS.includes(call));

  it("allows exactly the calls of the file on Lambda, and those of Lambda itself", () => {
    const sweep = ["ec2:DescribeRegions", "sqs:SendMessage"];
    expect(actionsOf(roleOf({}))).toEqual([...ours, ...sweep, ...BY_LAMBDA].sort());
  });

  it("allows nothing of a sweep without a schedule", () => {
    const none = { SweepSchedule: "", ReadActions: READS.join() };
    expect(actionsOf(roleOf(none))).toEqual([...ours, ...BY_LAMBDA].sort());
    const others = { ...none, AuditRoleName: "ec2-audit-read" };
    expect(actionsOf(roleOf(others))).toEqual([...withoutHttps, ...BY_LAMBDA].sort());
  });

  it("allows the EC2 actions of ReadActions, and no others", () => {
    const ReadActions = "ec2:DescribeInstances,ec2:DescribeSecurityGroups";
    const reads = actionsOf(roleOf({ ReadActions })).filter((action) => action.startsWith("ec2:"));
    expect(reads).toEqual(["ec2:DescribeInstances", "ec2:DescribeSecurityGroups"]);
  });

  it("allows AssumeRole with AuditRoleName, on that name inside the organisation", () => {
    const statements = roleOf({ AuditRoleName: "audit/ec2-read", OrganizationId: "o-abcdefghij" });
    expect(actionsOf(statements)).toEqual([...withoutHttps, ...SWEEP, ...BY_LAMBDA].sort());
    expect(allowing(statements, "sts:AssumeRole")).toEqual([
      {
        actions: ["sts:AssumeRole"],
        resources: ["arn:aws:iam::*:role/audit/ec2-read"],
        condition: { StringEquals: { "aws:ResourceOrgID": "o-abcdefghij" } },
      },
    ]);
  });

  it("is limited to its own topic, queue and log; EC2's Describe calls do not support resources", () => {
    const made = roleOf({});
    expect(made.map(({ actions: [first], resources }) => [first, ...resources])).toEqual([
      ["ec2:DescribeTags", "*"],
      ["sns:Publish", { Ref: "AlertTopic" }],
      ["sqs:ReceiveMessage", { "Fn::GetAtt": "LaunchQueue.Arn" }],
      ["logs:CreateLogStream", { "Fn::GetAtt": "LogGroup.Arn" }],
    ]);
    const given = "arn:aws:sns:us-east-1:123456789012:alerts";
    expect(allowing(roleOf({ AlertTopicArn: given }), "sns:Publish").map(({ resources }) => resources)).toEqual([
      [given],
    ]);
  });
});

describe("the topics of routes", () => {
  const template = readTemplate(TEMPLATE);
  const topics = ["arn:aws:sns:eu-west-1:123456789012:a", "arn:aws:sns:us-east-1:210987654321:b.fifo"];
  const keys = ["1", "2"].map((id) => `arn:aws:kms:eu-west-1:123456789012:key/${id}`);
  const roleOf = (parameters: Readonly<Record<string, string>>) =>
    statementsOf(resolveTemplate(template, parameters).FunctionRole);

  it("can be published to by the function, and only they and the alert topic", () => {
    expect(
      allowing(roleOf({ RouteTopicArns: topics.join() }), "sns:Publish").map(({ resources }) => resources),
    ).toEqual([[{ Ref: "AlertTopic" }], topics]);
    expect(allowing(roleOf({}), "sns:Publish")).toHaveLength(1);
  });

  it("have keys that the function can use only if they are given", () => {
    const own = roleOf({ RouteTopicArns: topics.join(), RouteTopicKeyArns: keys.join() });
    expect(allowing(own, "kms:Decrypt").map(({ actions, resources }) => [actions, resources])).toEqual([
      [["kms:GenerateDataKey*", "kms:Decrypt"], keys],
    ]);
  });

  it("are ARNs of topics, separated by commas", () => {
    const { AllowedPattern = "" } = template.Parameters.RouteTopicArns ?? {};
    for (const value of ["", topics[0], topics.join()]) expect(value).toMatch(new RegExp(AllowedPattern));
    for (const value of ["*", "a", `${topics[0]},`, `${topics[0]},*`])
      expect(value).not.toMatch(new RegExp(AllowedPattern));
  });
});

describe("the key of an encrypted topic", () => {
  const template = readTemplate(TEMPLATE);
  const key = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555";
  const alerts = "arn:aws:sns:us-east-1:123456789012:alerts";
  const kms = (parameters: Readonly<Record<string, string>>) =>
    statementsOf(resolveTemplate(template, parameters).FunctionRole)
      .filter(({ actions }) => actions.some((action) => action.startsWith("kms:")))
      .map(({ actions, resources }) => [...actions, ...resources]);

  // https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
  it("can be used by the function, to publish, to receive, and to continue a sweep", () => {
    expect(kms({})).toEqual([]);
    expect(kms({ AlertTopicArn: alerts, AlertTopicKeyArn: key })).toEqual([
      ["kms:GenerateDataKey*", "kms:Decrypt", key],
    ]);
    expect(kms({ KmsKeyArn: key })).toEqual([["kms:GenerateDataKey*", "kms:Decrypt", key]]);
    expect(kms({ KmsKeyArn: key, AlertTopicArn: alerts })).toEqual([["kms:GenerateDataKey*", "kms:Decrypt", key]]);
    expect(kms({ KmsKeyArn: key, AlertTopicArn: alerts, SweepSchedule: "" })).toEqual([["kms:Decrypt", key]]);
  });
});

describe("the role of the sweep's schedule", () => {
  const template = readTemplate(TEMPLATE);
  const key = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555";
  const queues = ["LaunchQueue", "UndeliveredQueue"].map((name) => ({ "Fn::GetAtt": `${name}.Arn` }));

  it("allows only sending to the launch queue and the undelivered queue, with their key", () => {
    const of = (parameters: Readonly<Record<string, string>>) =>
      statementsOf(resolveTemplate(template, parameters).SweepRole).map(({ actions, resources }) => [
        actions,
        resources,
      ]);
    const send = [["sqs:SendMessage"], queues];
    expect(of({})).toEqual([send]);
    expect(of({ KmsKeyArn: key })).toEqual([send, [["kms:GenerateDataKey", "kms:Decrypt"], [key]]]);
  });

  // https://docs.aws.amazon.com/scheduler/latest/UserGuide/cross-service-confused-deputy-prevention.html
  it("trusts EventBridge Scheduler, for schedules of this account, region and group", () => {
    expect(resolveTemplate(template).SweepRole?.Properties.AssumeRolePolicyDocument).toMatchObject({
      Statement: [
        {
          Principal: { Service: "scheduler.amazonaws.com" },
          Condition: {
            StringEquals: {
              "aws:SourceAccount": "123456789012",
              "aws:SourceArn": "arn:aws:scheduler:us-east-1:123456789012:schedule-group/default",
            },
          },
        },
      ],
    });
  });
});

describe("the role of the check of a new version", () => {
  it("allows only calling versions of this function, reporting to CodeDeploy, and logging", () => {
    const { VersionCheckRole } = resolveTemplate(readTemplate(TEMPLATE), { "AWS::StackName": "ec2-audit" });
    expect(statementsOf(VersionCheckRole).map(({ actions, resources }) => [...actions, ...resources])).toEqual([
      ["lambda:InvokeFunction", "arn:aws:lambda:us-east-1:123456789012:function:ec2-audit:*"],
      [
        "codedeploy:PutLifecycleEventHookExecutionStatus",
        `arn:aws:codedeploy:us-east-1:123456789012:deploymentgroup:${reference("ServerlessDeploymentApplication")}/*`,
      ],
      ["logs:CreateLogStream", "logs:PutLogEvents", { "Fn::GetAtt": "VersionCheckLogGroup.Arn" }],
    ]);
  });
});

describe("the role in a member account", () => {
  const template = readTemplate(TEMPLATE);
  const member = readTemplate(MEMBER);
  const parameters = {
    CentralBusArn: "arn:aws:events:us-east-1:111122223333:event-bus/ec2-audit",
    CentralRoleArn: "arn:aws:iam::111122223333:role/ec2-audit-FunctionRole-1",
    OrganizationId: "o-abcdefghij",
  };
  const made = (given: Readonly<Record<string, string>>) =>
    Object.keys(resolveTemplate(member, { ...parameters, ...given }));

  it("allows exactly the EC2 actions of ReadActions, by default those of the default policy and a sweep", () => {
    const allowed = (given: Record<string, string>) =>
      actionsOf(statementsOf(resolveTemplate(member, { ...parameters, ...given }).AuditRole));
    expect(allowed({})).toEqual([...READS, "ec2:DescribeRegions"].sort());
    expect(template.Parameters.ReadActions?.Default).toBe(member.Parameters.ReadActions?.Default);
    expect(allowed({ ReadActions: "ec2:DescribeInstances" })).toEqual(["ec2:DescribeInstances"]);
  });

  it("trusts one role of the central account, inside the organisation", () => {
    const trust = resolveTemplate(member, parameters).AuditRole?.Properties.AssumeRolePolicyDocument;
    expect(trust).toMatchObject({
      Statement: [
        {
          Effect: "Allow",
          Action: "sts:AssumeRole",
          Condition: {
            ArnEquals: { "aws:PrincipalArn": parameters.CentralRoleArn },
            StringEquals: { "aws:PrincipalOrgID": "o-abcdefghij" },
          },
        },
      ],
    });
  });

  it("trusts the role that makes fleet reports only if one is given, and then lists the regions and tags for it", () => {
    const reporter = "arn:aws:iam::444455556666:role/ec2-audit-report";
    const role = resolveTemplate(member, { ...parameters, ReportRoleArn: reporter }).AuditRole;
    expect(role?.Properties.AssumeRolePolicyDocument).toMatchObject({
      Statement: [
        { Condition: { ArnEquals: { "aws:PrincipalArn": parameters.CentralRoleArn } } },
        {
          Condition: {
            ArnEquals: { "aws:PrincipalArn": reporter },
            StringEquals: { "aws:PrincipalOrgID": "o-abcdefghij" },
          },
        },
      ],
    });
    const reads = [...READS, "ec2:DescribeRegions"];
    expect(actionsOf(statementsOf(role))).toEqual([...reads, "ec2:DescribeRegions", "ec2:DescribeTags"].sort());
  });

  it("is created in one region of an account, and never in the central account", () => {
    expect(made({})).toContain("AuditRole");
    expect(made({ "AWS::Region": "eu-west-1" })).not.toContain("AuditRole");
    expect(made({ "AWS::Region": "eu-west-1", RoleRegion: "eu-west-1" })).toContain("AuditRole");
    expect(made({ "AWS::AccountId": "111122223333" })).not.toContain("AuditRole");
  });

  it("is accompanied by a rule, except in the account and region of the central bus, whose stack has the rules", () => {
    expect(made({ "AWS::AccountId": "111122223333" })).toEqual([]);
    expect(made({ "AWS::AccountId": "111122223333", "AWS::Region": "eu-west-1" })).toContain("LaunchRule");
    expect(made({ "AWS::Region": "eu-west-1" })).toContain("LaunchRule");
  });

  it("is accompanied by a role that allows EventBridge only to send to the central bus", () => {
    expect(statementsOf(resolveTemplate(member, parameters).SendRole)).toEqual([
      { actions: ["events:PutEvents"], resources: [parameters.CentralBusArn], condition: undefined },
    ]);
  });
});

describe("the user of a webtask", () => {
  const topic = "arn:aws:sns:us-east-1:123456789012:";
  const installation: Installation = {
    region: "us-east-1",
    account: "123456789012",
    names: NAMES,
    launchTopicArn: `${topic}${NAMES.launchTopic}`,
    alertTopicArn: `${topic}${NAMES.alertTopic}`,
    deadLetterQueueArn: `arn:aws:sqs:us-east-1:123456789012:${NAMES.deadLetterQueue}`,
  };

  it("has, by setup --show-policy, exactly the permissions for the file's calls on webtask", () => {
    const { Statement: statements } = functionPolicy(installation, READS) as { Statement: Record<string, unknown>[] };
    expect(actionsOf(statements.map(readStatement))).toEqual([...EVERY_HOST, ...HTTPS_HOSTS].sort());
    const { Statement: more } = functionPolicy(installation, READS, "auditor") as {
      Statement: Record<string, unknown>[];
    };
    const route = { arn: "arn:aws:sns:eu-west-1:123456789012:a", key: null };
    const { Statement: routed } = functionPolicy(installation, READS, undefined, [
      { arn: installation.alertTopicArn, key: { arn: "arn:aws:kms:us-east-1:123456789012:key/1" } },
      route,
      { ...route, key: { alias: "alias/a" } },
    ]) as { Statement: Record<string, unknown>[] };
    expect(allowing(routed.map(readStatement), "sns:Publish").map(({ resources }) => resources)).toEqual([
      [installation.alertTopicArn, route.arn, route.arn],
    ]);
    expect(allowing(routed.map(readStatement), "kms:Decrypt").map(({ resources }) => resources)).toEqual([
      ["arn:aws:kms:us-east-1:123456789012:key/1"],
      ["arn:aws:kms:eu-west-1:123456789012:key/*"],
    ]);
    const all = [...EVERY_HOST, ...HTTPS_HOSTS, ...OTHER_ACCOUNTS];
    expect(actionsOf(more.map(readStatement))).toEqual(all.sort());
  });

  it("has, by setup --show-policy --sweep, exactly the permissions for the calls of a sweep on webtask too", () => {
    const policy = policyIn("the policy", policyOfTags("name"));
    const reads = functionActions(policy, true);
    expect(reads.join()).toBe(readTemplate(TEMPLATE).Parameters.ReadActions?.Default);
    const { Statement: statements } = functionPolicy(installation, reads, "auditor", undefined, true) as {
      Statement: Record<string, unknown>[];
    };
    const sweep = SWEEP.filter((call) => call !== "sqs:SendMessage");
    const all = [...EVERY_HOST, ...HTTPS_HOSTS, ...OTHER_ACCOUNTS, ...sweep];
    expect(actionsOf(statements.map(readStatement))).toEqual(all.sort());
  });
});
