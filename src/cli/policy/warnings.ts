import { appliesTo, daysLeft } from "../../policy/exemptions.ts";
import { intersection, union } from "../../policy/exposure/intervals.ts";
import { ports, sayTraffic, type Traffic } from "../../policy/exposure/ports.ts";
import type { Policy } from "../../policy/policy.ts";
import { type Route, takes } from "../../policy/routes.ts";
import { startReading } from "../../policy/settings.ts";
import { isObject } from "../../util/json.ts";
import { contradictionIn } from "./contradiction.ts";
import { demandOf, type JsonRule, requiredCount } from "./demands.ts";

/** A part of a valid policy that is probably not meant. */
export interface Warning {
  /** The place, such as `rules[2].when`. */
  readonly path: string;
  /** To follow the path, without a full stop. */
  readonly warning: string;
}

/** How many days before its end an exemption is reported. */
const ENDS_SOON_DAYS = 14;

/** Returns what is probably not meant in a policy. `json` is its parsed JSON; `now` is in milliseconds since 1970. */
export function warningsOf(policy: Policy, json: unknown, now: number): Warning[] {
  const rules = rulesOf(json);
  return [
    ...policy.rules.flatMap((rule, index) =>
      rule.demands() === "" ? [{ path: `rules[${index}]`, warning: "demands nothing: every instance complies" }] : [],
    ),
    ...rules.flatMap((rule, index) => ruleWarnings(rule, `rules[${index}]`)),
    ...rules.flatMap((rule, index) =>
      rules
        .slice(0, index)
        .flatMap((other, before) => pairWarnings(other, rule, `rules[${before}]`, `rules[${index}]`)),
    ),
    ...exemptionWarnings(policy, rules, isObject(json) ? json.exemptions : undefined, now),
    ...routeWarnings(policy, isObject(json) ? json.routes : undefined),
  ];
}

function rulesOf(json: unknown): readonly JsonRule[] {
  return isObject(json) && Array.isArray(json.rules) ? json.rules.filter(isObject) : [];
}

function ruleWarnings(rule: JsonRule, path: string): Warning[] {
  const never = contradictionIn([rule.when]);
  if (never !== null) return [{ path: `${path}.when`, warning: `applies to no instance: ${never}` }];
  const [demand, inScope] = [contradictionIn([demandOf(rule)]), contradictionIn([rule.when, demandOf(rule)])];
  const open = overlapOf(rule, rule);
  return [
    ...(demand !== null ? [{ path, warning: `refuses every instance: ${demand}` }] : []),
    // A rule of the kind condition may name what is wrong in its scope, and require what cannot be.
    ...(demand === null && inScope !== null && rule.rule !== "condition"
      ? [{ path, warning: `refuses every instance that it applies to: ${inScope}` }]
      : []),
    ...(open === null ? [] : [{ path, warning: `has ${open} both in "closed" and in "onlyOpen"` }]),
    ...unquotedPatterns(rule, path),
  ];
}

function pairWarnings(one: JsonRule, other: JsonRule, onePath: string, path: string): Warning[] {
  if (contradictionIn([one.when, other.when]) !== null) return [];
  if (settingsOf(one) === settingsOf(other)) return [{ path, warning: `repeats ${onePath}` }];
  const demands = [demandOf(one), demandOf(other)];
  const clash = demands.some((each) => contradictionIn([each]) !== null) ? null : contradictionIn(demands);
  const open = overlapOf(one, other) ?? overlapOf(other, one);
  const [limit, tags] = one.rule === "tag-limit" ? [one, other] : [other, one];
  const isOverLimit =
    limit.rule === "tag-limit" && tags.rule === "required-tags" && requiredCount(tags) > Number(limit.max);
  return [
    ...(clash === null ? [] : [{ path, warning: `contradicts ${onePath}: ${clash}` }]),
    ...(open === null ? [] : [{ path, warning: `contradicts ${onePath}: ${open} must be closed, and may be open` }]),
    ...(isOverLimit
      ? [{ path, warning: `contradicts ${onePath}: more tags are required than ${Number(limit.max)}` }]
      : []),
  ];
}

/** Returns what makes a rule another one than its copy, as text: its settings and its scope. */
function settingsOf({ id, severity, mode, link, ...rule }: JsonRule): string {
  return JSON.stringify(Object.entries(rule).sort());
}

/** Returns the ports that one rule closes and the other leaves open, in words; null if there are none. */
function overlapOf({ closed }: JsonRule, { rule, onlyOpen }: JsonRule): string | null {
  if (rule !== "security-groups" || closed === undefined || onlyOpen === undefined) return null;
  const both = intersection(trafficIn(closed), trafficIn(onlyOpen));
  return both.length === 0 ? null : sayTraffic(both);
}

function trafficIn(value: unknown): Traffic {
  return union(ports.read(value, "", startReading()) ?? []);
}

/** Keys whose texts are not matchers. */
const NO_MATCHERS = ["rule", "id", "severity", "mode", "link", "message", "remedy"];

/** Signs of a regular expression that have no meaning in a text with wildcards. `t3.*` is a text with a wildcard. */
const PATTERN_SIGN = /^\^|\$$|\.\+|\[[^\]]+\]|\([^)]*\|[^)]*\)|^\.\*/;

/** Returns a warning for each text that looks like a regular expression but is none. */
function unquotedPatterns(value: unknown, path: string): Warning[] {
  if (typeof value === "string") {
    const isPattern = /^\/.*\/i?$/s.test(value) || !PATTERN_SIGN.test(value);
    const warning = 'looks like a regular expression, but stands for itself: put "/" around a regular expression';
    return isPattern ? [] : [{ path, warning }];
  }
  if (Array.isArray(value)) return value.flatMap((each, index) => unquotedPatterns(each, `${path}[${index}]`));
  if (!isObject(value)) return [];
  return Object.entries(value).flatMap(([key, each]) =>
    NO_MATCHERS.includes(key) ? [] : unquotedPatterns(each, `${path}.${key}`),
  );
}

function exemptionWarnings(
  { rules, exemptions }: Policy,
  json: readonly JsonRule[],
  of: unknown,
  now: number,
): Warning[] {
  return exemptions.flatMap((exemption, index) => {
    const path = `exemptions[${index}]`;
    const days = daysLeft(exemption, now);
    const ends =
      days <= 0
        ? `ended with ${exemption.until}: its findings have returned; remove it or set a later "until"`
        : days <= ENDS_SOON_DAYS
          ? `ends ${days === 1 ? "today" : `in ${days} days`}: set a later "until" if the reason still holds`
          : null;
    const own = rules.flatMap((rule, at) => (appliesTo(exemption, rule) ? [{ rule, when: json[at]?.when }] : []));
    const isForReports = own.every(({ rule: { mode } }) => mode === "report");
    const written: unknown = Array.isArray(of) ? of[index] : undefined;
    const when = isObject(written) ? written.when : undefined;
    const never = contradictionIn([when]);
    const isOutOfScope = never === null && own.every((each) => contradictionIn([when, each.when]) !== null);
    return [
      ...(ends === null ? [] : [{ path: `${path}.until`, warning: ends }]),
      ...(isForReports
        ? [{ path: `${path}.rules`, warning: "names only rules in report mode, which alert nobody anyway" }]
        : []),
      ...(never === null ? [] : [{ path: `${path}.when`, warning: `applies to no instance: ${never}` }]),
      ...(isOutOfScope ? [{ path: `${path}.when`, warning: "is outside the scope of each rule that it names" }] : []),
      ...unquotedPatterns(when, `${path}.when`),
    ];
  });
}

function routeWarnings({ rules, routes }: Policy, of: unknown): Warning[] {
  const written = (index: number): unknown => (Array.isArray(of) ? of[index] : undefined);
  return routes.flatMap((route, index) => {
    const path = `routes[${index}]`;
    const taken = rules.filter((rule) => takes(route, rule));
    const raw = written(index);
    const when = isObject(raw) ? raw.when : undefined;
    const never = contradictionIn([when]);
    const copy = routes.slice(0, index).findIndex((_, other) => JSON.stringify(written(other)) === JSON.stringify(raw));
    return [
      ...(copy === -1 ? [] : [{ path, warning: `repeats routes[${copy}]` }]),
      ...(taken.length === 0 ? [{ path, warning: "takes no finding: no rule has its id and its severity" }] : []),
      ...(taken.length > 0 && taken.every(({ mode }) => mode === "report")
        ? [{ path, warning: "takes no finding: its rules are in report mode" }]
        : []),
      ...(never === null ? [] : [{ path: `${path}.when`, warning: `applies to no instance: ${never}` }]),
      ...(takesAll(route, rules)
        ? [{ path: `${path}.instead`, warning: "takes every finding: none goes to the default topic" }]
        : []),
      ...(route.format === "chat" && route.topic.fifo
        ? [{ path: `${path}.topic`, warning: "is a FIFO topic, which Amazon Q Developer cannot subscribe to" }]
        : []),
      ...unquotedPatterns(when, `${path}.when`),
    ];
  });
}

function takesAll(route: Route, rules: Policy["rules"]): boolean {
  return route.instead && route.when === null && rules.every((rule) => takes(route, rule));
}
