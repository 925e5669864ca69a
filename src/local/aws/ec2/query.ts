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

/** The items at a position of a list. */
interface Group<T> {
  readonly position: number;
  readonly items: readonly T[];
}

/** A list that can be read from any of its positions on. */
export type Positioned<T> = (position: number) => Iterable<Group<T>>;

/** Returns the items of an array, at the positions of their indexes. */
export function listed<T>(items: readonly T[]): Positioned<T> {
  return (from) => items.slice(from).map((item, index) => ({ position: from + index, items: [item] }));
}

/** Returns what `choose` returns for each item of a list, at the item's position. */
export function select<T, U>(list: Positioned<T>, choose: (item: T) => readonly U[]): Positioned<U> {
  return function* (from) {
    for (const { position, items } of list(from)) yield { position, items: items.flatMap(choose) };
  };
}

/**
 * Returns the items with the ids of a filter, by look-up; undefined without the filter, or if it has wildcards.
 * @param name of the filter
 */
export function byId<T>(
  items: { get(id: string): T | undefined },
  filters: readonly Filter[],
  name: string,
): T[] | undefined {
  const filter = filters.find((each) => each.name === name);
  if (filter === undefined || filter.values.some((value) => /[*?\\]/.test(value))) return undefined;
  return [...new Set(filter.values)].map((id) => items.get(id)).filter((item) => item !== undefined);
}

/** Returns the instances with the ids of a filter; all instances without the filter. @param name of the filter */
export function instancesById({ instances }: Ec2State, filters: readonly Filter[], name: string): Positioned<Instance> {
  const found = byId(instances, filters, name);
  if (found !== undefined) return listed(found);
  return function* (from) {
    for (const { position, instance } of instances.from(from)) yield { position, items: [instance] };
  };
}

/**
 * Returns whether a response has the instance and its volumes: hidden ones are omitted unless the call includes managed resources.
 * https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyManagedResourceVisibility.html
 */
export function isShown(state: Ec2State, params: Params, instance: Instance): boolean {
  const hidden = state.managedHidden && instance.operator !== undefined;
  return !hidden || text(params, "IncludeManagedResources") === "true";
}

/**
 * Returns one page of a Describe call. Without MaxResults a page holds 1,000. Its token is a position, so that a page costs only
 * what it reads, and an item that disappears moves no other. @throws AwsError InvalidParameterValue, InvalidNextToken
 */
export function page<T>(params: Params, list: Positioned<T>): { items: readonly T[]; nextToken: string | undefined } {
  const size = integer(params, "MaxResults");
  if (size !== undefined && !(size >= 5 && size <= 1000)) {
    throw new AwsError(
      "InvalidParameterValue",
      `Value ( ${text(params, "MaxResults")} ) for parameter maxResults is invalid. Expecting a value between 5 and 1000.`,
    );
  }
  const [start, skip] = readToken(text(params, "NextToken"));
  const items: T[] = [];
  for (const group of list(start)) {
    for (let index = group.position === start ? skip : 0; index < group.items.length; index += 1) {
      const item = group.items[index];
      if (items.length === (size ?? 1000)) {
        return { items, nextToken: Buffer.from(`page:${group.position}:${index}`).toString("base64url") };
      }
      if (item !== undefined) items.push(item);
    }
  }
  return { items, nextToken: undefined };
}

/** Returns the position of the page's first item, and its index there. @throws AwsError InvalidNextToken */
function readToken(token: string | undefined): [position: number, index: number] {
  if (token === undefined) return [0, 0];
  const [, position, index] = /^page:(\d{1,9}):(\d{1,9})$/.exec(Buffer.from(token, "base64url").toString()) ?? [];
  if (position === undefined) throw new AwsError("InvalidNextToken", "The token is invalid or has expired.");
  return [Number(position), Number(index)];
}
