import type { OwnAccount } from "../aws/own-account.ts";
import type { Config, Problem } from "../config.ts";
import { within } from "../util/deadline.ts";
import type { Message } from "../util/message.ts";
import type { Unit } from "./batch.ts";
import { type Launch, readEvent, type SweepEvent } from "./events.ts";
import { type Outcome, TOO_LONG } from "./outcome.ts";

/**
 * The service that delivers events and calls the function again until they are settled: SNS, Lambda's asynchronous queue, or
 * SQS.
 */
export interface Engine {
  readonly name: string;
  /** How long the engine calls again after the first call, in seconds. */
  readonly retryWindowSeconds: number;
}

/** Runs the work of a delivery, or returns null if the delivery was settled before. */
export type Once = (work: () => Promise<Outcome[]>) => Promise<Outcome[] | null>;

/**
 * Audits the launches in messages. Returns the outcomes of each message, in their order, by the deadline in milliseconds since
 * 1970. `once` keeps duplicates of a delivery from being audited again. Never throws.
 */
export type Dispatch = (
  messages: readonly Message[],
  engine: Engine,
  deadline: number,
  once?: Once,
) => Promise<Outcome[][]>;

/**
 * Runs a step of a sweep by the deadline in milliseconds since 1970. Takes the ARN of the queue or topic that delivered its event, to
 * which the message goes that continues the sweep; null without one. Never throws.
 */
export type RunSweep = (event: SweepEvent, from: string | null, deadline: number) => Promise<Outcome>;

/**
 * Creates the dispatcher. Takes the configuration, the function's own account, and the functions that audit the launches of
 * one event and run a step of a sweep. `now` is in milliseconds since 1970.
 */
export function createDispatch(
  config: Pick<Config, "auditRoleName" | "graceSeconds" | "resolvedAlerts">,
  own: Pick<OwnAccount, "account" | "ask">,
  submit: (unit: Unit) => Promise<Outcome[]>,
  sweep: RunSweep,
  now: () => number,
): Dispatch {
  const dispatchOne = async (message: Message, engine: Engine, deadline: number, once: Once): Promise<Outcome[]> => {
    if ("malformed" in message) return [{ kind: "malformed", reason: message.malformed }];
    const reading = readEvent(message.event, now(), config.resolvedAlerts ? (message.delayedSeconds ?? 0) : null);
    if (reading.kind === "sweep") return runSweep(reading.event, message.from ?? null, deadline, once);
    if (reading.kind !== "launches") return [reading];
    const { launches } = reading;
    const [first] = launches;
    await own.ask(deadline);
    const problem = first && problemWith(first, config, own.account(), engine);
    if (problem) return launches.map((launch) => ({ kind: "misconfigured", launch, problems: [problem] }));
    let responded = false;
    const isAwaited = () => !responded && now() < deadline;
    const work = once(() => submit({ launches, retryWindowSeconds: engine.retryWindowSeconds, isAwaited }));
    const outcomes = await within(deadline - now(), work, undefined);
    responded = true;
    if (outcomes === null) return [duplicateOf(launches)];
    if (outcomes !== undefined) return outcomes;
    return launches.map((launch) => ({ kind: "failed", launch, reason: TOO_LONG }));
  };

  const runSweep = async (event: SweepEvent, from: string | null, deadline: number, once: Once): Promise<Outcome[]> => {
    await own.ask(deadline);
    const work = once(async () => [await sweep(event, from, deadline)]);
    const outcomes = await within(deadline - now(), work, undefined);
    if (outcomes === null) return [{ kind: "ignored", reason: "duplicate delivery", launch: originOf(event) }];
    return outcomes ?? [{ kind: "failed", reason: TOO_LONG }];
  };

  return (messages, engine, deadline, once = (work) => work()) =>
    Promise.all(messages.map((message) => dispatchOne(message, engine, deadline, once)));
}

function originOf({ detail: _, ...origin }: SweepEvent): Partial<Launch> {
  return origin;
}

/** Returns the one outcome of a duplicate delivery. Takes its launches, which are of one account and region. */
function duplicateOf(launches: readonly Launch[]): Outcome {
  const [first, ...others] = launches;
  const { instanceId: _, ...common } = { ...first };
  const launch = others.length === 0 ? { ...first } : common;
  return { kind: "ignored", reason: "duplicate delivery", launch };
}

/** Returns the configuration's problem with this launch or this engine; null if there is none. */
function problemWith(
  launch: Launch,
  { auditRoleName, graceSeconds }: Pick<Config, "auditRoleName" | "graceSeconds">,
  own: string,
  engine: Engine,
): Problem | null {
  if (launch.account !== own && auditRoleName === null) {
    const problem = `is missing: the launch is in account ${launch.account}, and the function's credentials belong to account ${own}; set it to the name of a role in account ${launch.account}, or use credentials of ${launch.account}`;
    return { key: "AUDIT_ROLE_NAME", problem };
  }
  if (graceSeconds > engine.retryWindowSeconds) {
    const problem = `is longer than the retry window of ${engine.name}, ${engine.retryWindowSeconds} s: reduce it, or send the events through an SQS queue`;
    return { key: "GRACE_SECONDS", problem };
  }
  return null;
}
