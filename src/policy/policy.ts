import type { FactName } from "../facts/facts.ts";
import { isObject, parseJson } from "../util/json.ts";
import { jsonErrorIn, repeatedKeyIn } from "../util/json-error.ts";
import { condition, conditionSchema } from "./condition.ts";
import { appliesTo, type Exemption, exemptions } from "./exemptions.ts";
import { type Route, routes, takes } from "./routes.ts";
import { type ConfiguredRule, MODES, type Rule, type RuleKind, SEVERITIES } from "./rule.ts";
import { RULE_KINDS } from "./rules/index.ts";
import { MAX_TAGS, tagEntry } from "./rules/required-tags.ts";
import {
  type JsonSchema,
  join,
  list,
  MATCHER_SCHEMA,
  object,
  oneOf,
  optional,
  type PolicyProblem,
  type Reading,
  required,
  type Setting,
  startReading,
  text,
  withDefault,
} from "./settings.ts";

/** The rules that every instance must comply with, the exemptions from them, and the topics of findings. */
export interface Policy {
  readonly rules: readonly Rule[];
  readonly exemptions: readonly Exemption[];
  readonly routes: readonly Route[];
}

/** A policy, or its problems. */
export type PolicyReading = { readonly policy: Policy } | Pick<Reading, "problems" | "count">;

/** The maximum size of a policy's text, in bytes. */
export const MAX_BYTES = 64 * 1024;

/** The maximum number of rules. */
export const MAX_RULES = 100;

const ABOUT_KIND = { about: "The kind of the rule." };

/** The settings that every kind of rule has. */
export const COMMON_FIELDS = {
  rule: required(text({ max: 64, shape: "the name of a rule kind" }), ABOUT_KIND),
  id: optional(
    text({
      max: 64,
      pattern: /^[A-Za-z0-9][\w.-]*$/,
      shape: 'text of 1 to 64 letters, digits, ".", "-" and "_" that begins with a letter or a digit',
    }),
    { about: "A name of the rule, unique in the policy. The default is the kind." },
  ),
  severity: withDefault(oneOf(SEVERITIES), "medium", { about: "The severity of its findings." }),
  mode: withDefault(oneOf(MODES), "alert", {
    about: "`report`: the rule is judged in reports only, so that it can be watched before it alerts anyone.",
  }),
  when: optional(condition, { about: "The instances that the rule applies to. The default is all." }),
  link: optional(text({ max: 2048, pattern: /^https?:\/\/[!-~]+$/, shape: "an http:// or https:// URL" }), {
    about: "The team's own page about the rule. Alerts end with it.",
  }),
};

type AnyRule = ConfiguredRule<typeof COMMON_FIELDS>;

const SETTINGS: ReadonlyMap<string, Setting<AnyRule>> = new Map(
  RULE_KINDS.map((kind) => [kind.name, kind.ruleWith(COMMON_FIELDS)]),
);

const kindName = required(oneOf(RULE_KINDS.map(({ name }) => name)), ABOUT_KIND);

/** A rule of any kind. */
const rule: Setting<{ readonly kind: RuleKind; readonly read: AnyRule }> = {
  shape: 'an object: {"rule": "required-tags", ...}',
  read(value, path, reading) {
    if (!isObject(value)) return reading.report(path, `must be ${rule.shape}`, value);
    const name = kindName.read(value.rule, join(path, "rule"), reading);
    const kind = RULE_KINDS.find((each) => each.name === name);
    const read = kind && SETTINGS.get(kind.name)?.read(value, path, reading);
    return kind && read && { kind, read };
  },
  schema: () => ({
    anyOf: RULE_KINDS.map((kind) => {
      const { properties, ...schema } = kind.ruleWith(COMMON_FIELDS).schema();
      const own = { ...(isObject(properties) && properties), rule: { const: kind.name } };
      return { title: kind.name, description: kind.what, ...schema, properties: own };
    }),
  }),
  say: ({ read: { demands } }) => demands(),
};

const listOfRules = list(rule, { max: MAX_RULES, of: "rules" });

/** The rules, whose ids are unique. */
const rules: typeof listOfRules = {
  ...listOfRules,
  read(value, path, reading) {
    const read = listOfRules.read(value, path, reading);
    const indexes = new Map<string, number>();
    rawRulesIn({ rules: value }).forEach((each, index) => {
      if (!isObject(each) || typeof each.id !== "string") return;
      const other = indexes.get(each.id);
      if (other === undefined) indexes.set(each.id, index);
      else {
        reading.report(`${path}[${index}].id`, `is also the id of ${path}[${other}]; each id must be unique`, each.id);
      }
    });
    return read;
  },
};

const POLICY_FIELDS = {
  $schema: optional(text({ max: 2048, shape: "the URL of the JSON Schema" }), {
    about: "The JSON Schema, for editors.",
  }),
  version: optional(
    {
      shape: "1",
      read: (value, path, reading) => (value === 1 ? value : reading.report(path, "must be 1", value)),
      schema: () => ({ const: 1 }),
      say: String,
    },
    { about: "The version of the policy language." },
  ),
  rules: required(rules, { about: "The rules." }),
  exemptions: withDefault(exemptions, [], { about: "The exemptions from rules." }),
  routes: withDefault(routes, [], { about: "The further topics of findings." }),
};
const policyObject = object(POLICY_FIELDS, { shape: 'an object: {"rules": [...]}' });

/**
 * Reads the short form of a policy: `name,env=prod|staging,cost-center=/cc-\d{4}/` requires three tags, two of them with allowed
 * values. Keys have no wildcards. A problem's path begins with `entry 2`.
 */
export function policyOfTags(short: string): PolicyReading {
  const reading = startReading();
  if (isTooLarge(short, reading)) return reading;
  const entries = entriesOf(short);
  if (entries.length > MAX_TAGS) {
    reading.report("", `must have up to ${MAX_TAGS} tags`);
    return reading;
  }
  const tags = entries.map(({ key, values }, index) => {
    const path = `entry ${index + 1}`;
    if (/[|;*]/.test(key)) reading.report(path, NOT_A_KEY, key);
    if (values?.includes("")) reading.report(path, 'must have a value after each "=" and "|"');
    const entry = values === null ? key : { key, values };
    tagEntry.read(entry, path, reading);
    return entry;
  });
  return reading.count > 0 ? reading : build({ rules: [{ rule: "required-tags", tags }] });
}

const NOT_A_KEY =
  "must be a tag key, with its allowed values after =: env=prod|staging. A key with |, ; or * needs a policy as JSON";

/** A key, up to a comma or equals sign. */
const SHORT_KEY = /[^,=]*/y;

/** A value: `/pattern/`, in which a comma or bar has no meaning here, or text up to one. */
const SHORT_VALUE = /\s*\/(?:[^/\\]|\\.)*\/i?\s*(?=[,|]|$)|[^,|]*/y;

/** Splits the short form at its commas and bars, except those in `/pattern/`. */
function entriesOf(short: string): { readonly key: string; readonly values: readonly string[] | null }[] {
  let at = 0;
  const take = (part: RegExp): string => {
    part.lastIndex = at;
    const [taken = ""] = part.exec(short) ?? [];
    at += taken.length;
    return taken.trim();
  };
  const entries: { key: string; values: readonly string[] | null }[] = [];
  for (; ; at += 1) {
    const key = take(SHORT_KEY);
    const values: string[] = [];
    while (short[at] === "=" || short[at] === "|") {
      at += 1;
      values.push(take(SHORT_VALUE));
    }
    entries.push({ key, values: values.length > 0 ? values : null });
    if (at >= short.length) return entries;
  }
}

/**
 * Reads a policy from its JSON text:
 * `{"rules": [{"rule": "required-tags", "severity": "high", "tags": ["name", "service"]}]}`.
 * A kind of rule can be used more than once, with different settings and ids. An unknown key is an error: a typo must not
 * make a policy less strict than it looks.
 */
export function parsePolicy(json: string): PolicyReading {
  const reading = startReading();
  if (isTooLarge(json, reading)) return reading;
  const value = parseJson(json);
  const repeated = value === undefined ? null : repeatedKeyIn(json);
  if (repeated !== null) {
    const { line, column } = repeated;
    reading.report(
      "",
      `has a key twice in one object, at line ${line}, column ${column}: remove or rename one of them`,
    );
    return reading;
  }
  if (value !== undefined) return build(value);
  const position = jsonErrorIn(json);
  reading.report("", `is not JSON${position ? ` at line ${position.line}, column ${position.column}` : ""}`);
  return reading;
}

function isTooLarge(text: string, reading: Reading): boolean {
  if (Buffer.byteLength(text) <= MAX_BYTES) return false;
  reading.report("", "must not exceed 64 KiB");
  return true;
}

function build(value: unknown): PolicyReading {
  const ids = idsIn(value);
  const reading = startReading(ids.includes(null) ? null : new Set(ids.filter((id) => id !== null)));
  const read = policyObject.read(value, "", reading);
  if (read === undefined || reading.count > 0) return reading;
  const rules = read.rules.map(({ kind, read: { common, body, demands } }, index): Rule => {
    const { severity, mode, when = null, link = null } = common;
    const id = ids[index] ?? kind.name;
    // The tags of an instance also decide to which topics its findings go.
    const decisive = [
      ...read.exemptions.filter((each) => appliesTo(each, { id })),
      ...read.routes.filter((each) => takes(each, { id, severity })),
    ];
    const conditions = [when, ...decisive.map((each) => each.when)];
    const settles = body.settles ?? kind.settles;
    const isCorrectable = settles === "soon" || conditions.some((each) => each?.needs.includes("tags"));
    return { ...body, id, name: kind.name, severity, mode, when, link, settles, isCorrectable, demands };
  });
  return { policy: { rules, exemptions: read.exemptions, routes: read.routes } };
}

/**
 * Returns the id of each rule of a policy: its own, or the name of its kind: `required-tags`, then `required-tags-2`. Null for a
 * rule without an id whose kind is unknown.
 */
function idsIn(policy: unknown): (string | null)[] {
  const rules = rawRulesIn(policy).map((each) => (isObject(each) ? each : {}));
  const used = new Set(rules.map(({ id }) => id));
  const counts = new Map<string, number>();
  return rules.map(({ id, rule: kind }) => {
    if (typeof id === "string") return id;
    if (typeof kind !== "string" || !SETTINGS.has(kind)) return null;
    for (let count = counts.get(kind) ?? 1; ; count += 1) {
      const candidate = count === 1 ? kind : `${kind}-${count}`;
      counts.set(kind, count + 1);
      if (!used.has(candidate)) return candidate;
    }
  });
}

/** Returns the rules as they are written. */
function rawRulesIn(policy: unknown): readonly unknown[] {
  return isObject(policy) && Array.isArray(policy.rules) ? policy.rules.slice(0, MAX_RULES) : [];
}

/** Returns the policy as launches are judged: without the rules that are judged in reports only. */
export function forLaunches(policy: Policy): Policy {
  return { ...policy, rules: policy.rules.filter(({ mode }) => mode === "alert") };
}

/** Returns the facts that the rules, their scopes and their exemptions need. */
export function needsOf({ rules, exemptions: all }: Pick<Policy, "rules" | "exemptions">): FactName[] {
  const needs = new Set<FactName>();
  for (const each of rules) {
    const conditions = [each.when, ...all.filter((exemption) => appliesTo(exemption, each)).map(({ when }) => when)];
    for (const name of [...each.needs, ...conditions.flatMap((one) => one?.needs ?? [])]) needs.add(name);
  }
  return [...needs];
}

/** Returns a problem in words, without a value of the policy: `rules[0].tags is missing: ...`. */
export function sayProblem({ path, problem }: PolicyProblem): string {
  return `${path === "" ? "it" : path} ${problem}`;
}

/** Returns the JSON Schema of a policy. `policy.schema.json` is this schema. */
export function policySchema(): JsonSchema {
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    $id: "urn:ec2-audit:policy:1",
    title: "EC2 audit policy",
    description:
      "The rules that instances must comply with. Not in this schema, but checked by ec2-audit: ids are unique, exemptions and routes name existing rules, topics are in a region of their partition, patterns are valid, port ranges begin with the lower port, conditions have at most 8 levels and 200 parts, and neither the policy nor its patterns are too large.",
    ...policyObject.schema(),
    $defs: { condition: conditionSchema(), matcher: MATCHER_SCHEMA },
  };
}
