import { TOO_LONG } from "../../src/launches/outcome.ts";
import type { DeliveryAttempt } from "../../src/local/aws/index.ts";
import { isObject } from "../../src/util/json.ts";
import { type Expected, expectation, SHUTDOWN_MS } from "./expectation.ts";
import { type CallContext, Killed } from "./function-process.ts";
import { SECRET } from "./functions.ts";
import { type Cause, type CauseAt, type Records, SETTLED } from "./ledger.ts";
import { instancesInEvent, messageIn, parse } from "./messages.ts";
import type { DigestCause, SweepFault } from "./nights.ts";
import type { Topic } from "./policy.ts";
import type { PlannedLaunch } from "./scenario.ts";

/** What a recorder must know of the function. */
export interface Installation {
  /** Whether it has the policy with routes. */
  readonly hasRoutes: boolean;
  /** The number of processes that may retry a launch. */
  readonly containers: number;
}

/** Records a run for the reconciliation. Times are in ms since the epoch. */
export class Recorder {
  readonly causes: CauseAt[] = [];
  readonly faultsOfSweeps: SweepFault[] = [];
  /** Log lines of the function that hold a secret or are not one JSON object. */
  readonly badLines: string[] = [];
  /** Failures of the function that must not happen: a crash, a thrown error, a missing or late response. */
  readonly failures: string[] = [];
  /** The number of logged outcomes by kind. */
  readonly outcomes = new Map<string, number>();
  readonly outcomesById = new Map<string, { last: string; at: number; violating: number }>();
  /** The logged outcomes of each instance, as text. */
  readonly settlings = new Map<string, { readonly at: number; readonly text: string }[]>();
  readonly #expected: Expected[] = [];
  /** The times of events that EventBridge delivers late, by instance id. */
  readonly #late = new Map<string, number[]>();
  /** The instances whose alert failed at a topic, by the message that is retried: an instance has several events. */
  readonly #partial = new Map<string, string>();
  readonly #kills: { readonly at: number; readonly until: number }[] = [];
  /** The last logged outcome by instance id, or by message id where there is no instance. */
  readonly #last = new Map<string, { readonly at: number; readonly outcome: string; readonly message: string }>();
  readonly #now: () => number;
  readonly #installation: Installation;

  constructor(now: () => number, installation: Installation) {
    this.#now = now;
    this.#installation = installation;
  }

  /** The number of launched instances. */
  get launched(): number {
    return this.#expected.length;
  }

  /** Records a launch at this moment, after its event. `isQuiet` returns whether the scenario has no fault around a time. */
  launch(instanceId: string, planned: PlannedLaunch, isQuiet: (at: number) => boolean): void {
    this.#expected.push(expectation(instanceId, planned, this.#now(), isQuiet, this.#installation.hasRoutes));
  }

  /** Returns the launched instances. Times around a kill, and those of late events, are not quiet. */
  expected(): Expected[] {
    const struck = (when: number) =>
      this.#kills.some(({ at, until }) => when > at - QUIET_MS && when < until + QUIET_MS);
    return this.#expected.map((each) => {
      const late = this.#late.get(each.instanceId) ?? [];
      const isLate = (when: number) => late.some((at) => at >= when && at <= when + SHUTDOWN_MS);
      const occasions = each.occasions.map(({ quiet, ...occasion }) => ({
        ...occasion,
        quiet: quiet && !struck(occasion.at) && !isLate(occasion.at),
      }));
      return { ...each, occasions };
    });
  }

  /** Records that EventBridge delivers an event of these instances once for each delay, in ms. */
  event(instanceIds: readonly string[], delays: readonly number[]): void {
    for (const delay of delays.slice(1))
      this.cause(instanceIds, "EventBridge delivered the event twice", null, this.#now() + delay);
    if (delays.every((delay) => delay === 0)) return;
    for (const id of instanceIds) this.#late.set(id, [...(this.#late.get(id) ?? []), this.#now()]);
  }

  /** Records a cause for a duplicate at a topic; null for all topics. */
  cause(instanceIds: readonly string[], cause: Cause, topic: Topic | null = null, at = this.#now()): void {
    for (const instanceId of new Set(instanceIds)) this.causes.push({ instanceId, cause, at, topic });
  }

  /** Records that the function was killed at this moment and is down for this many ms. */
  killed(downMs: number): void {
    this.#kills.push({ at: this.#now(), until: this.#now() + downMs });
    for (const instanceId of this.#partial.values()) this.cause([instanceId], ELSEWHERE);
    this.sweepFailed("the function was killed during the sweep");
  }

  /** Records a fault at this moment that may repeat a sweep. */
  sweepFailed(cause: DigestCause): void {
    this.faultsOfSweeps.push({ cause, at: this.#now() });
  }

  get kills(): number {
    return this.#kills.length;
  }

  /** Records a line of the function's log. */
  readonly log = (line: string): void => {
    const entry = parse(line);
    if (!isObject(entry) || line.includes(SECRET)) return void this.badLines.push(line);
    const { outcome, message, instanceId, messageId } = entry;
    if (typeof outcome !== "string") return;
    this.outcomes.set(outcome, (this.outcomes.get(outcome) ?? 0) + 1);
    const at = Date.parse(String(entry.time));
    const subject = instanceId ?? messageId;
    // Two processes write two logs: the line that is read last is not always the latest.
    if (typeof subject === "string" && at >= (this.#last.get(subject)?.at ?? 0)) {
      this.#last.set(subject, { at, outcome, message: String(message) });
    }
    if (typeof instanceId !== "string") return;
    const text = `${outcome} (message ${messageId}, ${entry.event}): ${message}`;
    this.settlings.set(instanceId, [...(this.settlings.get(instanceId) ?? []), { at, text }]);
    const violating = (this.outcomesById.get(instanceId)?.violating ?? 0) + (outcome === "violating" ? 1 : 0);
    const last = this.#last.get(instanceId);
    this.outcomesById.set(instanceId, { last: last?.outcome ?? outcome, at: last?.at ?? at, violating });
    if (message === TOO_LONG) this.cause([instanceId], "the delivery timed out", null, at);
    const retried = `${messageId} ${instanceId}`;
    if (outcome === "failed" && String(message).startsWith("the alert was not published")) {
      this.#partial.set(retried, instanceId);
      if (this.#installation.containers > 1) this.cause([instanceId], ELSEWHERE, null, at);
    } else if (SETTLED.has(outcome)) {
      this.#partial.delete(retried);
    }
  };

  /** Records a delivery attempt of SNS to the webtask. It fails only when the function's process was killed or is down. */
  readonly delivery = ({ protocol, status, error = "", body, at }: DeliveryAttempt): void => {
    if (protocol === "sqs" || status !== undefined) return;
    const kill = this.#kills.find((each) => each.at >= at);
    // The attempt may have waited for a free connection since then.
    const down = this.#kills.some((each) => at <= each.until && this.#now() >= each.at);
    if (kill !== undefined && !error.includes("ECONNREFUSED")) {
      this.cause(instancesInEvent(messageIn(body)), "the function was killed while processing it", null, kill.at);
    } else if (!down) {
      this.failures.push(`SNS got no response: ${error}`);
    }
  };

  /** Wraps the invocation of a Lambda function, and records failures. An invocation fails only when its process was killed. */
  invoking(invoke: (event: unknown, context: CallContext) => Promise<unknown>) {
    return async (event: { readonly Records: readonly { readonly body: string }[] }, context: CallContext) => {
      try {
        const result = await invoke(event, context);
        if (this.#now() > context.deadline) this.failures.push("an invocation returned after its deadline");
        return result;
      } catch (error) {
        const ids = event.Records.flatMap(({ body }) => instancesInEvent(body));
        if (error instanceof Killed) this.cause(ids, "the function was killed while processing it");
        else this.failures.push(`an invocation failed: ${error}`);
        throw error;
      }
    };
  }

  /** Returns the record of a message in a dead-letter queue, with the reason from the log. */
  deadLetter(body: string, messageId: string): Records["deadLetters"][number] {
    const [instanceId] = instancesInEvent(messageIn(body));
    const envelope = parse(body);
    const named = isObject(envelope) && typeof envelope.MessageId === "string" ? envelope.MessageId : messageId;
    const last = this.#last.get(instanceId ?? "") ?? this.#last.get(named);
    const explained = last !== undefined && UNSETTLED.has(last.outcome);
    return { instanceId: instanceId ?? null, reason: explained ? `${last.outcome}: ${last.message}` : null };
  }
}

const ELSEWHERE: Cause = "another container retried after one topic had failed";

/** A launch within this many ms before or after a kill may be alerted later than others. */
const QUIET_MS = 2 * 60_000;

const UNSETTLED: ReadonlySet<string> = new Set(["failed", "malformed", "misconfigured", "rejected"]);
