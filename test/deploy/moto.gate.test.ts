import { readFileSync } from "node:fs";
import { CloudFormationClient, CreateStackCommand, ListStackResourcesCommand } from "@aws-sdk/client-cloudformation";
import { EventBridgeClient, ListRulesCommand, ListTargetsByRuleCommand } from "@aws-sdk/client-eventbridge";
import { GetRoleCommand, IAMClient } from "@aws-sdk/client-iam";
import { GetFunctionConfigurationCommand, LambdaClient, ListEventSourceMappingsCommand } from "@aws-sdk/client-lambda";
import { CreateBucketCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { GetQueueAttributesCommand, SQSClient } from "@aws-sdk/client-sqs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { zip } from "../../src/cli/lambda/artefact.ts";
import { findMotoServer, motoTarget, type Target } from "../local/targets.ts";
import { BUILT_FILE } from "../support/hosts.ts";
import { MEMBER, reference, type Template } from "./template.ts";
import { canTranslate, translate } from "./translate.ts";

/**
 * The templates on an emulator of CloudFormation. moto does not have these kinds of resources; only cfn-lint and SAM's
 * translator test them.
 */
const UNKNOWN_TO_MOTO = [
  "AWS::CloudWatch::Alarm",
  "AWS::CloudWatch::Dashboard",
  "AWS::CodeDeploy::Application",
  "AWS::CodeDeploy::DeploymentGroup",
  "AWS::Lambda::Alias",
  "AWS::Scheduler::Schedule",
  "AWS::SNS::Subscription",
  "AWS::SNS::TopicPolicy",
  "AWS::SQS::QueuePolicy",
];

const moto = findMotoServer();
const missing =
  moto === undefined
    ? "moto_server is not on the PATH"
    : canTranslate()
      ? null
      : "python's samtranslator is not installed";
if (missing !== null) console.info(`The templates on moto_server are skipped: ${missing}.`);

describe.skipIf(missing !== null)(
  missing === null ? "the templates on moto_server" : `the templates on moto_server (skipped: ${missing})`,
  () => {
    let target: Target;
    let cloudformation: CloudFormationClient;
    let events: EventBridgeClient;
    let iam: IAMClient;
    let lambda: LambdaClient;
    let sqs: SQSClient;
    const makeStack = (StackName: string, TemplateBody: string, parameters: Readonly<Record<string, string>>) =>
      cloudformation.send(
        new CreateStackCommand({
          ...{ StackName, TemplateBody, Capabilities: ["CAPABILITY_NAMED_IAM"] },
          Parameters: Object.entries(parameters).map(([ParameterKey, ParameterValue]) => ({
            ParameterKey,
            ParameterValue,
          })),
        }),
      );
    const resourcesOf = async (StackName: string) => {
      const { StackResourceSummaries = [] } = await cloudformation.send(new ListStackResourcesCommand({ StackName }));
      return StackResourceSummaries.filter(({ LogicalResourceId }) => LogicalResourceId);
    };
    const physicalId = async (stack: string, name: string) =>
      (await resourcesOf(stack)).find(({ LogicalResourceId }) => LogicalResourceId === name)?.PhysicalResourceId;

    beforeAll(async () => {
      target = await motoTarget(moto ?? "");
      const credentials = { accessKeyId: "testing", secretAccessKey: "testing" };
      const settings = { region: "us-east-1", endpoint: target.endpoint, credentials };
      cloudformation = new CloudFormationClient(settings);
      events = new EventBridgeClient(settings);
      iam = new IAMClient(settings);
      lambda = new LambdaClient(settings);
      sqs = new SQSClient(settings);
      const s3 = new S3Client({ ...settings, forcePathStyle: true });
      const [Bucket, Key] = ["artefacts", "audit.zip"];
      await s3.send(new CreateBucketCommand({ Bucket }));
      await s3.send(new PutObjectCommand({ Bucket, Key, Body: zip({ code: readFileSync(BUILT_FILE) }) }));
      const [translated] = translate([{ Release: "abc123" }], Bucket, Key);
      await makeStack("ec2-audit", JSON.stringify(withoutUnknown(translated)), {
        Release: "abc123",
        GraceSeconds: "120",
        AlertEmail: "team@example.com",
      });
      await makeStack("ec2-audit-member", readFileSync(MEMBER, "utf8"), {
        CentralBusArn: "arn:aws:events:us-east-1:111122223333:event-bus/ec2-audit",
        CentralRoleArn: "arn:aws:iam::111122223333:role/ec2-audit-FunctionRole-1",
        OrganizationId: "o-abcdefghij",
        TagChanges: "true",
      });
    }, 60_000);
    afterAll(() => target?.close());

    it("create every resource that moto has", async () => {
      const kinds = (await resourcesOf("ec2-audit")).map(({ ResourceType }) => ResourceType);
      expect([...new Set(kinds)].sort()).toEqual([
        "AWS::Events::Rule",
        "AWS::IAM::Role",
        "AWS::Lambda::EventSourceMapping",
        "AWS::Lambda::Function",
        "AWS::Lambda::Version",
        "AWS::Logs::LogGroup",
        "AWS::SNS::Topic",
        "AWS::SQS::Queue",
      ]);
      const member = (await resourcesOf("ec2-audit-member")).map(({ LogicalResourceId }) => LogicalResourceId);
      const rules = ["LaunchRule", "TagChangeRule", "TerminationRule"];
      expect(member.sort()).toEqual(["AuditRole", "SendRole", "UndeliveredQueue", ...rules].sort());
    });

    it("create a queue that delays launches for the grace, with a dead-letter queue", async () => {
      const QueueUrl = await physicalId("ec2-audit", "LaunchQueue");
      const { Attributes } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ["All"] }));
      expect(Attributes).toMatchObject({
        DelaySeconds: "120",
        VisibilityTimeout: "185",
        MessageRetentionPeriod: "345600",
      });
      const { deadLetterTargetArn, maxReceiveCount } = JSON.parse(Attributes?.RedrivePolicy ?? "");
      expect([deadLetterTargetArn, Number(maxReceiveCount)]).toEqual([
        expect.stringContaining(":ec2-audit-DeadLetterQueue-"),
        10,
      ]);
    });

    it("create a rule that sends this account's launches to the queue", async () => {
      const { Rules: [rule] = [] } = await events.send(new ListRulesCommand({ NamePrefix: "ec2-audit-LaunchRule" }));
      expect(JSON.parse(rule?.EventPattern ?? "")).toMatchObject({
        account: ["123456789012"],
        detail: { state: ["pending"] },
      });
      const { Targets } = await events.send(new ListTargetsByRuleCommand({ Rule: rule?.Name }));
      expect(Targets).toMatchObject([
        {
          Arn: expect.stringContaining(":ec2-audit-LaunchQueue-"),
          DeadLetterConfig: { Arn: expect.stringContaining(":ec2-audit-UndeliveredQueue-") },
        },
      ]);
    });

    it("create a function with the file and its settings, which receives batches from the queue", async () => {
      const audit = await lambda.send(new GetFunctionConfigurationCommand({ FunctionName: "ec2-audit" }));
      expect(audit).toMatchObject({ Runtime: "nodejs24.x", Handler: "audit.handler", MemorySize: 512, Timeout: 30 });
      expect(audit.Environment?.Variables).toEqual({
        ALERT_TOPIC_ARN: expect.stringContaining(":ec2-audit-AlertTopic-"),
        AUDIT_RESTARTS: "off",
        GRACE_SECONDS: "0",
        LOG_LEVEL: "info",
        RESOLVED_ALERTS: "off",
      });
      const { EventSourceMappings } = await lambda.send(new ListEventSourceMappingsCommand({}));
      expect(EventSourceMappings).toMatchObject([
        {
          BatchSize: 100,
          MaximumBatchingWindowInSeconds: 5,
          FunctionResponseTypes: ["ReportBatchItemFailures"],
          ScalingConfig: { MaximumConcurrency: 5 },
        },
      ]);
    });

    it("create rules in a member account that send to the central bus, with a role and a queue", async () => {
      const Rule = await physicalId("ec2-audit-member", "LaunchRule");
      const { Targets } = await events.send(new ListTargetsByRuleCommand({ Rule }));
      expect(Targets).toMatchObject([
        {
          Arn: "arn:aws:events:us-east-1:111122223333:event-bus/ec2-audit",
          RoleArn: expect.stringContaining(":role/ec2-audit-member-SendRole-"),
          DeadLetterConfig: { Arn: expect.stringContaining(":ec2-audit-member-UndeliveredQueue-") },
        },
      ]);
      const { Role } = await iam.send(new GetRoleCommand({ RoleName: "ec2-audit-read" }));
      const trust = JSON.parse(decodeURIComponent(Role?.AssumeRolePolicyDocument ?? ""));
      expect(trust.Statement[0].Principal).toEqual({ AWS: "arn:aws:iam::111122223333:root" });
    });
  },
);

/**
 * The template without the kinds of resources that moto does not have. The queue then calls the function instead of its
 * alias, and no role names CodeDeploy's application.
 */
function withoutUnknown(template: Template): unknown {
  const known = Object.entries(template.Resources).filter(([, { Type }]) => !UNKNOWN_TO_MOTO.includes(Type));
  const outputs = Object.entries(template.Outputs).filter(([name]) => name !== "FunctionAlias");
  const text = JSON.stringify({
    ...template,
    Resources: Object.fromEntries(known),
    Outputs: Object.fromEntries(outputs),
  });
  const applied = text.replaceAll("FunctionAliaslive", "Function");
  return JSON.parse(applied.replaceAll(reference("ServerlessDeploymentApplication"), "application"));
}
