import type { FactName } from "../facts/facts.ts";
import { isObject, parseJson } from "../util/json.ts";
import { jsonErrorIn } from "../util/json-error.ts";
import { condition, conditionSchema } from "./condition.ts";
import { appliesTo, type Exemption, exemptions } from "./exemptions.ts";
import { type ConfiguredRule, MODES, type Rule, type RuleKind, SEVERITIES } from "./rule.ts";
import { RULE_KINDS } from "./rules/index.ts";
import { tagEntry } from "./rules/required-tags.ts";
import {
  type JsonSchema,
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
  type ValuesOf,
  withDefault,
} from "./settings.ts";

/** The rules that every instance must comply with, and the exemptions from them. */
export interface Policy {
  readonly rules: readonly Rule[];
  readonly exemptions: readonly Exemption[];
}

/** A policy, or its problems. */
export type PolicyReading = { readonly policy: Policy } | { readonly problems: readonly PolicyProblem[] };

/** The maximum size of a policy's text, in bytes. */
export const MAX_BYTES = 64 * 1024;

/** The maximum of states of all regular expressions of a policy. It bounds the time for the longest tag values. */
const MAX_STATES = 8_000;

export const MAX_RULES = 100;

/** The settings that every kind of rule has. */
export const COMMON_FIELDS = {
  rule: required(text({ max: 64, shape: "the name of a rule kind" }), { about: "The kind of the rule." }),
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

/** A rule of any kind. */
const rule: Setting<{ readonly kind: RuleKind; readonly read: AnyRule }> = {
  shape: 'an object: {"rule": "required-tags", ...}',
  read(value, path, reading) {
    if (!isObject(value)) return reading.report(path, `must be ${rule.shape}`, value);
    const name = oneOf(RULE_KINDS.map((kind) => kind.name)).read(
      value.rule,
      path === "" ? "rule" : `${path}.rule`,
      reading,
    );
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
  say: ({ read }) => read.demands(),
};

const POLICY_FIELDS = {
  $schema: optional(text({ max: 2048, shape: "the URL of the JSON Schema" }), {
    about: "The JSON Schema, for editors.",
  }),
  version: optional(
    {
      ...oneOf<"1">(["1"]),
      shape: "1",
      read: (value, path, reading) => (value === 1 ? "1" : reading.report(path, "must be 1", value)),
      schema: () => ({ const: 1 }),
    },
    { about: "The version of the policy language." },
  ),
  rules: required(list(rule, { max: MAX_RULES, of: "rules" }), { about: "The rules." }),
  exemptions: withDefault(exemptions, [], { about: "The exemptions from rules." }),
};
const policyObject = object(POLICY_FIELDS, { shape: 'an object: {"rules": [...]}' });

/**
 * Reads the short form of a policy: `name,env=prod|staging,cost-center=/cc-\d{4}/` requires three tags, two of them with allowed
 * values. Keys have no wildcards.
 */
export function policyOfTags(short: string): PolicyReading {
  const reading = startReading();
  const tags = entriesOf(short).map(({ key, values }, index) => {
    const path = `entry ${index + 1}`;
    if (/[|;*]/.test(key)) reading.report(path, NOT_A_KEY, key);
    const entry = values === null ? key : { key, values };
    tagEntry.read(entry, path, reading);
    return entry;
  });
  if (reading.problems.length > 0) return { problems: reading.problems };
  return build(policyObject.read({ rules: [{ rule: "required-tags", tags }] }, "", reading), reading);
}

const NOT_A_KEY =
  "must be a tag key, with its allowed values after =: env=prod|staging. A key with |, ; or * needs a policy as JSON";

/** Splits the short form at its commas and bars, except those in `/.../`. */
function entriesOf(short: string): { readonly key: string; readonly values: readonly string[] | null }[] {
  const entries: { key: string; values: string[] | null }[] = [];
  // A key, or a value: a regular expression that ends before a separator, or text.
  const part = /(?:\s*(\/(?:[^/\\]|\\.)*\/i?)\s*(?=[,|]|$))|([^,|=]*)/y;
  let at = 0;
  for (;;) {
    const comma = short.indexOf(",", at);
    const equals = short.indexOf("=", at);
    if (equals === -1 || (comma !== -1 && comma < equals)) {
      const end = comma === -1 ? short.length : comma;
      entries.push({ key: short.slice(at, end).trim(), values: null });
      at = end;
    } else {
      const entry = { key: short.slice(at, equals).trim(), values: [] as string[] };
      entries.push(entry);
      at = equals;
      do {
        part.lastIndex = at + 1;
        const [, pattern] = part.exec(short) ?? [];
        const end = pattern === undefined ? endOfText(short, at + 1) : part.lastIndex;
        entry.values.push(pattern ?? short.slice(at + 1, end).trim());
        at = end;
      } while (short[at] === "|");
    }
    if (at >= short.length) return entries;
    at += 1;
  }
}

/** Returns the index of the next comma or bar, or the length of the text. */
function endOfText(short: string, from: number): number {
  const end = short.slice(from).search(/[,|]/);
  return end === -1 ? short.length : from + end;
}

/**
 * Reads a policy from its JSON text:
 * `{"rules": [{"rule": "required-tags", "severity": "high", "tags": ["name", "service"]}]}`.
 * A kind of rule can be used more than once, with different settings and ids. An unknown key is an error: a typo must not
 * make a policy less strict than it looks.
 */
export function parsePolicy(json: string): PolicyReading {
  const reading = startReading();
  if (Buffer.byteLength(json) > MAX_BYTES) {
    reading.report("", "must not exceed 64 KiB");
    return { problems: reading.problems };
  }
  const value = parseJson(json);
  if (value === undefined) {
    const position = jsonErrorIn(json);
    reading.report("", `is not JSON${position ? ` at line ${position.line}, column ${position.column}` : ""}`);
    return { problems: reading.problems };
  }
  return build(policyObject.read(value, "", reading), reading);
}

function build(read: ValuesOf<typeof POLICY_FIELDS> | undefined, reading: Reading): PolicyReading {
  if (read === undefined) return { problems: reading.problems };
  if (reading.states > MAX_STATES) {
    reading.report("", `has regular expressions that are too large together: ${MAX_STATES} states are allowed`);
  }
  const withoutExemptions = withIds(
    read.rules.map(({ kind, read: { common, body, demands } }): ReadRule => {
      const { id = null, severity, mode, when = null, link = null } = common;
      return { settles: kind.settles, ...body, demands, id, name: kind.name, severity, mode, when, link };
    }),
    reading,
  );
  const ids = withoutExemptions.map(({ id }) => id);
  read.exemptions.forEach((exemption, index) => {
    exemption.rules.forEach((id, at) => {
      if (id === "*" || ids.includes(id)) return;
      // The problem does not list the ids: they are values of the policy.
      reading.report(`exemptions[${index}].rules[${at}]`, 'must be the id of a rule of this policy, or "*"', id);
    });
  });
  if (reading.problems.length > 0) return { problems: reading.problems };
  const rules = withoutExemptions.map((each): Rule => {
    const conditions = [
      each.when,
      ...read.exemptions.filter((exemption) => appliesTo(exemption, each)).map(({ when }) => when),
    ];
    const byTags = conditions.some((one) => one?.needs.includes("tags"));
    return { ...each, isCorrectable: each.settles === "soon" || byTags };
  });
  return { policy: { rules, exemptions: read.exemptions } };
}

/** A rule of the policy; its id is null if the policy gives none. */
type ReadRule = Omit<Rule, "id" | "isCorrectable"> & { readonly id: string | null };

/** Gives each rule without an id the name of its kind: `required-tags`, then `required-tags-2`. Reports an id that is not unique. */
function withIds(rules: readonly ReadRule[], reading: Reading): Omit<Rule, "isCorrectable">[] {
  const used = new Map<string, number>();
  rules.forEach(({ id }, index) => {
    const other = id === null ? undefined : used.get(id);
    if (other !== undefined)
      reading.report(`rules[${index}].id`, `is also the id of rules[${other}]; each id must be unique`, id);
    else if (id !== null) used.set(id, index);
  });
  const counts = new Map<string, number>();
  return rules.map((each) => {
    let id = each.id;
    for (let count = counts.get(each.name) ?? 1; id === null; count += 1) {
      const candidate = count === 1 ? each.name : `${each.name}-${count}`;
      if (!used.has(candidate)) id = candidate;
      counts.set(each.name, count + 1);
    }
    return { ...each, id };
  });
}

/** Returns the policy as launches are judged: without the rules that are judged in reports only. */
export function forLaunches({ rules, exemptions: all }: Policy): Policy {
  return { rules: rules.filter(({ mode }) => mode === "alert"), exemptions: all };
}

/** Returns the facts that the rules, their scopes and their exemptions need. */
export function needsOf({ rules, exemptions: all }: Policy): FactName[] {
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
      "The rules that instances must comply with. Not in this schema, but checked by ec2-audit: ids are unique, exemptions name existing rules, patterns are valid, and conditions have at most 8 levels and 200 parts.",
    ...policyObject.schema(),
    $defs: { condition: conditionSchema(), matcher: MATCHER_SCHEMA },
  };
}
