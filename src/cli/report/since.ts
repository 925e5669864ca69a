import { noSeverities } from "../../fleet/groups.ts";
import type { Place } from "../../fleet/place.ts";
import type { Verdict } from "../../policy/evaluate.ts";
import { SEVERITIES, type Severity } from "../../policy/rule.ts";
import type { FindingLine, Header, Resolution, ResolvedLine, RuleLine, SinceSums, Sums } from "./lines.ts";
import type { Report } from "./read-lines.ts";

/** What became of a previous finding. `unseen`: its instance has not been seen, at least not yet. */
type State = "unseen" | "unknown" | "open" | Resolution;

/** A finding of the previous report. There can be a hundred thousand, so it has only what the comparison needs. */
interface Previous {
  readonly ruleId: string;
  readonly severity: Severity;
  readonly firstSeen: string;
  state: State;
}

/** The comparison with a previous report. */
export interface Comparison {
  /** The time of the previous report, in ISO 8601. */
  readonly time: string;
  /** The number of instances that the previous report has in a place; null if it has not read the place. */
  instancesOf(place: Place): number | null;
  /**
   * Settles the previous findings of an instance by its verdicts. Returns the time since which each of them is known, in ISO 8601, by
   * rule id. A violation of another rule is new.
   */
  settle(place: Place, instanceId: string, verdicts: readonly Verdict[]): ReadonlyMap<string, string>;
  /**
   * Tells that the reading of a place has ended. If it is complete, the instances that were not seen are terminated. If not, none of its
   * findings is resolved.
   */
  ended(place: Place, isComplete: boolean): void;
  /** Yields the lines of the previous findings that are resolved or unknown. Throws as `Report.verdicts` does. */
  lines(): AsyncGenerator<FindingLine | ResolvedLine>;
  sums(): SinceSums;
}

const NONE: ReadonlyMap<string, string> = new Map();

/**
 * Reads a previous report to compare with. `rules` are those of the policy now. Keeps the keys of its findings only: `lines` reads
 * the file again. Throws as `Report.verdicts` does.
 */
export async function compareWith(report: Report, rules: readonly RuleLine[]): Promise<Comparison> {
  const known = await knownFindings(report);
  const instances = new Map(report.places.map((place) => [keyOf(place), place.instances]));
  const isChanged = changeOf(report.header, rules);
  const fresh = new Map<string, number>();
  return {
    time: report.header.time,
    instancesOf: (place) => instances.get(keyOf(place)) ?? null,
    settle: (place, instanceId, verdicts) => {
      const previous = known.get(keyOf(place))?.get(instanceId) ?? [];
      for (const each of previous) {
        const verdict = verdicts.find(({ rule }) => rule.id === each.ruleId);
        each.state = stateBy(verdict, isChanged(each.ruleId));
      }
      const times = previous.length === 0 ? NONE : new Map(previous.map((each) => [each.ruleId, each.firstSeen]));
      for (const { kind, rule } of verdicts) {
        if (kind === "violation" && !times.has(rule.id)) add(fresh, rule.id);
      }
      return times;
    },
    ended: (place, isComplete) => {
      for (const each of [...(known.get(keyOf(place))?.values() ?? [])].flat()) {
        if (!isComplete && each.state !== "open") each.state = "unknown";
        else if (each.state === "unseen") each.state = "terminated";
      }
    },
    lines: async function* () {
      if (everyOne(known).every(({ state }) => state === "open")) return;
      for await (const line of report.verdicts()) {
        if (line.type !== "finding") continue;
        const own = known.get(keyOf(line))?.get(line.instanceId);
        const state = own?.find(({ ruleId }) => ruleId === line.ruleId)?.state ?? "unknown";
        if (state === "open") continue;
        if (state === "unseen" || state === "unknown") {
          yield { ...line, status: "unknown" };
          continue;
        }
        const { type: _, status: __, ...fields } = line;
        yield { type: "resolved", resolution: state, ...fields };
      }
    },
    sums: () => sumsOf(everyOne(known), fresh, report.sums),
  };
}

/** The findings by instance id, by place. */
type Known = ReadonlyMap<string, ReadonlyMap<string, readonly Previous[]>>;

function everyOne(known: Known): Previous[] {
  return [...known.values()].flatMap((place) => [...place.values()].flat());
}

async function knownFindings(report: Report): Promise<Known> {
  const known = new Map<string, Map<string, readonly Previous[]>>();
  const texts = new Map<string, string>();
  // Thousands of findings have the same texts.
  const shared = (text: string) => {
    const same = texts.get(text) ?? text;
    texts.set(same, same);
    return same;
  };
  for await (const line of report.verdicts()) {
    if (line.type !== "finding") continue;
    const place = known.get(keyOf(line)) ?? new Map<string, readonly Previous[]>();
    known.set(keyOf(line), place);
    const found: Previous = {
      ruleId: shared(line.ruleId),
      severity: SEVERITIES.find((severity) => severity === line.severity) ?? line.severity,
      firstSeen: shared(line.firstSeen),
      state: "unseen",
    };
    place.set(line.instanceId, [...(place.get(line.instanceId) ?? []), found]);
  }
  return known;
}

function keyOf({ account, region }: Place): string {
  return `${account} ${region}`;
}

/** Returns whether a rule demands something else than in the previous report, or of other instances. */
function changeOf(header: Header, rules: readonly RuleLine[]): (ruleId: string) => boolean {
  const before = new Map(header.rules.map((rule) => [rule.id, rule]));
  const unchanged = rules.filter((rule) => {
    const old = before.get(rule.id);
    return old?.rule === rule.rule && old.demands === rule.demands && old.when === rule.when;
  });
  const ids = new Set(unchanged.map(({ id }) => id));
  return (ruleId) => !ids.has(ruleId);
}

function stateBy(verdict: Verdict | undefined, isChanged: boolean): State {
  switch (verdict?.kind) {
    case undefined:
      return "policy";
    case "violation":
      return "open";
    case "not-judged":
      return "unknown";
    case "exempt":
      return "exempted";
    case "compliant":
      return isChanged ? "policy" : "fixed";
    case "out-of-scope":
      return isChanged ? "policy" : "scope";
  }
}

function sumsOf(previous: readonly Previous[], fresh: ReadonlyMap<string, number>, { totals }: Sums): SinceSums {
  const [states, resolved] = [new Map<State, number>(), new Map<string, number>()];
  const unknownSeverities = noSeverities();
  for (const { state, ruleId, severity } of previous) {
    add(states, state);
    if (state === "unknown" || state === "unseen") unknownSeverities[severity] += 1;
    else if (state !== "open") add(resolved, ruleId);
  }
  const count = (state: State) => states.get(state) ?? 0;
  const ids = [...new Set([...fresh.keys(), ...resolved.keys()])];
  const { instances, compliant, violating, notJudged, findings } = totals;
  return {
    new: [...fresh.values()].reduce((sum, own) => sum + own, 0),
    open: count("open"),
    unknown: count("unknown") + count("unseen"),
    unknownSeverities,
    resolved: {
      fixed: count("fixed"),
      terminated: count("terminated"),
      exempted: count("exempted"),
      scope: count("scope"),
      policy: count("policy"),
    },
    rules: Object.fromEntries(ids.map((id) => [id, { new: fresh.get(id) ?? 0, resolved: resolved.get(id) ?? 0 }])),
    previous: { instances, compliant, violating, notJudged, findings },
  };
}

function add<K>(counts: Map<K, number>, key: K): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
