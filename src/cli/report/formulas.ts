/** What a spreadsheet runs as a formula, also in full width, after the spaces and quotes that it drops. */
const FORMULA = "(?=[\\s'\"]*[=+\\-@\\uFF1D\\uFF0B\\uFF0D\\uFF20])";
/** A cell begins at the start of the text, and at a semicolon where that is the spreadsheet's separator: in much of Europe. */
const UNGUARDED = new RegExp(`(^|;)${FORMULA}`, "g");
const GUARDED = new RegExp(`(^|;)'${FORMULA}`, "g");

/**
 * Returns the text of a cell with an apostrophe before each formula: a spreadsheet shows such a cell as text. Other texts are
 * returned as they are. https://owasp.org/www-community/attacks/CSV_Injection
 */
export function guardFormulas(text: string): string {
  return text.replaceAll(UNGUARDED, "$1'");
}

/** Returns the text that `guardFormulas` took. */
export function unguardFormulas(text: string): string {
  return text.replaceAll(GUARDED, "$1");
}
