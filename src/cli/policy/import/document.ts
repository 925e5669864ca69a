import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  Pair,
  parseDocument,
  Scalar,
  visit,
  YAMLMap,
  type Document as YamlDocument,
} from "yaml";
import { parseJson } from "../../../util/json.ts";
import { jsonErrorIn } from "../../../util/json-error.ts";
import type { Path } from "./imported.ts";

/** A document that was read from JSON or YAML. */
export interface Document {
  readonly value: unknown;
  /** Returns the line of a value, from 1; undefined in JSON, which tools often print on one line. */
  lineOf(path: Path): number | undefined;
}

/** A document, or why the text is not one: a clause to follow the name of the file. */
export type DocumentReading = { readonly document: Document } | { readonly problem: string };

/** The maximum of an alias's uses times the uses in it. A file with many policies can use one alias in each. */
const MAX_ALIASES = 10_000;

/**
 * Reads JSON, or YAML as PyYAML and CloudFormation read it: version 1.1, in which an unquoted `yes` is a boolean. A value with a
 * short form of CloudFormation, such as `!Ref name`, becomes the long form: `{"Ref": "name"}`.
 */
export function readDocument(text: string): DocumentReading {
  const json = parseJson(text);
  if (json !== undefined) return { document: { value: json, lineOf: () => undefined } };
  const position = looksLikeJson(text) ? jsonErrorIn(text) : null;
  if (position !== null) return { problem: `is not JSON at line ${position.line}, column ${position.column}` };
  try {
    return readYaml(text);
  } catch (error) {
    // The library recurses, and throws a ReferenceError for an alias without its anchor and for too many aliases.
    if (error instanceof RangeError) return { problem: "is nested too deeply" };
    if (error instanceof ReferenceError) return { problem: `is not YAML: ${error.message}` };
    throw error;
  }
}

function readYaml(text: string): DocumentReading {
  const lines = new LineCounter();
  const yaml = parseDocument(text, { version: "1.1", lineCounter: lines, prettyErrors: false, logLevel: "error" });
  const [error] = yaml.errors;
  if (error !== undefined) {
    const { line, col } = lines.linePos(error.pos[0]);
    const why = error.code === "MULTIPLE_DOCS" ? "it has several documents, and one is expected" : error.message;
    return { problem: `is not YAML at line ${line}, column ${col}: ${why}` };
  }
  visit(yaml, {
    Node(position, node) {
      if (isScalar(node)) readAsPyYaml(node, position === "key");
      return longForm(node);
    },
  });
  const value: unknown = yaml.toJS({ maxAliasCount: MAX_ALIASES });
  return { document: { value, lineOf: (path) => lineIn(yaml, path, lines) } };
}

/** PyYAML's resolvers, which Cloud Custodian uses. https://github.com/yaml/pyyaml/blob/6.0.2/lib/yaml/resolver.py#L170 */
const BOOLEAN = /^(?:yes|no|on|off|true|false)$/i;
const NUMBER = [
  /^(?:[-+]?0b[01_]+|[-+]?0[0-7_]+|[-+]?(?:0|[1-9][\d_]*)|[-+]?0x[\da-f_]+|[-+]?[1-9][\d_]*(?::[0-5]?\d)+)$/i,
  /^(?:[-+]?\d[\d_]*\.[\d_]*(?:e[-+]\d+)?|\.\d[\d_]*(?:e[-+]\d+)?|[-+]?\d[\d_]*(?::[0-5]?\d)+\.[\d_]*|[-+]?\.inf|\.nan)$/i,
];

/** Makes text of keys, and of what PyYAML reads as text: `y`, `n`, `1e3`, and `012345678901`, which looks like an account. */
function readAsPyYaml(node: Scalar, isKey: boolean): void {
  const { value, source } = node;
  if (source === undefined || node.type !== Scalar.PLAIN) return;
  const isText =
    isKey ||
    (typeof value === "boolean" && !BOOLEAN.test(source)) ||
    (typeof value === "number" && !NUMBER.some((pattern) => pattern.test(source)));
  if (isText) node.value = source;
}

function longForm(node: Node): Node | undefined {
  if (!("tag" in node) || typeof node.tag !== "string" || !node.tag.startsWith("!")) return undefined;
  const name = node.tag.slice(1);
  const key = name === "Ref" || name === "Condition" ? name : `Fn::${name}`;
  const long = new YAMLMap();
  if (isScalar(node) || isMap(node) || isSeq(node)) {
    if (node.anchor !== undefined) long.anchor = node.anchor;
    delete node.anchor;
    delete node.tag;
  }
  long.items.push(new Pair(new Scalar(key), node));
  return long;
}

/** Returns the line of the deepest part of a path that is found. The line in an alias is that of the aliased value. */
function lineIn(yaml: YamlDocument.Parsed, path: Path, lines: LineCounter): number | undefined {
  let offset: number | undefined;
  let node: unknown = yaml.contents;
  for (const step of path) {
    if (isAlias(node)) node = node.resolve(yaml);
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === String(step));
      if (isScalar(pair?.key)) offset = pair.key.range?.[0] ?? offset;
      node = pair?.value;
    } else if (isSeq(node)) {
      node = typeof step === "number" ? node.items[step] : undefined;
      if (isMap(node) || isScalar(node) || isSeq(node) || isAlias(node)) offset = node.range?.[0] ?? offset;
    } else break;
  }
  return offset === undefined ? undefined : lines.linePos(offset).line;
}

/** YAML may also begin with a bracket. JSON has no unquoted keys. */
function looksLikeJson(text: string): boolean {
  return /^\s*(?:\[\s*)?[[{]\s*"/.test(text);
}
