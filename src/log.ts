import type { Launch } from "./launches/events.ts";
import { type Outcome, reasonOf } from "./launches/outcome.ts";
import type { Handled } from "./sns/receive.ts";
import { escapeUnseen } from "./util/json.ts";
import { LOG_LEVELS, type LogLevel, type Note } from "./util/note.ts";

/** Writes one line of log. */
export type Write = (line: string) => void;

/** An outcome for the log: of a launch, or of an SNS delivery without one. */
export type Logged = Outcome | Handled;

/** The function's log. */
export interface Log {
  /**
   * Writes one line for one outcome. `milliseconds` is the time since the delivery arrived. `messageId` is the id that SNS, SQS
   * or EventBridge gave the message, so that an operator can find the reason of a message in a dead-letter queue. It is not
   * verified: a value that is not text is omitted, and long text is cut.
   */
  outcome(outcome: Logged, milliseconds: number, messageId: unknown): void;
  readonly note: Note;
}

/** The CloudWatch namespace of the metrics. */
export const NAMESPACE = "EC2Audit";

/** The level of an outcome's line, and its metrics. */
interface Reporting {
  readonly level: LogLevel;
  /** The counters, each 1. */
  readonly counts: Readonly<Record<string, 1>>;
  /** Tells CloudWatch which fields of the line are metrics. */
  readonly metrics: readonly object[];
}

function reporting(level: LogLevel, ...counters: readonly string[]): Reporting {
  return {
    level,
    counts: Object.fromEntries(counters.map((counter) => [counter, 1 as const])),
    metrics: [...counters.map((Name) => ({ Name, Unit: "Count" })), { Name: "milliseconds", Unit: "Milliseconds" }],
  };
}

const REPORTING: Readonly<Record<Logged["kind"], Reporting>> = {
  compliant: reporting("info", "audited", "compliant"),
  violating: reporting("warn", "audited", "violating"),
  resolved: reporting("info", "audited", "resolved"),
  // The launch is not decided yet.
  deferred: reporting("debug", "audited", "deferred"),
  ignored: reporting("info", "ignored"),
  continued: reporting("info"),
  swept: reporting("info", "swept"),
  unseen: reporting("warn", "unseen"),
  "not-judged": reporting("error", "audited", "notJudged"),
  confirmed: reporting("info"),
  failed: reporting("error", "failed"),
  malformed: reporting("error", "rejected"),
  rejected: reporting("warn", "rejected"),
  misconfigured: reporting("error", "failed"),
};

/** An alert went out, but some rules could not be judged. */
const PARTLY_JUDGED = {
  violating: reporting("error", "audited", "violating", "notJudged"),
  resolved: reporting("error", "audited", "resolved", "notJudged"),
};

function reportingOf(outcome: Logged): Reporting {
  const isAlerted = outcome.kind === "violating" || outcome.kind === "resolved";
  return isAlerted && outcome.notJudged.length > 0 ? PARTLY_JUDGED[outcome.kind] : REPORTING[outcome.kind];
}

/**
 * Creates the log: JSON lines of the minimum level and above, without invisible characters. The line of an outcome is also in the
 * embedded metric format, so that CloudWatch extracts metrics without a call. Their dimension is the name of the Lambda
 * function, if there is one. On Lambda at `info`, the line of a deferred launch has only its metrics. `now` is in
 * milliseconds since 1970.
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
 */
export function createLog(minimum: LogLevel, write: Write, now: () => number, functionName?: string): Log {
  const passes = (level: LogLevel) => LOG_LEVELS.indexOf(level) >= LOG_LEVELS.indexOf(minimum);
  const writeLine = (line: object) => write(escapeUnseen(JSON.stringify(line)));
  const dimension = functionName === undefined ? {} : { FunctionName: functionName };
  return {
    outcome(outcome, milliseconds, messageId) {
      const { counts, metrics, ...usual } = reportingOf(outcome);
      const level = "warning" in outcome ? "warn" : usual.level;
      const isCounted = outcome.kind === "deferred" && minimum === "info" && functionName !== undefined;
      if (!passes(level) && !isCounted) return;
      const Timestamp = now();
      const directive = { Namespace: NAMESPACE, Dimensions: [Object.keys(dimension)], Metrics: metrics };
      writeLine({
        level,
        time: new Date(Timestamp).toISOString(),
        outcome: outcome.kind,
        ...(passes(level) && detailsOf(outcome, messageId)),
        milliseconds,
        ...counts,
        ...dimension,
        _aws: { Timestamp, CloudWatchMetrics: [directive] },
      });
    },
    note(level, message, fields = {}) {
      if (passes(level)) writeLine({ level, time: new Date(now()).toISOString(), message, ...fields });
    },
  };
}

/** The maximum length of a message id. AWS's ids are UUIDs. */
const MAX_ID = 100;

function detailsOf(outcome: Logged, messageId: unknown): object {
  const { account, region, instanceId, event, launchedBy } = launchOf(outcome);
  return {
    message: reasonOf(outcome),
    ...(typeof messageId === "string" && { messageId: messageId.slice(0, MAX_ID) }),
    account,
    region,
    instanceId,
    event,
    launchedBy,
    ...((outcome.kind === "violating" || outcome.kind === "resolved") && alertDetailsOf(outcome)),
    ...(outcome.kind === "not-judged" && { rulesNotJudged: outcome.rules }),
    ...("sweep" in outcome && { sweep: outcome.sweep }),
    ...(outcome.kind === "deferred" && { retryAfterSeconds: outcome.retryAfterSeconds }),
  };
}

function alertDetailsOf(outcome: Extract<Logged, { kind: "violating" | "resolved" }>): object {
  const { rules, alertIds, notJudged } = outcome;
  const resolved = outcome.kind === "violating" ? outcome.resolved : [];
  return {
    rules,
    alertIds,
    ...(resolved.length > 0 && { rulesResolved: resolved }),
    ...(notJudged.length > 0 && { rulesNotJudged: notJudged }),
  };
}

/** Returns the known fields of the outcome's launch. */
function launchOf(outcome: Logged): Partial<Launch> {
  return ("launch" in outcome && outcome.launch) || {};
}
