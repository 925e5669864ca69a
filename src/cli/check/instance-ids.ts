import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { isInstanceId } from "../../aws/instance-id.ts";
import { quote } from "../../util/json.ts";
import { CliError } from "../cli-error.ts";

/** How many invalid ids an error lists. It counts the others. */
const SHOWN = 5;

/**
 * Returns the instance ids among the arguments of a command line, each once, in their order. For the argument "-", reads ids
 * from standard input, separated by white space.
 * Throws CliError if an argument is not an instance id, or there are no ids.
 */
export async function readIds(words: readonly string[], stdin: Readable): Promise<readonly string[]> {
  const ids = new Set<string>();
  const invalid: string[] = [];
  const take = (word: string) => {
    if (isInstanceId(word)) ids.add(word);
    else invalid.push(word);
  };
  for (const word of words.filter((each) => each !== "-")) take(word);
  if (words.includes("-")) {
    for await (const line of createInterface({ input: stdin }))
      for (const word of line.split(/\s+/)) if (word) take(word);
  }
  if (invalid.length > 0) {
    const more = invalid.length > SHOWN ? ` and ${invalid.length - SHOWN} more` : "";
    const shown = invalid.slice(0, SHOWN).map(quote).join(", ");
    throw new CliError(
      `not an instance id: ${shown}${more}`,
      "An id is i- and 17 hexadecimal digits, 8 in older accounts.",
    );
  }
  if (ids.size === 0) throw new CliError("standard input contains no instance ids", "Write one id per line.");
  return [...ids];
}
