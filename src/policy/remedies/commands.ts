import { wrap } from "../../util/text.ts";

/** The width of a remedy, which is indented in an e-mail of 72 columns. */
export const COLUMNS = 66;

/**
 * Returns a command in lines of at most 66 columns where possible: on one line, or with a line for each option. Takes its start
 * and its options, each with its values.
 */
export function command(start: string, options: readonly (readonly string[])[]): readonly string[] {
  const line = [start, ...options.flat()].join(" ");
  if (line.length <= COLUMNS) return [line];
  return [
    `${start} \\`,
    ...options.flatMap((words, index) => optionLines(words, index < options.length - 1 ? " \\" : "")),
  ];
}

/** Returns the lines of an option and its values. `end` follows the last line. */
export function optionLines(words: readonly string[], end: string): string[] {
  const lines = wrap(words, COLUMNS - 4, "  ");
  return lines.map((line, index) => `  ${line}${index < lines.length - 1 ? " \\" : end}`);
}

/** Returns a command for each instance. Remedies are compared without instances, so that the command must be there then too. */
export function commandForEach(
  instanceIds: readonly string[],
  start: string,
  options: readonly (readonly string[])[],
): readonly string[] {
  const ids = instanceIds.length > 0 ? instanceIds : [""];
  return ids.flatMap((id) => command(start, [["--instance-id", id], ...options]));
}

/** Returns how to correct what cannot be changed, in lines. Takes it, and how to launch: `image`, `from an allowed image`. */
export function relaunch(what: string, how: string): readonly string[] {
  return prose(
    `The ${what} of an instance cannot be changed. Launch a new instance ${how}, then terminate the old one.`,
  );
}

/** Returns a sentence in lines. */
export function prose(text: string): readonly string[] {
  return wrap(text.split(" "), COLUMNS);
}
