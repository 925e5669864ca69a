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
    const parts: string[] = [];
    writeContent(parts, fields, "item");
    this.xml = parts.join("");
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
  const parts: string[] = [];
  writeElement(parts, tag, value, item);
  return parts.join("");
}

/** The parts of a text are joined once: a page of instances has 100,000 elements. */
function writeElement(parts: string[], tag: string, value: Xml, item: string): void {
  if (value === undefined) return;
  parts.push("<", tag, ">");
  writeContent(parts, value, item);
  parts.push("</", tag, ">");
}

function writeContent(parts: string[], value: Exclude<Xml, undefined>, item: string): void {
  if (typeof value === "string") parts.push(escapeXml(value));
  else if (typeof value !== "object") parts.push(String(value));
  else if (value instanceof WrittenXml) parts.push(value.xml);
  else if (value instanceof Map) {
    for (const [key, entry] of value) writeElement(parts, "entry", { key, value: entry }, item);
  } else if (Array.isArray(value)) {
    for (const each of value as readonly Xml[]) writeElement(parts, item, each, item);
  } else {
    const fields = value as { readonly [tag: string]: Xml };
    for (const tag in fields) writeElement(parts, tag, fields[tag], item);
  }
}
