/** A value of an XML response. A list becomes items of the protocol's item tag; a Map `entry` elements of key and value. */
export type Xml =
  | string
  | number
  | boolean
  | undefined
  | readonly Xml[]
  | ReadonlyMap<string, string>
  | WrittenXml
  | { readonly [tag: string]: Xml };

/** Elements that are written already: those that many responses share. */
export class WrittenXml {
  readonly xml: string;

  constructor(fields: { readonly [tag: string]: Xml }) {
    this.xml = content(fields, "item");
  }
}

const ESCAPES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&apos;",
};

/** Returns text escaped for XML content. Line ends are references, because a parser would turn CR LF into LF. */
export function escapeXml(value: string): string {
  // Most texts have nothing to escape, and a test is cheaper than a replacement.
  if (!/[&<>"'\r\n]/.test(value)) return value;
  return value.replace(/[&<>"'\r\n]/g, (char) => ESCAPES[char] ?? `&#${char.charCodeAt(0)};`);
}

/** Writes `value` as `<tag>…</tag>`; items of lists are called `item`; undefined is omitted. */
export function element(tag: string, value: Xml, item: string): string {
  if (value === undefined) return "";
  return `<${tag}>${content(value, item)}</${tag}>`;
}

function content(value: Exclude<Xml, undefined>, item: string): string {
  if (typeof value === "string") return escapeXml(value);
  if (typeof value !== "object") return String(value);
  if (value instanceof WrittenXml) return value.xml;
  // `join` makes a flat text. A text of concatenations is a tree, which costs the collector of garbage more than all the rest.
  if (value instanceof Map) {
    return [...value].map(([key, entry]) => element("entry", { key, value: entry }, item)).join("");
  }
  if (Array.isArray(value)) return value.map((each: Xml) => element(item, each, item)).join("");
  const fields = value as { readonly [tag: string]: Xml };
  return Object.keys(fields)
    .map((tag) => element(tag, fields[tag], item))
    .join("");
}
