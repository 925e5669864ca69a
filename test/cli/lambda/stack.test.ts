import {
  CreateChangeSetCommand,
  DeleteChangeSetCommand,
  DeleteStackCommand,
  DescribeChangeSetCommand,
  DescribeStackEventsCommand,
  DescribeStacksCommand,
  ExecuteChangeSetCommand,
} from "@aws-sdk/client-cloudformation";
import { GetAliasCommand, ListVersionsByFunctionCommand, UpdateAliasCommand } from "@aws-sdk/client-lambda";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { rollbackLambdaCommand } from "../../../src/cli/commands/rollback-lambda.ts";
import { runWith } from "../../deploy/operator.ts";
import { cloudformation, event, lambda, run, STACK_ID, shows, stack, tells, usePackage } from "./aws.ts";

/** Stacks in states that moto has not. */

const { deploy } = usePackage();

/** Ctrl-C, for the listeners that were added since. */
const interrupt = (before: readonly unknown[]) => {
  for (const listener of process.listeners("SIGINT")) if (!before.includes(listener)) listener("SIGINT");
};

describe("deploy lambda, with a stack", () => {
  it("that is being updated, says how to call that off, where it is", async () => {
    shows(stack("UPDATE_IN_PROGRESS"));
    expect((await deploy()).err).toContain(
      "aws cloudformation cancel-update-stack --stack-name audits --region eu-west-1",
    );
  });

  it("whose update is only cleared up after, does not say to call that off: AWS does not", async () => {
    shows(stack("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"));
    const { code, err } = await deploy();
    expect([code, err]).toEqual([2, expect.stringContaining("Wait for its end.")]);
    expect(err).not.toContain("cancel-update-stack");
  });

  it("that was never made, says how to remove it in its region, and not one of its name elsewhere", async () => {
    shows(stack("ROLLBACK_COMPLETE"));
    expect((await deploy()).err).toContain("aws cloudformation delete-stack --stack-name audits --region eu-west-1");
  });

  it("that could not be rolled back, says how to finish that", async () => {
    shows(stack("UPDATE_ROLLBACK_FAILED"));
    expect((await deploy()).err).toContain(
      "aws cloudformation continue-update-rollback --stack-name audits --region eu-west-1",
    );
  });

  it("waits for the stack's own end, and says each event once", async () => {
    shows(stack("UPDATE_COMPLETE"), stack("UPDATE_COMPLETE"));
    const before = [event("1", "UPDATE_COMPLETE")];
    const first = [...before, event("2", "UPDATE_IN_PROGRESS"), event("3", "UPDATE_IN_PROGRESS", "Function")];
    const second = [
      ...first,
      event("4", "UPDATE_COMPLETE", "Function"),
      event("5", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"),
    ];
    tells(before, before, first, second, [...second, event("6", "UPDATE_COMPLETE")]);
    const { code, err } = await deploy();
    expect([code, err]).toEqual([
      0,
      expect.stringContaining(`Deploying
audits UPDATE_IN_PROGRESS
Function UPDATE_IN_PROGRESS
Function UPDATE_COMPLETE
audits UPDATE_COMPLETE_CLEANUP_IN_PROGRESS
audits UPDATE_COMPLETE`),
    ]);
  });

  it("keeps watching when CloudFormation could not be asked for a moment", async () => {
    shows(stack("UPDATE_COMPLETE"), stack("UPDATE_COMPLETE"));
    tells([], new Error("no network"), new Error("no network"), [event("1", "UPDATE_COMPLETE")]);
    expect((await deploy()).code).toBe(0);
  });

  it("that cannot be watched any more, says that CloudFormation may continue, and how to cancel it", async () => {
    shows(stack("UPDATE_COMPLETE"));
    cloudformation.on(DescribeStackEventsCommand).resolvesOnce({}).rejects(new Error("no network"));
    const { code, err } = await deploy();
    expect([code, err]).toEqual([2, expect.stringContaining("CloudFormation may continue the deployment.")]);
    expect(err).toContain("aws cloudformation cancel-update-stack --stack-name audits --region eu-west-1");
  });

  it("says on Ctrl-C that CloudFormation may continue, how to follow it, and how to cancel it", async () => {
    const kill = vi.spyOn(process, "kill").mockReturnValue(true);
    const before = process.listeners("SIGINT");
    shows(null, stack("CREATE_COMPLETE"));
    cloudformation.on(DescribeStackEventsCommand).resolves({ StackEvents: [event("1", "CREATE_COMPLETE")] });
    cloudformation.on(DescribeStackEventsCommand).resolvesOnce({ StackEvents: [] });
    cloudformation.on(ExecuteChangeSetCommand).callsFake(() => {
      interrupt(before);
      return {};
    });
    const { err } = await deploy();
    expect(err).toContain(`CloudFormation may continue the deployment. To follow it, and to cancel it:
  aws cloudformation describe-stack-events --stack-name audits --region eu-west-1
  aws cloudformation delete-stack --stack-name audits --region eu-west-1`);
    expect(kill).toHaveBeenCalledWith(process.pid, "SIGINT");
    expect(process.listeners("SIGINT")).toEqual(before);
  });

  it("whose first deployment fails, says that it has to be removed before the next one", async () => {
    shows(null);
    tells([], [event("1", "CREATE_FAILED", "Function", "no"), event("2", "ROLLBACK_COMPLETE")]);
    const { code, err } = await deploy();
    expect([code, err]).toEqual([
      2,
      expect.stringContaining("(ROLLBACK_COMPLETE):\nFunction (AWS::Lambda::Function): no"),
    ]);
    expect(err).toContain("aws cloudformation delete-stack --stack-name audits --region eu-west-1");
    expect(err).not.toContain("restores what was there before");
  });

  it("that is deleted in the meantime, ends: the stack's events are read by its id", async () => {
    tells([], [event("1", "CREATE_IN_PROGRESS"), event("2", "DELETE_COMPLETE")]);
    const { code, err } = await deploy();
    expect([code, err]).toEqual([2, expect.stringContaining("the deployment of audits failed (DELETE_COMPLETE)\n")]);
    expect(err).toContain("The stack was deleted in the meantime.");
    const asked = cloudformation.commandCalls(DescribeStackEventsCommand).map(({ args }) => args[0].input.StackName);
    expect(asked).toEqual([STACK_ID, STACK_ID]);
  });

  it("whose update fails, says what failed first, out of all pages of events, and not all that failed with it", async () => {
    shows(stack("UPDATE_COMPLETE"));
    const failed = Array.from({ length: 7 }, (_, index) => event(`${index}`, "UPDATE_FAILED", `Queue${index}`, "no"));
    cloudformation
      .on(DescribeStackEventsCommand)
      .resolvesOnce({ StackEvents: [] })
      .resolvesOnce({ StackEvents: [event("9", "UPDATE_ROLLBACK_COMPLETE")], NextToken: "older" })
      .resolvesOnce({ StackEvents: failed.reverse() });
    const { code, err } = await deploy();
    expect([code, err]).toEqual([
      2,
      expect.stringContaining(
        "the deployment of audits failed (UPDATE_ROLLBACK_COMPLETE):\nQueue0 (AWS::Lambda::Function): no\nQueue1",
      ),
    ]);
    expect(err).toContain("\nand 2 more\n");
    expect(err).toContain("CloudFormation restores what was there before.");
  });

  describe("and a change set that cannot be made,", () => {
    const refused = {
      Status: "FAILED",
      ExecutionStatus: "UNAVAILABLE",
      StatusReason: "in CloudFormation's words",
    } as const;
    const releaseOf = () => {
      const [call] = cloudformation.commandCalls(CreateChangeSetCommand);
      const parameters = call?.args[0].input.Parameters ?? [];
      return parameters.find(({ ParameterKey }) => ParameterKey === "Release")?.ParameterValue ?? "";
    };
    beforeEach(() => {
      cloudformation.on(DescribeChangeSetCommand).resolvesOnce({ Status: "CREATE_IN_PROGRESS" }).resolves(refused);
    });

    it("says why, and leaves neither it nor a stack behind", async () => {
      shows(null, stack("REVIEW_IN_PROGRESS"));
      const { code, err } = await deploy();
      expect([code, err]).toEqual([
        2,
        expect.stringContaining(
          "the deployment of audits was refused: in CloudFormation's words\n  Nothing was changed.",
        ),
      ]);
      expect(cloudformation.commandCalls(ExecuteChangeSetCommand)).toHaveLength(0);
      expect(cloudformation.commandCalls(DeleteChangeSetCommand)).toHaveLength(1);
      expect(cloudformation.commandCalls(DeleteStackCommand)).toHaveLength(1);
    });

    it("knows from the stack's release that there is nothing to change, not from a text", async () => {
      shows(stack("UPDATE_COMPLETE"));
      expect((await deploy()).code).toBe(2);
      const there = stack("UPDATE_COMPLETE", { Release: releaseOf() });
      cloudformation.on(DescribeStacksCommand).resolves({ Stacks: [there] });
      const { code, out } = await deploy();
      expect([code, out]).toEqual([0, expect.stringContaining("The stack audits is as it should be.")]);
      expect((await deploy("--dry-run")).out).toContain("Nothing would change in the stack audits.");
      expect((await deploy("--tag", "owner=platform", "--bucket", "own")).err).toContain(
        "the deployment of audits was refused",
      );
      expect(cloudformation.commandCalls(DeleteChangeSetCommand)).toHaveLength(4);
    });
  });

  describe("that --dry-run has made for its change set,", () => {
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

    it("leaves a stack that was there before, with the change sets of others", async () => {
      shows(stack("REVIEW_IN_PROGRESS"), stack("REVIEW_IN_PROGRESS"));
      const { code, err } = await deploy("--dry-run");
      expect([code, err]).toEqual([0, expect.stringContaining("No change set of this stack has been executed yet.")]);
      const [call] = cloudformation.commandCalls(CreateChangeSetCommand);
      expect(call?.args[0].input).toMatchObject({ ChangeSetType: "CREATE" });
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

  it("says on Ctrl-C that the alias may be moved, and how to see it", async () => {
    vi.spyOn(process, "kill").mockReturnValue(true);
    const before = process.listeners("SIGINT");
    shows(stack("UPDATE_COMPLETE"));
    lambda.on(GetAliasCommand).resolves({ FunctionVersion: "3" });
    lambda.on(ListVersionsByFunctionCommand).resolves({ Versions: [{ Version: "2" }, { Version: "3" }] });
    lambda.on(UpdateAliasCommand).callsFake(() => {
      interrupt(before);
      return {};
    });
    const args = ["--stack", "audits", "--region", "eu-west-1", "--yes"];
    const { err } = await runWith(rollbackLambdaCommand, args, run);
    expect(err).toContain(
      "The alias may have moved already. To check: ec2-audit rollback lambda --stack audits --list",
    );
  });
});
