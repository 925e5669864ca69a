import { isObject, parseJson } from "../util/json.ts";
import { jsonErrorIn } from "../util/json-error.ts";
import { type Rule, SEVERITIES, type Severity } from "./rule.ts";
import { RULE_KINDS } from "./rules/index.ts";

/** The rules that every instance must comply with. */
export interface Policy {
  readonly rules: readonly Rule[];
}

/** A policy, or the problems of its text: one sentence each, without a full stop. */
export type PolicyReading = { readonly policy: Policy } | { readonly problems: readonly string[] };

const DEFAULT_SEVERITY: Severity = "medium";

/**
 * Reads the short form of a policy: `name,service` requires these two tags. AWS allows `=`, `|`, `;` and `*` in keys. Here
 * they are refused, because they usually mean values, alternatives or wildcards, which the short form does not have. As part
 * of a key they would make every launch alert.
 */
export function policyOfTags(list: string): PolicyReading {
  if (/[=|;*]/.test(list)) return { problems: [NOT_A_KEY] };
  const tags = list.split(",").map((key) => key.trim());
  const reading = readRule({ rule: "required-tags", tags });
  return "rule" in reading ? { policy: { rules: withIds([reading.rule]) } } : reading;
}

/**
 * Reads a policy from its JSON text:
 * `{"rules": [{"rule": "required-tags", "severity": "high", "tags": ["name", "service"]}]}`.
 * A kind of rule can be used more than once, with different settings and ids. An unknown key is an error: a typo must not
 * make a policy less strict than it looks.
 */
export function parsePolicy(json: string): PolicyReading {
  const value = parseJson(json);
  if (value !== undefined) return readPolicy(value);
  const position = jsonErrorIn(json);
  const where = position ? ` at line ${position.line}, column ${position.column}` : "";
  return { problems: [`it is not JSON${where}`] };
}

const NOT_A_KEY =
  'a key must not contain =, |, ; or *, because this list has no values and no wildcards; to require such a key, use a policy as JSON instead: {"rules": [{"rule": "required-tags", "tags": ["a=b"]}]}';

/** Editors use `$schema`. */
const POLICY_KEYS = ["rules", "version", "$schema"];
const ONLY_POLICY_KEYS = 'the only keys allowed are "rules", "version" and "$schema"';

function readPolicy(value: unknown): PolicyReading {
  if (!isObject(value)) return { problems: ['it must be an object: {"rules": [...]}'] };
  const problems = Object.keys(value).some((key) => !POLICY_KEYS.includes(key)) ? [ONLY_POLICY_KEYS] : [];
  if (Object.hasOwn(value, "version") && value.version !== 1) problems.push('"version" must be 1');
  const entries: unknown = Object.hasOwn(value, "rules") ? value.rules : undefined;
  if (!Array.isArray(entries) || entries.length === 0) {
    return { problems: [...problems, '"rules" must be a list of at least one rule'] };
  }
  const rules: ReadRule[] = [];
  const numberOf = new Map<unknown, number>();
  entries.forEach((entry: unknown, index) => {
    const reading = readRule(entry);
    const own = "rule" in reading ? [] : [...reading.problems];
    if ("rule" in reading) rules.push(reading.rule);
    const id = isObject(entry) ? entry.id : undefined;
    const other = numberOf.get(id);
    if (id === undefined || other === undefined) numberOf.set(id, index + 1);
    else own.push(`"id" is also the id of rule ${other}; each rule must have a unique id`);
    problems.push(...own.map((problem) => `rule ${index + 1}: ${problem}`));
  });
  return problems.length > 0 ? { problems } : { policy: { rules: withIds(rules) } };
}

/** A rule of the policy; its id is null if the policy gives none. */
type ReadRule = Omit<Rule, "id"> & { readonly id: string | null };

/** Gives each rule without an id the name of its kind: `required-tags`, then `required-tags-2`. Ids in use are skipped. */
function withIds(rules: readonly ReadRule[]): Rule[] {
  const used = new Set(rules.map((rule) => rule.id));
  const counts = new Map<string, number>();
  return rules.map((rule) => {
    let id = rule.id;
    for (let count = counts.get(rule.name) ?? 1; id === null; count += 1) {
      const candidate = count === 1 ? rule.name : `${rule.name}-${count}`;
      if (!used.has(candidate)) id = candidate;
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
  // The problem does not contain the key: it is part of the value, and anyone can read problems.
  const unknown = Object.keys(settings).some((key) => !kind.settings.includes(key));
  const problems = unknown
    ? [`the only settings of ${kind.name} are ${["id", "severity", ...kind.settings].join(", ")}`]
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
