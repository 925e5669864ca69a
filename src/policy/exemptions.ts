import type { Facts } from "../facts/facts.ts";
import { type Condition, condition, type Truth } from "./condition.ts";
import type { Rule } from "./rule.ts";
import { list, object, oneOrMore, orList, quoted, required, type Setting, text } from "./settings.ts";

/** Instances that need not comply with some rules, until a date. */
export interface Exemption {
  /** The ids of the rules; `*` for all. */
  readonly rules: readonly string[];
  readonly when: Condition;
  readonly reason: string;
  /** The last day on which it holds, in UTC: `2027-03-31`. */
  readonly until: string;
}

/** A day that exists, such as `2027-03-31`. */
const day: Setting<string> = {
  shape: 'a date, such as "2027-03-31"',
  read(value, path, reading) {
    const isDay = typeof value === "string" && /^\d{4}-\d{2}-\d{2}$/.test(value) && endOf(value) !== null;
    return isDay ? value : reading.report(path, `must be ${day.shape}`, value);
  },
  schema: () => ({ type: "string", format: "date", pattern: "^\\d{4}-\\d{2}-\\d{2}$" }),
  say: (value) => value,
};

const DAY_MS = 86_400_000;

/** Returns the end of a day in milliseconds since 1970; null for a day that does not exist, such as 31 February. */
function endOf(date: string): number | null {
  const start = Date.parse(`${date}T00:00:00Z`);
  if (Number.isNaN(start) || new Date(start).toISOString().slice(0, 10) !== date) return null;
  return start + DAY_MS;
}

const idOrAll = text({
  max: 64,
  pattern: /^(?:\*|[A-Za-z0-9][\w.-]*)$/,
  shape: 'the id of a rule, or "*" for all rules',
});

const ruleId: Setting<string> = {
  ...idOrAll,
  read(value, path, reading) {
    const id = idOrAll.read(value, path, reading);
    if (id === undefined || id === "*" || reading.ruleIds === null || reading.ruleIds.has(id)) return id;
    // The problem does not list the ids: they are values of the policy.
    return reading.report(path, 'must be the id of a rule of this policy, or "*"', id);
  },
};

/** The ids of rules of the policy, or `*` for all. */
export const ruleIds = oneOrMore(ruleId, { max: 100, of: "ids" });

export const MAX_EXEMPTIONS = 200;

/** The exemptions of a policy. */
export const exemptions: Setting<readonly Exemption[]> = list(
  object(
    {
      rules: required(ruleIds, {
        about: "The ids of the rules that the instances need not comply with; `*` for all rules.",
      }),
      when: required(condition, { about: "The exempted instances." }),
      reason: required(text({ max: 500, pattern: /\S/, shape: "text of 1 to 500 characters" }), {
        about: "The reason, for the next reader and the auditor.",
      }),
      until: required(day, { about: "The last day on which the exemption holds, in UTC. After it, findings return." }),
    },
    { shape: 'an object: {"rules": [...], "when": ..., "reason": "...", "until": "2027-03-31"}' },
  ),
  { min: 0, max: MAX_EXEMPTIONS, of: "exemptions" },
);

/** Returns whether an exemption names a rule. */
export function appliesTo({ rules }: Exemption, { id }: Pick<Rule, "id">): boolean {
  return rules.includes(id) || rules.includes("*");
}

/** Returns the days until an exemption ends, rounded up; zero or less if it has ended. `now` is in milliseconds since 1970. */
export function daysLeft({ until }: Pick<Exemption, "until">, now: number): number {
  return Math.ceil(((endOf(until) ?? 0) - now) / DAY_MS);
}

/** Returns an exemption in words. */
export function sayExemption({ rules, when, reason, until }: Exemption): string {
  const of = rules.includes("*") ? "every rule" : orList(rules.map(quoted), "and");
  return `exempt from ${of} until ${until} when ${when.say()}: ${reason}`;
}

/**
 * Returns the first exemption from a rule that holds for an instance. If none holds, returns why one of them cannot be decided,
 * or null.
 */
export type ExemptionOf = (
  rule: Pick<Rule, "id">,
) => { readonly exemption: Exemption } | Exclude<Truth, boolean> | null;

/**
 * Returns the function that finds the exemption of an instance from a rule. Each condition is tested once, however many rules the
 * exemption names. `now` is in milliseconds since 1970.
 */
export function exemptionsFor(facts: Facts, all: readonly Exemption[], now: number): ExemptionOf {
  const truths = new Map<Exemption, Truth>();
  const truthOf = (exemption: Exemption): Truth => {
    const truth = truths.get(exemption) ?? (daysLeft(exemption, now) > 0 && exemption.when.test(facts));
    truths.set(exemption, truth);
    return truth;
  };
  return (rule) => {
    let undecided: Exclude<Truth, boolean> | null = null;
    for (const exemption of all) {
      const truth = appliesTo(exemption, rule) && truthOf(exemption);
      if (truth === true) return { exemption };
      if (truth !== false) undecided ??= truth;
    }
    return undecided;
  };
}
