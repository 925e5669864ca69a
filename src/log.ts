import { LOG_LEVELS, type LogLevel } from "./config.ts";
import type { Launch } from "./launches/events.ts";
import { type Outcome, reasonOf } from "./launches/outcome.ts";
import { escapeUnseen } from "./util/json.ts";

/** Writes one line of log. */
export type Write = (line: string) => void;

/** Where everything is said that is worth saying. */
export interface Log {
  /**
   * One line for one outcome; `milliseconds` is how long its delivery has been in our hands. `messageId` is what SNS, SQS
   * or EventBridge name the message by: who finds it in a dead-letter queue finds the reason here. It may be anything, for
   * it is not verified: what is no text is left out, and long text is cut.
   */
  outcome(outcome: Outcome, milliseconds: number, messageId: unknown): void;
  /** One line about anything else. Fields must hold no secret, signature, token or certificate. */
  note(level: LogLevel, message: string, fields?: Readonly<Record<string, string>>): void;
}

/** The metrics' namespace in CloudWatch. */
export const NAMESPACE = "EC2Audit";

/** How urgent an outcome's line is, and the metrics that it counts in beside its milliseconds. */
interface Reporting {
  readonly level: LogLevel;
  /** The counters, each 1. */
  readonly counts: Readonly<Record<string, 1>>;
  /** What tells CloudWatch which of the line's fields are metrics. */
  readonly metrics: readonly object[];
}

function reporting(level: LogLevel, ...counters: readonly string[]): Reporting {
  return {
    level,
    counts: Object.fromEntries(counters.map((counter) => [counter, 1 as const])),
    metrics: [...counters.map((Name) => ({ Name, Unit: "Count" })), { Name: "milliseconds", Unit: "Milliseconds" }],
  };
}

const REPORTING: Readonly<Record<Outcome["kind"], Reporting>> = {
  compliant: reporting("info", "audited", "compliant"),
  violating: reporting("warn", "audited", "violating"),
  // It is decided later, so the line is only noise until then.
  deferred: reporting("debug", "audited", "deferred"),
  ignored: reporting("info", "ignored"),
  unseen: reporting("warn", "unseen"),
  confirmed: reporting("info"),
  failed: reporting("error", "failed"),
  malformed: reporting("error", "rejected"),
  rejected: reporting("warn", "rejected"),
  misconfigured: reporting("error", "failed"),
};

/**
 * The log: JSON lines of the level and above, without invisible characters. The line of an outcome is also in the embedded
 * metric format, so that CloudWatch makes metrics of it without a call. Their dimension is the name of the Lambda function,
 * where there is one. On Lambda at `info`, a deferred launch writes a line with only its metrics. `now` is in milliseconds
 * since 1970.
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
 */
export function createLog(level: LogLevel, write: Write, now: () => number, functionName?: string): Log {
  const passes = (candidate: LogLevel) => LOG_LEVELS.indexOf(candidate) >= LOG_LEVELS.indexOf(level);
  const say = (line: object) => write(escapeUnseen(JSON.stringify(line)));
  const dimension = functionName === undefined ? {} : { FunctionName: functionName };
  return {
    outcome(outcome, milliseconds, messageId) {
      const { counts, metrics, ...report } = REPORTING[outcome.kind];
      const urgency = outcome.kind === "ignored" && outcome.warning ? "warn" : report.level;
      const isCounted = outcome.kind === "deferred" && level === "info" && functionName !== undefined;
      if (!passes(urgency) && !isCounted) return;
      const Timestamp = now();
      const directive = { Namespace: NAMESPACE, Dimensions: [Object.keys(dimension)], Metrics: metrics };
      say({
        level: urgency,
        time: new Date(Timestamp).toISOString(),
        outcome: outcome.kind,
        ...(passes(urgency) && detailsOf(outcome, messageId)),
        milliseconds,
        ...counts,
        ...dimension,
        _aws: { Timestamp, CloudWatchMetrics: [directive] },
      });
    },
    note(urgency, message, fields = {}) {
      if (passes(urgency)) say({ level: urgency, time: new Date(now()).toISOString(), message, ...fields });
    },
  };
}

/** AWS's own ids are UUIDs. */
const MAX_ID = 100;

function detailsOf(outcome: Outcome, messageId: unknown): object {
  const { account, region, instanceId, event, launchedBy } = aboutOf(outcome);
  return {
    message: reasonOf(outcome),
    ...(typeof messageId === "string" && { messageId: messageId.slice(0, MAX_ID) }),
    account,
    region,
    instanceId,
    event,
    launchedBy,
    ...(outcome.kind === "violating" && { rules: outcome.rules, alertIds: outcome.alertIds }),
    ...(outcome.kind === "deferred" && { retryAfterSeconds: outcome.retryAfterSeconds }),
  };
}

/** What is known of the launch that the outcome is about. */
function aboutOf(outcome: Outcome): Partial<Launch> {
  return ("launch" in outcome && outcome.launch) || {};
}
