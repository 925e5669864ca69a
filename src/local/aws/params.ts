/** One value of a request in any protocol. In the query protocol every leaf is a string. */
export type Value = string | number | boolean | null | Value[] | Params;

/** The parameters of a request, or one structure within them. It has no prototype, so `__proto__` is an ordinary key. */
export interface Params {
  readonly [name: string]: Value | undefined;
}

function isParams(value: Value | undefined): value is Params {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Returns the scalar `name` as text; undefined if it is missing or a structure. */
export function text(params: Params, name: string): string | undefined {
  const value = params[name];
  return typeof value === "object" || value === undefined ? undefined : String(value);
}

/** Returns the scalar `name` as an integer; undefined if it is missing, NaN if it is not an integer. */
export function integer(params: Params, name: string): number | undefined {
  const value = text(params, name);
  if (value === undefined) return undefined;
  return /^-?\d{1,15}$/.test(value) ? Number(value) : Number.NaN;
}

/** Returns the structure `name`; an empty one if it is missing or not a structure. */
export function structure(params: Params, name: string): Params {
  const value = params[name];
  return isParams(value) ? value : {};
}

/** Returns the structures in the list `name`; none if it is missing. */
export function structures(params: Params, name: string): Params[] {
  const value = params[name];
  return Array.isArray(value) ? value.filter(isParams) : [];
}

/** Returns the scalars in the list `name`, as texts; none if it is missing. */
export function texts(params: Params, name: string): string[] {
  const value = params[name];
  return Array.isArray(value) ? value.filter((item) => typeof item !== "object").map(String) : [];
}

/** Returns a map of texts: `{ name: { key: value } }` in JSON, `name.entry.N.key|value` in the query protocol. */
export function textMap(params: Params, name: string): Map<string, string> {
  const source = structure(params, name);
  if (!Array.isArray(source.entry)) {
    return new Map(Object.keys(source).map((key) => [key, text(source, key) ?? ""]));
  }
  return new Map(structures(source, "entry").map((entry) => [text(entry, "key") ?? "", text(entry, "value") ?? ""]));
}
