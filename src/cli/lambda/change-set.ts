import {
  type Change,
  CreateChangeSetCommand,
  DeleteChangeSetCommand,
  DeleteStackCommand,
  DescribeChangeSetCommand,
  ExecuteChangeSetCommand,
} from "@aws-sdk/client-cloudformation";
import { type Aws, answered } from "../aws.ts";
import type { Cli } from "../cli.ts";
import { type Tags, tagList } from "../tags.ts";
import type { Parameters } from "./parameters.ts";
import { readStack, type Stack } from "./stack.ts";

/** The stack after the deployment. */
export interface DesiredStack {
  readonly stack: string;
  readonly template: string;
  /** All parameters of the stack. */
  readonly parameters: Parameters;
  /** All tags of the stack; CloudFormation adds them to each resource. */
  readonly tags: Tags;
}

/** One change that a deployment would make, in CloudFormation's terms. */
export interface PlannedChange {
  /** Such as Add, Modify, Remove. */
  readonly action: string;
  readonly resource: string;
  readonly type: string;
  /** "True", "False" or "Conditional"; empty when the resource is not modified. */
  readonly replacement: string;
}

/** A change set that CloudFormation has computed. */
export type ChangeSet =
  | {
      readonly kind: "ready";
      readonly id: string;
      /** By its id, unlike by its name, CloudFormation still describes a stack that is deleted in the meantime. */
      readonly stackId: string;
      readonly changes: readonly PlannedChange[];
    }
  /** It has no changes, or could not be created. Only the text of `reason` says which. */
  | { readonly kind: "refused"; readonly id: string; readonly reason: string };

/**
 * Creates a change set, and waits for the result. Changes nothing, except that CloudFormation creates a stack
 * that does not exist, in the state REVIEW_IN_PROGRESS. Takes the stack as it is now; null when it does not exist.
 * https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateChangeSet.html
 */
export async function createChangeSet(
  cli: Cli,
  aws: Aws,
  desired: DesiredStack,
  before: Stack | null,
): Promise<ChangeSet> {
  const { Id, StackId } = await aws.cloudformation.send(
    new CreateChangeSetCommand({
      StackName: desired.stack,
      ChangeSetName: `ec2-audit-${cli.now()}`,
      ChangeSetType: before === null || before.status === "REVIEW_IN_PROGRESS" ? "CREATE" : "UPDATE",
      TemplateBody: desired.template,
      Parameters: Object.entries(desired.parameters).map(([ParameterKey, ParameterValue]) => ({
        ParameterKey,
        ParameterValue,
      })),
      Tags: tagList(desired.tags),
      // The template creates roles without names, and its SAM transform is a macro.
      Capabilities: ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
    }),
  );
  const id = answered(Id);
  for (;;) {
    const { Status, StatusReason = "no reason given" } = await describe(aws, id);
    if (Status === "CREATE_COMPLETE")
      return { kind: "ready", id, stackId: answered(StackId), changes: await readChanges(aws, id) };
    if (Status !== "CREATE_PENDING" && Status !== "CREATE_IN_PROGRESS")
      return { kind: "refused", id, reason: StatusReason };
    await cli.pause(POLL_MS);
  }
}

const POLL_MS = 1_000;

function describe({ cloudformation }: Aws, id: string, token?: string) {
  return cloudformation.send(new DescribeChangeSetCommand({ ChangeSetName: id, ...(token && { NextToken: token }) }));
}

async function readChanges(aws: Aws, id: string): Promise<readonly PlannedChange[]> {
  const changes: Change[] = [];
  let token: string | undefined;
  do {
    const page = await describe(aws, id, token);
    changes.push(...(page.Changes ?? []));
    token = page.NextToken;
  } while (token);
  return changes.map(({ ResourceChange: change }) => ({
    action: change?.Action ?? "",
    resource: change?.LogicalResourceId ?? "",
    type: change?.ResourceType ?? "",
    replacement: change?.Replacement ?? "",
  }));
}

/** Starts the execution of a change set. */
export async function execute({ cloudformation }: Aws, id: string): Promise<void> {
  await cloudformation.send(new ExecuteChangeSetCommand({ ChangeSetName: id }));
}

/**
 * Deletes a change set, and the stack if CloudFormation created it only for the change set and nobody has deployed it since.
 * Takes the stack as it was before; null when it did not exist.
 */
export async function discard(aws: Aws, id: string, name: string, before: Stack | null): Promise<void> {
  await aws.cloudformation.send(new DeleteChangeSetCommand({ ChangeSetName: id }));
  if (before !== null) return;
  const now = await readStack(aws, name);
  if (now?.status === "REVIEW_IN_PROGRESS") await aws.cloudformation.send(new DeleteStackCommand({ StackName: name }));
}
