import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { isInstanceId } from "../../aws/instance-id.ts";
import { quote } from "../../util/json.ts";
import { CliError } from "../cli-error.ts";

/** So many wrong ones are named, and the others counted. */
const SHOWN = 5;

/**
 * The instance ids that are meant by the words of a command line, each once, in their order; for the word "-" those on the
 * standard input, with white space between.
 * @throws CliError when something is not an instance id, or there is none
 */
export async function readIds(words: readonly string[], stdin: Readable): Promise<readonly string[]> {
  const ids = new Set<string>();
  const wrong: string[] = [];
  const take = (word: string) => {
    if (isInstanceId(word)) ids.add(word);
    else wrong.push(word);
  };
  for (const word of words.filter((each) => each !== "-")) take(word);
  if (words.includes("-")) {
    for await (const line of createInterface({ input: stdin }))
      for (const word of line.split(/\s+/)) if (word) take(word);
  }
  if (wrong.length > 0) {
    const more = wrong.length > SHOWN ? ` and ${wrong.length - SHOWN} more` : "";
    const shown = wrong.slice(0, SHOWN).map(quote).join(", ");
    throw new CliError(
      `not the id of an instance: ${shown}${more}`,
      "An id is i- and 17 digits 0-9 a-f, or 8 in older accounts.",
    );
  }
  if (ids.size === 0) throw new CliError("the standard input holds no instance ids", "It is to hold one on each line.");
  return [...ids];
}
