import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { text } from "node:stream/consumers";
import type { Cli } from "./cli.ts";
import { CliError } from "./cli-error.ts";
import { systemCode } from "./run-program.ts";

/** Editors on Windows write a byte order mark, which is neither JSON nor YAML. */
const BYTE_ORDER_MARK = /^\uFEFF/;

/**
 * Returns the text of a file. Throws CliError with the hint, which says what the file must contain, for one that does not exist
 * or cannot be read.
 */
export function readTextFile({ folder }: Pick<Cli, "folder">, file: string, hint: string): string {
  try {
    return readFileSync(resolve(folder, file), "utf8").replace(BYTE_ORDER_MARK, "");
  } catch (error) {
    const code = systemCode(error);
    const problem =
      code === "ENOENT" ? "does not exist" : code === "EISDIR" ? "is a folder" : `cannot be read: ${code}`;
    throw new CliError(`${file} ${problem}`, hint);
  }
}

/** Returns the text of a file, or of standard input for "-". Throws as `readTextFile` does. */
export async function readTextOf(cli: Pick<Cli, "folder">, file: string, hint: string): Promise<string> {
  if (file !== "-") return readTextFile(cli, file, hint);
  return (await text(process.stdin)).replace(BYTE_ORDER_MARK, "");
}
