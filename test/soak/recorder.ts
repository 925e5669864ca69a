import { TOO_LONG } from "../../src/launches/outcome.ts";
import type { DeliveryAttempt } from "../../src/local/aws/index.ts";
import { isObject } from "../../src/util/json.ts";
import { type CallContext, Killed } from "./function-process.ts";
import { SECRET } from "./functions.ts";
import type { Cause, CauseAt, Expected, Records } from "./ledger.ts";
import { FATES, type PlannedLaunch } from "./plan.ts";

/** Writes down what happens in a run, as far as the accounts need it. Times are in ms since the epoch. */
export class Recorder {
  readonly causes: CauseAt[] = [];
  /** Lines of the function's log that hold a secret, or are not one JSON object. */
  readonly badLines: string[] = [];
  /** What the function, or its host, must never do: end by itself, throw, let its caller wait in vain. */
  readonly accidents: string[] = [];
  /** How many outcomes of each kind were logged. */
  readonly outcomes = new Map<string, number>();
  readonly verdicts = new Map<string, { last: string; violating: number }>();
  readonly #expected: Expected[] = [];
  readonly #late = new Set<string>();
  readonly #kills: { readonly at: number; readonly until: number }[] = [];
  /** The last word on an instance, or on a message without one. */
  readonly #last = new Map<string, { readonly at: number; readonly outcome: string; readonly message: string }>();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** How many instances were launched. */
  get launched(): number {
    return this.#expected.length;
  }

  /** Takes what was launched now, and whether the plan is quiet around that time. To be told after its event. */
  launch(instanceId: string, { story }: PlannedLaunch, quiet: boolean): void {
    const launchedAt = this.#now();
    const mendedAt = "after" in story ? launchedAt + story.after : null;
    const inTime = quiet && !this.#late.has(instanceId);
    this.#expected.push({
      instanceId,
      story: story.kind,
      fate: FATES[story.kind],
      launchedAt,
      mendedAt,
      quiet: inTime,
    });
  }

  /** What was launched. No time was quiet in which the function was killed, or not there. */
  expected(): Expected[] {
    const struck = (launchedAt: number) =>
      this.#kills.some(({ at, until }) => launchedAt > at - QUIET_MS && launchedAt < until + QUIET_MS);
    return this.#expected.map((each) => ({ ...each, quiet: each.quiet && !struck(each.launchedAt) }));
  }

  /** EventBridge delivers an event of these instances after so many milliseconds, once for each. */
  event(instanceIds: readonly string[], delays: readonly number[]): void {
    for (const delay of delays.slice(1)) this.cause(instanceIds, "its event came twice", this.#now() + delay);
    if (delays.some((delay) => delay > 0)) for (const id of instanceIds) this.#late.add(id);
  }

  /** Something that may have an instance alerted once more happens now. */
  cause(instanceIds: readonly string[], cause: Cause, at = this.#now()): void {
    for (const instanceId of instanceIds) this.causes.push({ instanceId, cause, at });
  }

  /** The function was killed now, and is not there for so many milliseconds. */
  killed(downMs: number): void {
    this.#kills.push({ at: this.#now(), until: this.#now() + downMs });
  }

  get kills(): number {
    return this.#kills.length;
  }

  /** A line of the function's log. */
  readonly log = (line: string): void => {
    const entry = parse(line);
    if (!isObject(entry) || line.includes(SECRET)) return void this.badLines.push(line);
    const { outcome, message, instanceId, messageId } = entry;
    if (typeof outcome !== "string") return;
    this.outcomes.set(outcome, (this.outcomes.get(outcome) ?? 0) + 1);
    const at = Date.parse(String(entry.time));
    const subject = instanceId ?? messageId;
    // Two processes write two logs: what is read last is not always what was said last.
    if (typeof subject === "string" && at >= (this.#last.get(subject)?.at ?? 0)) {
      this.#last.set(subject, { at, outcome, message: String(message) });
    }
    if (typeof instanceId !== "string") return;
    const violating = (this.verdicts.get(instanceId)?.violating ?? 0) + (outcome === "violating" ? 1 : 0);
    this.verdicts.set(instanceId, { last: this.#last.get(instanceId)?.outcome ?? outcome, violating });
    if (message === TOO_LONG) this.cause([instanceId], "the delivery's time was over", at);
  };

  /** A try of SNS to reach the webtask. One that broke off was in the hands of a process that was killed, or of none. */
  readonly delivery = ({ protocol, status, error = "", body, at }: DeliveryAttempt): void => {
    if (protocol === "sqs" || status !== undefined) return;
    const kill = this.#kills.find((each) => each.at >= at);
    // A try may have waited for a free connection since then.
    const down = this.#kills.some((each) => at <= each.until && this.#now() >= each.at);
    if (kill !== undefined && !error.includes("ECONNREFUSED")) {
      this.cause(instancesInEvent(messageIn(body)), "the function was killed with it in hand", kill.at);
    } else if (!down) {
      this.accidents.push(`SNS had no answer: ${error}`);
    }
  };

  /** Calls a Lambda function; a call that is not answered was in the hands of a process that was killed. */
  invoking(invoke: (event: unknown, context: CallContext) => Promise<unknown>) {
    return async (event: { readonly Records: readonly { readonly body: string }[] }, context: CallContext) => {
      try {
        const answer = await invoke(event, context);
        if (this.#now() > context.deadline) this.accidents.push("a call was answered after its time");
        return answer;
      } catch (error) {
        const ids = event.Records.flatMap(({ body }) => instancesInEvent(body));
        if (error instanceof Killed) this.cause(ids, "the function was killed with it in hand");
        else this.accidents.push(`a call failed: ${error}`);
        throw error;
      }
    };
  }

  /** A message of a dead-letter queue: whom it is about, and what the log says of that. */
  letter(body: string, messageId: string): Records["deadLetters"][number] {
    const [instanceId] = instancesInEvent(messageIn(body));
    const envelope = parse(body);
    const named = isObject(envelope) && typeof envelope.MessageId === "string" ? envelope.MessageId : messageId;
    const last = this.#last.get(instanceId ?? "") ?? this.#last.get(named);
    const told = last !== undefined && UNSETTLED.has(last.outcome);
    return { instanceId: instanceId ?? null, reason: told ? `${last.outcome}: ${last.message}` : null };
  }
}

/** A launch this long before or after a kill may be alerted later than others, in ms. */
const QUIET_MS = 2 * 60_000;

const UNSETTLED: ReadonlySet<string> = new Set(["failed", "malformed", "misconfigured", "rejected"]);

/** The instances that an alert names: in the findings of our document, or anywhere in another's text. */
export function instancesInAlert(message: string): string[] {
  const alert = parse(message);
  const findings: readonly unknown[] = isObject(alert) && Array.isArray(alert.findings) ? alert.findings : [];
  const named = isObject(alert)
    ? findings.flatMap((finding) => (isObject(finding) ? [String(finding.instanceId)] : []))
    : (message.match(/\bi-[0-9a-f]{17}\b/g) ?? []);
  return [...new Set(named)];
}

/** The instance of a state change; none in what is no such event. */
export function instancesInEvent(text: string): string[] {
  const event = parse(text);
  const detail = isObject(event) ? event.detail : undefined;
  const id = isObject(detail) ? detail["instance-id"] : undefined;
  return typeof id === "string" ? [id] : [];
}

/** The message in an envelope; what is no envelope is the message itself. */
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
