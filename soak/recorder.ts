import { isObject } from "../src/json.ts";
import type { DeliveryAttempt } from "../src/local/aws/index.ts";
import { TOO_LONG } from "../src/outcome.ts";
import type { CallContext } from "./function-process.ts";
import { SECRET } from "./functions.ts";
import type { Cause, Expected, Records } from "./ledger.ts";
import { FATES, type PlannedLaunch } from "./plan.ts";

/** Writes down what happens in a run, as far as the accounts need it. */
export class Recorder {
  readonly expected: Expected[] = [];
  readonly causes: { instanceId: string; cause: Cause }[] = [];
  /** Lines of the function's log that hold a secret, or are not one JSON object. */
  readonly badLines: string[] = [];
  /** How many outcomes of each kind were logged. */
  readonly outcomes = new Map<string, number>();
  readonly #late = new Set<string>();
  /** Why the last look at an instance, or at a message without one, came to nothing. */
  readonly #reasons = new Map<string, string>();

  /** Takes when the instance was launched, in ms since the epoch, and whether nothing is wrong around that time. To be told
   * after its event. */
  launch(instanceId: string, { story }: PlannedLaunch, launchedAt: number, quiet: boolean): void {
    const mendedAt = "after" in story ? launchedAt + story.after : null;
    const inTime = quiet && !this.#late.has(instanceId);
    this.expected.push({ instanceId, story: story.kind, fate: FATES[story.kind], launchedAt, mendedAt, quiet: inTime });
  }

  /** EventBridge delivers an event of these instances after so many milliseconds, once for each. */
  event(instanceIds: readonly string[], delays: readonly number[]): void {
    if (delays.length > 1) this.cause(instanceIds, "its event came twice");
    if (delays.some((delay) => delay > 0)) for (const id of instanceIds) this.#late.add(id);
  }

  cause(instanceIds: readonly string[], cause: Cause): void {
    for (const instanceId of instanceIds) this.causes.push({ instanceId, cause });
  }

  /** A line of the function's log. */
  readonly log = (line: string): void => {
    const entry = parse(line);
    if (!isObject(entry) || line.includes(SECRET)) return void this.badLines.push(line);
    const { outcome, message, instanceId, messageId } = entry;
    if (typeof outcome !== "string") return;
    this.outcomes.set(outcome, (this.outcomes.get(outcome) ?? 0) + 1);
    const subject = instanceId ?? messageId;
    if (typeof subject === "string" && UNSETTLED.has(outcome)) this.#reasons.set(subject, `${outcome}: ${message}`);
    if (typeof instanceId === "string" && message === TOO_LONG)
      this.cause([instanceId], "the delivery's time was over");
  };

  /** A try of SNS to reach the webtask. One that broke off was in the hands of a process that was killed. */
  readonly delivery = ({ protocol, status, error, body }: DeliveryAttempt): void => {
    if (protocol === "sqs" || status !== undefined || error?.includes("ECONNREFUSED")) return;
    this.cause(instancesInEvent(messageIn(body)), "the function was killed with it in hand");
  };

  /** Calls a Lambda function; a call that is not answered was in the hands of a process that was killed. */
  invoking(invoke: (event: unknown, context: CallContext) => Promise<unknown>) {
    return async (event: { readonly Records: readonly { readonly body: string }[] }, context: CallContext) => {
      try {
        return await invoke(event, context);
      } catch (error) {
        const ids = event.Records.flatMap(({ body }) => instancesInEvent(body));
        this.cause(ids, "the function was killed with it in hand");
        throw error;
      }
    };
  }

  /** A message of a dead-letter queue: whom it is about, and what the log says of that. */
  letter(body: string, messageId: string): Records["deadLetters"][number] {
    const [instanceId] = instancesInEvent(messageIn(body));
    const envelope = parse(body);
    const named = isObject(envelope) && typeof envelope.MessageId === "string" ? envelope.MessageId : messageId;
    return {
      instanceId: instanceId ?? null,
      reason: this.#reasons.get(instanceId ?? "") ?? this.#reasons.get(named) ?? null,
    };
  }
}

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
