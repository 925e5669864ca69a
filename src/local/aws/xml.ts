/** A value of an XML response. A list becomes items of the protocol's item tag; a Map `entry` elements of key and value. */
export type Xml =
  | string
  | number
  | boolean
  | undefined
  | readonly Xml[]
  | ReadonlyMap<string, string>
  | { readonly [tag: string]: Xml };

const ESCAPES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&apos;",
};

/** Returns text escaped for XML content. Line ends are references, because a parser would turn CR LF into LF. */
export function escapeXml(value: string): string {
  return value.replace(/[&<>"'\r\n]/g, (char) => ESCAPES[char] ?? `&#${char.charCodeAt(0)};`);
}

/** Writes `value` as `<tag>…</tag>`; items of lists are called `item`; undefined is omitted. */
export function element(tag: string, value: Xml, item: string): string {
  if (value === undefined) return "";
  return `<${tag}>${content(value, item)}</${tag}>`;
}

function content(value: Exclude<Xml, undefined>, item: string): string {
  if (typeof value !== "object") return escapeXml(String(value));
  if (value instanceof Map) {
    return [...value].map(([key, entry]) => element("entry", { key, value: entry }, item)).join("");
  }
  if (Array.isArray(value)) return value.map((each: Xml) => element(item, each, item)).join("");
  return Object.entries(value)
    .map(([tag, each]) => element(tag, each as Xml, item))
    .join("");
}
