import { quote } from "../../../util/json.ts";

/** The way to a value of a document: its keys and indexes. */
export type Path = readonly (string | number)[];

/** A condition of the policy language, as JSON. */
export type ConditionDocument =
  | { readonly all: readonly ConditionDocument[] }
  | { readonly any: readonly ConditionDocument[] }
  | { readonly not: ConditionDocument }
  | LeafDocument;

/** A leaf of a condition, such as `{"region": ["eu-*"]}`. */
export type LeafDocument = Readonly<Record<string, string | boolean | readonly string[]>>;

/** A rule of the policy language, as JSON. */
export interface RuleDocument {
  readonly rule: string;
  readonly id?: string;
  readonly when?: ConditionDocument;
  readonly [setting: string]: unknown;
}

/** A rule, and the part of the document that it comes from. */
export interface ImportedRule {
  readonly path: Path;
  readonly what: string;
  readonly document: RuleDocument;
}

/** A statement about a part of the document. */
export interface Remark {
  readonly path: string;
  /** The line of a YAML document, from 1. */
  readonly line?: number;
  /** Names the part, such as `policy "ec2-tag-compliance"`. */
  readonly what: string;
  readonly why: string;
}

/** What an import gave. */
export interface Imported {
  readonly rules: readonly RuleDocument[];
  /** The parts of the document that no rule demands. */
  readonly notImported: readonly Remark[];
  /** Where the rules differ from what the document seems to say. */
  readonly notes: readonly Remark[];
}

/** Collects the remarks of an import. */
export interface Remarks {
  readonly notImported: Remark[];
  readonly notes: Remark[];
  /** Lists a part that is not imported. */
  skip(path: Path, what: string, why: string): void;
  /** Notes a difference in a part that is imported. */
  note(path: Path, what: string, why: string): void;
}

/** Returns empty remarks. Takes what returns the line of a path; undefined without lines. */
export function startRemarks(lineOf: (path: Path) => number | undefined): Remarks {
  const [notImported, notes]: [Remark[], Remark[]] = [[], []];
  const add = (to: Remark[]) => (path: Path, what: string, why: string) => {
    const line = lineOf(path);
    to.push({ path: pathText(path), ...(line !== undefined && { line }), what, why });
  };
  return { notImported, notes, skip: add(notImported), note: add(notes) };
}

/** Returns a path as text, such as `policies[0].filters[1]["tag:Owner"]`; empty for the whole document. */
export function pathText(path: Path): string {
  return path
    .map((step, index) => {
      if (typeof step === "number") return `[${step}]`;
      if (!/^[A-Za-z_][\w-]*$/.test(step)) return `[${JSON.stringify(step)}]`;
      return index === 0 ? step : `.${step}`;
    })
    .join("");
}

/** The longest id of a rule, in characters. */
export const MAX_ID = 64;

/** Returns the id of a rule for a name in the document; undefined for a name without a letter or digit. */
export function ruleId(name: unknown): string | undefined {
  if (typeof name !== "string") return undefined;
  const id = name
    .replaceAll(/[^\w.-]+/g, "-")
    .replace(/^[^A-Za-z0-9]+/, "")
    .slice(0, MAX_ID)
    .replace(/-+$/, "");
  return id === "" ? undefined : id;
}

/** Names a part by its own name: `policy "web"`; without a name, only by its type. */
export function named(type: string, name: unknown): string {
  return typeof name === "string" ? `${type} ${quote(name)}` : type;
}
