/** One value of a request, whichever protocol it came in. In the query protocol every leaf is a string. */
export type Value = string | number | boolean | null | Value[] | Params;

/** The parameters of a request, or one structure within them. Has no prototype, so that `__proto__` is a key like any other. */
export interface Params {
  readonly [name: string]: Value | undefined;
}

function isParams(value: Value | undefined): value is Params {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The scalar `name` as text, or undefined where it is missing or a structure. */
export function text(params: Params, name: string): string | undefined {
  const value = params[name];
  return typeof value === "object" || value === undefined ? undefined : String(value);
}

/** The scalar `name` as an integer: undefined where it is missing, NaN where it is not an integer. */
export function integer(params: Params, name: string): number | undefined {
  const value = text(params, name);
  if (value === undefined) return undefined;
  return /^-?\d{1,15}$/.test(value) ? Number(value) : Number.NaN;
}

/** The structure `name`; an empty one where it is missing or not a structure. */
export function structure(params: Params, name: string): Params {
  const value = params[name];
  return isParams(value) ? value : {};
}

/** The structures in the list `name`; none where it is missing. */
export function structures(params: Params, name: string): Params[] {
  const value = params[name];
  return Array.isArray(value) ? value.filter(isParams) : [];
}

/** The scalars in the list `name`, as texts; none where it is missing. */
export function texts(params: Params, name: string): string[] {
  const value = params[name];
  return Array.isArray(value) ? value.filter((item) => typeof item !== "object").map(String) : [];
}

/** A map of texts: `{ name: { key: value } }` in JSON, `name.entry.N.key|value` in the query protocol. */
export function textMap(params: Params, name: string): Map<string, string> {
  const source = structure(params, name);
  if (!Array.isArray(source.entry)) {
    return new Map(Object.keys(source).map((key) => [key, text(source, key) ?? ""]));
  }
  return new Map(structures(source, "entry").map((entry) => [text(entry, "key") ?? "", text(entry, "value") ?? ""]));
}
