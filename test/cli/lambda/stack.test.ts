import {
  DeleteChangeSetCommand,
  DeleteStackCommand,
  DescribeChangeSetCommand,
  DescribeStackEventsCommand,
  DescribeStacksCommand,
  ExecuteChangeSetCommand,
} from "@aws-sdk/client-cloudformation";
import { beforeEach, describe, expect, it, vi } from "vitest";
import {
  cloudformation,
  describeEvents,
  describeStacks,
  event,
  interrupt,
  STACK_ID,
  stack,
  usePackage,
} from "./aws.ts";

/** Stacks in states that moto does not have. */

const { deploy, changeSet } = usePackage();

describe("deploy lambda", () => {
  it("prints how to cancel an update that is in progress, with its region", async () => {
    describeStacks(stack("UPDATE_IN_PROGRESS"));
    expect((await deploy()).err).toContain(
      "aws cloudformation cancel-update-stack --stack-name audits --region eu-west-1",
    );
  });

  it("suggests no cancellation during the cleanup of an update, which AWS cannot cancel", async () => {
    describeStacks(stack("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"));
    const { code, err } = await deploy();
    expect([code, err]).toEqual([2, expect.stringContaining("Wait until it ends.")]);
    expect(err).not.toContain("cancel-update-stack");
  });

  it("prints how to delete a stack whose first deployment failed, with its region", async () => {
    describeStacks(stack("ROLLBACK_COMPLETE"));
    expect((await deploy()).err).toContain("aws cloudformation delete-stack --stack-name audits --region eu-west-1");
  });

  it("prints how to finish a rollback that failed", async () => {
    describeStacks(stack("UPDATE_ROLLBACK_FAILED"));
    expect((await deploy()).err).toContain(
      "aws cloudformation continue-update-rollback --stack-name audits --region eu-west-1",
    );
  });

  it("waits until the stack itself has ended, and prints each event once", async () => {
    describeStacks(stack("UPDATE_COMPLETE"));
    const before = [event("1", "UPDATE_COMPLETE")];
    const first = [...before, event("2", "UPDATE_IN_PROGRESS"), event("3", "UPDATE_IN_PROGRESS", "Function")];
    const second = [
      ...first,
      event("4", "UPDATE_COMPLETE", "Function"),
      event("5", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"),
    ];
    describeEvents(before, before, first, second, [...second, event("6", "UPDATE_COMPLETE")]);
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

  it("continues to wait when reading the events fails for a moment", async () => {
    describeStacks(stack("UPDATE_COMPLETE"));
    describeEvents([], new Error("no network"), new Error("no network"), [event("1", "UPDATE_COMPLETE")]);
    expect((await deploy()).code).toBe(0);
  });

  it("prints that CloudFormation may continue, and how to cancel, when the events can no longer be read", async () => {
    describeStacks(stack("UPDATE_COMPLETE"));
    cloudformation.on(DescribeStackEventsCommand).resolvesOnce({}).rejects(new Error("no network"));
    const { code, err } = await deploy();
    expect([code, err]).toEqual([2, expect.stringContaining("CloudFormation may continue the deployment.")]);
    expect(err).toContain("aws cloudformation cancel-update-stack --stack-name audits --region eu-west-1");
  });

  it("prints on Ctrl-C that CloudFormation may continue, how to follow it, and how to cancel it", async () => {
    const kill = vi.spyOn(process, "kill").mockReturnValue(true);
    const before = process.listeners("SIGINT");
    describeStacks(null, stack("CREATE_COMPLETE"));
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

  it("prints after a failed first deployment that the stack must be deleted", async () => {
    describeStacks(null);
    describeEvents([], [event("1", "CREATE_FAILED", "Function", "no"), event("2", "ROLLBACK_COMPLETE")]);
    const { code, err } = await deploy();
    expect([code, err]).toEqual([
      2,
      expect.stringContaining("(ROLLBACK_COMPLETE):\nFunction (AWS::Lambda::Function): no"),
    ]);
    expect(err).toContain("aws cloudformation delete-stack --stack-name audits --region eu-west-1");
    expect(err).not.toContain("restores the previous state");
  });

  it("ends when the stack is deleted in the meantime, because it reads the events by the stack's id", async () => {
    describeEvents([], [event("1", "CREATE_IN_PROGRESS"), event("2", "DELETE_COMPLETE")]);
    const { code, err } = await deploy();
    expect([code, err]).toEqual([2, expect.stringContaining("the deployment of audits failed (DELETE_COMPLETE)\n")]);
    expect(err).toContain("The stack was deleted in the meantime.");
    const asked = cloudformation.commandCalls(DescribeStackEventsCommand).map(({ args }) => args[0].input.StackName);
    expect(asked).toEqual([STACK_ID, STACK_ID]);
  });

  it("prints the first failures of an update, from all pages of events, and the number of the others", async () => {
    describeStacks(stack("UPDATE_COMPLETE"));
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
    expect(err).toContain("CloudFormation restores the previous state.");
  });

  describe("with a change set that CloudFormation refuses", () => {
    const refused = {
      Status: "FAILED",
      ExecutionStatus: "UNAVAILABLE",
      StatusReason: "in CloudFormation's words",
    } as const;
    beforeEach(() => {
      cloudformation.on(DescribeChangeSetCommand).resolvesOnce({ Status: "CREATE_IN_PROGRESS" }).resolves(refused);
    });

    it("prints the reason, and deletes the change set and its stack", async () => {
      describeStacks(null, stack("REVIEW_IN_PROGRESS"));
      const { code, err } = await deploy();
      expect([code, err]).toEqual([
        2,
        expect.stringContaining(
          "CloudFormation refused the deployment of audits: in CloudFormation's words\n  Nothing was changed.",
        ),
      ]);
      expect(cloudformation.commandCalls(ExecuteChangeSetCommand)).toHaveLength(0);
      expect(cloudformation.commandCalls(DeleteChangeSetCommand)).toHaveLength(1);
      expect(cloudformation.commandCalls(DeleteStackCommand)).toHaveLength(1);
    });

    it("recognises a stack without changes by its release, not by a text", async () => {
      describeStacks(stack("UPDATE_COMPLETE"));
      expect((await deploy()).code).toBe(2);
      const release = changeSet()?.Parameters?.find(({ ParameterKey }) => ParameterKey === "Release")?.ParameterValue;
      const there = stack("UPDATE_COMPLETE", { Release: release ?? "" });
      cloudformation.on(DescribeStacksCommand).resolves({ Stacks: [there] });
      const { code, out } = await deploy();
      expect([code, out]).toEqual([0, expect.stringContaining("The stack audits is up to date.")]);
      expect((await deploy("--dry-run")).out).toContain("The stack audits would not change.");
      expect((await deploy("--tag", "owner=platform", "--bucket", "own")).err).toContain(
        "CloudFormation refused the deployment of audits",
      );
      expect(cloudformation.commandCalls(DeleteChangeSetCommand)).toHaveLength(4);
    });
  });

  describe("with --dry-run", () => {
    it("deletes the change set and the stack that CloudFormation created for it", async () => {
      describeStacks(null, stack("REVIEW_IN_PROGRESS"));
      expect((await deploy("--dry-run")).code).toBe(0);
      expect(cloudformation.commandCalls(DeleteChangeSetCommand)).toHaveLength(1);
      expect(cloudformation.commandCalls(DeleteStackCommand)).toHaveLength(1);
    });

    it("keeps the stack when another user has deployed it in the meantime", async () => {
      describeStacks(null, stack("CREATE_IN_PROGRESS"));
      expect((await deploy("--dry-run")).code).toBe(0);
      expect(cloudformation.commandCalls(DeleteChangeSetCommand)).toHaveLength(1);
      expect(cloudformation.commandCalls(DeleteStackCommand)).toHaveLength(0);
    });

    it("keeps a stack that existed before, with its other change sets", async () => {
      describeStacks(stack("REVIEW_IN_PROGRESS"));
      const { code, err } = await deploy("--dry-run");
      expect([code, err]).toEqual([0, expect.stringContaining("No change set of this stack was executed yet.")]);
      expect(changeSet()).toMatchObject({ ChangeSetType: "CREATE" });
      expect(cloudformation.commandCalls(DeleteStackCommand)).toHaveLength(0);
    });
  });
});
