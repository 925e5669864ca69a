import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { buffer } from "node:stream/consumers";
import type { Cli } from "./cli.ts";
import { CliError } from "./cli-error.ts";
import { systemCode } from "./run-program.ts";

/** Editors on Windows write a byte order mark, which is neither JSON nor YAML. */
const BYTE_ORDER_MARK = Buffer.from("\uFEFF");

/**
 * Returns the text of a file. Throws CliError with the hint, which says what the file must contain, for one that does not exist
 * or cannot be read.
 */
export function readTextFile(cli: Pick<Cli, "folder">, file: string, hint: string): string {
  return readBytes(cli, file, hint).toString("utf8");
}

/** Returns the text of a file, or of standard input for "-". Throws as `readTextFile` does. */
export async function readTextOf(cli: Pick<Cli, "folder">, file: string, hint: string): Promise<string> {
  return file === "-" ? (await readStdin()).toString("utf8") : readTextFile(cli, file, hint);
}

/** Returns the bytes of standard input. */
export async function readStdin(): Promise<Buffer> {
  return withoutMark(await buffer(process.stdin));
}

/** Returns the bytes of a file of up to 2 GiB. Throws as `readTextFile` does. */
export function readBytes({ folder }: Pick<Cli, "folder">, file: string, hint: string): Buffer {
  try {
    return withoutMark(readFileSync(resolve(folder, file)));
  } catch (error) {
    const code = systemCode(error);
    const problem =
      code === "ENOENT" ? "does not exist" : code === "EISDIR" ? "is a folder" : `cannot be read: ${code}`;
    throw new CliError(`${file} ${problem}`, hint);
  }
}

function withoutMark(bytes: Buffer): Buffer {
  return bytes.subarray(0, 3).equals(BYTE_ORDER_MARK) ? bytes.subarray(3) : bytes;
}
