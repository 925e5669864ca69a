import { SEVERITIES, type Severity } from "../policy/rule.ts";
import { hideSecret } from "../policy/secrets.ts";
import { detached, oneLine } from "../util/text.ts";

/** Sums by a value. The values beyond a maximum number are summed up in `others`. */
export interface Groups {
  /** The groups with most violating instances first. */
  readonly groups: readonly Group[];
  readonly others: Sum & {
    /** How many values they have. More than 10,000 values of one kind are not told apart, and do not count here. */
    readonly values: number;
  };
}

export interface Group extends Sum {
  /** Null for instances without a value. */
  readonly value: string | null;
}

interface Sum {
  readonly instances: number;
  readonly violating: number;
  /** The findings of each severity. */
  readonly severities: Severities;
}

export type Severities = Readonly<Record<Severity, number>>;

interface Summing extends Sum {
  instances: number;
  violating: number;
  readonly severities: Record<Severity, number>;
}

/** The maximum number of groups in the result, which bounds its size, and of values that are counted apart, which bounds the memory. */
const MAX_GROUPS = 1_000;
const MAX_VALUES = 10_000;

/** Returns no findings of any severity. */
export function noSeverities(): Record<Severity, number> {
  return { low: 0, medium: 0, high: 0, critical: 0 };
}

/** Sums by a value that comes from AWS. Secrets in it are hidden, and control characters replaced. */
export class GroupSums {
  /** By the value as it is, and as it is shown. */
  readonly #sums = new Map<string | null, Summing>();
  readonly #shown = new Map<string | null, Summing>();
  readonly #rest = noSum();
  #restValues = 0;

  /** Adds an instance, with the severities of its findings. */
  add(value: string | null, severities: readonly Severity[]): void {
    const sum = this.#sumOf(value);
    sum.instances += 1;
    if (severities.length > 0) sum.violating += 1;
    for (const severity of severities) sum.severities[severity] += 1;
  }

  /** Adds sums. */
  merge({ groups, others }: Groups): void {
    for (const group of groups) addTo(this.#sumOf(group.value), group);
    addTo(this.#rest, others);
    this.#restValues += others.values;
  }

  toJSON(): Groups {
    return this.most(MAX_GROUPS);
  }

  /** Returns the sums, with a maximum number of groups: those with most violating instances. */
  most(max: number): Groups {
    const sorted = [...this.#shown].map(([value, sum]): Group => ({ value, ...sum })).sort(inOrder);
    const groups = sorted.filter(({ value }, index) => index < max || value === null);
    const others = noSum();
    addTo(others, this.#rest);
    const rest = sorted.filter(({ value }, index) => index >= max && value !== null);
    for (const group of rest) addTo(others, group);
    return { groups, others: { ...others, values: this.#restValues + rest.length } };
  }

  #sumOf(value: string | null): Summing {
    const known = this.#sums.get(value);
    if (known) return known;
    if (this.#sums.size >= MAX_VALUES && value !== null) return this.#rest;
    const shown = (value !== null && detached(oneLine(hideSecret(value)).trim())) || null;
    const sum = this.#shown.get(shown) ?? noSum();
    this.#sums.set(value && detached(value), sum);
    this.#shown.set(shown, sum);
    return sum;
  }
}

function noSum(): Summing {
  return { instances: 0, violating: 0, severities: noSeverities() };
}

function addTo(sum: Summing, { instances, violating, severities }: Sum): void {
  sum.instances += instances;
  sum.violating += violating;
  for (const severity of SEVERITIES) sum.severities[severity] += severities[severity];
}

function inOrder(a: Group, b: Group): number {
  const [one, other] = [a.value ?? "", b.value ?? ""];
  return b.violating - a.violating || b.instances - a.instances || (one < other ? -1 : Number(one > other));
}
