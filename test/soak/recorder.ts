import { TOO_LONG } from "../../src/launches/outcome.ts";
import type { DeliveryAttempt } from "../../src/local/aws/index.ts";
import { isObject } from "../../src/util/json.ts";
import { type CallContext, Killed } from "./function-process.ts";
import { SECRET } from "./functions.ts";
import type { Cause, CauseAt, Expected, Records } from "./ledger.ts";
import { ENDINGS, type PlannedLaunch } from "./scenario.ts";

/** Records a run for the reconciliation. Times are in ms since the epoch. */
export class Recorder {
  readonly causes: CauseAt[] = [];
  /** Log lines of the function that hold a secret or are not one JSON object. */
  readonly badLines: string[] = [];
  /** Failures of the function that must not happen: a crash, a thrown error, a missing or late response. */
  readonly failures: string[] = [];
  /** The number of logged outcomes by kind. */
  readonly outcomes = new Map<string, number>();
  readonly outcomesById = new Map<string, { last: string; violating: number }>();
  readonly #expected: Expected[] = [];
  readonly #late = new Set<string>();
  readonly #kills: { readonly at: number; readonly until: number }[] = [];
  /** The last logged outcome by instance id, or by message id where there is no instance. */
  readonly #last = new Map<string, { readonly at: number; readonly outcome: string; readonly message: string }>();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** The number of launched instances. */
  get launched(): number {
    return this.#expected.length;
  }

  /** Records a launch at this moment, after its event. Takes whether the scenario has no fault around that time. */
  launch(instanceId: string, { lifecycle }: PlannedLaunch, quiet: boolean): void {
    const launchedAt = this.#now();
    const fixedAt = "after" in lifecycle ? launchedAt + lifecycle.after : null;
    const inTime = quiet && !this.#late.has(instanceId);
    this.#expected.push({
      instanceId,
      lifecycle: lifecycle.kind,
      ending: ENDINGS[lifecycle.kind],
      launchedAt,
      fixedAt,
      quiet: inTime,
    });
  }

  /** Returns the launched instances. Those around a kill are not quiet. */
  expected(): Expected[] {
    const struck = (launchedAt: number) =>
      this.#kills.some(({ at, until }) => launchedAt > at - QUIET_MS && launchedAt < until + QUIET_MS);
    return this.#expected.map((each) => ({ ...each, quiet: each.quiet && !struck(each.launchedAt) }));
  }

  /** Records that EventBridge delivers an event of these instances once for each delay, in ms. */
  event(instanceIds: readonly string[], delays: readonly number[]): void {
    for (const delay of delays.slice(1))
      this.cause(instanceIds, "EventBridge delivered the event twice", this.#now() + delay);
    if (delays.some((delay) => delay > 0)) for (const id of instanceIds) this.#late.add(id);
  }

  /** Records a cause for a duplicate alert. */
  cause(instanceIds: readonly string[], cause: Cause, at = this.#now()): void {
    for (const instanceId of instanceIds) this.causes.push({ instanceId, cause, at });
  }

  /** Records that the function was killed at this moment and is down for this many ms. */
  killed(downMs: number): void {
    this.#kills.push({ at: this.#now(), until: this.#now() + downMs });
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
    const violating = (this.outcomesById.get(instanceId)?.violating ?? 0) + (outcome === "violating" ? 1 : 0);
    this.outcomesById.set(instanceId, { last: this.#last.get(instanceId)?.outcome ?? outcome, violating });
    if (message === TOO_LONG) this.cause([instanceId], "the delivery timed out", at);
  };

  /** Records a delivery attempt of SNS to the webtask. It fails only when the function's process was killed or is down. */
  readonly delivery = ({ protocol, status, error = "", body, at }: DeliveryAttempt): void => {
    if (protocol === "sqs" || status !== undefined) return;
    const kill = this.#kills.find((each) => each.at >= at);
    // The attempt may have waited for a free connection since then.
    const down = this.#kills.some((each) => at <= each.until && this.#now() >= each.at);
    if (kill !== undefined && !error.includes("ECONNREFUSED")) {
      this.cause(instancesInEvent(messageIn(body)), "the function was killed while processing it", kill.at);
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

/** A launch within this many ms before or after a kill may be alerted later than others. */
const QUIET_MS = 2 * 60_000;

const UNSETTLED: ReadonlySet<string> = new Set(["failed", "malformed", "misconfigured", "rejected"]);

/** Returns the instances of an alert: from the findings of our document, or from any text of another function. */
export function instancesInAlert(message: string): string[] {
  const alert = parse(message);
  const findings: readonly unknown[] = isObject(alert) && Array.isArray(alert.findings) ? alert.findings : [];
  const named = isObject(alert)
    ? findings.flatMap((finding) => (isObject(finding) ? [String(finding.instanceId)] : []))
    : (message.match(/\bi-[0-9a-f]{17}\b/g) ?? []);
  return [...new Set(named)];
}

/** Returns the instance of a state change; none for other texts. */
export function instancesInEvent(text: string): string[] {
  const event = parse(text);
  const detail = isObject(event) ? event.detail : undefined;
  const id = isObject(detail) ? detail["instance-id"] : undefined;
  return typeof id === "string" ? [id] : [];
}

/** Returns the message of an SNS envelope; a text that is no envelope as it is. */
function messageIn(body: string): string {
  const envelope = parse(body);
  return isObject(envelope) && typeof envelope.Message === "string" ? envelope.Message : body;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
