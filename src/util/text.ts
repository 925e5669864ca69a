/** Readable text made from untrusted text. */

/** Control characters, line and paragraph separators, and bidirectional marks. */
const UNWANTED = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu;

/** Returns untrusted text on one line. Spaces replace the characters that could forge a line or reorder text. */
export function oneLine(text: string): string {
  return /[^ -~]/.test(text) ? text.replaceAll(UNWANTED, " ") : text;
}

/**
 * Returns a copy of text that was cut out of a larger text, such as a response of AWS. V8 keeps the whole larger text in memory as
 * long as there is a part of it.
 */
export function detached(text: string): string {
  return Buffer.from(text).toString();
}

/** Cuts text to a number of UTF-16 units, between characters, and adds dots. */
export function cut(text: string, length: number): string {
  if (text.length <= length) return text;
  return `${text.slice(0, length - 3).replace(/[\uD800-\uDBFF]$/, "")}...`;
}

/** Wraps words into lines of up to `columns` columns. A longer word is not split, so that it can be copied. Lines after the first
 * start with the indent. */
export function wrap(words: readonly string[], columns: number, indent = ""): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of words) {
    if (line === "") line = word;
    else if (line.length + 1 + word.length <= columns) line += ` ${word}`;
    else {
      lines.push(line);
      line = indent + word;
    }
  }
  return [...lines, line];
}
