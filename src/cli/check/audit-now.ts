import type { EC2Client } from "@aws-sdk/client-ec2";
import { alertsFor } from "../../alerts/alert.ts";
import { allInstances, ec2Facts, type FactReader } from "../../facts/facts.ts";
import { auditLaunches, type Verdict } from "../../launches/auditor.ts";
import type { Launch } from "../../launches/events.ts";
import type { Policy } from "../../policy/policy.ts";
import type { Cli } from "../cli.ts";

/** What came of one instance; a finding is as it stands in the alert's document. */
export type CheckedInstance =
  | { readonly instanceId: string; readonly outcome: "compliant" }
  | { readonly instanceId: string; readonly outcome: "violating"; readonly findings: readonly CheckedFinding[] }
  /** It is terminated or shutting down. EC2 shows it for about an hour. */
  | { readonly instanceId: string; readonly outcome: "ignored"; readonly reason: string }
  /** EC2 does not show it. */
  | { readonly instanceId: string; readonly outcome: "unseen"; readonly reason: string };

interface CheckedFinding {
  readonly instanceId: string;
  readonly ruleId: string;
  readonly message: string;
  readonly [field: string]: unknown;
}

/** What an alert would say: to people, and to programs. */
interface CheckedAlert {
  readonly subject: string;
  readonly text: string;
  readonly document: unknown;
}

/** What came of all, in the order of the ids. */
export interface Checked {
  readonly instances: readonly CheckedInstance[];
  readonly alerts: readonly CheckedAlert[];
}

/** So many instances are in memory, with all that EC2 tells of them, at one time: four calls of 200 side by side. */
const AT_ONCE = 800;

/** EC2 refills an account's allowance every second: a fleet that has used it up goes on after this long, in milliseconds.
 * https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html */
const BREATHS_MS = [1_000, 2_000, 4_000, 8_000];

/** How often the work says where it is, in milliseconds. */
const SAY_EVERY_MS = 2_000;

/** Instances that are audited together, and the facts about them. */
interface Batch {
  readonly ids: readonly string[];
  readonly facts: FactReader;
}

/** The instances of these ids, `AT_ONCE` at a time. */
export function* named(ids: readonly string[], ec2: Pick<EC2Client, "send">): Generator<Batch> {
  const facts = ec2Facts(ec2);
  for (let from = 0; from < ids.length; from += AT_ONCE) yield { ids: ids.slice(from, from + AT_ONCE), facts };
}

/** Every instance of the client's account and region, in EC2's own pages, so that each is read once. */
export async function* everyOne(ec2: Pick<EC2Client, "send">): AsyncGenerator<Batch> {
  for await (const page of allInstances(ec2)) {
    const instances = new Map(page.map((instance) => [instance.instanceId, { value: instance }]));
    const tags = new Map(page.map((instance) => [instance.instanceId, { value: instance.tags }]));
    yield { ids: [...instances.keys()], facts: { instances: async () => instances, tags: async () => tags } };
  }
}

/**
 * Audits instances of one account and region with the core of the function, whatever their age, and publishes nothing.
 * `say` is told now and then how many are done. Throws what AWS throws when instances cannot be read.
 */
export async function auditNow(
  batches: Iterable<Batch> | AsyncIterable<Batch>,
  place: Pick<Launch, "account" | "region">,
  policy: Policy,
  cli: Pick<Cli, "now" | "pause">,
  say: (audited: number) => void,
): Promise<Checked> {
  const { now } = cli;
  // An instance is looked at itself, though its tags may do: only so is a terminated one seen that still shows its tags.
  const rules = policy.rules.map((rule) => ({ ...rule, needs: [...rule.needs, "instance" as const] }));
  const audit = { policy: { rules }, graceSeconds: 0, patienceSeconds: 0, auditRestarts: true, now };
  const instances: CheckedInstance[] = [];
  const alerts: CheckedAlert[] = [];
  let saidAt = now();
  for await (const { ids, facts } of batches) {
    const launches = ids.map((instanceId) => launchOf(instanceId, place));
    const verdicts = await auditPatiently(launches, { ...audit, facts }, cli);
    const ofThese = alertsFor(findingsIn(verdicts), now()).map(readAlert);
    alerts.push(...ofThese.map(({ alert }) => alert));
    const findings = new Map<string, CheckedFinding[]>();
    for (const finding of ofThese.flatMap((each) => each.findings)) {
      findings.set(finding.instanceId, [...(findings.get(finding.instanceId) ?? []), finding]);
    }
    launches.forEach(({ instanceId }, index) => {
      instances.push(checkedOf(instanceId, place.region, verdicts[index], findings.get(instanceId) ?? []));
    });
    if (now() - saidAt >= SAY_EVERY_MS) {
      saidAt = now();
      say(instances.length);
    }
  }
  return { instances, alerts };
}

/** As long ago as can be: every grace is over, and EC2 shows every instance that there is. */
function launchOf(instanceId: string, place: Pick<Launch, "account" | "region">): Launch {
  return { ...place, instanceId, at: 0, launchedBy: null, event: "ec2-audit check" };
}

/** Audits, and again what EC2 has throttled. @throws what AWS threw when it does not get better */
async function auditPatiently(
  launches: readonly Launch[],
  audit: Parameters<typeof auditLaunches>[1],
  { pause }: Pick<Cli, "pause">,
): Promise<readonly Verdict[]> {
  const settled = new Map<string, Verdict>();
  for (const breath of [...BREATHS_MS, null]) {
    const open = launches.filter(({ instanceId }) => !settled.has(instanceId));
    const verdicts = await auditLaunches(open, audit);
    const failures = verdicts.flatMap((verdict) => (verdict.kind === "failed" ? [verdict.error] : []));
    const final = failures.find((error) => breath === null || !isThrottled(error));
    if (final !== undefined) throw final;
    open.forEach(({ instanceId }, index) => {
      const verdict = verdicts[index];
      if (verdict && verdict.kind !== "failed") settled.set(instanceId, verdict);
    });
    if (failures.length === 0 || breath === null) break;
    await pause(breath);
  }
  return launches.flatMap(({ instanceId }) => settled.get(instanceId) ?? []);
}

function isThrottled(error: unknown): boolean {
  return error instanceof Error && /RequestLimitExceeded|Throttl/.test(error.name);
}

function findingsIn(verdicts: readonly Verdict[]) {
  return verdicts.flatMap((verdict) => (verdict.kind === "violating" ? verdict.findings : []));
}

/** The text and the document in a message for SNS. */
function readAlert({ subject, message }: { readonly subject: string; readonly message: string }) {
  const texts: { readonly default: string; readonly email: string } = JSON.parse(message);
  const document: { readonly findings: readonly CheckedFinding[] } = JSON.parse(texts.default);
  return { alert: { subject, text: texts.email, document }, findings: document.findings };
}

function checkedOf(
  instanceId: string,
  region: string,
  verdict: Verdict | undefined,
  findings: readonly CheckedFinding[],
): CheckedInstance {
  switch (verdict?.kind) {
    case "compliant":
      return { instanceId, outcome: "compliant" };
    case "violating":
      return { instanceId, outcome: "violating", findings };
    case "ignored":
      return { instanceId, outcome: "ignored", reason: verdict.reason };
    case "unseen":
      // The function knows that the instance was there; here its id may be of another region.
      return { instanceId, outcome: "unseen", reason: `is not in ${region} (any more)` };
    default:
      throw new Error(`${instanceId} was not audited`);
  }
}
