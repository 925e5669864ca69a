/** Text for people, made of text that anyone may have written. */

/** Control characters, line and paragraph separators, and bidirectional marks. */
const UNWANTED = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu;

/** Foreign text on one line: blanks replace the characters that could forge a line or reorder text. */
export function oneLine(text: string): string {
  return /[^ -~]/.test(text) ? text.replaceAll(UNWANTED, " ") : text;
}

/** Cuts text to a number of UTF-16 units, between characters, with dots to show it. */
export function cut(text: string, length: number): string {
  if (text.length <= length) return text;
  return `${text.slice(0, length - 3).replace(/[\uD800-\uDBFF]$/, "")}...`;
}

/** Wraps words into lines of at most `columns` columns. A longer word stays whole, so that it can be copied. Lines after the
 * first begin with the indent. */
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
