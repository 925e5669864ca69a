import { deliver, type Publication, type Publisher } from "../alerts/deliver.ts";
import { keyOf } from "../alerts/destinations.ts";
import { type Finding, isResolved } from "../alerts/finding.ts";
import type { Open } from "../alerts/sent.ts";
import { describeError } from "../util/errors.ts";
import { type Audit, type Audited, auditLaunches } from "./auditor.ts";
import type { Launch } from "./events.ts";
import { isUnsettled, type Outcome, TOO_LONG } from "./outcome.ts";

/** The launches of one event. The engine delivers all of them again when one of them is not settled. */
export interface Unit {
  /** All of one account and region. */
  readonly launches: readonly Launch[];
  /** For how many seconds after the first call the engine retries it. */
  readonly retryWindowSeconds: number;
  /** Whether the engine still waits for the response. */
  readonly isAwaited: () => boolean;
}

/** The settings of a batch: for its audit and its alerts. */
export interface Batch extends Audit, Omit<Publisher, "routes"> {}

/**
 * Audits units of one account and region, publishes their alerts, and returns an outcome for each launch.
 *
 * The findings of a unit are alerted only when all of its launches are settled and its engine still waits. Otherwise the
 * engine delivers the unit again, and the alert would be repeated. Never throws: an error of AWS is an outcome.
 */
export async function runBatch(units: readonly Unit[], batch: Batch): Promise<Outcome[][]> {
  const all = await auditLaunches(
    units.flatMap((unit) => unit.launches),
    batch,
  );
  const now = batch.now();
  const audited = units.map((unit) => {
    const results = all.splice(0, unit.launches.length);
    return { results, instead: insteadOfAlert(unit, results) };
  });
  const due = audited.flatMap(({ results, instead }) => (instead ? [] : results.filter((each) => "findings" in each)));
  const isAwaited = () => units.some((unit) => unit.isAwaited());
  const { routes } = batch.policy;
  const delivered = await deliver(due, { ...batch, routes }, now, isAwaited);
  const publications = new Map(due.map((each, index) => [each, delivered[index] ?? []]));
  return audited.map(({ results, instead }, index) => {
    const outcomes = results.map((result) => {
      if (!("findings" in result)) return result;
      return instead ? instead(result.launch) : outcomeOf(result, publications.get(result) ?? [], batch.open);
    });
    // Without routes a launch has one destination: if that fails, nothing of the launch was published.
    if (routes.length > 0) {
      const own = results.flatMap((result) => ("findings" in result ? (publications.get(result) ?? []) : []));
      const isRepeated = outcomes.some(isUnsettled) || units[index]?.isAwaited() === false;
      remember(own, isRepeated, batch.sent);
    }
    return outcomes;
  });
}

/**
 * Remembers what was published for a unit that the engine delivers again. Also does so for a unit of which something is remembered
 * already: another event of the same launch may still be delivered again.
 */
function remember(publications: readonly Publication[], isRepeated: boolean, sent: Publisher["sent"]): void {
  if (!isRepeated && publications.every(({ key }) => sent.get(key) === undefined)) return;
  for (const { key, result } of publications) if ("alertId" in result) sent.add(key, result.alertId);
}

type WithFindings = Extract<Audited, { findings: unknown }>;

/** Returns the outcome of a launch whose findings are not alerted now. */
type Instead = (launch: Launch) => Outcome;

/** Returns the function for a unit whose findings are not alerted now; null if they are alerted. */
function insteadOfAlert(unit: Unit, results: readonly Audited[]): Instead | null {
  if (!unit.isAwaited()) return (launch) => ({ kind: "failed", launch, reason: TOO_LONG });
  const outcomes = results.filter((result) => "kind" in result);
  const deferred = outcomes.filter((outcome) => outcome.kind === "deferred");
  if (deferred.length > 0) {
    const retryAfterSeconds = Math.max(...deferred.map((outcome) => outcome.retryAfterSeconds));
    return (launch) => ({ kind: "deferred", launch, reason: WAITS, retryAfterSeconds });
  }
  const failed = outcomes.some((outcome) => outcome.kind === "failed");
  return failed ? (launch) => ({ kind: "failed", launch, reason: WAITS }) : null;
}

const WAITS = "the delivery is retried until every launch is settled; then the alert is sent";

function outcomeOf(
  { launch, findings, unjudged }: WithFindings,
  publications: readonly Publication[],
  open: Audit["open"],
): Outcome {
  const alertIds = new Set<string>();
  for (const { destination, result } of publications) {
    if ("error" in result) {
      const where = destination.route === null ? "" : ` to the topic of ${destination.route}`;
      return { kind: "failed", launch, reason: `the alert was not published${where}: ${describeError(result.error)}` };
    }
    alertIds.add(result.alertId);
  }
  if (open !== null) for (const publication of publications) note(publication, open);
  const violating = findings.filter((finding): finding is Finding => !isResolved(finding));
  const resolved = findings.filter(isResolved);
  const common = {
    launch,
    alertIds: [...alertIds],
    notJudged: [...new Set(unjudged.map(({ ruleId }) => ruleId))],
  };
  if (violating.length === 0) {
    const reason = resolved.map(({ ruleId, because }) => `${ruleId} is resolved: ${because}`).join("; ");
    return { kind: "resolved", ...common, rules: resolved.map(({ ruleId }) => ruleId), reason };
  }
  return {
    kind: "violating",
    ...common,
    rules: violating.map(({ ruleId }) => ruleId),
    reason: violating.map(({ violation }) => violation.message).join("; "),
    resolved: resolved.map(({ ruleId }) => ruleId),
  };
}

/** Notes that a finding is open at a destination, or no longer. */
function note({ finding, destination }: Publication, open: Open): void {
  const { dedupKey } = finding;
  if (isResolved(finding)) open.delete(dedupKey);
  else open.add(dedupKey, new Set(open.get(dedupKey)).add(keyOf(destination)));
}
