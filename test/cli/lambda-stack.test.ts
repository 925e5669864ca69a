import {
  CloudFormationClient,
  CloudFormationServiceException,
  DeleteChangeSetCommand,
  DeleteStackCommand,
  DescribeChangeSetCommand,
  DescribeStackEventsCommand,
  DescribeStacksCommand,
  type Stack,
  type StackEvent,
  type StackStatus,
} from "@aws-sdk/client-cloudformation";
import { GetAliasCommand, LambdaClient, ListVersionsByFunctionCommand } from "@aws-sdk/client-lambda";
import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import { mockClient } from "aws-sdk-client-mock";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { deployLambdaCommand } from "../../src/cli/commands/deploy-lambda.ts";
import { rollbackLambdaCommand } from "../../src/cli/commands/rollback-lambda.ts";
import { makePackage, type Package, pathOf, runWith } from "../deploy/operator.ts";

/** Stacks in states that moto has not. AWS is a stand-in here, and sam a program that ends as the test says. */

const cloudformation = mockClient(CloudFormationClient);
const lambda = mockClient(LambdaClient);
const sts = mockClient(STSClient);
const NONE = new CloudFormationServiceException({
  ...{ name: "ValidationError", message: "Stack with id audits does not exist" },
  ...{ $fault: "client" as const, $metadata: {} },
});

const stack = (StackStatus: StackStatus): Stack => ({
  StackName: "audits",
  CreationTime: new Date(0),
  StackStatus,
  Parameters: [{ ParameterKey: "Release", ParameterValue: "0ld" }],
});
let shipped: Package;

beforeEach(() => {
  for (const client of [cloudformation, lambda, sts]) client.reset();
  sts
    .on(GetCallerIdentityCommand)
    .resolves({ Account: "123456789012", Arn: "arn:aws:iam::123456789012:user/operator" });
  cloudformation.on(DescribeStackEventsCommand).resolves({ StackEvents: [] });
  lambda.on(ListVersionsByFunctionCommand).resolves({ Versions: [] });
  shipped = makePackage();
});
afterEach(() => shipped.remove());

/** What CloudFormation shows of the stack, one look after the other. */
function shows(...looks: (Stack | null)[]): void {
  const on = cloudformation.on(DescribeStacksCommand);
  for (const each of looks) {
    if (each === null) on.rejectsOnce(NONE);
    else on.resolvesOnce({ Stacks: [each] });
  }
}

const run = { endpoint: "http://127.0.0.1:9" };
const deploy = (...args: string[]) =>
  runWith((cli) => deployLambdaCommand(cli, shipped.folder), ["--stack", "audits", "--region", "eu-west-1", ...args], {
    ...run,
    path: pathOf(shipped.bin),
  });

describe("deploy lambda, with a stack", () => {
  it("that is being updated, says how to call that off, where it is", async () => {
    shipped.program("sam", "");
    shows(stack("UPDATE_IN_PROGRESS"));
    expect((await deploy()).err).toContain(
      "aws cloudformation cancel-update-stack --stack-name audits --region eu-west-1",
    );
  });

  it("whose update is only cleared up after, does not say to call that off: AWS does not", async () => {
    shipped.program("sam", "");
    shows(stack("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"));
    const { code, err } = await deploy();
    expect([code, err]).toEqual([2, expect.stringContaining("Wait for its end.")]);
    expect(err).not.toContain("cancel-update-stack");
  });

  it("that was never made, says how to remove it in its region, and not one of its name elsewhere", async () => {
    shipped.program("sam", "");
    shows(stack("ROLLBACK_COMPLETE"));
    expect((await deploy("--profile", "ops")).err).toContain(
      "aws cloudformation delete-stack --stack-name audits --region eu-west-1 --profile ops",
    );
  });

  it("whose first deployment fails, says that it has to be removed before the next one", async () => {
    shipped.program("sam", "process.exit(1);");
    shows(null, stack("ROLLBACK_COMPLETE"));
    const event: StackEvent = {
      ...{ EventId: "1", StackId: "stack", StackName: "audits", Timestamp: new Date(0) },
      ...{ LogicalResourceId: "Function", ResourceType: "AWS::Lambda::Function" },
      ...{ ResourceStatus: "CREATE_FAILED", ResourceStatusReason: "no" },
    };
    cloudformation
      .on(DescribeStackEventsCommand)
      .resolvesOnce({ StackEvents: [] })
      .resolves({ StackEvents: [event] });
    const { code, err } = await deploy();
    expect([code, err]).toEqual([2, expect.stringContaining("Function (AWS::Lambda::Function): no")]);
    expect(err).toContain("aws cloudformation delete-stack --stack-name audits --region eu-west-1");
    expect(err).not.toContain("puts back what was there before");
  });

  describe("that --dry-run has made for its change set,", () => {
    const ARN = "arn:aws:cloudformation:eu-west-1:123456789012:changeSet/one/1";
    beforeEach(() => {
      shipped.program("sam", `console.log("Changeset created successfully. ${ARN}");`);
      cloudformation.on(DescribeChangeSetCommand).resolves({ Changes: [] });
    });

    it("removes both", async () => {
      shows(null, stack("REVIEW_IN_PROGRESS"));
      expect((await deploy("--dry-run")).code).toBe(0);
      expect(cloudformation.commandCalls(DeleteChangeSetCommand)).toHaveLength(1);
      expect(cloudformation.commandCalls(DeleteStackCommand)).toHaveLength(1);
    });

    it("leaves the stack alone when somebody else has deployed it meanwhile", async () => {
      shows(null, stack("CREATE_IN_PROGRESS"));
      expect((await deploy("--dry-run")).code).toBe(0);
      expect(cloudformation.commandCalls(DeleteChangeSetCommand)).toHaveLength(1);
      expect(cloudformation.commandCalls(DeleteStackCommand)).toHaveLength(0);
    });
  });
});

describe("rollback lambda, with a stack", () => {
  it("that is being updated, says how to call that off, where it is", async () => {
    shows(stack("UPDATE_IN_PROGRESS"));
    lambda.on(GetAliasCommand).resolves({ FunctionVersion: "3" });
    const { code, err } = await runWith(rollbackLambdaCommand, ["--stack", "audits", "--region", "eu-west-1"], run);
    expect([code, err]).toEqual([2, expect.stringContaining("a deployment is under way (UPDATE_IN_PROGRESS)")]);
    expect(err).toContain("aws cloudformation cancel-update-stack --stack-name audits --region eu-west-1");
  });
});
