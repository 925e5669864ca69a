import type { Facts } from "../facts/facts.ts";
import type { Tags } from "../facts/tags.ts";
import type { Condition } from "./condition.ts";
import { appliesTo, daysLeft } from "./exemptions.ts";
import type { Policy } from "./policy.ts";
import { takes } from "./routes.ts";
import type { Rule, Violation } from "./rule.ts";

/** An old value that complies with no list of allowed values. Wildcards that allow any value allow it too. */
const IMPROBABLE = "\u{10ffff}";

/** What a tag may have been before it changed; null for a missing one. The old value itself is in no event. */
const OLD_VALUES = [null, "", IMPROBABLE];

/**
 * Returns whether an instance that does not violate a rule may have violated it before some of its tags changed. Takes the keys of
 * the changed tags, the tags now, and the facts of the instance with given tags. `now` is in milliseconds since 1970.
 *
 * A scope, an exemption or a condition that reads a changed tag may have been decided in either way. Otherwise the rule is judged with
 * the changed tags missing, blank, and with an improbable value.
 */
export function mayHaveViolated(
  rule: Rule,
  changed: readonly string[],
  tags: Tags,
  factsWith: (tags: Tags) => Facts,
  { exemptions }: Pick<Policy, "exemptions">,
  now: number,
): boolean {
  const facts = factsWith(tags);
  /** Returns whether a condition held before too. */
  const isConstant = (condition: Condition, truth: boolean) =>
    !readsAny(condition, changed) && condition.test(facts) === truth;
  if (rule.when !== null && isConstant(rule.when, false)) return false;
  const isExempt = exemptions.some(
    (each) => appliesTo(each, rule) && daysLeft(each, now) > 0 && isConstant(each.when, true),
  );
  if (isExempt) return false;
  if (readsSpecially(rule, changed, tags)) return true;
  const violates = (of: Facts) => rule.check(of, now).kind === "violation";
  return violates(facts) || OLD_VALUES.some((value) => violates(factsWith(withChanged(tags, changed, value))));
}

/**
 * Returns whether an instance may have violated a rule not at all or in another way before some of its tags changed, or whether
 * another route may have got the violation. Takes the same as `mayHaveViolated`, and the violation now.
 */
export function mayBeNew(
  { rule, violation }: { readonly rule: Rule; readonly violation: Violation },
  changed: readonly string[],
  tags: Tags,
  factsWith: (tags: Tags) => Facts,
  { exemptions, routes }: Pick<Policy, "exemptions" | "routes">,
  now: number,
): boolean {
  const conditions = [
    rule.when,
    ...exemptions.flatMap((each) => (appliesTo(each, rule) ? each.when : [])),
    ...routes.flatMap((route) => (takes(route, rule) ? route.when : [])),
  ];
  if (conditions.some((condition) => condition !== null && readsAny(condition, changed))) return true;
  if (readsSpecially(rule, changed, tags)) return true;
  const details = JSON.stringify(violation.details);
  return OLD_VALUES.some((value) => {
    const before = rule.check(factsWith(withChanged(tags, changed, value)), now);
    return before.kind !== "violation" || JSON.stringify(before.violation.details) !== details;
  });
}

/** Returns whether a rule says that old values of changed tags may have mattered. */
function readsSpecially(rule: Rule, changed: readonly string[], tags: Tags): boolean {
  return changed.some((key) => rule.mayHaveViolated?.(key, !tags.has(key)));
}

/** Returns whether one of the tags with these keys can decide a condition. */
export function readsAny(condition: Condition, keys: readonly string[]): boolean {
  return condition.needs.includes("tags") && keys.some((key) => condition.readsTag(key));
}

function withChanged(tags: Tags, keys: readonly string[], value: string | null): Tags {
  const before = new Map(tags);
  for (const key of keys) {
    if (value === null) before.delete(key);
    else before.set(key, value);
  }
  return before;
}
