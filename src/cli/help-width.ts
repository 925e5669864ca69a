import { Help } from "commander";

/** The help texts are written for a terminal of this many columns. */
const WRITTEN_FOR = 80;

/** A column of text that is narrower reads worse than lines that the terminal breaks. */
export const MIN_COLUMNS = 20;

const help = Object.assign(new Help(), { minWidthToWrap: MIN_COLUMNS });

/**
 * Fits help text into a terminal of so many columns: paragraphs are filled again, and indented lines, which are examples and
 * tables, go on below their own text. Wider terminals, and those too narrow for two columns of text, get it as it is.
 */
export function fitHelp(text: string, columns: number): string {
  if (columns >= WRITTEN_FOR || columns < 2 * MIN_COLUMNS) return text;
  return text
    .replaceAll(/(?<=^\S.*)\n(?=\S)/gm, " ")
    .split("\n")
    .map((line) => (help.displayWidth(line) > columns ? fold(line, columns) : line))
    .join("\n");
}

/** Folds a line. In a table what goes on stands below the line's second column, else a little further in. */
function fold(line: string, columns: number): string {
  const indent = line.length - line.trimStart().length;
  const table = /^ *\S+ {2,}/.exec(line)?.[0] ?? "";
  const isTable = table !== "" && table.length <= columns / 2;
  // The remark beside an example goes on far to the right.
  const shallow = indent > columns / 2 ? 6 : indent;
  const head = isTable ? table : " ".repeat(shallow);
  const hang = isTable ? table.length : shallow === 0 ? 0 : shallow + 4;
  const text = line.slice(isTable ? table.length : indent);
  const [first = "", ...rest] = help.boxWrap(text, columns - hang).split("\n");
  return [head + first, ...rest.map((each) => " ".repeat(hang) + each)].join("\n");
}
