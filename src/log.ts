import type { LogLevel } from "./config.ts";
import { LOG_LEVELS } from "./config.ts";
import { type Outcome, reasonOf } from "./outcome.ts";

/** Writes one line of log. */
export type Write = (line: string) => void;

export interface Log {
  /** One line for one outcome; `milliseconds` is how long its delivery has been in our hands. */
  outcome(outcome: Outcome, milliseconds: number): void;
  /** One line about anything else. Fields must hold no secret, signature, token or certificate. */
  note(level: LogLevel, message: string, fields?: Readonly<Record<string, string>>): void;
}

/** The metrics that an outcome counts in, beside its milliseconds; and how urgent its line is. */
const COUNTERS: Readonly<Record<Outcome["kind"], { level: LogLevel; counters: readonly string[] }>> = {
  compliant: { level: "info", counters: ["audited", "compliant"] },
  violating: { level: "warn", counters: ["audited", "violating"] },
  deferred: { level: "info", counters: ["audited", "deferred"] },
  ignored: { level: "info", counters: ["ignored"] },
  confirmed: { level: "info", counters: [] },
  failed: { level: "error", counters: ["failed"] },
  malformed: { level: "error", counters: ["rejected"] },
  rejected: { level: "warn", counters: ["rejected"] },
  misconfigured: { level: "error", counters: ["failed"] },
};

/** The metrics' namespace in CloudWatch. They have no dimensions: each pair of dimension values would be a metric to pay for. */
export const NAMESPACE = "EC2Audit";

/**
 * The log: JSON lines from the level on. The line of an outcome is an embedded-metric line too, so that CloudWatch
 * makes metrics of it without a call.
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
 */
export function createLog(level: LogLevel, write: Write, now: () => number): Log {
  const passes = (candidate: LogLevel) => LOG_LEVELS.indexOf(candidate) >= LOG_LEVELS.indexOf(level);
  return {
    outcome(outcome, milliseconds) {
      const { level: urgency, counters } = COUNTERS[outcome.kind];
      if (passes(urgency)) write(JSON.stringify(outcomeLine(outcome, urgency, counters, milliseconds, now())));
    },
    note(urgency, message, fields = {}) {
      if (passes(urgency)) {
        write(JSON.stringify({ level: urgency, time: new Date(now()).toISOString(), message, ...fields }));
      }
    },
  };
}

function outcomeLine(
  outcome: Outcome,
  level: LogLevel,
  counters: readonly string[],
  milliseconds: number,
  timestamp: number,
) {
  const launch = "launch" in outcome ? outcome.launch : undefined;
  return {
    level,
    time: new Date(timestamp).toISOString(),
    outcome: outcome.kind,
    message: reasonOf(outcome),
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
    ...Object.fromEntries(counters.map((counter) => [counter, 1])),
    _aws: {
      Timestamp: timestamp,
      CloudWatchMetrics: [
        {
          Namespace: NAMESPACE,
          Dimensions: [[]],
          Metrics: [
            ...counters.map((Name) => ({ Name, Unit: "Count" })),
            { Name: "milliseconds", Unit: "Milliseconds" },
          ],
        },
      ],
    },
  };
}
