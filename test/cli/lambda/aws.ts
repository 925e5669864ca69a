import {
  CloudFormationClient,
  CloudFormationServiceException,
  CreateChangeSetCommand,
  DescribeChangeSetCommand,
  DescribeStackEventsCommand,
  DescribeStacksCommand,
  ExecuteChangeSetCommand,
  type Stack,
  type StackEvent,
  type StackStatus,
} from "@aws-sdk/client-cloudformation";
import { LambdaClient, ListVersionsByFunctionCommand } from "@aws-sdk/client-lambda";
import { HeadBucketCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import { mockClient } from "aws-sdk-client-mock";
import { afterEach, beforeEach, vi } from "vitest";
import { deployLambdaCommand } from "../../../src/cli/commands/deploy-lambda.ts";
import { makePackage, type Package, runWith } from "../../deploy/operator.ts";
import type { Ran } from "../run.ts";

/** AWS as deploy lambda and rollback lambda call it: a stand-in that answers as a test says. */

export const cloudformation = mockClient(CloudFormationClient);
export const lambda = mockClient(LambdaClient);
const sts = mockClient(STSClient);
export const s3 = mockClient(S3Client);
const NONE = new CloudFormationServiceException({
  ...{ name: "ValidationError", message: "Stack with id audits does not exist" },
  ...{ $fault: "client" as const, $metadata: {} },
});

/** Of the stack audits. */
export const STACK_ID = "arn:aws:cloudformation:eu-west-1:123456789012:stack/audits/1";
const CHANGE_SET = "arn:aws:cloudformation:eu-west-1:123456789012:changeSet/one/1";
/** The stack audits in a state. */
export const stack = (
  StackStatus: StackStatus,
  parameters: Readonly<Record<string, string>> = { Release: "01d" },
): Stack => ({
  StackName: "audits",
  CreationTime: new Date(0),
  StackStatus,
  Parameters: Object.entries(parameters).map(([ParameterKey, ParameterValue]) => ({ ParameterKey, ParameterValue })),
});
/** An event of the stack audits: of the stack itself, unless a resource is named. */
export const event = (
  EventId: string,
  status: string,
  LogicalResourceId = "audits",
  ResourceStatusReason?: string,
): StackEvent => ({
  ...{ EventId, StackId: "stack", StackName: "audits", Timestamp: new Date(0), LogicalResourceId },
  // The SDK's type leaves out what is a stack's alone.
  ResourceStatus: status as NonNullable<StackEvent["ResourceStatus"]>,
  ResourceType: LogicalResourceId === "audits" ? "AWS::CloudFormation::Stack" : "AWS::Lambda::Function",
  ...(ResourceStatusReason !== undefined && { ResourceStatusReason }),
});

/**
 * Gives each test of the file a package, and an AWS where nothing is wrong and there is no stack. Returns what deploys the
 * package to the stack audits in eu-west-1, and what writes a file of the package.
 */
export function usePackage() {
  let shipped: Package;
  beforeEach(() => {
    answerAsUsual();
    shipped = makePackage();
  });
  afterEach(() => {
    vi.restoreAllMocks();
    shipped.remove();
  });
  return {
    deploy(...args: readonly string[]): Promise<Ran> {
      const command = ["--stack", "audits", "--region", "eu-west-1", ...args];
      return runWith((cli) => deployLambdaCommand(cli, shipped.folder), command, run);
    },
    write: (file: string, content: string) => shipped.write(file, content),
  };
}

function answerAsUsual(): void {
  for (const client of [cloudformation, lambda, sts, s3]) client.reset();
  sts
    .on(GetCallerIdentityCommand)
    .resolves({ Account: "123456789012", Arn: "arn:aws:iam::123456789012:user/operator" });
  s3.on(HeadBucketCommand).resolves({});
  s3.on(PutObjectCommand).resolves({});
  lambda.on(ListVersionsByFunctionCommand).resolves({ Versions: [] });
  cloudformation.on(DescribeStacksCommand).rejects(NONE);
  cloudformation.on(CreateChangeSetCommand).resolves({ Id: CHANGE_SET, StackId: STACK_ID });
  cloudformation.on(DescribeChangeSetCommand).resolves({ Status: "CREATE_COMPLETE", Changes: [] });
  cloudformation.on(ExecuteChangeSetCommand).resolves({});
}

/** What CloudFormation shows of the stack, one look after the other. */
export function shows(...looks: (Stack | null)[]): void {
  const on = cloudformation.on(DescribeStacksCommand);
  for (const each of looks) {
    if (each === null) on.rejectsOnce(NONE);
    else on.resolvesOnce({ Stacks: [each] });
  }
}

/** The stack's events, one look after the other, each the oldest first; the first look is before the deployment. */
export function tells(...looks: (readonly StackEvent[] | Error)[]): void {
  const on = cloudformation.on(DescribeStackEventsCommand);
  for (const events of looks) {
    if (events instanceof Error) on.rejectsOnce(events);
    else on.resolvesOnce({ StackEvents: [...events].reverse() });
  }
}

/** An endpoint where nothing answers, so that a call without a stand-in fails. */
export const run = { endpoint: "http://127.0.0.1:9" };
