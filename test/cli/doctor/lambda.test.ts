import { readFileSync } from "node:fs";
import {
  CloudFormationClient,
  DescribeStackResourcesCommand,
  DescribeStacksCommand,
} from "@aws-sdk/client-cloudformation";
import { CloudWatchLogsClient, FilterLogEventsCommand } from "@aws-sdk/client-cloudwatch-logs";
import { DescribeRuleCommand, EventBridgeClient, ListTargetsByRuleCommand } from "@aws-sdk/client-eventbridge";
import {
  IAMClient,
  NoSuchEntityException,
  SimulatePrincipalPolicyCommand,
  type SimulatePrincipalPolicyCommandInput,
} from "@aws-sdk/client-iam";
import {
  GetAliasCommand,
  GetFunctionConfigurationCommand,
  LambdaClient,
  ListEventSourceMappingsCommand,
} from "@aws-sdk/client-lambda";
import {
  GetSubscriptionAttributesCommand,
  GetTopicAttributesCommand,
  ListSubscriptionsByTopicCommand,
  ListTagsForResourceCommand,
  SNSClient,
} from "@aws-sdk/client-sns";
import { GetQueueAttributesCommand, SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import { mockClient } from "aws-sdk-client-mock";
import { beforeEach, describe, expect, it } from "vitest";
import { parse } from "yaml";
import type { Check } from "../../../src/cli/doctor/check.ts";
import { awsError } from "../../support/aws.ts";
import { type Run, runCommand } from "../run.ts";

/**
 * An installation by its stack, each time broken in one way. AWS is a stand-in here: the embedded AWS and moto have no
 * function that a SAM template made.
 */

const ACCOUNT = "123456789012";
const ALERT_TOPIC = `arn:aws:sns:us-east-1:${ACCOUNT}:ec2-audit-AlertTopic-1`;
const QUEUE = "ec2-audit-LaunchQueue-1";
const ROLE = `arn:aws:iam::${ACCOUNT}:role/ec2-audit-FunctionRole-1`;
const urlOf = (queue: string) => `https://sqs.us-east-1.amazonaws.com/${ACCOUNT}/${queue}`;
const arnOf = (queue: string) => `arn:aws:sqs:us-east-1:${ACCOUNT}:${queue}`;

const OUTPUTS = {
  FunctionName: "ec2-audit",
  FunctionAlias: `arn:aws:lambda:us-east-1:${ACCOUNT}:function:ec2-audit:live`,
  FunctionRoleArn: ROLE,
  AlertTopicArn: ALERT_TOPIC,
  LaunchQueueUrl: urlOf(QUEUE),
  DeadLetterQueueUrl: urlOf("dead"),
  UndeliveredQueueUrl: urlOf("undelivered"),
  LogGroupName: "/aws/lambda/ec2-audit",
};
const ENVIRONMENT: Record<string, string> = { ALERT_TOPIC_ARN: ALERT_TOPIC, GRACE_SECONDS: "0", LOG_LEVEL: "info" };
const LAUNCH_RULE = {
  LogicalResourceId: "LaunchRule",
  PhysicalResourceId: "ec2-audit-LaunchRule-1",
  ResourceType: "AWS::Events::Rule",
};
const MAPPING = {
  UUID: "9e7e",
  State: "Enabled",
  BatchSize: 100,
  FunctionResponseTypes: ["ReportBatchItemFailures" as const],
};
const ATTRIBUTES = {
  QueueArn: arnOf(QUEUE),
  DelaySeconds: "45",
  VisibilityTimeout: "185",
  RedrivePolicy: JSON.stringify({ deadLetterTargetArn: arnOf("dead"), maxReceiveCount: 10 }),
  ApproximateNumberOfMessages: "0",
  ApproximateNumberOfMessagesNotVisible: "0",
  ApproximateNumberOfMessagesDelayed: "3",
};
const TARGET = { Id: "launch-queue", Arn: arnOf(QUEUE), DeadLetterConfig: { Arn: arnOf("undelivered") } };

const cloudformation = mockClient(CloudFormationClient);
const events = mockClient(EventBridgeClient);
const iam = mockClient(IAMClient);
const lambda = mockClient(LambdaClient);
const logs = mockClient(CloudWatchLogsClient);
const sns = mockClient(SNSClient);
const sqs = mockClient(SQSClient);
const sts = mockClient(STSClient);

function stack(
  more: { StackStatus?: string; outputs?: Record<string, string>; parameters?: Record<string, string> } = {},
) {
  const { StackStatus = "UPDATE_COMPLETE", outputs = OUTPUTS, parameters = {} } = more;
  const Outputs = Object.entries(outputs).map(([OutputKey, OutputValue]) => ({ OutputKey, OutputValue }));
  const all = { GraceSeconds: "45", LaunchTopicArn: "", ...parameters };
  const Parameters = Object.entries(all).map(([ParameterKey, ParameterValue]) => ({ ParameterKey, ParameterValue }));
  const named = { StackName: "ec2-audit", CreationTime: new Date(0), StackStatus: StackStatus as "UPDATE_COMPLETE" };
  cloudformation.on(DescribeStacksCommand).resolves({ Stacks: [{ ...named, Outputs, Parameters }] });
}

function resources(
  ...own: {
    LogicalResourceId: string;
    PhysicalResourceId: string;
    ResourceType: string;
    ResourceStatus?: "DELETE_COMPLETE";
  }[]
) {
  const made = { Timestamp: new Date(0), ResourceStatus: "CREATE_COMPLETE" as const };
  cloudformation
    .on(DescribeStackResourcesCommand)
    .resolves({ StackResources: own.map((each) => ({ ...made, ...each })) });
}

function environment(Variables: Record<string, string>, more = {}) {
  const state = {
    State: "Active" as const,
    LastUpdateStatus: "Successful" as const,
    Version: "7",
    Runtime: "nodejs24.x" as const,
  };
  lambda.on(GetFunctionConfigurationCommand).resolves({ ...state, Environment: { Variables }, ...more });
}

function queue(name: string, Attributes: Record<string, string>) {
  sqs.on(GetQueueAttributesCommand, { QueueUrl: urlOf(name) }).resolves({ Attributes });
}

function denied(...actions: string[]) {
  iam.on(SimulatePrincipalPolicyCommand).callsFake(({ ActionNames = [] }: SimulatePrincipalPolicyCommandInput) => ({
    EvaluationResults: ActionNames.map((EvalActionName) => ({
      EvalActionName,
      EvalDecision: actions.includes(EvalActionName) ? "implicitDeny" : "allowed",
    })),
  }));
}

beforeEach(() => {
  for (const client of [cloudformation, events, iam, lambda, logs, sns, sqs, sts]) client.reset();
  sts.on(GetCallerIdentityCommand).resolves({ Account: ACCOUNT, Arn: `arn:aws:iam::${ACCOUNT}:user/operator` });
  stack();
  resources(LAUNCH_RULE);
  environment(ENVIRONMENT);
  lambda.on(GetAliasCommand).resolves({ FunctionVersion: "7" });
  lambda.on(ListEventSourceMappingsCommand).resolves({ EventSourceMappings: [MAPPING] });
  queue(QUEUE, ATTRIBUTES);
  queue("dead", {});
  queue("undelivered", {});
  sns.on(GetTopicAttributesCommand).resolves({ Attributes: {} });
  sns.on(ListTagsForResourceCommand).resolves({ Tags: [] });
  sns.on(ListSubscriptionsByTopicCommand).resolves({
    Subscriptions: [{ Protocol: "email", Endpoint: "team@example.com", SubscriptionArn: `${ALERT_TOPIC}:1` }],
  });
  sns.on(GetSubscriptionAttributesCommand).resolves({ Attributes: {} });
  events.on(DescribeRuleCommand).resolves({ State: "ENABLED" });
  events.on(ListTargetsByRuleCommand).resolves({ Targets: [TARGET] });
  denied();
});

const OPERATOR = { AWS_REGION: "us-east-1", AWS_ACCESS_KEY_ID: "operator", AWS_SECRET_ACCESS_KEY: "secret" };

function doctor(line = "", more: Run = {}) {
  const words = line === "" ? [] : line.split(" ");
  return runCommand(["doctor", "--stack", "ec2-audit", ...words], { env: OPERATOR, ...more });
}

async function diagnosis(line = "", more: Run = {}): Promise<readonly [code: number, ...findings: string[]]> {
  const { code, out } = await doctor(`--json ${line}`.trim(), more);
  const { checks }: { readonly checks: readonly Check[] } = JSON.parse(out);
  const findings = checks.filter(({ state }) => state !== "ok" && state !== "skipped");
  return [code, ...findings.map(({ state, group, name, message }) => `${state}: ${group}: ${name}: ${message}`)];
}

describe("ec2-audit doctor --stack, of an installation that is well", () => {
  it("finds nothing wrong, and ends with 0", async () => {
    expect(await diagnosis()).toEqual([0]);
  });

  it("tells what it has looked at", async () => {
    const { out } = await doctor();
    expect(out).toContain("✓ stack: ec2-audit is UPDATE_COMPLETE");
    expect(out).toContain("✓ ec2-audit:live: version 7 on nodejs24.x, active");
    expect(out).toContain("✓ launch queue: 0 launches are due, 0 at work, 3 in their grace");
    expect(out).toContain("✓ queue → function: is Enabled, up to 100 launches at a time, to ec2-audit:live");
  });

  it("goes by outputs and resources that deploy/template.yaml has", () => {
    const template = parse(readFileSync("deploy/template.yaml", "utf8"), { logLevel: "silent" });
    expect(Object.keys(template.Outputs)).toEqual(expect.arrayContaining(Object.keys(OUTPUTS)));
    expect(template.Resources.LaunchTopicSubscription.Type).toBe("AWS::SNS::Subscription");
    const parameters = ["GraceSeconds", "LaunchTopicArn", "AlertTopicArn", "KmsKeyArn", "AlarmEmail", "AlarmTopicArn"];
    expect(Object.keys(template.Parameters)).toEqual(expect.arrayContaining(parameters));
  });

  it("asks about the role on the resources that it is for", async () => {
    await doctor();
    const asked = iam
      .commandCalls(SimulatePrincipalPolicyCommand)
      .map(({ args: [{ input }] }) => [input.ActionNames?.join(" "), input.ResourceArns?.[0] ?? "*"]);
    expect(asked.sort()).toEqual([
      ["ec2:DescribeTags ec2:DescribeInstances", "*"],
      [
        "logs:CreateLogStream logs:PutLogEvents",
        `arn:aws:logs:us-east-1:${ACCOUNT}:log-group:/aws/lambda/ec2-audit:log-stream:any`,
      ],
      ["sns:Publish", ALERT_TOPIC],
      ["sqs:ReceiveMessage sqs:DeleteMessage sqs:GetQueueAttributes", arnOf(QUEUE)],
    ]);
  });
});

it("says that AWS could not be asked, and nothing else, where the operator's credentials are not taken", async () => {
  sts.on(GetCallerIdentityCommand).rejects(awsError("InvalidClientTokenId", "no"));
  const [code, ...found] = await diagnosis();
  expect(code).toBe(1);
  expect(found).toContain("unknown: configuration: all: AWS could not be asked");
  expect(found.filter((line) => line.startsWith("wrong: "))).toEqual([
    expect.stringContaining("wrong: credentials: yours: AWS does not take these credentials"),
  ]);
  expect(cloudformation.calls()).toEqual([]);
});

it("needs no permission that the doctor's help does not name", async () => {
  sqs.on(SendMessageCommand).resolves({ MessageId: "probe-1" });
  logs.on(FilterLogEventsCommand).resolves({ events: [{ message: '{"outcome":"unseen"}' }] });
  await doctor("--probe");
  const { out } = await runCommand(["doctor", "--help"]);
  const clients = [cloudformation, events, iam, lambda, logs, sns, sqs, sts];
  const commands = clients.flatMap((client): string[] =>
    client.calls().map(({ args: [command] }) => command.constructor.name),
  );
  const called = new Set(commands.map((name) => name.replace(/Command$/, "")));
  expect(called).toContain("FilterLogEvents");
  expect([...called].filter((action) => !out.includes(action))).toEqual([]);
});

describe("the doctor on the stack", () => {
  it("sees that there is none", async () => {
    const { CloudFormationServiceException } = await import("@aws-sdk/client-cloudformation");
    const message = "Stack with id ec2-audit does not exist";
    const error = new CloudFormationServiceException({
      name: "ValidationError",
      message,
      $fault: "client",
      $metadata: {},
    });
    cloudformation.on(DescribeStacksCommand).rejects(error);
    const { code, out } = await doctor();
    expect(code).toBe(1);
    expect(out).toContain(`✗ stack: there is no stack ec2-audit in us-east-1 (${ACCOUNT})`);
    expect(out).toContain("is the region right (--region)?");
  });

  it.each([
    ["ROLLBACK_COMPLETE", 1, "wrong: configuration: stack: ec2-audit is ROLLBACK_COMPLETE"],
    [
      "UPDATE_ROLLBACK_COMPLETE",
      0,
      "warning: configuration: stack: ec2-audit is UPDATE_ROLLBACK_COMPLETE: the last deployment failed, and the one before is in force",
    ],
    [
      "UPDATE_IN_PROGRESS",
      0,
      "warning: configuration: stack: ec2-audit is UPDATE_IN_PROGRESS: it is being changed just now",
    ],
  ])("sees that it is %s", async (StackStatus, code, told) => {
    stack({ StackStatus });
    expect(await diagnosis()).toEqual([code, told]);
  });

  it("says in every command that it shows where the stack is, and by whom", async () => {
    stack({ StackStatus: "ROLLBACK_COMPLETE" });
    events.on(DescribeRuleCommand).rejects(awsError("ResourceNotFoundException", "no rule"));
    lambda.on(ListEventSourceMappingsCommand).resolves({ EventSourceMappings: [{ ...MAPPING, State: "Disabled" }] });
    const RoutingConfig = { AdditionalVersionWeights: { "7": 0.1 } };
    lambda.on(GetAliasCommand).resolves({ FunctionVersion: "6", RoutingConfig });
    const { out } = await doctor("--region us-east-1");
    for (const command of [
      "aws cloudformation describe-stack-events --stack-name ec2-audit",
      "aws cloudformation detect-stack-drift --stack-name ec2-audit",
      "aws lambda update-event-source-mapping --uuid 9e7e --enabled",
      "ec2-audit rollback lambda",
    ]) {
      expect(out).toContain(`${command} --region us-east-1`);
    }
  });

  it("warns that its alarms notify no one, and says how to change that", async () => {
    stack({ parameters: { AlarmEmail: "", AlarmTopicArn: "" } });
    const { code, out } = await doctor();
    expect(code).toBe(0);
    expect(out).toContain("! alarms: notify no one");
    expect(out).toMatch(/ec2-audit deploy lambda .*--stack ec2-audit --alarm-email you@example.com/);
    stack({ parameters: { AlarmEmail: "team@example.com", AlarmTopicArn: "" } });
    expect(await diagnosis()).toEqual([0]);
  });

  it("sees that it is another stack", async () => {
    stack({ outputs: { WebsiteUrl: "https://example.com" } });
    expect(await diagnosis()).toEqual([
      1,
      "wrong: configuration: outputs: the stack has not the outputs of deploy/template.yaml",
    ]);
  });
});

describe("the doctor on the function on Lambda", () => {
  it("sees an environment that the function does not take", async () => {
    environment({ ...ENVIRONMENT, REQUIRED_TAGS: "a", AUDIT_POLICY: "{}", GRACE_SECONDS: "soon" });
    expect(await diagnosis()).toEqual([
      1,
      "wrong: configuration: REQUIRED_TAGS: is set together with AUDIT_POLICY: remove one of them",
      "wrong: configuration: GRACE_SECONDS: is not a whole number of seconds from 0 to 3000",
    ]);
  });

  it("sees that it cannot run", async () => {
    environment(ENVIRONMENT, { State: "Failed", StateReason: "The role is gone" });
    expect(await diagnosis()).toEqual([1, "wrong: function: ec2-audit:live: is Failed: The role is gone"]);
  });

  it("sees that it, or its alias, is not there any more", async () => {
    lambda.on(GetFunctionConfigurationCommand).rejects(awsError("ResourceNotFoundException", "Function not found"));
    expect(await diagnosis()).toEqual([
      1,
      "wrong: function: ec2-audit:live: is not there any more: no launch is audited",
    ]);
  });

  it("does not take it for broken while Lambda makes it ready", async () => {
    environment(ENVIRONMENT, { State: "Pending" });
    expect(await diagnosis()).toEqual([0, "warning: function: ec2-audit:live: is being made ready"]);
  });

  it("does not take an environment that it may not see for an empty one", async () => {
    const hidden = { ErrorCode: "AccessDeniedException", Message: "Lambda was unable to decrypt the variables" };
    environment({}, { Environment: { Error: hidden } });
    expect(await diagnosis()).toEqual([
      0,
      "unknown: configuration: environment: AccessDeniedException: Lambda was unable to decrypt the variables",
    ]);
  });

  it("says that a canary is under way", async () => {
    lambda
      .on(GetAliasCommand)
      .resolves({ FunctionVersion: "6", RoutingConfig: { AdditionalVersionWeights: { "7": 0.1 } } });
    expect(await diagnosis()).toEqual([
      0,
      "warning: function: deployment: version 7 gets 10 % of the batches, and 6 the others",
    ]);
  });

  it("sees what its role may not do any more", async () => {
    denied("sns:Publish", "sqs:DeleteMessage");
    const told = "its policies do not allow it, as IAM simulates them";
    expect(await diagnosis()).toEqual([
      1,
      `wrong: permissions: sns:Publish on ${ALERT_TOPIC}: ${told}`,
      `wrong: permissions: sqs:DeleteMessage on ${arnOf(QUEUE)}: ${told}`,
    ]);
  });

  it("reads all that IAM answers, page by page", async () => {
    iam
      .on(SimulatePrincipalPolicyCommand)
      .callsFake(({ ActionNames = [], Marker }: SimulatePrincipalPolicyCommandInput) => {
        const at = Number(Marker ?? 0);
        const EvaluationResults = [{ EvalActionName: ActionNames[at], EvalDecision: "allowed" }];
        return at + 1 < ActionNames.length
          ? { EvaluationResults, IsTruncated: true, Marker: `${at + 1}` }
          : { EvaluationResults, IsTruncated: false };
      });
    expect(await diagnosis()).toEqual([0]);
  });

  it("sees that its role may not use the key of an existing alert topic, and which parameter allows it", async () => {
    const key = `arn:aws:kms:us-east-1:${ACCOUNT}:key/11111111-2222-3333-4444-555555555555`;
    stack({ parameters: { AlertTopicArn: ALERT_TOPIC } });
    sns.on(GetTopicAttributesCommand).resolves({ Attributes: { KmsMasterKeyId: key } });
    expect(await diagnosis()).toEqual([0]);
    denied("kms:Decrypt");
    const { code, out } = await doctor();
    expect(code).toBe(1);
    expect(out).toContain(`✗ key of the alert topic: the function's policies do not allow kms:Decrypt on ${key}`);
    expect(out).toContain(`--stack ec2-audit --parameter AlertTopicKeyArn=${key}`);
  });

  it("sees that its role may not use the key of its queue", async () => {
    const key = `arn:aws:kms:us-east-1:${ACCOUNT}:key/11111111-2222-3333-4444-555555555555`;
    stack({ parameters: { KmsKeyArn: key } });
    expect(await diagnosis()).toEqual([0]);
    denied("kms:Decrypt");
    const told = "its policies do not allow it, as IAM simulates them";
    expect(await diagnosis()).toEqual([1, `wrong: permissions: kms:Decrypt on ${key}: ${told}`]);
  });

  it("sees that its role is not there any more", async () => {
    const gone = new NoSuchEntityException({ message: "not found", $metadata: {} });
    iam.on(SimulatePrincipalPolicyCommand).rejects(gone);
    expect(await diagnosis()).toEqual([1, `wrong: permissions: the function's role: IAM knows no ${ROLE}`]);
  });

  it("does not take it for wrong when IAM does not say", async () => {
    iam.on(SimulatePrincipalPolicyCommand).rejects(awsError("AccessDenied", "not authorized"));
    const [code, ...found] = await diagnosis();
    expect([code, found.length]).toEqual([0, 1]);
    expect(found[0]).toContain("unknown: permissions: the function's role: AWS does not allow this");
  });
});

describe("the doctor on what brings launches to Lambda", () => {
  const rule = "rules and targets: rule ec2-audit-LaunchRule-1";

  it("sees a rule that is disabled", async () => {
    events.on(DescribeRuleCommand).resolves({ State: "DISABLED" });
    const { code, out } = await doctor();
    expect(code).toBe(1);
    expect(out).toContain(
      "✗ rule ec2-audit-LaunchRule-1: is DISABLED\n      aws events enable-rule --name ec2-audit-LaunchRule-1 --region us-east-1",
    );
  });

  // https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/1131
  it("looks for the rule of an organisation on the bus that CloudFormation names before it", async () => {
    const member = { ...LAUNCH_RULE, LogicalResourceId: "MemberLaunchRule", PhysicalResourceId: "ec2-audit|member" };
    resources(LAUNCH_RULE, member);
    events.on(DescribeRuleCommand).rejects(awsError("ResourceNotFoundException", "no such rule"));
    events.on(DescribeRuleCommand, { Name: LAUNCH_RULE.PhysicalResourceId }).resolves({ State: "ENABLED" });
    const there = { Name: "member", EventBusName: "ec2-audit" };
    events.on(DescribeRuleCommand, there).resolves({ State: "ENABLED" });
    expect(await diagnosis()).toEqual([0]);
    events.on(DescribeRuleCommand, there).resolves({ State: "DISABLED" });
    const { out } = await doctor();
    expect(out).toContain("aws events enable-rule --name member --event-bus-name ec2-audit --region us-east-1");
  });

  it.each([
    ["to another queue", [{ ...TARGET, Arn: arnOf("other") }], `has not the queue ${QUEUE} as its target`],
    ["without a dead-letter queue", [{ Id: TARGET.Id, Arn: TARGET.Arn }], "its target has no dead-letter queue"],
  ])("sees a rule that sends %s", async (_, Targets, told) => {
    events.on(ListTargetsByRuleCommand).resolves({ Targets });
    expect(await diagnosis()).toEqual([1, `wrong: ${rule}: ${told}`]);
  });

  it("sees a rule that somebody has removed", async () => {
    events.on(DescribeRuleCommand).rejects(awsError("ResourceNotFoundException", "Rule does not exist"));
    expect(await diagnosis()).toEqual([1, `wrong: ${rule}: is not there any more`]);
  });

  it("does not look for a rule that a deployment has made and, rolling back, deleted", async () => {
    events.on(DescribeRuleCommand, { Name: "gone" }).rejects(awsError("ResourceNotFoundException", "no such rule"));
    const gone = { ...LAUNCH_RULE, LogicalResourceId: "TagChangeRule", PhysicalResourceId: "gone" };
    resources(LAUNCH_RULE, { ...gone, ResourceStatus: "DELETE_COMPLETE" });
    expect(await diagnosis()).toEqual([0]);
  });

  it("sees that nothing brings any", async () => {
    resources();
    expect(await diagnosis()).toEqual([
      1,
      "wrong: rules and targets: launches: the stack has no rule and no subscription: nothing brings launches",
    ]);
  });

  it("looks at the subscription of a launch topic in place of rules", async () => {
    const topic = `arn:aws:sns:us-east-1:${ACCOUNT}:launches`;
    stack({ parameters: { LaunchTopicArn: topic } });
    const PhysicalResourceId = `${topic}:1`;
    resources({
      LogicalResourceId: "LaunchTopicSubscription",
      PhysicalResourceId,
      ResourceType: "AWS::SNS::Subscription",
    });
    const shown = (Attributes: Record<string, string>) =>
      sns.on(GetSubscriptionAttributesCommand).resolves({ Attributes });
    shown({ TopicArn: topic, PendingConfirmation: "false" });
    expect(await diagnosis()).toEqual([0]);
    shown({ TopicArn: topic, PendingConfirmation: "true" });
    expect(await diagnosis()).toEqual([
      1,
      "wrong: rules and targets: launch topic → queue: the subscription is not confirmed",
    ]);
  });

  it.each([
    ["is not there", [], "subscription: queue → function: ec2-audit:live does not take launches out of the queue"],
    [
      "is off",
      [{ ...MAPPING, State: "Disabled" }],
      "subscription: queue → function: is Disabled: no launch is audited",
    ],
    [
      "does not take partial failures",
      [{ ...MAPPING, FunctionResponseTypes: [] }],
      "subscription: partial batches: ReportBatchItemFailures is off: launches that are not done are lost or repeated",
    ],
  ])("sees a mapping of the queue that %s", async (_, EventSourceMappings, told) => {
    lambda.on(ListEventSourceMappingsCommand).resolves({ EventSourceMappings } as object);
    expect(await diagnosis()).toEqual([1, `wrong: ${told}`]);
  });

  it("does not take a mapping for off while a deployment changes it", async () => {
    lambda.on(ListEventSourceMappingsCommand).resolves({ EventSourceMappings: [{ ...MAPPING, State: "Updating" }] });
    expect(await diagnosis()).toEqual([0]);
  });

  it("asks for the mapping of the alias, not of the unpublished version", async () => {
    await doctor();
    const [call] = lambda.commandCalls(ListEventSourceMappingsCommand);
    expect(call?.args[0].input).toEqual({ FunctionName: "ec2-audit:live", EventSourceArn: arnOf(QUEUE) });
  });
});

describe("the doctor on the queues of Lambda", () => {
  it.each([
    ["dead", "dead letters", "1 launch was not delivered or audited", "1"],
    ["undelivered", "undelivered", "12 launches or alerts were not delivered", "12"],
  ])("counts what was given up: %s", async (name, check, told, ApproximateNumberOfMessages) => {
    queue(name, { ApproximateNumberOfMessages });
    expect(await diagnosis()).toEqual([1, `wrong: topics and policies: ${check}: ${told}`]);
  });

  it("says how those that SQS has given up are audited again, which it does not do with others", async () => {
    queue("dead", { QueueArn: arnOf("dead"), ApproximateNumberOfMessages: "1" });
    queue("undelivered", { QueueArn: arnOf("undelivered"), ApproximateNumberOfMessages: "1" });
    const { out } = await doctor();
    expect(out).toContain(`aws sqs start-message-move-task --source-arn ${arnOf("dead")} --region us-east-1`);
    expect(out).toContain(`aws sqs purge-queue --queue-url ${urlOf("undelivered")} --region us-east-1`);
    expect(out).not.toContain(`--source-arn ${arnOf("undelivered")}`);
  });

  it.each([
    [QUEUE, "launch queue: is not there any more"],
    ["dead", "dead letters: there is no queue dead any more"],
  ])("sees that somebody has removed the queue %s", async (name, told) => {
    const gone = awsError("QueueDoesNotExist", "The specified queue does not exist.");
    sqs.on(GetQueueAttributesCommand, { QueueUrl: urlOf(name) }).rejects(gone);
    expect(await diagnosis()).toEqual([1, `wrong: topics and policies: ${told}`]);
  });

  it("sees that somebody has changed the queue's delay", async () => {
    queue(QUEUE, { ...ATTRIBUTES, DelaySeconds: "0" });
    expect(await diagnosis()).toEqual([
      1,
      "wrong: grace: the queue keeps a launch for the grace: its DelaySeconds is 0, and the stack's GraceSeconds 45",
    ]);
  });

  it("sees that the queue gives up before the function's own grace is over", async () => {
    environment({ ...ENVIRONMENT, GRACE_SECONDS: "1720" });
    const [code, told] = await diagnosis();
    expect(code).toBe(1);
    expect(told).toContain(
      "45 s, and then 10 times 185 s; the function itself asks for 1720 s: a launch without its tags is never alerted",
    );
    environment({ ...ENVIRONMENT, GRACE_SECONDS: "1665" });
    expect(await diagnosis()).toEqual([0]);
  });

  it("warns of many launches that wait though they are due", async () => {
    queue(QUEUE, { ...ATTRIBUTES, ApproximateNumberOfMessages: "1001" });
    expect(await diagnosis()).toEqual([
      0,
      "warning: topics and policies: launch queue: 1001 launches are due, 0 at work, 3 in their grace",
    ]);
  });

  it("sees that nobody is told of alerts", async () => {
    sns.on(ListSubscriptionsByTopicCommand).resolves({ Subscriptions: [] });
    const { code, out } = await doctor();
    expect(code).toBe(1);
    expect(out).toContain(
      "✗ who is told: nobody is told of alerts\n      ec2-audit deploy lambda --region us-east-1 --stack ec2-audit --email you@example.com",
    );
  });
});

describe("ec2-audit doctor --stack --probe", () => {
  const found = (line: object) =>
    logs
      .on(FilterLogEventsCommand)
      .resolvesOnce({ events: [] })
      .resolves({ events: [{ message: JSON.stringify(line) }, { message: "REPORT of the call with probe-1" }] });

  it("puts a launch of nobody into the queue, to be taken at once, and finds its line in CloudWatch Logs", async () => {
    sqs.on(SendMessageCommand).resolves({ MessageId: "probe-1" });
    found({ outcome: "unseen", message: "EC2 does not show the instance", messageId: "probe-1" });
    expect(await diagnosis("--probe")).toEqual([0]);
    const [sent] = sqs.commandCalls(SendMessageCommand);
    const { QueueUrl, DelaySeconds, MessageBody = "" } = sent?.args[0].input ?? {};
    expect([QueueUrl, DelaySeconds]).toEqual([urlOf(QUEUE), 0]);
    expect(JSON.parse(MessageBody)).toMatchObject({
      "detail-type": "EC2 Instance State-change Notification",
      account: ACCOUNT,
      region: "us-east-1",
      detail: { "instance-id": "i-00000000000000000", state: "pending" },
    });
    expect(logs.commandCalls(FilterLogEventsCommand)[1]?.args[0].input).toMatchObject({
      logGroupName: "/aws/lambda/ec2-audit",
      filterPattern: '"probe-1"',
    });
  });

  it("finds its line on a later page than the first, which may be empty", async () => {
    sqs.on(SendMessageCommand).resolves({ MessageId: "probe-1" });
    const line = { outcome: "unseen", message: "EC2 does not show the instance", messageId: "probe-1" };
    logs
      .on(FilterLogEventsCommand)
      .resolves({ events: [], nextToken: "more" })
      .on(FilterLogEventsCommand, { nextToken: "more" })
      .resolves({ events: [{ message: JSON.stringify(line) }] });
    let now = 0;
    const clock = {
      now: () => now,
      pause: async (ms: number) => {
        now += ms;
      },
    };
    expect(await diagnosis("--probe", clock)).toEqual([0]);
  });

  it("sees that the function failed over it", async () => {
    sqs.on(SendMessageCommand).resolves({ MessageId: "probe-1" });
    found({ outcome: "failed", message: "UnauthorizedOperation: no", messageId: "probe-1" });
    expect(await diagnosis("--probe")).toEqual([
      1,
      `wrong: probe: queue ${QUEUE}: the function took the message probe-1 and decided "failed": UnauthorizedOperation: no`,
    ]);
  });
});
