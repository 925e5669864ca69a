import { literal, readMatcher } from "../../../policy/matcher.ts";
import type { ConditionDocument, LeafDocument, RuleDocument } from "./imported.ts";

/** What a filter matches. */
export type Expression =
  | { readonly all: readonly Expression[] }
  | { readonly any: readonly Expression[] }
  | { readonly not: Expression }
  | Atom;

/** A property of an instance that a condition can name, or one that only a rule kind judges: that rule without its scope. */
export type Atom = TagAtom | ValueAtom | { readonly rule: RuleDocument };

/** A tag is there; with `values`, one of the matchers matches its value. Null stands for any tag. */
export interface TagAtom {
  readonly tag: string | null;
  readonly values?: readonly string[];
}

/** A value such as the instance type matches one of the matchers. */
export interface ValueAtom {
  readonly leaf: string;
  readonly values: readonly string[];
}

/** An atom, or its negation. */
export interface Literal {
  readonly atom: Atom;
  readonly negated: boolean;
}

/** The matcher of any value that is not blank. */
export const NOT_BLANK = "?*";

/** More clauses are not worth reading as rules. */
const MAX_CLAUSES = 20;

/**
 * Returns the clauses of which each must hold, in each of which one literal must hold, so that the expression is true; with
 * `negated`, so that it is false. Returns undefined for too many clauses.
 */
export function clausesOf(expression: Expression, negated: boolean): readonly (readonly Literal[])[] | undefined {
  if ("not" in expression) return clausesOf(expression.not, !negated);
  if (!("all" in expression) && !("any" in expression)) return [[{ atom: expression, negated }]];
  const isAll = "all" in expression;
  const parts: (readonly (readonly Literal[])[])[] = [];
  for (const part of isAll ? expression.all : expression.any) {
    const clauses = clausesOf(part, negated);
    if (clauses === undefined) return undefined;
    parts.push(clauses);
  }
  if (isAll !== negated) return limited(parts.flat());
  let product: readonly (readonly Literal[])[] = [[]];
  for (const clauses of parts) {
    const next = limited(product.flatMap((left) => clauses.map((right) => [...left, ...right])));
    if (next === undefined) return undefined;
    product = next;
  }
  return product;
}

function limited<T>(clauses: readonly T[]): readonly T[] | undefined {
  return clauses.length > MAX_CLAUSES ? undefined : clauses;
}

/** Returns the literals of an expression, each with its sign. */
export function literalsOf(expression: Expression, negated = false): readonly Literal[] {
  if ("not" in expression) return literalsOf(expression.not, !negated);
  if ("all" in expression) return expression.all.flatMap((part) => literalsOf(part, negated));
  if ("any" in expression) return expression.any.flatMap((part) => literalsOf(part, negated));
  return [{ atom: expression, negated }];
}

/** Returns an expression as a condition; undefined if it has an atom that only a rule kind judges. */
export function conditionOf(expression: Expression): ConditionDocument | undefined {
  if ("not" in expression) {
    const inner = conditionOf(expression.not);
    return inner && negation(inner);
  }
  if ("all" in expression || "any" in expression) {
    const isAll = "all" in expression;
    const parts = (isAll ? expression.all : expression.any).map(conditionOf);
    const known = parts.filter((part) => part !== undefined);
    return known.length < parts.length ? undefined : joined(isAll ? "all" : "any", known);
  }
  return "rule" in expression ? undefined : leafOf(expression);
}

/** Joins conditions; one stays as it is. */
export function joined(operator: "all" | "any", parts: readonly ConditionDocument[]): ConditionDocument {
  const [first, ...others] = parts;
  if (first !== undefined && others.length === 0) return first;
  return operator === "all" ? { all: parts } : { any: parts };
}

function negation(condition: ConditionDocument): ConditionDocument {
  if ("not" in condition && typeof condition.not === "object" && !Array.isArray(condition.not)) {
    return condition.not as ConditionDocument;
  }
  if ("present" in condition && "tag" in condition)
    return { ...condition, present: condition.present !== true } as LeafDocument;
  return { not: condition };
}

function leafOf(atom: TagAtom | ValueAtom): LeafDocument {
  if ("leaf" in atom) return { [atom.leaf]: oneOrMore(atom.values) };
  const tag = atom.tag === null ? "*" : literal(atom.tag);
  return atom.values === undefined ? { tag, present: true } : { tag, in: oneOrMore(atom.values) };
}

/** A list of one matcher can be written as the matcher. */
function oneOrMore(values: readonly string[]): string | readonly string[] {
  const [first, ...others] = values;
  return first !== undefined && others.length === 0 ? first : values;
}

/** Returns whether a matcher matches a text. */
export function matchesText(matcher: string, text: string): boolean {
  const reading = readMatcher(matcher);
  return "matcher" in reading && reading.matcher.matches(text);
}
