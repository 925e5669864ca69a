import { isObject } from "../../../util/json.ts";

/** The longest object or list on one line, in columns. */
const WIDTH = 100;

/** Returns a policy as JSON for people to edit: each object and list that is short is on one line. */
export function printPolicy(value: unknown, indent = ""): string {
  const line = onOneLine(value);
  if (indent.length + line.length <= WIDTH || typeof value !== "object" || value === null) return line;
  const deeper = `${indent}  `;
  const items = isObject(value)
    ? Object.entries(value).map(([key, member]) => `${JSON.stringify(key)}: ${printPolicy(member, deeper)}`)
    : Array.isArray(value)
      ? value.map((each) => printPolicy(each, deeper))
      : [];
  const [open, close] = isObject(value) ? ["{", "}"] : ["[", "]"];
  return `${open}\n${items.map((item) => `${deeper}${item}`).join(",\n")}\n${indent}${close}`;
}

function onOneLine(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(onOneLine).join(", ")}]`;
  if (!isObject(value)) return JSON.stringify(value);
  const members = Object.entries(value).map(([key, member]) => `${JSON.stringify(key)}: ${onOneLine(member)}`);
  return members.length === 0 ? "{}" : `{ ${members.join(", ")} }`;
}
