import { Help } from "commander";

/** The help texts are written for a terminal of this many columns. */
const WRITTEN_FOR = 80;

/** How far a remark about an example is indented, below the example. */
const REMARK = " ".repeat(6);

/** A narrower column of text is harder to read than lines that the terminal breaks. */
export const MIN_COLUMNS = 20;

const help = Object.assign(new Help(), { minWidthToWrap: MIN_COLUMNS });

/**
 * Fits help text into a terminal of `columns` columns: paragraphs are wrapped again, and indented lines, which are examples
 * and tables, continue below their own text. Wider terminals, and those too narrow for two columns, get the text unchanged.
 */
export function fitHelp(text: string, columns: number): string {
  if (columns >= WRITTEN_FOR || columns < 2 * MIN_COLUMNS) return text;
  return text
    .replaceAll(/(?<=^\S.*)\n(?=\S)/gm, " ")
    .split("\n")
    .map((line) => fitLine(line, columns))
    .join("\n");
}

function fitLine(line: string, columns: number): string {
  if (help.displayWidth(line) <= columns) return line;
  const [, example, remark] = /^( *\$ .*?) {2,}(\S.*)$/.exec(line) ?? [];
  if (example === undefined) return fold(line, columns);
  return `${fitLine(example, columns)}\n${fitLine(`${REMARK}${remark}`, columns)}`;
}

/** Folds a line. A table row continues below its second column, any other line a little further in. */
function fold(line: string, columns: number): string {
  const indent = line.length - line.trimStart().length;
  const table = /^ *\S+ {2,}/.exec(line)?.[0] ?? "";
  const isTable = table !== "" && table.length <= columns / 2;
  // A remark next to an example starts far to the right.
  const shallow = indent > columns / 2 ? REMARK.length : indent;
  const head = isTable ? table : " ".repeat(shallow);
  const hang = isTable ? table.length : shallow === 0 ? 0 : shallow + 4;
  const text = line.slice(isTable ? table.length : indent);
  const [first = "", ...rest] = help.boxWrap(text, columns - hang).split("\n");
  return [head + first, ...rest.map((each) => " ".repeat(hang) + each)].join("\n");
}
