/**
 * What ends a line, moves a cursor, colours text or turns it round: control characters (C0, DEL and C1, of which U+009B begins a
 * terminal's escape sequence), the Unicode line and paragraph separators, and the marks of bidirectional text.
 * https://www.unicode.org/reports/tr9/#Directional_Formatting_Characters
 */
const CONTROL = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu;

/** The same, but for line breaks and tabs. */
const CONTROL_IN_TEXT = /[^\P{Cc}\n\t]|[\p{Zl}\p{Zp}\p{Bidi_Control}]/gu;

/** Foreign text on one line: each control character is written out as JSON writes it (`\u001b`), so that nothing is lost. */
export function escapeControls(text: string): string {
  return text.replaceAll(CONTROL, written);
}

/** Text of several lines in the same way; its line breaks and tabs stay. JSON stays the same JSON. */
export function escapeControlsInText(text: string): string {
  return text.replaceAll(CONTROL_IN_TEXT, written);
}

function written(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
