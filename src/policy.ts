import { isObject } from "./json.ts";
import { RULE_KINDS } from "./rules/index.ts";
import { type Rule, SEVERITIES, type Severity } from "./rules/rule.ts";

/** The house rules: what every instance is held to. */
export interface Policy {
  readonly rules: readonly Rule[];
}

/** A policy, or everything that is wrong with its text, one sentence each. */
export type PolicyReading = { readonly policy: Policy } | { readonly problems: readonly string[] };

const DEFAULT_SEVERITY: Severity = "medium";

/**
 * The policy that the short form states: `name,service` requires these two tags. Takes the list as text. Keys are legal
 * with `=`, `|`, `;` and `*` in them, but who writes one of these here means values, alternatives or a wildcard, which the
 * short form does not have: taken for a key, every launch would alert.
 */
export function policyOfTags(list: string): PolicyReading {
  if (/[=|;*]/.test(list)) return { problems: [NOT_A_KEY] };
  const tags = list.split(",").map((key) => key.trim());
  const reading = readRule({ rule: "required-tags", tags });
  return "rule" in reading ? { policy: { rules: [reading.rule] } } : reading;
}

/**
 * Reads the whole policy out of its JSON text:
 * `{"rules": [{"rule": "required-tags", "severity": "high", "tags": ["name", "service"]}]}`.
 * A rule may stand in it more than once, with other settings. A key that is not known is an error: a policy with a
 * typo must not pass for a stricter one than it is.
 */
export function parsePolicy(json: string): PolicyReading {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return { problems: ["it is not JSON"] };
  }
  return readPolicy(value);
}

const NOT_A_KEY =
  'a key with =, |, ; or * in it is refused here, because this list has no values and no wildcards; to require such a key, set AUDIT_POLICY instead, as in {"rules": [{"rule": "required-tags", "tags": ["a=b"]}]}';

function readPolicy(value: unknown): PolicyReading {
  if (!isObject(value)) return { problems: ['it must be an object: {"rules": [...]}'] };
  const problems = Object.keys(value).some((key) => key !== "rules") ? ['it may have no key but "rules"'] : [];
  const entries: unknown = Object.hasOwn(value, "rules") ? value.rules : undefined;
  if (!Array.isArray(entries) || entries.length === 0) {
    return { problems: [...problems, '"rules" must be a list of at least one rule'] };
  }
  const rules: Rule[] = [];
  entries.forEach((entry: unknown, index) => {
    const reading = readRule(entry);
    if ("rule" in reading) rules.push(reading.rule);
    else problems.push(...reading.problems.map((problem) => `rule ${index + 1}: ${problem}`));
  });
  return problems.length > 0 ? { problems } : { policy: { rules } };
}

function readRule(entry: unknown): { rule: Rule } | { problems: readonly string[] } {
  if (!isObject(entry)) return { problems: ['it must be an object: {"rule": "required-tags", ...}'] };
  const { rule: name, severity = DEFAULT_SEVERITY, ...settings } = entry;
  const kind = RULE_KINDS.find((candidate) => candidate.name === name);
  if (kind === undefined) {
    const known = RULE_KINDS.map((candidate) => `"${candidate.name}"`).join(", ");
    return { problems: [`"rule" must be one of ${known}`] };
  }
  // The key itself is not told: it is a part of the value, and anybody can read our problems.
  const unknown = Object.keys(settings).some((key) => !kind.settings.includes(key));
  const problems = unknown ? [`${kind.name} may have no setting but ${kind.settings.join(", ")}`] : [];
  if (!isSeverity(severity)) problems.push(`"severity" must be one of ${SEVERITIES.join(", ")}`);
  const configured = kind.configure(settings);
  if ("problems" in configured) problems.push(...configured.problems);
  if (problems.length > 0 || "problems" in configured || !isSeverity(severity)) return { problems };
  return { rule: { name: kind.name, severity, ...configured } };
}

function isSeverity(value: unknown): value is Severity {
  return SEVERITIES.some((severity) => severity === value);
}
