import { Ajv2020 } from "ajv/dist/2020.js";
import alertSchema from "../../alerts/alert.schema.json";
import type { Line } from "./lines.ts";
import schema from "./report.schema.json";

const ajv = new Ajv2020({ allowUnionTypes: true, validateFormats: false, schemas: [alertSchema, schema] });
const VALIDATORS = new Map(
  schema.oneOf.map(({ $ref }) => [$ref.split("/").at(-1), ajv.compile<Line>({ $ref: schema.$id + $ref })]),
);

/** A parsed line, or how it differs from `report.schema.json`, in one sentence without a full stop. */
export type LineReading = { readonly line: Line } | { readonly problem: string };

/** Returns a line of a report from its JSON value, if the schema allows it. */
export function lineOf(value: unknown): LineReading {
  const type = typeof value === "object" && value !== null && "type" in value ? value.type : undefined;
  const isLine = VALIDATORS.get(typeof type === "string" ? type : undefined);
  if (isLine === undefined) return { problem: "it is not a line of a report" };
  if (isLine(value)) return { line: value };
  const [error] = isLine.errors ?? [];
  return {
    problem: `${error?.instancePath.slice(1).replaceAll("/", ".") || "it"} ${error?.message ?? "is not valid"}`,
  };
}
