import { escapeUnseen } from "../../util/json.ts";

/** Texts in columns of a terminal. */

const SEGMENTER = new Intl.Segmenter("en", { granularity: "grapheme" });
/** https://www.unicode.org/reports/tr11/ */
const WIDE =
  /[\p{Emoji_Presentation}\p{Script=Han}\p{Script=Hangul}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Bopomofo}\p{Script=Yi}\u3000-\u303F\uFF01-\uFF60\uFFE0-\uFFE6]/u;

/** Returns the number of columns that a text takes. Takes a text without invisible characters. */
export function widthOf(text: string): number {
  if (!/[^ -~]/.test(text)) return text.length;
  return [...SEGMENTER.segment(text)].reduce((sum, { segment }) => sum + (WIDE.test(segment) ? 2 : 1), 0);
}

/** A longer text does not fit on any terminal. */
const MAX_LENGTH = 1000;

/** Cuts a text to a number of columns, with an ellipsis at the cut, and escapes its invisible characters. */
export function cutTo(text: string, columns: number): string {
  const shown = escapeUnseen(text.slice(0, MAX_LENGTH));
  return widthOf(shown) <= columns ? shown : `${start(shown, columns - 1).trimEnd()}…`;
}

/** Returns the start of a text that fits a number of columns. */
function start(text: string, columns: number): string {
  let [kept, width] = ["", 0];
  for (const { segment } of SEGMENTER.segment(text)) {
    width += widthOf(segment);
    if (width > columns) break;
    kept += segment;
  }
  return kept;
}

/** Wraps a text into lines of at most a number of columns, with its invisible characters escaped. A longer word is split. */
export function wrapText(text: string, columns: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of escapeUnseen(text).split(" ")) {
    if (line !== "" && widthOf(line) + 1 + widthOf(word) <= columns) {
      line += ` ${word}`;
      continue;
    }
    if (line !== "") lines.push(line);
    line = word;
    while (widthOf(line) > columns) {
      // A line holds a character at least.
      const part = start(line, Math.max(2, columns));
      lines.push(part);
      line = line.slice(part.length);
    }
  }
  return [...lines, line];
}

/** A column of a table. */
export interface Column<R> {
  readonly heading: string;
  readonly cell: (row: R) => string;
  readonly isNumber?: true;
  /** Colours the text of a cell. */
  readonly colour?: (text: string, row: R) => string;
  /** Left out when the terminal is narrow. */
  readonly isOptional?: true;
}

const GAP = 2;
/** The first column is not cut to fewer columns while another one can be left out. */
const MIN_FIRST = 18;
const MAX_CELL = 60;

/**
 * Returns the lines of a table that takes at most a number of columns of the terminal. To fit, it first leaves out optional columns,
 * the last one first, and then cuts the first column. `heading` colours the headings.
 */
export function tableOf<R>(
  rows: readonly R[],
  columns: readonly Column<R>[],
  available: number,
  heading: (text: string) => string,
): string[] {
  const all = columns.map((column) => {
    const texts = rows.map((row) => cutTo(column.cell(row), MAX_CELL));
    return { ...column, texts, width: Math.max(...[column.heading, ...texts].map(widthOf)) };
  });
  const natural = all[0]?.width ?? 0;
  const isTooWide = () =>
    all.slice(1).reduce((left, { width }) => left - GAP - width, available) < Math.min(natural, MIN_FIRST);
  while (isTooWide()) {
    const last = all.findLastIndex(({ isOptional }) => isOptional);
    if (last === -1) break;
    all.splice(last, 1);
  }
  const others = all.slice(1).reduce((sum, { width }) => sum + GAP + width, 0);
  const cells = all.map((column, index) => {
    const width = index === 0 ? Math.max(1, Math.min(natural, available - others)) : column.width;
    const padded = (text: string, paint: (text: string) => string) => {
      const cut = cutTo(text, width);
      const space = " ".repeat(width - widthOf(cut));
      return column.isNumber ? space + paint(cut) : paint(cut) + space;
    };
    const { colour = (text: string) => text } = column;
    return [
      padded(column.heading, heading),
      ...rows.map((row, line) => padded(column.texts[line] ?? "", (text) => colour(text, row))),
    ];
  });
  return ["", ...rows].map((_, line) =>
    cells
      .map((column) => column[line])
      .join(" ".repeat(GAP))
      .trimEnd(),
  );
}
