import { setMaxListeners } from "node:events";
import { findingDocuments } from "../../alerts/alert.ts";
import { findingsOf } from "../../alerts/finding.ts";
import type { Pace } from "../../fleet/paced.ts";
import type { Place, PlaceResult } from "../../fleet/place.ts";
import { type JudgedInstance, readPlace } from "../../fleet/read-place.ts";
import type { Target, Targets } from "../../fleet/targets.ts";
import { FleetTotals } from "../../fleet/totals.ts";
import type { Policy } from "../../policy/policy.ts";
import type { ExemptLine, FindingLine, Header, Line } from "./lines.ts";
import type { TextFile } from "./output.ts";
import type { Progress } from "./progress.ts";
import type { Comparison } from "./since.ts";

/** What a report is made of. */
export interface Collection {
  readonly header: Header;
  readonly policy: Policy;
  readonly targets: Targets;
  /** Null without a previous report. */
  readonly comparison: Comparison | null;
  /** Its signal interrupts the report. */
  readonly pace: Pace;
  readonly progress: Progress;
  /** The start of the report, in milliseconds since 1970. */
  readonly startedAt: number;
}

/** How many places are read at the same time. The transport limits the calls in flight and the pages in memory. */
const PLACES_AT_ONCE = 64;

/**
 * Reads every place, and writes the lines of the report as the pages arrive. Memory does not grow with the number of instances.
 * When the signal aborts, the places that are not complete are partial. Returns whether a page was read. Throws the errors of the file and of the previous report.
 */
export async function collect(out: TextFile, collection: Collection): Promise<{ readonly hasRead: boolean }> {
  const { header, policy, targets, comparison, progress, startedAt } = collection;
  const failure = new AbortController();
  const signal = AbortSignal.any([collection.pace.signal, failure.signal]);
  // Each call in flight listens.
  setMaxListeners(0, signal);
  const pace = { ...collection.pace, signal };
  const instancesOf = comparison?.instancesOf ?? (() => null);
  const totals = new FleetTotals(policy, header);
  const results: PlaceResult[] = [...targets.unread];
  // The largest places take longest, so they come first. The sort keeps the order of the others.
  const places = [...targets.places].sort((a, b) => (instancesOf(b) ?? 0) - (instancesOf(a) ?? 0));
  progress.places(places, instancesOf);

  const readOne = async (target: Target): Promise<PlaceResult> => {
    const place: Place = { account: target.account, region: target.region };
    const reading = readPlace(target.ec2(), place, policy, pace);
    progress.started(reading);
    const pages = reading.pages[Symbol.asyncIterator]();
    // A loop over the pages would keep the last one while it waits for the next one.
    const writePage = async (): Promise<boolean> => {
      const page = await pages.next();
      if (page.done) return false;
      const lines = page.value.flatMap((judged) => {
        totals.add(judged);
        const known = comparison?.settle(place, judged.instance.instanceId, judged.verdicts) ?? null;
        return linesOf(judged, place, policy, header, known);
      });
      await out.write(textOf(lines));
      return true;
    };
    while (await writePage());
    const result = reading.result();
    comparison?.ended(place, result.status === "complete");
    progress.ended(reading);
    return result;
  };

  await out.write(textOf([header]));
  const queue = places.values();
  const work = async () => {
    for (const target of queue) results.push(await readOne(target));
  };
  try {
    await Promise.all(Array.from({ length: PLACES_AT_ONCE }, work));
  } catch (error) {
    failure.abort();
    throw error;
  }
  progress.doing("Writing the report");
  for await (const line of comparison?.lines() ?? []) await out.write(textOf([line]));
  const inOrder = results.sort((a, b) => compare(a.account, b.account) || compare(a.region, b.region));
  await out.write(textOf(inOrder.map((result) => ({ type: "place", ...result }))));
  const isInterrupted = signal.aborted && results.some(({ status }) => status === "partial");
  await out.write(
    textOf([
      {
        type: "sums",
        interrupted: isInterrupted,
        seconds: Math.round((pace.now() - startedAt) / 100) / 10,
        calls: results.reduce((sum, { calls }) => sum + calls, targets.calls),
        totals: totals.toJSON(),
        since: comparison?.sums() ?? null,
      },
    ]),
  );
  return { hasRead: results.some(({ status, instances }) => status === "complete" || instances > 0) };
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function textOf(lines: readonly Line[]): string {
  return lines.map((line) => `${JSON.stringify(line)}\n`).join("");
}

/** Returns the lines of an instance. `known` has the times since which its violations are known; null without a previous report. */
function linesOf(
  { instance, launchedBy, verdicts }: JudgedInstance,
  place: Place,
  { exemptions }: Policy,
  header: Header,
  known: ReadonlyMap<string, string> | null,
): (FindingLine | ExemptLine)[] {
  const reported = verdicts.filter((verdict) => verdict.kind === "violation" || verdict.kind === "exempt");
  if (reported.length === 0) return [];
  const exempt = new Map(
    reported.flatMap((verdict) =>
      verdict.kind === "exempt" ? [[verdict.rule.id, exemptions.indexOf(verdict.exemption)] as const] : [],
    ),
  );
  const origin = { ...place, launchedBy, event: "", occasion: "" };
  return findingDocuments(findingsOf(reported, instance, origin)).map(({ event: _, ...fields }) => {
    const exemption = exempt.get(fields.ruleId);
    if (exemption !== undefined) return { type: "exempt", ...place, ...fields, exemption };
    const firstSeen = known?.get(fields.ruleId);
    const status = known !== null && firstSeen === undefined ? "new" : "open";
    return { type: "finding", status, firstSeen: firstSeen ?? header.time, ...place, ...fields };
  });
}
