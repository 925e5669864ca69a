/** Returns whether a parsed JSON value is an object: not null, not a list. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Parses JSON. Returns undefined, which is not a JSON value, for text that is not JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Quotes untrusted text for an error or a log line: on one line, up to 80 characters. */
export function quote(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
}

/** Characters that control a terminal or are invisible: controls (C0, C1), bidirectional marks, zero-width characters, line and
 * paragraph separators. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;

/**
 * Writes every invisible character as `\uXXXX`. The result of JSON.stringify keeps its meaning, because it has these characters
 * only in strings.
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
 * Returns whether JSON text has more than `limit` brackets, braces and commas outside its strings. For text that is not JSON,
 * the result is arbitrary. This takes a hundredth of the time of parsing, which creates an array for each bracket.
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

/** Returns the index of the closing quote of the string whose opening quote is at `from`, or the length of the text if there is none. */
export function endOfString(text: string, from: number): number {
  for (let at = from + 1; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === BACKSLASH) at += 1;
    else if (code === QUOTE) return at;
  }
  return text.length;
}
