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
import { DescribeKeyCommand, KMSClient } from "@aws-sdk/client-kms";
import {
  GetAliasCommand,
  GetFunctionConfigurationCommand,
  LambdaClient,
  ListEventSourceMappingsCommand,
} from "@aws-sdk/client-lambda";
import { GetScheduleCommand, type GetScheduleCommandOutput, SchedulerClient } from "@aws-sdk/client-scheduler";
import {
  GetSubscriptionAttributesCommand,
  GetTopicAttributesCommand,
  ListSubscriptionsByTopicCommand,
  ListTagsForResourceCommand,
  SNSClient,
} from "@aws-sdk/client-sns";
import { GetQueueAttributesCommand, SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import { beforeEach, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { awsError, mockClients } from "../../support/aws.ts";
import { type Run, runCommand } from "../run.ts";
import { type Diagnosis, diagnosisIn } from "./findings.ts";

/** The doctor's checks of a stack. The SDK's clients are mocks: the embedded AWS and moto cannot deploy a SAM template. */

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

const SWEEP_ROLE = `arn:aws:iam::${ACCOUNT}:role/ec2-audit-SweepRole-1`;
const SWEEP_TARGET = { Arn: arnOf(QUEUE), RoleArn: SWEEP_ROLE, DeadLetterConfig: { Arn: arnOf("undelivered") } };

const cloudformation = mockClients(CloudFormationClient);
const events = mockClients(EventBridgeClient);
const iam = mockClients(IAMClient);
const kms = mockClients(KMSClient);
const lambda = mockClients(LambdaClient);
const logs = mockClients(CloudWatchLogsClient);
const scheduler = mockClients(SchedulerClient);
const sns = mockClients(SNSClient);
const sqs = mockClients(SQSClient);
const sts = mockClients(STSClient);

const KEY = `arn:aws:kms:us-east-1:${ACCOUNT}:key/11111111-2222-3333-4444-555555555555`;
const CLIENTS = [cloudformation, events, iam, kms, lambda, logs, scheduler, sns, sqs, sts];

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

/** The stack has a sweep, with a schedule that has these changes. */
function sweep(changes: Partial<GetScheduleCommandOutput> = {}, parameters: Record<string, string> = {}) {
  stack({ parameters: { SweepSchedule: "cron(0 6 * * ? *)", ...parameters } });
  resources(LAUNCH_RULE, {
    ...{ LogicalResourceId: "Sweep", PhysicalResourceId: "ec2-audit-Sweep-1" },
    ResourceType: "AWS::Scheduler::Schedule",
  });
  const schedule = { State: "ENABLED" as const, ScheduleExpression: "cron(0 6 * * ? *)", Target: SWEEP_TARGET };
  scheduler.on(GetScheduleCommand).resolves({ ...schedule, ...changes });
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
  for (const client of CLIENTS) client.reset();
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

async function diagnosis(line = "", more: Run = {}): Promise<Diagnosis> {
  return diagnosisIn(await doctor(`--json ${line}`.trim(), more));
}

describe("ec2-audit doctor --stack", () => {
  it("prints each check and exits with 0 for a healthy stack", async () => {
    const { code, out } = await doctor();
    expect(code).toBe(0);
    expect(out).toContain("✓ stack: ec2-audit is UPDATE_COMPLETE");
    expect(out).toContain("✓ ec2-audit:live: version 7 on nodejs24.x, active");
    expect(out).toContain("✓ launch queue: launches waiting: 0, in progress: 0, within the grace: 3");
    expect(out).toContain("✓ queue → function: Enabled, up to 100 launches per batch, to ec2-audit:live");
    expect(out).toMatch(/\n\n0 failed, \d+ ok, 1 skipped\.$/);
    // The alias's event source mapping, not that of the unpublished version.
    const [mapping] = lambda.commandCalls(ListEventSourceMappingsCommand);
    expect(mapping?.args[0].input).toEqual({ FunctionName: "ec2-audit:live", EventSourceArn: arnOf(QUEUE) });
  });

  it("reads only outputs, parameters and resources that deploy/template.yaml has", () => {
    const template = parse(readFileSync("deploy/template.yaml", "utf8"), { logLevel: "silent" });
    expect(Object.keys(template.Outputs)).toEqual(expect.arrayContaining(Object.keys(OUTPUTS)));
    expect(template.Resources.LaunchTopicSubscription.Type).toBe("AWS::SNS::Subscription");
    expect(template.Resources.Sweep.Type).toBe("AWS::Scheduler::Schedule");
    const parameters = [
      "GraceSeconds",
      "LaunchTopicArn",
      "AlertTopicArn",
      "KmsKeyArn",
      "AlarmEmail",
      "AlarmTopicArn",
      "RouteTopicArns",
      "SweepSchedule",
      "SweepDetail",
      "AuditRoleName",
    ];
    expect(Object.keys(template.Parameters)).toEqual(expect.arrayContaining(parameters));
  });

  it("calls only AWS actions that --help lists", async () => {
    sqs.on(SendMessageCommand).resolves({ MessageId: "probe-1" });
    logs.on(FilterLogEventsCommand).resolves({ events: [{ message: '{"outcome":"unseen"}' }] });
    sweep();
    await doctor("--probe");
    const { out } = await runCommand(["doctor", "--help"]);
    const commands = CLIENTS.flatMap((client): string[] =>
      client.calls().map(({ args: [command] }) => command.constructor.name),
    );
    const called = new Set(commands.map((name) => name.replace(/Command$/, "")));
    expect(called).toContain("FilterLogEvents");
    expect([...called].filter((action) => !out.includes(action))).toEqual([]);
  });

  it("reports rejected credentials of the operator, and calls nothing else", async () => {
    sts.on(GetCallerIdentityCommand).rejects(awsError("InvalidClientTokenId", "no"));
    const [code, ...findings] = await diagnosis();
    expect(code).toBe(1);
    expect(findings).toContain("unknown: configuration: all: AWS could not be called");
    expect(findings.filter((line) => line.startsWith("wrong: "))).toEqual([
      expect.stringContaining("wrong: credentials: your credentials: AWS does not accept these credentials"),
    ]);
    expect(cloudformation.calls()).toEqual([]);
  });

  it("prints region and profile in the commands of the fixes", async () => {
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
});

describe("the doctor's check of the stack", () => {
  it("reports that it does not exist", async () => {
    const { CloudFormationServiceException } = await import("@aws-sdk/client-cloudformation");
    const message = "Stack with id ec2-audit does not exist";
    const error = { name: "ValidationError", message, $fault: "client", $metadata: {} } as const;
    cloudformation.on(DescribeStacksCommand).rejects(new CloudFormationServiceException(error));
    const { code, out } = await doctor();
    expect(code).toBe(1);
    expect(out).toContain(`✗ stack: ec2-audit does not exist in us-east-1 (account ${ACCOUNT})`);
    expect(out).toContain("Check the region (--region).");
  });

  it.each([
    ["ROLLBACK_COMPLETE", 1, "wrong: configuration: stack: ec2-audit is ROLLBACK_COMPLETE"],
    [
      "UPDATE_ROLLBACK_COMPLETE",
      0,
      "warning: configuration: stack: ec2-audit is UPDATE_ROLLBACK_COMPLETE: the last deployment failed and was rolled back",
    ],
    [
      "UPDATE_IN_PROGRESS",
      0,
      "warning: configuration: stack: ec2-audit is UPDATE_IN_PROGRESS: an operation is in progress",
    ],
  ])("reports the status %s", async (StackStatus, code, finding) => {
    stack({ StackStatus });
    expect(await diagnosis()).toEqual([code, finding]);
  });

  it("warns that its alarms have no recipients, with the command that adds one", async () => {
    stack({ parameters: { AlarmEmail: "", AlarmTopicArn: "" } });
    const { code, out } = await doctor();
    expect(code).toBe(0);
    expect(out).toContain("! alarms: no recipients");
    expect(out).toMatch(/ec2-audit deploy lambda .*--stack ec2-audit --alarm-email you@example.com/);
    stack({ parameters: { AlarmEmail: "team@example.com", AlarmTopicArn: "" } });
    expect(await diagnosis()).toEqual([0]);
  });

  it("reports a stack of another template", async () => {
    stack({ outputs: { WebsiteUrl: "https://example.com" } });
    expect(await diagnosis()).toEqual([
      1,
      "wrong: configuration: outputs: the stack does not have the outputs of deploy/template.yaml",
    ]);
  });
});

describe("the doctor's check of the function on Lambda", () => {
  it("reports settings that the function rejects", async () => {
    environment({ ...ENVIRONMENT, REQUIRED_TAGS: "a", AUDIT_POLICY: "{}", GRACE_SECONDS: "soon" });
    expect(await diagnosis()).toEqual([
      1,
      expect.stringContaining("wrong: configuration: REQUIRED_TAGS: is set together with AUDIT_POLICY"),
      expect.stringContaining("wrong: configuration: AUDIT_POLICY: is not a policy: rules is missing"),
      "wrong: configuration: GRACE_SECONDS: must be a whole number of seconds from 0 to 3000",
    ]);
  });

  it.each([
    [{ State: "Failed", StateReason: "The role is gone" }, 1, "wrong", "is Failed: The role is gone"],
    [{ LastUpdateStatus: "Failed" }, 1, "wrong", "its last update failed"],
    [{ State: "Pending" }, 0, "warning", "Pending"],
  ])("reports the state %j", async (state, code, level, message) => {
    environment(ENVIRONMENT, state);
    expect(await diagnosis()).toEqual([code, `${level}: function: ec2-audit:live: ${message}`]);
  });

  it("reports that the function or its alias does not exist", async () => {
    lambda.on(GetFunctionConfigurationCommand).rejects(awsError("ResourceNotFoundException", "Function not found"));
    expect(await diagnosis()).toEqual([
      1,
      "wrong: function: ec2-audit:live: does not exist any more: no launch is audited",
    ]);
  });

  it("does not fail when it may not read the environment", async () => {
    const hidden = { ErrorCode: "AccessDeniedException", Message: "Lambda was unable to decrypt the variables" };
    environment({}, { Environment: { Error: hidden } });
    expect(await diagnosis()).toEqual([
      0,
      "unknown: configuration: environment: AccessDeniedException: Lambda was unable to decrypt the variables",
    ]);
  });

  it("reports a canary deployment in progress", async () => {
    const RoutingConfig = { AdditionalVersionWeights: { "7": 0.1 } };
    lambda.on(GetAliasCommand).resolves({ FunctionVersion: "6", RoutingConfig });
    expect(await diagnosis()).toEqual([
      0,
      "warning: function: deployment: version 7 gets 10 % of the batches, version 6 the others",
    ]);
  });
});

describe("the doctor's check of the function's role", () => {
  it("simulates each required action on its resource", async () => {
    stack({ parameters: { KmsKeyArn: KEY } });
    await doctor();
    const simulated = iam
      .commandCalls(SimulatePrincipalPolicyCommand)
      .map(({ args: [{ input }] }) => [input.ActionNames?.join(" "), input.ResourceArns?.[0] ?? "*"]);
    expect(simulated.sort()).toEqual([
      ["ec2:DescribeTags ec2:DescribeInstances", "*"],
      ["kms:Decrypt", KEY],
      [
        "logs:CreateLogStream logs:PutLogEvents",
        `arn:aws:logs:us-east-1:${ACCOUNT}:log-group:/aws/lambda/ec2-audit:log-stream:any`,
      ],
      ["sns:Publish", ALERT_TOPIC],
      ["sqs:ReceiveMessage sqs:DeleteMessage sqs:GetQueueAttributes", arnOf(QUEUE)],
    ]);
  });

  it("simulates publishing to the topics of the routes: of the policy, or of the parameter for a policy in the code", async () => {
    const route = `arn:aws:sns:eu-west-1:${ACCOUNT}:oncall`;
    const AUDIT_POLICY = JSON.stringify({
      rules: [{ rule: "required-tags", tags: ["name"] }],
      routes: [{ topic: route }, { topic: ALERT_TOPIC }],
    });
    const topics = () =>
      iam
        .commandCalls(SimulatePrincipalPolicyCommand)
        .filter(({ args: [{ input }] }) => input.ActionNames?.includes("sns:Publish"))
        .map(({ args: [{ input }] }) => input.ResourceArns?.[0]);
    environment({ ...ENVIRONMENT, AUDIT_POLICY });
    expect(await diagnosis()).toEqual([0]);
    expect(topics()).toEqual([ALERT_TOPIC, route]);
    iam.resetHistory();
    environment(ENVIRONMENT);
    stack({ parameters: { PolicyInCode: "0123456789ab", RouteTopicArns: route } });
    expect(await diagnosis()).toEqual([0]);
    expect(topics()).toEqual([ALERT_TOPIC, route]);
    denied("kms:Decrypt");
    sns.on(GetTopicAttributesCommand, { TopicArn: route }).resolves({ Attributes: { KmsMasterKeyId: KEY } });
    expect((await doctor()).out).toContain(`--stack ec2-audit --parameter RouteTopicKeyArns=${KEY}`);
  });

  it("reports each denied action", async () => {
    denied("sns:Publish", "sqs:DeleteMessage");
    expect(await diagnosis()).toEqual([
      1,
      `wrong: permissions: sns:Publish on ${ALERT_TOPIC}: IAM's simulator denies it`,
      `wrong: permissions: sqs:DeleteMessage on ${arnOf(QUEUE)}: IAM's simulator denies it`,
    ]);
  });

  it("reads every page of IAM's response", async () => {
    iam
      .on(SimulatePrincipalPolicyCommand)
      .callsFake(({ ActionNames = [], Marker }: SimulatePrincipalPolicyCommandInput) => {
        const page = Number(Marker ?? 0);
        const EvaluationResults = [{ EvalActionName: ActionNames[page], EvalDecision: "allowed" }];
        return page + 1 < ActionNames.length
          ? { EvaluationResults, IsTruncated: true, Marker: `${page + 1}` }
          : { EvaluationResults, IsTruncated: false };
      });
    expect(await diagnosis()).toEqual([0]);
  });

  it("reports a denied key of an existing alert topic, with the parameter that allows it", async () => {
    stack({ parameters: { AlertTopicArn: ALERT_TOPIC } });
    sns.on(GetTopicAttributesCommand).resolves({ Attributes: { KmsMasterKeyId: KEY } });
    kms.on(DescribeKeyCommand, { KeyId: KEY }).resolves({ KeyMetadata: { KeyId: "", Arn: KEY, KeyState: "Enabled" } });
    expect(await diagnosis()).toEqual([0]);
    denied("kms:Decrypt");
    const { code, out } = await doctor();
    expect(code).toBe(1);
    expect(out).toContain(`✗ key of the alert topic: IAM's simulator denies the function kms:Decrypt on ${KEY}`);
    expect(out).toContain(`--stack ec2-audit --parameter AlertTopicKeyArn=${KEY}`);
  });

  it("reports a route's topic of another account that has the AWS managed key", async () => {
    const topic = "arn:aws:sns:us-east-1:111122223333:oncall";
    const AUDIT_POLICY = JSON.stringify({ rules: [{ rule: "required-tags", tags: ["name"] }], routes: [{ topic }] });
    environment({ ...ENVIRONMENT, AUDIT_POLICY });
    sns
      .on(GetTopicAttributesCommand, { TopicArn: topic })
      .resolves({ Attributes: { KmsMasterKeyId: "alias/aws/sns" } });
    expect(await diagnosis()).toEqual([
      1,
      `wrong: permissions: key of the topic oncall: the topic is encrypted with the AWS managed key, which only account 111122223333 may use, and the function is in account ${ACCOUNT}`,
    ]);
  });

  it("reports that the role does not exist", async () => {
    iam.on(SimulatePrincipalPolicyCommand).rejects(new NoSuchEntityException({ message: "no", $metadata: {} }));
    expect(await diagnosis()).toEqual([1, `wrong: permissions: function role: ${ROLE} does not exist in IAM`]);
  });

  it("does not fail when the operator may not simulate", async () => {
    iam.on(SimulatePrincipalPolicyCommand).rejects(awsError("AccessDenied", "not authorized"));
    expect(await diagnosis()).toEqual([
      0,
      expect.stringContaining("unknown: permissions: function role: AWS does not allow this"),
    ]);
  });
});

describe("the doctor's check of the source of launches on Lambda", () => {
  const rule = "rules and targets: rule ec2-audit-LaunchRule-1";

  it("reports a disabled rule, with the command that enables it", async () => {
    events.on(DescribeRuleCommand).resolves({ State: "DISABLED" });
    const { code, out } = await doctor();
    expect(code).toBe(1);
    expect(out).toContain(
      "✗ rule ec2-audit-LaunchRule-1: is DISABLED\n      aws events enable-rule --name ec2-audit-LaunchRule-1 --region us-east-1",
    );
  });

  // https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/1131
  it("reads the rule of an organisation on the bus that CloudFormation names before it", async () => {
    const member = { ...LAUNCH_RULE, LogicalResourceId: "MemberLaunchRule", PhysicalResourceId: "ec2-audit|member" };
    resources(LAUNCH_RULE, member);
    events.on(DescribeRuleCommand).rejects(awsError("ResourceNotFoundException", "no such rule"));
    events.on(DescribeRuleCommand, { Name: LAUNCH_RULE.PhysicalResourceId }).resolves({ State: "ENABLED" });
    const onBus = { Name: "member", EventBusName: "ec2-audit" };
    events.on(DescribeRuleCommand, onBus).resolves({ State: "ENABLED" });
    expect(await diagnosis()).toEqual([0]);
    events.on(DescribeRuleCommand, onBus).resolves({ State: "DISABLED" });
    const { out } = await doctor();
    expect(out).toContain("aws events enable-rule --name member --event-bus-name ec2-audit --region us-east-1");
  });

  it.each([
    ["another target", [{ ...TARGET, Arn: arnOf("other") }], `does not have the queue ${QUEUE} as its target`],
    ["no dead-letter queue", [{ Id: TARGET.Id, Arn: TARGET.Arn }], "its target has no dead-letter queue"],
  ])("reports a rule with %s", async (_, Targets, message) => {
    events.on(ListTargetsByRuleCommand).resolves({ Targets });
    expect(await diagnosis()).toEqual([1, `wrong: ${rule}: ${message}`]);
  });

  it("reports a rule that was deleted by hand, but not one that a rollback deleted", async () => {
    events.on(DescribeRuleCommand).rejects(awsError("ResourceNotFoundException", "Rule does not exist"));
    const rolledBack = { ...LAUNCH_RULE, LogicalResourceId: "TagChangeRule", PhysicalResourceId: "gone" };
    resources(LAUNCH_RULE, { ...rolledBack, ResourceStatus: "DELETE_COMPLETE" });
    expect(await diagnosis()).toEqual([1, `wrong: ${rule}: does not exist any more`]);
  });

  it("warns about RESOLVED_ALERTS without the rules that send what ends a violation", async () => {
    environment({ ...ENVIRONMENT, RESOLVED_ALERTS: "on" });
    const { code, out } = await doctor();
    expect(code).toBe(0);
    expect(out).toContain("RESOLVED_ALERTS is on, but no rule sends tag changes and terminations");
    expect(out).toContain("ec2-audit deploy lambda --region us-east-1 --stack ec2-audit --parameter TagChanges=true");
    const named = ["TagChangeRule", "TerminationRule"].map((id) => ({ ...LAUNCH_RULE, LogicalResourceId: id }));
    resources(LAUNCH_RULE, ...named);
    expect((await doctor()).out).not.toContain("resolved alerts");
  });

  it("reports a stack without rules and subscription", async () => {
    resources();
    expect(await diagnosis()).toEqual([
      1,
      "wrong: rules and targets: launches: the stack has no rule and no subscription: no launch reaches the queue",
    ]);
  });

  it("checks the subscription to a launch topic instead of rules", async () => {
    const TopicArn = `arn:aws:sns:us-east-1:${ACCOUNT}:launches`;
    stack({ parameters: { LaunchTopicArn: TopicArn } });
    resources({
      LogicalResourceId: "LaunchTopicSubscription",
      PhysicalResourceId: `${TopicArn}:1`,
      ResourceType: "AWS::SNS::Subscription",
    });
    const pending = (PendingConfirmation: string) =>
      sns.on(GetSubscriptionAttributesCommand).resolves({ Attributes: { TopicArn, PendingConfirmation } });
    pending("false");
    expect(await diagnosis()).toEqual([0]);
    pending("true");
    expect(await diagnosis()).toEqual([
      1,
      "wrong: rules and targets: launch topic → queue: the subscription is not confirmed",
    ]);
  });

  it.each([
    [
      "no event source mapping",
      [],
      ["queue → function: ec2-audit:live has no event source mapping for the queue: no launch is audited"],
    ],
    [
      "a disabled event source mapping",
      [{ ...MAPPING, State: "Disabled" }],
      ["queue → function: is Disabled: no launch is audited"],
    ],
    [
      "an event source mapping without partial failures",
      [{ ...MAPPING, FunctionResponseTypes: [] }],
      ["partial batches: ReportBatchItemFailures is off: deferred launches are lost or audited twice"],
    ],
    ["an event source mapping that a deployment changes", [{ ...MAPPING, State: "Updating" }], []],
  ])("with %s reports %j", async (_, EventSourceMappings, messages) => {
    lambda.on(ListEventSourceMappingsCommand).resolves({ EventSourceMappings } as object);
    const findings = messages.map((message) => `wrong: subscription: ${message}`);
    expect(await diagnosis()).toEqual([findings.length, ...findings]);
  });
});

describe("the doctor's check of the sweep", () => {
  const name = "ec2-audit-Sweep-1";

  it("says that a stack without a schedule has none", async () => {
    stack({ parameters: { SweepSchedule: "" } });
    const { code, out } = await doctor();
    expect([code, out]).toEqual([0, expect.stringContaining("– sweep: SweepSchedule is empty")]);
    stack();
    expect((await doctor()).out).toContain("– sweep: the stack is of a template without a sweep");
  });

  it("is ok for an enabled schedule, and simulates what its role and the function need for a sweep", async () => {
    sweep({}, { KmsKeyArn: KEY, AuditRoleName: "ec2-audit-read" });
    const { code, out } = await doctor();
    expect(code).toBe(0);
    expect(out).toContain(`✓ schedule ${name}: enabled, cron(0 6 * * ? *) (UTC), sends to the launch queue`);
    const simulated = iam
      .commandCalls(SimulatePrincipalPolicyCommand)
      .map(({ args: [{ input }] }) => [input.PolicySourceArn, input.ActionNames?.join(" "), input.ResourceArns?.[0]]);
    const send = ["sqs:SendMessage", arnOf(QUEUE)];
    const encrypt = ["kms:GenerateDataKey kms:Decrypt", KEY];
    expect(simulated.slice(-5)).toEqual([
      [SWEEP_ROLE, ...send],
      [SWEEP_ROLE, ...encrypt],
      [ROLE, "ec2:DescribeRegions organizations:ListAccounts", undefined],
      [ROLE, ...send],
      [ROLE, ...encrypt],
    ]);
  });

  it.each([
    ["disabled", { State: "DISABLED" as const }, "is disabled: no digest is sent"],
    [
      "of another target",
      { Target: { ...SWEEP_TARGET, Arn: arnOf("other") } },
      "does not have the launch queue as its target: no digest is sent",
    ],
    [
      "without a dead-letter queue",
      { Target: { ...SWEEP_TARGET, DeadLetterConfig: undefined } },
      "its target has no dead-letter queue",
    ],
  ])("warns of a schedule that is %s", async (_, changes, message) => {
    sweep(changes);
    expect(await diagnosis()).toEqual([0, `warning: rules and targets: schedule ${name}: ${message}`]);
  });

  it.each([
    ["cron(0 6 ? * MON *)", {}, 168, '{"hours":168}'],
    ["rate(12 hours)", { SweepDetail: '{"regions":["eu-west-1"]}' }, 12, '{"hours":12,"regions":["eu-west-1"]}'],
  ])("warns of the schedule %s without the hours between two sweeps", async (SweepSchedule, more, hours, detail) => {
    sweep({ ScheduleExpression: SweepSchedule }, { SweepSchedule, ...more });
    const message = `its sweeps are up to ${hours} hours apart, and SweepDetail has no "hours": instances count as new for 24 hours`;
    expect(await diagnosis()).toEqual([0, `warning: rules and targets: schedule ${name}: ${message}`]);
    expect((await doctor()).out).toContain(
      `ec2-audit deploy lambda --region us-east-1 --stack ec2-audit --parameter SweepDetail='${detail}'`,
    );
    sweep({}, { SweepSchedule, SweepDetail: `{"hours":${hours}}` });
    expect(await diagnosis()).toEqual([0]);
  });

  it("warns that the schedule was deleted", async () => {
    sweep();
    scheduler.on(GetScheduleCommand).rejects(awsError("ResourceNotFoundException", "no such schedule"));
    const gone = "warning: rules and targets: sweep: its schedule does not exist any more: no digest is sent";
    expect(await diagnosis()).toEqual([0, gone]);
    stack({ parameters: { SweepSchedule: "rate(1 day)" } });
    resources(LAUNCH_RULE);
    expect(await diagnosis()).toEqual([0, gone]);
  });

  it("warns of the permissions that the schedule's role and the function's role lack", async () => {
    sweep();
    denied("sqs:SendMessage");
    const lacks = `IAM's simulator denies sqs:SendMessage on ${arnOf(QUEUE)}`;
    expect(await diagnosis()).toEqual([
      0,
      `warning: permissions: role of the sweep's schedule: ${lacks}`,
      `warning: permissions: function role for a sweep: ${lacks}`,
    ]);
  });
});

describe("the doctor's check of the queues on Lambda", () => {
  it("reports messages in the dead-letter queues, and moves back only those that SQS can", async () => {
    queue("dead", { QueueArn: arnOf("dead"), ApproximateNumberOfMessages: "1" });
    queue("undelivered", { QueueArn: arnOf("undelivered"), ApproximateNumberOfMessages: "12" });
    const { code, out } = await doctor();
    expect(code).toBe(1);
    expect(out).toContain("✗ dead-letter queue: 1 launch was not delivered or audited\n");
    expect(out).toContain("✗ undelivered queue: 12 launches or alerts were not delivered\n");
    expect(out).toContain(`aws sqs start-message-move-task --source-arn ${arnOf("dead")} --region us-east-1`);
    expect(out).toContain(`aws sqs purge-queue --queue-url ${urlOf("undelivered")} --region us-east-1`);
    expect(out).not.toContain(`--source-arn ${arnOf("undelivered")}`);
  });

  it.each([
    [QUEUE, "launch queue: does not exist any more"],
    ["dead", "dead-letter queue: the queue dead does not exist any more"],
  ])("reports that the queue %s was deleted", async (name, message) => {
    const gone = awsError("QueueDoesNotExist", "The specified queue does not exist.");
    sqs.on(GetQueueAttributesCommand, { QueueUrl: urlOf(name) }).rejects(gone);
    expect(await diagnosis()).toEqual([1, `wrong: topics and policies: ${message}`]);
  });

  it.each([
    [
      "a changed delay",
      { DelaySeconds: "0" },
      1,
      "wrong: grace: queue delay: DelaySeconds is 0, but the stack's GraceSeconds is 45",
    ],
    [
      "no dead-letter queue",
      { RedrivePolicy: "{}" },
      1,
      "wrong: grace: redrive policy: the launch queue has no dead-letter queue",
    ],
    [
      "many waiting launches",
      { ApproximateNumberOfMessages: "1001" },
      0,
      "warning: topics and policies: launch queue: launches waiting: 1001, in progress: 0, within the grace: 3",
    ],
  ])("reports a launch queue with %s", async (_, changes, code, finding) => {
    queue(QUEUE, { ...ATTRIBUTES, ...changes });
    expect(await diagnosis()).toEqual([code, finding]);
  });

  it("reports a queue that stops retrying before the function's own grace has passed", async () => {
    environment({ ...ENVIRONMENT, GRACE_SECONDS: "1720" });
    expect(await diagnosis()).toEqual([
      1,
      "wrong: grace: queue delay: 45 s, then 10 deliveries every 185 s; the function's GRACE_SECONDS is 1720: no alert is sent for a launch without its tags",
    ]);
    environment({ ...ENVIRONMENT, GRACE_SECONDS: "1665" });
    expect(await diagnosis()).toEqual([0]);
  });

  it("reports that alerts have no recipient, with the command that subscribes one", async () => {
    sns.on(ListSubscriptionsByTopicCommand).resolves({ Subscriptions: [] });
    const { code, out } = await doctor();
    expect(code).toBe(1);
    expect(out).toContain(
      "✗ alert recipients: alerts have no recipient\n      ec2-audit deploy lambda --region us-east-1 --stack ec2-audit --email you@example.com",
    );
  });
});

describe("ec2-audit doctor --stack --probe", () => {
  const line = (outcome: string, message: string) => JSON.stringify({ outcome, message, messageId: "probe-1" });
  beforeEach(() => void sqs.on(SendMessageCommand).resolves({ MessageId: "probe-1" }));

  it("sends a launch to the queue without a delay, and finds its outcome in CloudWatch Logs", async () => {
    const message = line("unseen", "EC2 does not show the instance");
    logs
      .on(FilterLogEventsCommand)
      .resolvesOnce({ events: [] })
      .resolves({ events: [{ message: "REPORT of the call with probe-1" }, { message }] });
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

  it("finds the line on a later page of the log when the first page is empty", async () => {
    logs
      .on(FilterLogEventsCommand)
      .resolves({ events: [], nextToken: "more" })
      .on(FilterLogEventsCommand, { nextToken: "more" })
      .resolves({ events: [{ message: line("unseen", "EC2 does not show the instance") }] });
    let now = 0;
    const pause = async (ms: number) => {
      now += ms;
    };
    expect(await diagnosis("--probe", { now: () => now, pause })).toEqual([0]);
  });

  it("reports another outcome with its reason", async () => {
    logs.on(FilterLogEventsCommand).resolves({ events: [{ message: line("failed", "UnauthorizedOperation: no") }] });
    expect(await diagnosis("--probe")).toEqual([
      1,
      `wrong: probe: queue ${QUEUE}: the function received message probe-1 and decided "failed": UnauthorizedOperation: no`,
    ]);
  });
});
