import { DescribeStackEventsCommand, type StackEvent } from "@aws-sdk/client-cloudformation";
import type { Aws } from "../aws.ts";
import type { Cli } from "../cli.ts";

/** Returns the id of the stack's newest event; undefined for a stack without events. Takes the stack's name or id. */
export async function newestEvent({ cloudformation }: Aws, stack: string): Promise<string | undefined> {
  const { StackEvents = [] } = await cloudformation.send(new DescribeStackEventsCommand({ StackName: stack }));
  return StackEvents[0]?.EventId;
}

/** The stack's events after the one with that id, oldest first. */
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

/** The result of executing a change set. */
export interface Execution {
  /** The stack's final status, such as UPDATE_COMPLETE. */
  readonly status: string;
  /** The events of this execution, oldest first. */
  readonly events: readonly StackEvent[];
}

/**
 * Waits until the stack's operation has ended, and reports each event to `say`. Reads the stack's events after the one with
 * the id `last`, because the stack's own status may still be that of the previous deployment. CloudFormation's limits bound
 * the wait. Takes the stack's id. Throws AWS's error when the events could not be read for a minute.
 */
export async function waitForEnd(
  cli: Cli,
  aws: Aws,
  id: string,
  last: string | undefined,
  say: (text: string) => void,
): Promise<Execution> {
  const events: StackEvent[] = [];
  for (let failed = 0; ; await cli.pause(POLL_MS)) {
    try {
      const news = await eventsAfter(aws, id, events.at(-1)?.EventId ?? last);
      for (const { LogicalResourceId, ResourceStatus } of news) say(`${LogicalResourceId} ${ResourceStatus}`);
      events.push(...news);
      failed = 0;
    } catch (error) {
      // The deployment continues, whether or not its events can be read.
      failed += 1;
      if (failed * POLL_MS >= STOP_AFTER_MS) throw error;
    }
    const status = events.findLast(isOfStack)?.ResourceStatus;
    if (status !== undefined && !status.endsWith("_IN_PROGRESS")) return { status, events };
  }
}

const POLL_MS = 3_000;
const STOP_AFTER_MS = 60_000;

function isOfStack({ ResourceType, LogicalResourceId, StackName }: StackEvent): boolean {
  return ResourceType === "AWS::CloudFormation::Stack" && LogicalResourceId === StackName;
}

/**
 * Returns the resources that failed, oldest first, one line each. The first is usually the cause; CloudFormation marks the
 * resources that it cancelled because of it as failed too, later, and has no code that tells them apart.
 */
export function failureLines(events: readonly StackEvent[]): readonly string[] {
  return events
    .filter(({ ResourceStatus }) => ResourceStatus?.endsWith("_FAILED"))
    .map(({ LogicalResourceId, ResourceType, ResourceStatusReason = "no reason given" }) => {
      return `${LogicalResourceId} (${ResourceType}): ${ResourceStatusReason}`;
    });
}
