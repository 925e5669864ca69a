import {
  type Change,
  CloudFormationServiceException,
  DeleteChangeSetCommand,
  DeleteStackCommand,
  DescribeChangeSetCommand,
  DescribeStackEventsCommand,
  DescribeStacksCommand,
  type StackEvent,
} from "@aws-sdk/client-cloudformation";
import type { Aws } from "../aws.ts";
import type { Parameters } from "./parameters.ts";

/** A stack as CloudFormation has it. */
export interface Stack {
  /** Such as CREATE_COMPLETE. https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html */
  readonly status: string;
  readonly parameters: Parameters;
  readonly outputs: Readonly<Record<string, string>>;
}

/** The stack of that name; null when there is none. */
export async function readStack({ cloudformation }: Aws, name: string): Promise<Stack | null> {
  try {
    const { Stacks = [] } = await cloudformation.send(new DescribeStacksCommand({ StackName: name }));
    const [stack] = Stacks;
    if (stack === undefined) return null;
    const parameters = (stack.Parameters ?? []).map(({ ParameterKey = "", ParameterValue = "" }) => [
      ParameterKey,
      ParameterValue,
    ]);
    const outputs = (stack.Outputs ?? []).map(({ OutputKey = "", OutputValue = "" }) => [OutputKey, OutputValue]);
    return {
      status: stack.StackStatus ?? "",
      parameters: Object.fromEntries(parameters),
      outputs: Object.fromEntries(outputs),
    };
  } catch (error) {
    // A stack that is not there has no error of its own.
    if (error instanceof CloudFormationServiceException && /does not exist/.test(error.message)) return null;
    throw error;
  }
}

/** The stack's newest events, the newest first; none when there is no stack. One page is the newest hundred. */
export async function newestEvents({ cloudformation }: Aws, name: string): Promise<readonly StackEvent[]> {
  try {
    const { StackEvents = [] } = await cloudformation.send(new DescribeStackEventsCommand({ StackName: name }));
    return StackEvents;
  } catch (error) {
    if (error instanceof CloudFormationServiceException && /does not exist/.test(error.message)) return [];
    throw error;
  }
}

/** The events that came after the one with that id, the newest first; all of them when it is undefined. */
export function eventsAfter(events: readonly StackEvent[], id: string | undefined): readonly StackEvent[] {
  const at = events.findIndex(({ EventId }) => EventId === id);
  return id === undefined || at < 0 ? events : events.slice(0, at);
}

/** What failed, in the order it did, one line each: what was cancelled because of it is left out. */
export function failures(events: readonly StackEvent[]): readonly string[] {
  return events
    .filter(({ ResourceStatus = "", ResourceStatusReason = "" }) => {
      return ResourceStatus.endsWith("_FAILED") && !/cancelled/i.test(ResourceStatusReason);
    })
    .map(({ LogicalResourceId, ResourceType, ResourceStatusReason = "no reason was told" }) => {
      return `${LogicalResourceId} (${ResourceType}): ${ResourceStatusReason}`;
    })
    .reverse();
}

/** The changes of a change set, one line each. */
export async function readChanges({ cloudformation }: Aws, changeSet: string): Promise<readonly string[]> {
  const changes: Change[] = [];
  let NextToken: string | undefined;
  do {
    const page = await cloudformation.send(
      new DescribeChangeSetCommand({ ChangeSetName: changeSet, ...(NextToken && { NextToken }) }),
    );
    changes.push(...(page.Changes ?? []));
    NextToken = page.NextToken;
  } while (NextToken);
  return changes.map(({ ResourceChange: change }) => {
    const replaced = change?.Replacement === "True" ? ", by a new one in its place" : "";
    return `${change?.Action} ${change?.LogicalResourceId} (${change?.ResourceType})${replaced}`;
  });
}

/** Removes a change set, and the stack that was made for nothing but it: somebody may have deployed it meanwhile. */
export async function discardChanges(aws: Aws, changeSet: string, stack: string): Promise<void> {
  await aws.cloudformation.send(new DeleteChangeSetCommand({ ChangeSetName: changeSet }));
  const now = await readStack(aws, stack);
  if (now?.status === "REVIEW_IN_PROGRESS") await aws.cloudformation.send(new DeleteStackCommand({ StackName: stack }));
}

/**
 * What to do about a stack that is being changed just now. `flags` are the AWS CLI's for where it is. Only an update can be
 * called off. https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CancelUpdateStack.html
 */
export function waitFor(status: string, stack: string, flags: string): string {
  if (status !== "UPDATE_IN_PROGRESS") return "Wait for its end.";
  return `Wait for its end, or call it off: aws cloudformation cancel-update-stack --stack-name ${stack}${flags}`;
}
