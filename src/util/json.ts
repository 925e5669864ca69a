/** Whether a parsed JSON value is an object: not null, not a list. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The parsed JSON, or undefined (which is no JSON value) for text that is not JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Foreign text as it can stand in an error or a log line: quoted, on one line, 80 characters at most. */
export function quote(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
}

/** Controls (C0, C1), bidirectional marks, zero-width characters, line and paragraph separators: characters that a terminal
 * acts on or that a reader cannot see. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;

/**
 * Text with every invisible character written as `\uXXXX`. The result of JSON.stringify stays the same JSON: these
 * characters occur only in its strings, and it escapes only C0 itself.
 */
export function escapeUnseen(text: string): string {
  if (!/[^ -~]/.test(text)) return text;
  return text.replaceAll(UNSEEN, (unseen) =>
    unseen
      .split("")
      .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)
      .join(""),
  );
}

/**
 * Whether JSON text has more than so many brackets, braces and commas outside its strings: it costs little to ask, where
 * parsing costs a hundred times as much (an array for each bracket). Text that is not JSON may be answered either way.
 */
export function hasMoreParts(text: string, limit: number): boolean {
  let parts = 0;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) at = endOfString(text, at);
    else if (code === COMMA || code === BRACKET || code === BRACE) parts += 1;
    if (parts > limit) return true;
  }
  return false;
}

const [QUOTE, COMMA, BRACKET, BRACE, BACKSLASH] = [0x22, 0x2c, 0x5b, 0x7b, 0x5c];

/** Where the string ends that begins there; the text's end for one that does not. */
function endOfString(text: string, from: number): number {
  for (let at = from + 1; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === BACKSLASH) at += 1;
    else if (code === QUOTE) return at;
  }
  return text.length;
}
