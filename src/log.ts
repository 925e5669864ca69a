import { LOG_LEVELS, type LogLevel } from "./config.ts";
import { type Outcome, reasonOf } from "./outcome.ts";

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

/** The metrics' namespace in CloudWatch. They have no dimensions: each pair of dimension values would be a metric to pay for. */
export const NAMESPACE = "EC2Audit";

/** How urgent an outcome's line is, and the metrics that it counts in beside its milliseconds. */
interface Reporting {
  readonly level: LogLevel;
  /** The counters, each 1. */
  readonly counts: Readonly<Record<string, 1>>;
  /** What tells CloudWatch which of the line's fields are metrics. */
  readonly directive: readonly object[];
}

function reporting(level: LogLevel, ...counters: readonly string[]): Reporting {
  const Metrics = [
    ...counters.map((Name) => ({ Name, Unit: "Count" })),
    { Name: "milliseconds", Unit: "Milliseconds" },
  ];
  return {
    level,
    counts: Object.fromEntries(counters.map((counter) => [counter, 1 as const])),
    directive: [{ Namespace: NAMESPACE, Dimensions: [[]], Metrics }],
  };
}

const REPORTING: Readonly<Record<Outcome["kind"], Reporting>> = {
  compliant: reporting("info", "audited", "compliant"),
  violating: reporting("warn", "audited", "violating"),
  deferred: reporting("info", "audited", "deferred"),
  ignored: reporting("info", "ignored"),
  unseen: reporting("warn", "unseen"),
  confirmed: reporting("info"),
  failed: reporting("error", "failed"),
  malformed: reporting("error", "rejected"),
  rejected: reporting("warn", "rejected"),
  misconfigured: reporting("error", "failed"),
};

/**
 * The log: JSON lines from the level on. The line of an outcome is an embedded-metric line too, so that CloudWatch
 * makes metrics of it without a call.
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
 */
export function createLog(level: LogLevel, write: Write, now: () => number): Log {
  const passes = (candidate: LogLevel) => LOG_LEVELS.indexOf(candidate) >= LOG_LEVELS.indexOf(level);
  return {
    outcome(outcome, milliseconds, messageId) {
      const report = REPORTING[outcome.kind];
      if (passes(report.level)) write(JSON.stringify(outcomeLine(outcome, report, milliseconds, messageId, now())));
    },
    note(urgency, message, fields = {}) {
      if (passes(urgency)) {
        write(JSON.stringify({ level: urgency, time: new Date(now()).toISOString(), message, ...fields }));
      }
    },
  };
}

/** AWS's own ids are UUIDs. */
const MAX_ID = 100;

function outcomeLine(
  outcome: Outcome,
  { level, counts, directive }: Reporting,
  milliseconds: number,
  messageId: unknown,
  timestamp: number,
) {
  const launch = "launch" in outcome ? outcome.launch : undefined;
  return {
    level,
    time: new Date(timestamp).toISOString(),
    outcome: outcome.kind,
    message: reasonOf(outcome),
    ...(typeof messageId === "string" && { messageId: messageId.slice(0, MAX_ID) }),
    ...(launch && {
      account: launch.account,
      region: launch.region,
      instanceId: launch.instanceId,
      event: launch.event,
      launchedBy: launch.launchedBy,
    }),
    ...(outcome.kind === "violating" && { rules: outcome.rules, alertIds: outcome.alertIds }),
    ...(outcome.kind === "deferred" && { retryAfterSeconds: outcome.retryAfterSeconds }),
    milliseconds,
    ...counts,
    _aws: { Timestamp: timestamp, CloudWatchMetrics: directive },
  };
}
