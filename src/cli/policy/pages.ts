import { COMMON_FIELDS } from "../../policy/policy.ts";
import type { RuleKind, Settles } from "../../policy/rule.ts";
import type { Field, Fields, JsonSchema } from "../../policy/settings.ts";
import { isObject } from "../../util/json.ts";

/** The page of a rule kind, in the terminal and in docs/policy.md. Texts have names and values in backquotes. */
export interface KindPage {
  readonly kind: string;
  readonly what: string;
  readonly why: string;
  /** When the rule is judged at a launch, in one sentence. */
  readonly judged: string;
  /** The example rule, as JSON. */
  readonly example: string;
  /** Instances that the example rule refuses and accepts, in words. */
  readonly fails: readonly string[];
  readonly passes: readonly string[];
  readonly settings: readonly SettingRow[];
}

/** A setting of a rule. */
export interface SettingRow {
  readonly key: string;
  /** `one of these`: at least one of the settings with these words is required. */
  readonly required: "yes" | "no" | "one of these";
  /** As JSON; null if there is none. */
  readonly fallback: string | null;
  /** The shape of the value, in words; empty for a part of another setting. */
  readonly shape: string;
  readonly about: string;
}

/** When a rule is judged at a launch, by when its facts settle. */
export const JUDGED: Readonly<Record<Settles, string>> = {
  "at-launch": "At a launch, it is judged at once.",
  soon: "At a launch, it is judged after the grace, within which a violation may still be corrected.",
  "when-running": "At a launch, it is judged when the instance is running.",
};

/** Returns the page of a rule kind. */
export function pageOf({ name, what, why, settles, example, fields, atLeastOne = [] }: RuleKind): KindPage {
  return {
    kind: name,
    what,
    why,
    judged: JUDGED[settles],
    example: jsonOf(example.rule),
    fails: example.fails,
    passes: example.passes,
    settings: rowsOf(fields, atLeastOne),
  };
}

/** Returns the settings that every rule has. */
export function commonSettings(): SettingRow[] {
  return rowsOf(COMMON_FIELDS, []);
}

function rowsOf(fields: Fields, atLeastOne: readonly string[]): SettingRow[] {
  return Object.entries(fields).flatMap(([key, field]) => [rowOf(key, field, atLeastOne), ...partsOf(key, field)]);
}

function rowOf(key: string, { isRequired, fallback, about, setting }: Field<unknown>, atLeastOne: readonly string[]) {
  const required = isRequired || (atLeastOne.length === 1 && atLeastOne.includes(key));
  return {
    key,
    required: required ? "yes" : atLeastOne.includes(key) ? "one of these" : "no",
    fallback,
    shape: setting.shape,
    about,
  } as const;
}

/** Returns the keys of the objects in a setting. Their descriptions are in its schema. */
function partsOf(key: string, { setting }: Field<unknown>): SettingRow[] {
  const parts = new Map<string, string>();
  const visit = (schema: JsonSchema, path: string): void => {
    const { items, anyOf, properties = {} } = schema;
    if (isObject(items)) visit(items, path);
    if (Array.isArray(anyOf)) for (const each of anyOf) if (isObject(each)) visit(each, path);
    for (const [name, part] of Object.entries(properties as object)) {
      if (isObject(part) && typeof part.description === "string") parts.set(`${path}.${name}`, part.description);
    }
  };
  visit(setting.schema(), key);
  return [...parts].map(([path, about]) => ({ key: path, required: "no", fallback: null, shape: "", about }));
}

/** The longest JSON on one line, in characters. */
const MAX_LINE = 76;

/** Returns JSON as people write it: on one line if it is short, else a line for each key. */
export function jsonOf(value: unknown, indent = ""): string {
  const line = inline(value);
  if (line.length + indent.length <= MAX_LINE || typeof value !== "object" || value === null) return line;
  const inner = `${indent}  `;
  const [open, close] = Array.isArray(value) ? ["[", "]"] : ["{", "}"];
  const lines = Object.entries(value).map(
    ([key, part]) => `${inner}${Array.isArray(value) ? "" : `${JSON.stringify(key)}: `}${jsonOf(part, inner)}`,
  );
  return `${open}\n${lines.join(",\n")}\n${indent}${close}`;
}

function inline(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(inline).join(", ")}]`;
  if (!isObject(value)) return JSON.stringify(value);
  const parts = Object.entries(value).map(([key, part]) => `${JSON.stringify(key)}: ${inline(part)}`);
  return `{ ${parts.join(", ")} }`;
}
