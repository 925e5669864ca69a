import { isObject, parseJson } from "../../../util/json.ts";
import type { Resolved } from "./cloudformation.ts";
import type { Path, Remarks } from "./imported.ts";

/** The parameters of an AWS Config rule. All of them are texts. */
export interface ConfigParameters {
  readonly path: Path;
  readonly names: readonly string[];
  /** Returns a parameter; undefined if it is not set or blank. */
  text(name: string): string | undefined;
  /** Returns a comma-separated parameter; undefined if it is not set or blank. Spaces around the commas do not count. */
  list(name: string): readonly string[] | undefined;
  /** Returns why the value of a parameter is not known; undefined if it is known or not set. */
  unresolved(name: string): string | undefined;
}

/**
 * Reads parameters: an object, or its JSON text. Undefined stands for no parameters. Returns null for anything else.
 * https://docs.aws.amazon.com/config/latest/APIReference/API_ConfigRule.html
 */
export function readParameters(
  input: unknown,
  path: Path,
  resolve: (value: unknown) => Resolved,
  remarks: Remarks,
): ConfigParameters | null {
  const plain = typeof input === "string" ? (input.trim() === "" ? {} : parseJson(input)) : (input ?? {});
  if (!isObject(plain)) return null;
  const values = new Map<string, string>();
  const reasons = new Map<string, string>();
  for (const [name, raw] of Object.entries(plain)) {
    const resolved = resolve(raw);
    if ("unresolved" in resolved) {
      reasons.set(name, resolved.unresolved);
      continue;
    }
    const value = textOf(resolved.value);
    if (value === undefined) reasons.set(name, "it must be text");
    else if (value.trim() !== "") values.set(name, value);
    if (value !== undefined && resolved.value !== raw && value.trim() !== "") {
      remarks.note([...path, name], name, `the value is that of the template's defaults: ${JSON.stringify(value)}`);
    } else if (typeof raw === "boolean") {
      remarks.note([...path, name], name, `the value is the boolean ${raw}: YAML reads an unquoted yes or no so`);
    }
  }
  return {
    path,
    names: Object.keys(plain),
    text: (name) => values.get(name)?.trim(),
    list(name) {
      const items = values
        .get(name)
        ?.split(",")
        .map((item) => item.trim())
        .filter((item) => item !== "");
      return items?.length === 0 ? undefined : items;
    },
    unresolved: (name) => reasons.get(name),
  };
}

/** Returns the text that CloudFormation makes of a value; undefined for null and objects. Some exports have lists instead of CSV. */
function textOf(value: unknown): string | undefined {
  if (Array.isArray(value)) {
    const items = value.map(textOf);
    return items.includes(undefined) ? undefined : items.join(",");
  }
  if (typeof value === "string") return value;
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  return value === undefined ? "" : undefined;
}
