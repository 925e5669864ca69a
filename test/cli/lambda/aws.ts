import { readFileSync } from "node:fs";
import { join } from "node:path";
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
import type { AwsClientStub } from "aws-sdk-client-mock";
import { afterEach, beforeEach, vi } from "vitest";
import { deployLambdaCommand } from "../../../src/cli/commands/deploy-lambda.ts";
import { makePackage, type Package, runWith } from "../../deploy/operator.ts";
import { TEMPLATE } from "../../deploy/template.ts";
import { mockClients } from "../../support/aws.ts";
import type { Ran } from "../run.ts";

/** A mocked AWS for deploy lambda and rollback lambda, with one stack, `audits` in eu-west-1. */

export let cloudformation: AwsClientStub<CloudFormationClient>;
export let lambda: AwsClientStub<LambdaClient>;
export let sts: AwsClientStub<STSClient>;
export let s3: AwsClientStub<S3Client>;

/** Mocks the clients for the test file. Before each test, every call succeeds, and the stack does not exist. */
export function useMockedAws(): void {
  cloudformation = mockClients(CloudFormationClient);
  lambda = mockClients(LambdaClient);
  sts = mockClients(STSClient);
  s3 = mockClients(S3Client);
  beforeEach(respondByDefault);
}

const NO_STACK = new CloudFormationServiceException({
  ...{ name: "ValidationError", message: "Stack with id audits does not exist" },
  ...{ $fault: "client" as const, $metadata: {} },
});

export const STACK_ID = "arn:aws:cloudformation:eu-west-1:123456789012:stack/audits/1";
const CHANGE_SET = "arn:aws:cloudformation:eu-west-1:123456789012:changeSet/one/1";
/** The stack in a state. */
export const stack = (
  StackStatus: StackStatus,
  parameters: Readonly<Record<string, string>> = { Release: "01d" },
): Stack => ({
  StackName: "audits",
  CreationTime: new Date(0),
  StackStatus,
  Parameters: Object.entries(parameters).map(([ParameterKey, ParameterValue]) => ({ ParameterKey, ParameterValue })),
});
/** An event of the stack, or of one of its resources. */
export const event = (
  EventId: string,
  status: string,
  LogicalResourceId = "audits",
  ResourceStatusReason?: string,
): StackEvent => ({
  ...{ EventId, StackId: "stack", StackName: "audits", Timestamp: new Date(0), LogicalResourceId },
  // The SDK's type lacks the statuses that only stacks have.
  ResourceStatus: status as NonNullable<StackEvent["ResourceStatus"]>,
  ResourceType: LogicalResourceId === "audits" ? "AWS::CloudFormation::Stack" : "AWS::Lambda::Function",
  ...(ResourceStatusReason !== undefined && { ResourceStatusReason }),
});

/** The template's parameters, with one resource: the others would take each test's time. */
const TEMPLATE_PARAMETERS = readFileSync(TEMPLATE, "utf8").replace(
  /^Rules:[\s\S]*/m,
  "Resources:\n  Function:\n    Properties:\n      CodeUri: ../dist/audit.js\n",
);

/**
 * Gives each test of the file a package, and an AWS where every call succeeds and the stack does not exist. Returns functions
 * that deploy the package, write one of its files, and read the input of the newest change set.
 */
export function usePackage() {
  let shipped: Package;
  useMockedAws();
  beforeEach(() => {
    shipped = makePackage();
    shipped.write("deploy/template.yaml", TEMPLATE_PARAMETERS);
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
    /** Writes a file of the package, and returns its path. */
    write: (file: string, content: string) => {
      shipped.write(file, content);
      return join(shipped.folder, file);
    },
    changeSet: () => cloudformation.commandCalls(CreateChangeSetCommand).at(-1)?.args[0].input,
  };
}

/** Makes every call succeed, with a stack that does not exist. */
function respondByDefault(): void {
  for (const client of [cloudformation, lambda, sts, s3]) client.reset();
  sts
    .on(GetCallerIdentityCommand)
    .resolves({ Account: "123456789012", Arn: "arn:aws:iam::123456789012:user/operator" });
  s3.on(HeadBucketCommand).resolves({});
  s3.on(PutObjectCommand).resolves({});
  lambda.on(ListVersionsByFunctionCommand).resolves({ Versions: [] });
  cloudformation.on(DescribeStacksCommand).rejects(NO_STACK);
  cloudformation.on(CreateChangeSetCommand).resolves({ Id: CHANGE_SET, StackId: STACK_ID });
  cloudformation.on(DescribeChangeSetCommand).resolves({ Status: "CREATE_COMPLETE", Changes: [] });
  cloudformation.on(ExecuteChangeSetCommand).resolves({});
  cloudformation.on(DescribeStackEventsCommand).callsFake(() => ({
    StackEvents: cloudformation
      .commandCalls(ExecuteChangeSetCommand)
      .map((_, index) => event(`${index}`, "UPDATE_COMPLETE"))
      .reverse(),
  }));
}

/** Responds to DescribeStacks with these, in turn, and then always with the last; null for a stack that does not exist. */
export function describeStacks(...stacks: (Stack | null)[]): void {
  let call = 0;
  cloudformation.on(DescribeStacksCommand).callsFake(() => {
    const found = stacks[Math.min(call++, stacks.length - 1)];
    if (!found) throw NO_STACK;
    return { Stacks: [found] };
  });
}

/** Responds to DescribeStackEvents with these, oldest first; the first call is made before the deployment. */
export function describeEvents(...calls: (readonly StackEvent[] | Error)[]): void {
  const on = cloudformation.on(DescribeStackEventsCommand);
  for (const events of calls) {
    if (events instanceof Error) on.rejectsOnce(events);
    else on.resolvesOnce({ StackEvents: [...events].reverse() });
  }
}

/** An endpoint that refuses connections, so that a call without a mock fails. */
export const run = { endpoint: "http://127.0.0.1:9" };

/** Ctrl-C, for the listeners added since. */
export const interrupt = (before: readonly unknown[]) => {
  for (const listener of process.listeners("SIGINT")) if (!before.includes(listener)) listener("SIGINT");
};
