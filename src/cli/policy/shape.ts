import { isObject } from "../../util/json.ts";

/**
 * The shape of a JSON document that stands for a value of the SDK: the AWS CLI prints the same names, and dates as ISO 8601.
 * Only the parts in the shape are read.
 */
export type Shape<T> = T extends string
  ? "string"
  : T extends number
    ? "number"
    : T extends boolean
      ? "boolean"
      : T extends Date
        ? "date"
        : T extends readonly (infer Item)[]
          ? readonly [Shape<Item>]
          : { readonly [Key in keyof T]?: Shape<NonNullable<T[Key]>> };

type AnyShape = "string" | "number" | "boolean" | "date" | readonly [unknown] | object;

/**
 * Reads a value of a document as the SDK has it. Returns undefined for a missing value, and for one of another shape, which it
 * reports with its path.
 */
export type Read<T> = (value: unknown, path: string, report: (problem: string) => undefined) => T | undefined;

/** Returns the reader of values of a shape. */
export function readerOf<T>(shape: Shape<T>): Read<T> {
  return (value, path, report) => convert(value, shape as AnyShape, path, report) as T | undefined;
}

function convert(value: unknown, shape: AnyShape, path: string, report: (problem: string) => undefined): unknown {
  if (value === undefined || value === null) return undefined;
  if (Array.isArray(shape)) {
    if (!Array.isArray(value)) return report(`${path} must be a list`);
    return value.flatMap((item: unknown, index) => convert(item, shape[0], `${path}[${index}]`, report) ?? []);
  }
  if (typeof shape === "object") {
    if (!isObject(value)) return report(`${path} must be an object`);
    const read: Record<string, unknown> = {};
    for (const [key, part] of Object.entries(shape)) {
      const found = value[key];
      if (found !== undefined) read[key] = convert(found, part, `${path}.${key}`, report);
    }
    return read;
  }
  if (shape === "date") {
    const date = new Date(typeof value === "string" ? value : Number.NaN);
    return Number.isNaN(date.getTime()) ? report(`${path} must be a time in ISO 8601`) : date;
  }
  return typeof value === shape ? value : report(`${path} must be a ${shape}`);
}
