import type { EC2Client } from "@aws-sdk/client-ec2";
import { type Alert, type AlertDocument, alertsFor } from "../../alerts/alert.ts";
import { type Finding, findingsOf, type Unjudged, unjudgedOf } from "../../alerts/finding.ts";
import { ec2Facts, type FactReader } from "../../facts/facts.ts";
import { allInstances } from "../../facts/instances.ts";
import { launcherOf } from "../../facts/launcher.ts";
import { readOf } from "../../facts/pages.ts";
import { type FactPlan, planFacts, type ShownFacts } from "../../facts/plan.ts";
import { isTerminated } from "../../facts/terminated.ts";
import { factsOfPages } from "../../fleet/place-facts.ts";
import { evaluate, type Verdict } from "../../policy/evaluate.ts";
import { forLaunches, needsOf, type Policy } from "../../policy/policy.ts";
import { groupBy } from "../../util/group-by.ts";
import type { Cli } from "../cli.ts";

/** The result for one instance. Its findings are those of the alert's document. */
export type CheckedInstance =
  | { readonly instanceId: string; readonly outcome: "compliant" }
  | { readonly instanceId: string; readonly outcome: "violating"; readonly findings: AlertDocument["findings"] }
  /** Without a violation, but some rules could not be judged. */
  | { readonly instanceId: string; readonly outcome: "not-judged"; readonly reason: string }
  /** Terminated or shutting down. */
  | { readonly instanceId: string; readonly outcome: "ignored"; readonly reason: string }
  /** Not shown by EC2. */
  | { readonly instanceId: string; readonly outcome: "unseen"; readonly reason: string };

/** The results for all instances, in the order of their ids, and the alerts that the function would publish. */
export interface Checked {
  readonly instances: readonly CheckedInstance[];
  readonly alerts: readonly Pick<Alert, "subject" | "text" | "document">[];
}

/** How many instances are in memory at the same time: four parallel calls of 200. */
const BATCH_SIZE = 800;

/** The pauses before throttled calls are repeated, in milliseconds. EC2 refills an account's allowance every second.
 * https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html */
const PAUSES_MS = [1_000, 2_000, 4_000, 8_000];

/** The interval between two progress reports, in milliseconds. */
const PROGRESS_MS = 2_000;

/** An account and region. */
type Place = Pick<Finding, "account" | "region">;

/** Instances that are checked together, and the reader of their facts. */
interface Batch {
  readonly ids: readonly string[];
  readonly facts: FactReader;
}

/** Returns batches of the instances with these ids. */
export function* named(ids: readonly string[], ec2: Pick<EC2Client, "send">): Generator<Batch> {
  const facts = ec2Facts(ec2);
  for (let from = 0; from < ids.length; from += BATCH_SIZE) yield { ids: ids.slice(from, from + BATCH_SIZE), facts };
}

/** Returns batches of every instance of the client's account and region: the pages of EC2, so that each is read once. */
export async function* everyOne(ec2: Pick<EC2Client, "send">): AsyncGenerator<Batch> {
  const factsOf = factsOfPages(ec2);
  for await (const page of allInstances(ec2)) {
    yield { ids: page.map(({ instanceId }) => instanceId), facts: factsOf(page) };
  }
}

/**
 * Checks instances of one account and region, whatever their age, by the rules that alert. Publishes nothing. Calls `progress` from time to time with
 * the number of checked instances. Throws the error of AWS when instances cannot be read.
 */
export async function auditNow(
  batches: Iterable<Batch> | AsyncIterable<Batch>,
  place: Place,
  policy: Policy,
  { now, pause }: Pick<Cli, "now" | "pause">,
  progress: (checked: number) => void,
): Promise<Checked> {
  const instances: CheckedInstance[] = [];
  const alerts: Checked["alerts"][number][] = [];
  const alerting = forLaunches(policy);
  const needs = needsOf(alerting);
  let reportedAt = now();
  for await (const { ids, facts } of batches) {
    const read = await readPatiently(ids, planFacts(needs, facts), pause);
    const judged = new Map([...read].map(([id, facts]) => [id, judge(facts, place, alerting, now())]));
    const all = [...judged.values()];
    const ofBatch = alertsFor(
      all.flatMap(({ findings: own }) => own),
      now(),
      all.flatMap(({ findings: own, unjudged }) => (own.length > 0 ? unjudged : [])),
    );
    for (const { subject, text, document } of ofBatch) alerts.push({ subject, text, document });
    const findings = groupBy(
      ofBatch.flatMap(({ document }) => document.findings),
      ({ instanceId }) => instanceId,
    );
    for (const id of ids) {
      const facts = read.get(id) ?? null;
      instances.push(resultOf(id, facts, findings.get(id), judged.get(id)?.unjudged ?? [], place));
    }
    if (now() - reportedAt >= PROGRESS_MS) {
      reportedAt = now();
      progress(instances.length);
    }
  }
  return { instances, alerts };
}

/** Reads facts, and reads them again when EC2 throttled the call. Throws any other error, and throttling that does not end. */
async function readPatiently(
  ids: readonly string[],
  plan: FactPlan,
  pause: Cli["pause"],
): Promise<ReadonlyMap<string, ShownFacts | null>> {
  const found = new Map<string, ShownFacts | null>();
  let open = ids;
  for (const milliseconds of [...PAUSES_MS, null]) {
    const reads = await plan.read(open);
    open = open.filter((id) => {
      const read = readOf(reads, id);
      if ("value" in read) found.set(id, read.value);
      else if (milliseconds === null || !isThrottled(read.error)) throw read.error;
      return "error" in read;
    });
    if (open.length === 0 || milliseconds === null) break;
    await pause(milliseconds);
  }
  return found;
}

function isThrottled(error: unknown): boolean {
  return error instanceof Error && /RequestLimitExceeded|Throttl/.test(error.name);
}

/** The findings of an instance, and the rules that could not be judged on it. */
interface Judged {
  readonly findings: readonly Finding[];
  readonly unjudged: readonly Unjudged[];
}

function judge(facts: ShownFacts | null, place: Place, policy: Policy, now: number): Judged {
  if (facts === null || isTerminated(facts.instance)) return { findings: [], unjudged: [] };
  const { instance, tags } = facts;
  const occasion = instance.launchTime ?? new Date(0).toISOString();
  const launchedBy = launcherOf(null, tags);
  const origin = { ...place, launchedBy, event: "ec2-audit check", occasion };
  const verdicts: readonly Verdict[] = evaluate({ ...facts, ...place, launchedBy }, policy, now);
  return {
    findings: findingsOf(
      verdicts.filter((verdict) => verdict.kind === "violation"),
      instance,
      origin,
    ),
    unjudged: unjudgedOf(
      verdicts.filter((verdict) => verdict.kind === "not-judged"),
      instance,
      origin,
    ),
  };
}

function resultOf(
  instanceId: string,
  facts: ShownFacts | null,
  findings: AlertDocument["findings"] | undefined,
  unjudged: readonly Unjudged[],
  { region }: Place,
): CheckedInstance {
  if (facts === null) return { instanceId, outcome: "unseen", reason: `is not in ${region} (any more)` };
  const { instance } = facts;
  if (isTerminated(instance)) return { instanceId, outcome: "ignored", reason: `the instance is ${instance.state}` };
  if (findings) return { instanceId, outcome: "violating", findings };
  if (unjudged.length === 0) return { instanceId, outcome: "compliant" };
  const reasons = [...groupBy(unjudged, ({ because }) => because)];
  const reason = reasons
    .map(([because, own]) => `${own.map(({ ruleId }) => ruleId).join(", ")}: ${because}`)
    .join("; ");
  return { instanceId, outcome: "not-judged", reason: `not judged: ${reason}` };
}
