import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { zip } from "../../src/cli/lambda/artefact.ts";
import { motoTarget, type Target } from "../local/targets.ts";
import { BUILT_FILE } from "../support/hosts.ts";
import { awsCli, MOTO_AND_CLI } from "./aws-cli.ts";
import { MEMBER, reference, type Template } from "./template.ts";
import { canTranslate, translate } from "./translate.ts";

/**
 * The templates on an emulator of CloudFormation. It makes the kinds of resource that are not in this list; these it does not
 * know, so they are judged by cfn-lint and SAM's translator alone.
 */
const UNKNOWN_TO_MOTO = [
  "AWS::CloudWatch::Alarm",
  "AWS::CloudWatch::Dashboard",
  "AWS::CodeDeploy::Application",
  "AWS::CodeDeploy::DeploymentGroup",
  "AWS::Lambda::Alias",
  "AWS::SNS::Subscription",
  "AWS::SNS::TopicPolicy",
  "AWS::SQS::QueuePolicy",
];

const { moto } = MOTO_AND_CLI;
const missing = MOTO_AND_CLI.missing ?? (canTranslate() ? null : "python's samtranslator is not there");
if (missing !== null) console.info(`The templates on moto_server are skipped: ${missing}.`);

describe.skipIf(missing !== null)(
  missing === null ? "the templates on moto_server" : `the templates on moto_server (skipped: ${missing})`,
  () => {
    const folder = mkdtempSync(join(tmpdir(), "ec2-audit-templates-"));
    let target: Target;
    const aws = async (...args: string[]) => JSON.parse((await awsCli(target.endpoint, ...args)) || "null");
    const deploy = (stack: string, file: string, parameters: Readonly<Record<string, string>>) =>
      awsCli(
        target.endpoint,
        ...["cloudformation", "deploy", "--stack-name", stack, "--template-file", file],
        ...["--capabilities", "CAPABILITY_NAMED_IAM", "--parameter-overrides"],
        ...Object.entries(parameters).map(([name, value]) => `${name}=${value}`),
      );
    const madeIn = async (stack: string) => {
      const {
        StackResourceSummaries,
      }: {
        StackResourceSummaries: { LogicalResourceId?: string; ResourceType?: string; PhysicalResourceId?: string }[];
      } = await aws("cloudformation", "list-stack-resources", "--stack-name", stack);
      return StackResourceSummaries.filter(({ LogicalResourceId }) => LogicalResourceId);
    };
    const physical = async (stack: string, name: string) =>
      (await madeIn(stack)).find(({ LogicalResourceId }) => LogicalResourceId === name)?.PhysicalResourceId ?? "";

    beforeAll(async () => {
      target = await motoTarget(moto ?? "");
      // As the command does it.
      const archive = zip({ code: readFileSync(BUILT_FILE) });
      const key = "audit.zip";
      writeFileSync(join(folder, key), archive);
      await awsCli(target.endpoint, "s3api", "create-bucket", "--bucket", "artefacts");
      await awsCli(
        target.endpoint,
        ...["s3api", "put-object", "--bucket", "artefacts", "--key", key, "--body", join(folder, key)],
      );
      const translated = translate({ Release: "abc123" }, "artefacts", key);
      writeFileSync(join(folder, "template.json"), JSON.stringify(withoutUnknown(translated)));
      await deploy("ec2-audit", join(folder, "template.json"), {
        Release: "abc123",
        GraceSeconds: "120",
        AlertEmail: "team@example.com",
      });
      await deploy("ec2-audit-member", MEMBER, {
        CentralBusArn: "arn:aws:events:us-east-1:111122223333:event-bus/ec2-audit",
        CentralRoleArn: "arn:aws:iam::111122223333:role/ec2-audit-FunctionRole-1",
        OrganizationId: "o-abcdefghij",
        TagChanges: "true",
      });
    }, 120_000);
    afterAll(async () => {
      await target?.close();
      rmSync(folder, { recursive: true });
    });

    it("everything that moto knows is made, and nothing else is left out", async () => {
      const kinds = (await madeIn("ec2-audit")).map(({ ResourceType }) => ResourceType);
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
      const member = (await madeIn("ec2-audit-member")).map(({ LogicalResourceId }) => LogicalResourceId);
      expect(member.sort()).toEqual(["AuditRole", "LaunchRule", "SendRole", "TagChangeRule", "UndeliveredQueue"]);
    });

    it("the queue waits for the grace, and gives up into its dead-letter queue", async () => {
      const url = await physical("ec2-audit", "LaunchQueue");
      // The AWS CLI, version 1, does not go by AWS_ENDPOINT_URL for queues.
      const { Attributes } = await aws(
        "sqs",
        "get-queue-attributes",
        "--queue-url",
        url,
        "--attribute-names",
        "All",
        "--endpoint-url",
        target.endpoint,
      );
      expect(Attributes).toMatchObject({
        DelaySeconds: "120",
        VisibilityTimeout: "185",
        MessageRetentionPeriod: "345600",
      });
      const { deadLetterTargetArn, maxReceiveCount } = JSON.parse(Attributes.RedrivePolicy);
      expect([deadLetterTargetArn, Number(maxReceiveCount)]).toEqual([
        expect.stringContaining(":ec2-audit-DeadLetterQueue-"),
        10,
      ]);
    });

    it("the rule sends launches of this account into the queue", async () => {
      const { Rules } = await aws("events", "list-rules", "--name-prefix", "ec2-audit-LaunchRule");
      const [rule] = Rules;
      expect(JSON.parse(rule.EventPattern)).toMatchObject({
        account: ["123456789012"],
        detail: { state: ["pending"] },
      });
      const { Targets } = await aws("events", "list-targets-by-rule", "--rule", rule.Name);
      expect(Targets).toMatchObject([
        {
          Arn: expect.stringContaining(":ec2-audit-LaunchQueue-"),
          DeadLetterConfig: { Arn: expect.stringContaining(":ec2-audit-UndeliveredQueue-") },
        },
      ]);
    });

    it("the function has the file, its settings, and batches from the queue", async () => {
      const audit = await aws("lambda", "get-function-configuration", "--function-name", "ec2-audit");
      expect(audit).toMatchObject({ Runtime: "nodejs24.x", Handler: "audit.handler", MemorySize: 512, Timeout: 30 });
      expect(audit.Environment.Variables).toEqual({
        ALERT_TOPIC_ARN: expect.stringContaining(":ec2-audit-AlertTopic-"),
        AUDIT_RESTARTS: "off",
        GRACE_SECONDS: "0",
        LOG_LEVEL: "info",
      });
      const { EventSourceMappings } = await aws("lambda", "list-event-source-mappings");
      expect(EventSourceMappings).toMatchObject([
        {
          BatchSize: 100,
          MaximumBatchingWindowInSeconds: 5,
          FunctionResponseTypes: ["ReportBatchItemFailures"],
          ScalingConfig: { MaximumConcurrency: 5 },
        },
      ]);
    });

    it("a member account's rules send to the central bus, with their role and queue", async () => {
      const rule = await physical("ec2-audit-member", "LaunchRule");
      const { Targets } = await aws("events", "list-targets-by-rule", "--rule", rule);
      expect(Targets).toMatchObject([
        {
          Arn: "arn:aws:events:us-east-1:111122223333:event-bus/ec2-audit",
          RoleArn: expect.stringContaining(":role/ec2-audit-member-SendRole-"),
          DeadLetterConfig: { Arn: expect.stringContaining(":ec2-audit-member-UndeliveredQueue-") },
        },
      ]);
      const { Role } = await aws("iam", "get-role", "--role-name", "ec2-audit-read");
      expect(Role.AssumeRolePolicyDocument.Statement[0].Principal).toEqual({ AWS: "arn:aws:iam::111122223333:root" });
    });
  },
);

/** Without the kinds that moto does not know, and what refers to them: no role names CodeDeploy's application, the queue calls the function then, not its alias. */
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
