import type { Tags } from "../facts/tags.ts";
import type { Verdict } from "../policy/evaluate.ts";
import type { Exemption } from "../policy/exemptions.ts";
import type { Policy } from "../policy/policy.ts";
import { SEVERITIES } from "../policy/rule.ts";
import { type Counting, type Counts, count, NO_COUNTS } from "./counts.ts";
import { GroupSums, type Groups, noSeverities, type Severities } from "./groups.ts";
import type { JudgedInstance } from "./read-place.ts";

export type { Group, Groups } from "./groups.ts";

/** The sums over all instances of a fleet. They can be added up over places, and are plain JSON. */
export interface Totals extends Counts {
  /** Violations that an exemption exempts. */
  readonly exempt: number;
  /** The findings of each severity. */
  readonly severities: Severities;
  /** How many instances have each verdict, by rule id. */
  readonly rules: Readonly<Record<string, RuleTotals>>;
  /** By the value of the owner tag; by the service tag; by the month of the first launch (`2026-11`); by the launcher. */
  readonly owners: Groups;
  readonly services: Groups;
  readonly months: Groups;
  readonly launchers: Groups;
  /** How many violations each exemption exempted, by its index in the policy. */
  readonly exemptions: Readonly<Record<number, number>>;
}

export interface RuleTotals {
  readonly compliant: number;
  readonly violation: number;
  readonly notJudged: number;
  readonly exempt: number;
  readonly outOfScope: number;
}

const FIELDS = {
  compliant: "compliant",
  violation: "violation",
  "not-judged": "notJudged",
  exempt: "exempt",
  "out-of-scope": "outOfScope",
} as const satisfies Record<Verdict["kind"], keyof RuleTotals>;

/** The keys of the tags by which instances are grouped, in any case. */
export interface GroupTags {
  readonly ownerTag: string;
  readonly serviceTag: string;
}

/** Totals that grow. `JSON.stringify` and `toJSON` return them as they are now. */
export class FleetTotals {
  readonly #counts: Counting = { ...NO_COUNTS };
  #exempt = 0;
  readonly #severities = noSeverities();
  readonly #rules = new Map<string, { -readonly [Name in keyof RuleTotals]: number }>();
  readonly #groups = {
    owners: new GroupSums(),
    services: new GroupSums(),
    months: new GroupSums(),
    launchers: new GroupSums(),
  };
  readonly #exemptions: Map<number, number>;
  readonly #indexes: ReadonlyMap<Exemption, number>;
  readonly #ownerTag: string;
  readonly #serviceTag: string;

  /** Starts at zero, for instances that are judged by a policy. */
  constructor({ rules, exemptions }: Policy, { ownerTag, serviceTag }: GroupTags) {
    for (const { id } of rules) this.#ruleOf(id);
    this.#exemptions = new Map(exemptions.map((_, index) => [index, 0]));
    this.#indexes = new Map(exemptions.map((exemption, index) => [exemption, index]));
    this.#ownerTag = ownerTag.toLowerCase();
    this.#serviceTag = serviceTag.toLowerCase();
  }

  /** Adds an instance. */
  add({ instance, launchedBy, verdicts }: JudgedInstance): void {
    count(this.#counts, verdicts);
    const found = verdicts.flatMap(({ kind, rule }) => (kind === "violation" ? [rule.severity] : []));
    for (const severity of found) this.#severities[severity] += 1;
    for (const verdict of verdicts) {
      this.#ruleOf(verdict.rule.id)[FIELDS[verdict.kind]] += 1;
      if (verdict.kind === "exempt") this.#addExempt(this.#indexes.get(verdict.exemption) ?? -1, 1);
    }
    const { owners, services, months, launchers } = this.#groups;
    owners.add(tagOf(instance.tags, this.#ownerTag), found);
    services.add(tagOf(instance.tags, this.#serviceTag), found);
    months.add((instance.firstLaunchTime ?? instance.launchTime)?.slice(0, 7) ?? null, found);
    launchers.add(launchedBy, found);
  }

  /** Adds the totals of other instances that were judged by the same policy. */
  merge(totals: Totals): void {
    for (const name of keysOf(this.#counts)) this.#counts[name] += totals[name];
    for (const severity of SEVERITIES) this.#severities[severity] += totals.severities[severity];
    for (const [id, sums] of Object.entries(totals.rules)) {
      const own = this.#ruleOf(id);
      for (const field of keysOf(own)) own[field] += sums[field];
    }
    for (const name of keysOf(this.#groups)) this.#groups[name].merge(totals[name]);
    for (const [index, exempt] of Object.entries(totals.exemptions)) this.#addExempt(Number(index), exempt);
  }

  toJSON(): Totals {
    const { owners, services, months, launchers } = this.#groups;
    return {
      ...this.#counts,
      exempt: this.#exempt,
      severities: { ...this.#severities },
      rules: Object.fromEntries([...this.#rules].map(([id, sums]) => [id, { ...sums }])),
      owners: owners.toJSON(),
      services: services.toJSON(),
      months: months.toJSON(),
      launchers: launchers.toJSON(),
      exemptions: Object.fromEntries(this.#exemptions),
    };
  }

  #ruleOf(id: string) {
    const sums = this.#rules.get(id) ?? { compliant: 0, violation: 0, notJudged: 0, exempt: 0, outOfScope: 0 };
    this.#rules.set(id, sums);
    return sums;
  }

  #addExempt(index: number, exempt: number): void {
    this.#exempt += exempt;
    this.#exemptions.set(index, (this.#exemptions.get(index) ?? 0) + exempt);
  }
}

/** Returns the value of the first tag whose key is the same in lower case; null if there is none. */
export function tagOf(tags: Tags, lowerCaseKey: string): string | null {
  for (const [key, value] of tags) {
    if (key.length === lowerCaseKey.length && key.toLowerCase() === lowerCaseKey) return value;
  }
  return null;
}

function keysOf<T extends object>(value: T): (keyof T)[] {
  return Object.keys(value) as (keyof T)[];
}
