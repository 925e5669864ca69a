import { isObject, parseJson } from "../util/json.ts";
import { jsonErrorIn } from "../util/json-error.ts";
import { type Rule, SEVERITIES, type Severity } from "./rule.ts";
import { RULE_KINDS } from "./rules/index.ts";

/** The house rules: what every instance is held to. */
export interface Policy {
  readonly rules: readonly Rule[];
}

/** A policy, or everything that is wrong with its text, one sentence each. */
export type PolicyReading = { readonly policy: Policy } | { readonly problems: readonly string[] };

const DEFAULT_SEVERITY: Severity = "medium";

/**
 * The policy of the short form: `name,service` requires these two tags. Takes the list as text. AWS allows `=`, `|`, `;` and
 * `*` in keys. Here they are refused, because they are usually meant as values, alternatives or wildcards, which the short
 * form does not have. As part of a key they would make every launch alert.
 */
export function policyOfTags(list: string): PolicyReading {
  if (/[=|;*]/.test(list)) return { problems: [NOT_A_KEY] };
  const tags = list.split(",").map((key) => key.trim());
  const reading = readRule({ rule: "required-tags", tags });
  return "rule" in reading ? { policy: { rules: withIds([reading.rule]) } } : reading;
}

/**
 * Reads the whole policy out of its JSON text:
 * `{"rules": [{"rule": "required-tags", "severity": "high", "tags": ["name", "service"]}]}`.
 * A rule may stand in it more than once, with other settings and another id. A key that is not known is an error: a policy
 * with a typo must not pass for a stricter one than it is.
 */
export function parsePolicy(json: string): PolicyReading {
  const value = parseJson(json);
  if (value !== undefined) return readPolicy(value);
  const at = jsonErrorIn(json);
  return { problems: [at === null ? "it is not JSON" : `it is not JSON at line ${at.line}, column ${at.column}`] };
}

const NOT_A_KEY =
  'a key with =, |, ; or * in it is refused here, because this list has no values and no wildcards; to require such a key, set AUDIT_POLICY instead, as in {"rules": [{"rule": "required-tags", "tags": ["a=b"]}]}';

/** `$schema` is for editors. */
const POLICY_KEYS = ["rules", "version", "$schema"];
const ONLY_POLICY_KEYS = 'it may have no key but "rules", "version" and "$schema"';

function readPolicy(value: unknown): PolicyReading {
  if (!isObject(value)) return { problems: ['it must be an object: {"rules": [...]}'] };
  const problems = Object.keys(value).some((key) => !POLICY_KEYS.includes(key)) ? [ONLY_POLICY_KEYS] : [];
  if (Object.hasOwn(value, "version") && value.version !== 1) problems.push('"version" must be 1');
  const entries: unknown = Object.hasOwn(value, "rules") ? value.rules : undefined;
  if (!Array.isArray(entries) || entries.length === 0) {
    return { problems: [...problems, '"rules" must be a list of at least one rule'] };
  }
  const rules: ReadRule[] = [];
  const placeOf = new Map<unknown, number>();
  entries.forEach((entry: unknown, index) => {
    const reading = readRule(entry);
    const found = "rule" in reading ? [] : [...reading.problems];
    if ("rule" in reading) rules.push(reading.rule);
    const id = isObject(entry) ? entry.id : undefined;
    const place = placeOf.get(id);
    if (id === undefined || place === undefined) placeOf.set(id, index + 1);
    else found.push(`"id" is the same as that of rule ${place}; each rule needs an id of its own`);
    problems.push(...found.map((problem) => `rule ${index + 1}: ${problem}`));
  });
  return problems.length > 0 ? { problems } : { policy: { rules: withIds(rules) } };
}

/** A rule as the policy states it; its id is null where the policy leaves it out. */
type ReadRule = Omit<Rule, "id"> & { readonly id: string | null };

/**
 * Gives the rules without an id that of their kind: `required-tags`, then `required-tags-2`. Ids that are taken are skipped.
 */
function withIds(rules: readonly ReadRule[]): Rule[] {
  const taken = new Set(rules.map((rule) => rule.id));
  const counts = new Map<string, number>();
  return rules.map((rule) => {
    let id = rule.id;
    for (let count = counts.get(rule.name) ?? 1; id === null; count += 1) {
      const free = count === 1 ? rule.name : `${rule.name}-${count}`;
      if (!taken.has(free)) id = free;
      counts.set(rule.name, count + 1);
    }
    return { ...rule, id };
  });
}

function readRule(entry: unknown): { rule: ReadRule } | { problems: readonly string[] } {
  if (!isObject(entry)) return { problems: ['it must be an object: {"rule": "required-tags", ...}'] };
  const { rule: name, id, severity = DEFAULT_SEVERITY, ...settings } = entry;
  const kind = RULE_KINDS.find((candidate) => candidate.name === name);
  if (kind === undefined) {
    const known = RULE_KINDS.map((candidate) => `"${candidate.name}"`).join(", ");
    return { problems: [`"rule" must be one of ${known}`] };
  }
  // The key itself is not told: it is a part of the value, and anybody can read our problems.
  const unknown = Object.keys(settings).some((key) => !kind.settings.includes(key));
  const problems = unknown
    ? [`${kind.name} may have no setting but ${["id", "severity", ...kind.settings].join(", ")}`]
    : [];
  if (!isSeverity(severity)) problems.push(`"severity" must be one of ${SEVERITIES.join(", ")}`);
  if (!isRuleId(id)) problems.push(ID_SHAPE);
  const configured = kind.configure(settings);
  if ("problems" in configured) problems.push(...configured.problems);
  if (problems.length > 0 || "problems" in configured || !isSeverity(severity) || !isRuleId(id)) return { problems };
  return { rule: { id: id ?? null, name: kind.name, severity, ...configured } };
}

const ID_SHAPE = '"id" must be text of 1 to 64 letters, digits, ".", "-" and "_" that begins with a letter or a digit';

function isRuleId(id: unknown): id is string | undefined {
  return id === undefined || (typeof id === "string" && /^[A-Za-z0-9][\w.-]{0,63}$/.test(id));
}

function isSeverity(value: unknown): value is Severity {
  return SEVERITIES.some((severity) => severity === value);
}
