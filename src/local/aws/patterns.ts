import { isObject } from "../../util/json.ts";

/** A JSON object to match. */
export type Document = { readonly [key: string]: unknown };

/** A compiled pattern. */
export type Matcher = (document: Document) => boolean;

/** The problem of a pattern, as text after "Reason: " or a colon. */
export class PatternError extends Error {}

/** Returns whether the values of a leaf match one alternative; there are none if the key is missing. */
type Condition = (values: readonly unknown[]) => boolean;

/**
 * Compiles a pattern of EventBridge rules and SNS filter policies: nested keys, each leaf a list of alternatives
 * that are plain values or one of the operators exists, prefix, suffix, equals-ignore-case, anything-but. A list in the
 * document matches when one of its elements does.
 * https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
 * @throws PatternError for anything else, because the result could differ from AWS's
 */
export function compilePattern(pattern: unknown): Matcher {
  if (!isObject(pattern)) throw new PatternError("Pattern must be a JSON object");
  const parts = Object.entries(pattern).map(([key, below]): Matcher => {
    if (key === "$or") throw new PatternError("$or is not supported by the embedded AWS");
    if (Array.isArray(below)) {
      const leaf = compileLeaf(key, below);
      return (document) => leaf(valuesOf(document[key]));
    }
    if (!isObject(below)) throw new PatternError(`"${key}" must be an object or an array`);
    const nested = compilePattern(below);
    return (document) => {
      const values = valuesOf(document[key]).filter(isObject);
      return values.some(nested) || (values.length === 0 && nested({}));
    };
  });
  return (document) => parts.every((part) => part(document));
}

function valuesOf(value: unknown): readonly unknown[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? value : [value];
}

function compileLeaf(key: string, alternatives: readonly unknown[]): Condition {
  if (alternatives.length === 0) throw new PatternError(`Empty arrays are not allowed: "${key}"`);
  const conditions = alternatives.map((alternative) => compileAlternative(key, alternative));
  return (values) => conditions.some((condition) => condition(values));
}

function compileAlternative(key: string, alternative: unknown): Condition {
  if (!isObject(alternative)) return (values) => values.includes(alternative);
  const [operator = "", operand] = Object.entries(alternative)[0] ?? [];
  if (Object.keys(alternative).length !== 1)
    throw new PatternError(`Only one operator is allowed in each object of "${key}"`);
  if (operator === "exists") {
    if (typeof operand !== "boolean") throw new PatternError("exists match pattern must be either true or false.");
    return (values) => values.length > 0 === operand;
  }
  if (operator === "anything-but") {
    const not = isObject(operand) ? textTest(key, operand) : scalarTest(operand);
    return (values) => values.some((value) => !not(value));
  }
  const test = textTest(key, alternative);
  return (values) => values.some(test);
}

function scalarTest(operand: unknown): (value: unknown) => boolean {
  const listed = new Set(valuesOf(operand));
  return (value) => listed.has(value);
}

function textTest(key: string, alternative: Document): (value: unknown) => boolean {
  const [operator = "", operand] = Object.entries(alternative)[0] ?? [];
  const test = TEXT_TESTS[operator];
  if (test === undefined) throw new PatternError(`Unrecognized match type ${operator} in "${key}"`);
  if (typeof operand !== "string") throw new PatternError(`${operator} match pattern must be a string`);
  return (value) => typeof value === "string" && test(value, operand);
}

const TEXT_TESTS: Readonly<Record<string, (value: string, operand: string) => boolean>> = {
  prefix: (value, operand) => value.startsWith(operand),
  suffix: (value, operand) => value.endsWith(operand),
  "equals-ignore-case": (value, operand) => value.toLowerCase() === operand.toLowerCase(),
};
