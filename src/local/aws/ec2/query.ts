import { AwsError } from "../errors.ts";
import { integer, type Params, structures, text, texts } from "../params.ts";
import type { Ec2State, Instance, Tagged } from "./model.ts";

/** One filter of a Describe call: it passes if one of its values matches. */
export interface Filter {
  readonly name: string;
  readonly values: readonly string[];
  /** Returns whether `value` matches one of the values, which can have the wildcards `*` and `?`. */
  readonly matches: (value: string) => boolean;
}

/** https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Filtering.html */
const MAX_FILTER_VALUES = 200;

/** Reads the filters of a request; `known` has the action's filter names. @throws AwsError FilterLimitExceeded, InvalidParameterValue */
export function readFilters(params: Params, known: (name: string) => boolean): Filter[] {
  return structures(params, "Filter").map((filter) => {
    const name = text(filter, "Name") ?? "";
    const values = texts(filter, "Value");
    if (!known(name)) throw new AwsError("InvalidParameterValue", `The filter '${name}' is invalid`);
    if (values.length === 0) throw new AwsError("InvalidParameterValue", "The filter 'null' is invalid");
    if (values.length > MAX_FILTER_VALUES) {
      throw new AwsError(
        "FilterLimitExceeded",
        `The maximum number of filter values specified on a single call is ${MAX_FILTER_VALUES}`,
      );
    }
    const exact = new Set(values.filter((value) => !/[*?\\]/.test(value)));
    const wild = values.filter((value) => /[*?\\]/.test(value)).map(wildcard);
    return { name, values, matches: (value) => exact.has(value) || wild.some((pattern) => pattern.test(value)) };
  });
}

/** `*` is any run of characters, `?` one character, a backslash makes the next one plain. */
function wildcard(value: string): RegExp {
  const source = value.replace(/\\(.)|[\s\S]/gu, (char, escaped: string | undefined) => {
    if (escaped !== undefined) return escaped.replace(/[^\w\s]/u, "\\$&");
    if (char === "*") return "[\\s\\S]*";
    return char === "?" ? "[\\s\\S]" : char.replace(/[$()+./[\\\]^{|}]/u, "\\$&");
  });
  return new RegExp(`^${source}$`, "u");
}

/** The values of an item that a filter compares, by the filter's name. */
export type FilterFields<T> = Readonly<Record<string, (item: T) => readonly string[]>>;

/**
 * Reads the filters of a request for items with tags: those in `fields`, `tag:KEY` and `tag-key`. Returns them, and whether an
 * item passes all of them. @throws AwsError as readFilters does
 */
export function itemFilters<T extends Tagged>(
  params: Params,
  fields: FilterFields<T>,
): { readonly filters: readonly Filter[]; passes(item: T): boolean } {
  const filters = readFilters(
    params,
    (name) => name.startsWith("tag:") || name === "tag-key" || Object.hasOwn(fields, name),
  );
  const valuesOf = (item: T, name: string): readonly string[] => {
    if (name === "tag-key") return [...item.tags.keys()];
    if (!name.startsWith("tag:")) return fields[name]?.(item) ?? [];
    const value = item.tags.get(name.slice(4));
    return value === undefined ? [] : [value];
  };
  return {
    filters,
    passes: (item) => filters.every(({ name, matches }) => valuesOf(item, name).some((value) => matches(value))),
  };
}

/**
 * Returns the items with the ids of a filter, by look-up; all items without the filter, or if it has wildcards.
 * @param name of the filter
 */
export function byId<T>(items: ReadonlyMap<string, T>, filters: readonly Filter[], name: string): T[] {
  const filter = filters.find((each) => each.name === name);
  if (filter === undefined || filter.values.some((value) => /[*?\\]/.test(value))) return [...items.values()];
  return [...new Set(filter.values)].map((id) => items.get(id)).filter((item) => item !== undefined);
}

/**
 * Returns whether a response has the instance and its volumes: hidden ones are omitted unless the call includes managed resources.
 * https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyManagedResourceVisibility.html
 */
export function isShown(state: Ec2State, params: Params, instance: Instance): boolean {
  const hidden = state.managedHidden && instance.operator !== undefined;
  return !hidden || text(params, "IncludeManagedResources") === "true";
}

/** Returns one page of a Describe call. Without MaxResults a page holds 1,000. @throws AwsError InvalidParameterValue, InvalidNextToken */
export function page<T>(params: Params, items: readonly T[]): { items: readonly T[]; nextToken: string | undefined } {
  const size = integer(params, "MaxResults");
  if (size !== undefined && !(size >= 5 && size <= 1000)) {
    throw new AwsError(
      "InvalidParameterValue",
      `Value ( ${text(params, "MaxResults")} ) for parameter maxResults is invalid. Expecting a value between 5 and 1000.`,
    );
  }
  const token = text(params, "NextToken");
  const start =
    token === undefined ? 0 : Number(/^page:(\d{1,9})$/.exec(Buffer.from(token, "base64url").toString())?.[1]);
  if (Number.isNaN(start)) throw new AwsError("InvalidNextToken", "The token is invalid or has expired.");
  const end = start + (size ?? 1000);
  return {
    items: items.slice(start, end),
    nextToken: end < items.length ? Buffer.from(`page:${end}`).toString("base64url") : undefined,
  };
}
