import {
  CloudFormationServiceException,
  DescribeStackEventsCommand,
  DescribeStacksCommand,
  type StackEvent,
} from "@aws-sdk/client-cloudformation";
import type { Aws } from "../aws.ts";
import type { Cli } from "../cli.ts";
import { CliError } from "../cli-error.ts";
import { type Tags, tagsIn } from "../tags.ts";
import { isOurs, type Parameters } from "./parameters.ts";

/** A stack as CloudFormation has it. */
export interface Stack {
  /** Such as CREATE_COMPLETE. https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html */
  readonly status: string;
  readonly parameters: Parameters;
  readonly outputs: Readonly<Record<string, string>>;
  readonly tags: Tags;
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
      tags: tagsIn(stack.Tags),
    };
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

/**
 * Whether the error says that there is no such stack. CloudFormation has no code for that, but for a valid name it is the
 * only ValidationError. The SDK's own waiter (waitForStackExists) relies on the same.
 */
function isMissing(error: unknown): boolean {
  return error instanceof CloudFormationServiceException && error.name === "ValidationError";
}

/** The id of the stack's newest event; undefined when it has none. Takes the stack's name or id. */
export async function newestEvent({ cloudformation }: Aws, stack: string): Promise<string | undefined> {
  const { StackEvents = [] } = await cloudformation.send(new DescribeStackEventsCommand({ StackName: stack }));
  return StackEvents[0]?.EventId;
}

/** The stack's events after the one with that id, the oldest first. */
async function eventsAfter({ cloudformation }: Aws, name: string, id: string | undefined): Promise<StackEvent[]> {
  const found: StackEvent[] = [];
  let NextToken: string | undefined;
  do {
    const page = await cloudformation.send(
      new DescribeStackEventsCommand({ StackName: name, ...(NextToken && { NextToken }) }),
    );
    const events = page.StackEvents ?? [];
    const at = events.findIndex(({ EventId }) => EventId === id);
    found.push(...(at < 0 ? events : events.slice(0, at)));
    NextToken = at < 0 ? page.NextToken : undefined;
  } while (NextToken);
  return found.reverse();
}

/** How a change set's execution ended. */
export interface Ended {
  /** Of the stack, such as UPDATE_COMPLETE. */
  readonly status: string;
  /** Of this execution, the oldest first. */
  readonly events: readonly StackEvent[];
}

/**
 * Waits until the stack is changed, and says each event. It relies on the stack's events after the one with the id `last`,
 * because its status may still be that of the previous deployment. CloudFormation's limits bound the wait. Takes the stack's
 * id.
 * @throws what AWS throws when the stack could not be looked at for a minute
 */
export async function untilEnded(
  cli: Cli,
  aws: Aws,
  name: string,
  last: string | undefined,
  say: (text: string) => void,
): Promise<Ended> {
  const events: StackEvent[] = [];
  for (let failed = 0; ; await cli.pause(LOOK_EVERY_MS)) {
    try {
      const news = await eventsAfter(aws, name, events.at(-1)?.EventId ?? last);
      for (const { LogicalResourceId, ResourceStatus } of news) say(`${LogicalResourceId} ${ResourceStatus}`);
      events.push(...news);
      failed = 0;
    } catch (error) {
      // CloudFormation continues, whether we see it or not.
      failed += 1;
      if (failed * LOOK_EVERY_MS >= GIVE_UP_AFTER_MS) throw error;
    }
    const status = events.findLast(isOfStack)?.ResourceStatus;
    if (status !== undefined && !status.endsWith("_IN_PROGRESS")) return { status, events };
  }
}

const LOOK_EVERY_MS = 3_000;
const GIVE_UP_AFTER_MS = 60_000;

function isOfStack({ ResourceType, LogicalResourceId, StackName }: StackEvent): boolean {
  return ResourceType === "AWS::CloudFormation::Stack" && LogicalResourceId === StackName;
}

/** What failed, in the order of the events, one line each: what was cancelled because of it is left out. */
export function failures(events: readonly StackEvent[]): readonly string[] {
  return events
    .filter(({ ResourceStatus = "", ResourceStatusReason = "" }) => {
      return ResourceStatus.endsWith("_FAILED") && !/cancelled/i.test(ResourceStatusReason);
    })
    .map(({ LogicalResourceId, ResourceType, ResourceStatusReason = "no reason was given" }) => {
      return `${LogicalResourceId} (${ResourceType}): ${ResourceStatusReason}`;
    });
}

/** The command that cancels an operation on a stack; null when it cannot be cancelled. Takes `regionFlags`.
 * https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CancelUpdateStack.html */
export function cancelCommand(status: string, stack: string, flags: string): string | null {
  return status === "UPDATE_IN_PROGRESS"
    ? `aws cloudformation cancel-update-stack --stack-name ${stack}${flags}`
    : null;
}

/** What to do about a stack that is being changed just now. Takes `regionFlags`. */
export function waitFor(status: string, stack: string, flags: string): string {
  const command = cancelCommand(status, stack, flags);
  return command === null ? "Wait for its end." : `Wait for its end, or call it off: ${command}`;
}

/**
 * Refuses a stack that cannot be deployed to now, and one of another template: an update would remove all that our template
 * does not have. Takes null for no stack, and `regionFlags`.
 * https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html
 */
export function checkStack(name: string, stack: Stack | null, flags: string): void {
  if (stack === null || stack.status === "REVIEW_IN_PROGRESS") return;
  const { status, parameters } = stack;
  if (status.endsWith("_IN_PROGRESS")) {
    throw new CliError(`the stack ${name} is being changed just now (${status})`, waitFor(status, name, flags));
  }
  if (!isOurs(parameters)) {
    throw new CliError(
      `the stack ${name} is not of deploy/template.yaml: all that is in it would be removed`,
      "Name another one with --stack.",
    );
  }
  if (wasNeverMade(status)) {
    throw new CliError(
      `the stack ${name} was never made: its first deployment failed (${status})`,
      removeFirst(name, flags),
    );
  }
  if (status === "UPDATE_ROLLBACK_FAILED") {
    throw new CliError(
      `the stack ${name} could not be rolled back after a failed deployment (${status})`,
      `Finish that first: aws cloudformation continue-update-rollback --stack-name ${name}${flags}`,
    );
  }
}

/** Whether the status is of a stack whose first deployment failed. */
export function wasNeverMade(status: string): boolean {
  return /^(?:ROLLBACK_|CREATE_FAILED$|DELETE_FAILED$)/.test(status);
}

/** How to start over with a stack that was never made. Takes `regionFlags`. */
export function removeFirst(name: string, flags: string): string {
  return `Remove what is left of it, then deploy again: aws cloudformation delete-stack --stack-name ${name}${flags}`;
}
