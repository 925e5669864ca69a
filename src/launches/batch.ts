import { PublishCommand, type SNSClient } from "@aws-sdk/client-sns";
import { type Alert, alertsFor } from "../alerts/alert.ts";
import type { Paced } from "../alerts/pacer.ts";
import type { TopicArn } from "../aws/topic-arn.ts";
import { describeError } from "../util/errors.ts";
import { type Audit, auditLaunches, type Finding, type Verdict } from "./auditor.ts";
import type { Launch } from "./events.ts";
import { type Outcome, TOO_LONG } from "./outcome.ts";

/** The launches of one event: what an engine brings again as a whole when one of them is not settled. */
export interface Unit {
  /** All of one account and region. */
  readonly launches: readonly Launch[];
  /** For how many seconds after the first call the engine retries it. */
  readonly patienceSeconds: number;
  /** Whether the engine still waits for the answer. */
  readonly isAwaited: () => boolean;
}

/** What a batch is run with: what the audit needs, and where the alerts go. */
export interface Batch extends Audit {
  readonly alertTopic: TopicArn;
  /** The client for the alert topic's region. */
  readonly sns: Pick<SNSClient, "send">;
  /** Paces the messages that all batches of the function publish. */
  readonly inTurn: Paced;
}

/**
 * Audits units of one account and region, publishes what they come to, and answers an outcome for each launch.
 *
 * A unit's findings are only alerted when all of its launches are settled, and when its engine still waits: else it
 * will be brought again, and the alert would be repeated. Never throws: what AWS did not do is an outcome.
 */
export async function runBatch(units: readonly Unit[], batch: Batch): Promise<Outcome[][]> {
  const all = await auditLaunches(
    units.flatMap((unit) => unit.launches),
    batch,
  );
  const now = batch.now();
  const rest = all.values();
  const audited = units.map((unit) => {
    const verdicts = unit.launches.map(() => rest.next().value);
    return { unit, verdicts, hold: holdOf(unit, verdicts) };
  });
  const findings = audited.flatMap((each) => (each.hold ? [] : each.verdicts.flatMap(findingsIn)));
  const isAwaited = () => units.some((unit) => unit.isAwaited());
  const published = await publishAll(alertsFor(findings, now), batch, isAwaited);
  return audited.map(({ unit, verdicts, hold }) =>
    unit.launches.map((launch, index) => outcomeOf(launch, verdicts[index], hold, published)),
  );
}

/** What came of publishing a finding: the id of its alert, or the error. */
type Published = ReadonlyMap<Finding["id"], { readonly alertId: string } | { readonly error: unknown }>;

async function publishAll(alerts: readonly Alert[], batch: Batch, isAwaited: () => boolean): Promise<Published> {
  const published = new Map<string, { alertId: string } | { error: unknown }>();
  await Promise.all(
    alerts.map(async (alert) => {
      const result = await publish(alert, batch, isAwaited).then(
        () => ({ alertId: alert.id }),
        (error: unknown) => ({ error }),
      );
      for (const finding of alert.findings) published.set(finding.id, result);
    }),
  );
  return published;
}

async function publish(alert: Alert, { sns, alertTopic, inTurn }: Batch, isAwaited: () => boolean): Promise<void> {
  const command = new PublishCommand({
    TopicArn: alertTopic.arn,
    Subject: alert.subject,
    Message: alert.message,
    MessageStructure: "json",
    MessageAttributes: alert.attributes,
    ...(alertTopic.fifo && { MessageGroupId: alert.group, MessageDeduplicationId: alert.id }),
  });
  const answer = await inTurn(() => sns.send(command), isAwaited);
  if (answer === null) throw new Error("the time ran out while other alerts were sent, ten a second");
  // SNS names every message it takes; without a name something else answered, and the alert would be lost.
  if (!answer.MessageId) throw new Error("Publish was answered by something that is not SNS");
}

function outcomeOf(launch: Launch, verdict: Verdict | undefined, hold: Hold | null, published: Published): Outcome {
  switch (verdict?.kind) {
    case "compliant":
      return { kind: "compliant", launch };
    case "ignored":
    case "unseen":
      return { kind: verdict.kind, launch, reason: verdict.reason };
    case "deferred":
      return { kind: "deferred", launch, reason: verdict.reason, retryAfterSeconds: verdict.retryAfterSeconds };
    case "violating":
      return hold ? hold(launch) : alertedOutcome(launch, verdict.findings, published);
    default:
      return { kind: "failed", launch, reason: describeError(verdict?.error) };
  }
}

/** The outcome of a launch that breaks the rules and is not to be alerted yet. */
type Hold = (launch: Launch) => Outcome;

/** What holds back the alert of a unit; null when nothing does. */
function holdOf(unit: Unit, verdicts: readonly (Verdict | undefined)[]): Hold | null {
  if (!unit.isAwaited()) return (launch) => ({ kind: "failed", launch, reason: TOO_LONG });
  const deferred = verdicts.filter((verdict) => verdict?.kind === "deferred");
  if (deferred.length > 0) {
    const retryAfterSeconds = Math.max(...deferred.map((verdict) => verdict.retryAfterSeconds));
    return (launch) => ({ kind: "deferred", launch, reason: WAITS, retryAfterSeconds });
  }
  const failed = verdicts.some((verdict) => verdict === undefined || verdict.kind === "failed");
  return failed ? (launch) => ({ kind: "failed", launch, reason: WAITS }) : null;
}

const WAITS = "its alert waits for the others of the same delivery, which is to come again";

function alertedOutcome(launch: Launch, findings: readonly Finding[], published: Published): Outcome {
  const alertIds = new Set<string>();
  for (const finding of findings) {
    const result = published.get(finding.id);
    if (result === undefined || "error" in result) {
      return { kind: "failed", launch, reason: `the alert was not published: ${describeError(result?.error)}` };
    }
    alertIds.add(result.alertId);
  }
  return {
    kind: "violating",
    launch,
    rules: findings.map((finding) => finding.ruleId),
    reason: findings.map((finding) => finding.violation.message).join("; "),
    alertIds: [...alertIds],
  };
}

function findingsIn(verdict: Verdict | undefined): readonly Finding[] {
  return verdict?.kind === "violating" ? verdict.findings : [];
}
