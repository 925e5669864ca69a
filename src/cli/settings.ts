import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { parseEnv } from "node:util";
import { gatherSettings, KEYS, type Key, type Settings } from "../config.ts";
import type { Cli } from "./cli.ts";
import { CliError } from "./cli-error.ts";
import { systemCode } from "./run-program.ts";

/** Where the function's settings are looked for when nothing else is said, in this order. */
export const SECRETS_FROM: readonly string[] = [".env", "environment"];

/** What the function is, or is to be, configured with; and where each value comes from, which may be shown. */
export interface FunctionSettings {
  readonly settings: Settings;
  readonly from: Readonly<Partial<Record<Key, string>>>;
  /** Names in the files that are no keys of the configuration. */
  readonly unknown: readonly { readonly name: string; readonly file: string }[];
  /** Lines in the files that are none of `KEY=value`, and are passed over: their numbers, from 1. */
  readonly unreadable: readonly { readonly file: string; readonly line: number }[];
}

/**
 * Reads the function's settings (not the operator's: those are for the SDK to find) from files of `KEY=value` lines and from
 * the environment. The first source that has a key wins; credentials are taken together, from where the access key id is.
 * A source is the path of a file, or the word "environment"; a file that is not there is passed over, unless it is `file`, which
 * is then the first source.
 * @throws CliError for a `file` that is not there, or a file that cannot be read
 */
export function readFunctionSettings(
  cli: Pick<Cli, "env" | "folder">,
  from = SECRETS_FROM,
  file?: string,
): FunctionSettings {
  if (file !== undefined && !existsSync(resolve(cli.folder, file))) {
    throw new CliError(`there is no file ${file}`, "It is to hold the function's secrets, as KEY=value lines.");
  }
  const sources = file === undefined ? from : [file, ...from];
  const given = sources.map((source) => ({ source, ...readSource(cli, source) })).reverse();
  let settings: Settings = {};
  const origin: Partial<Record<Key, string>> = {};
  for (const { source, values } of given) {
    const before = settings;
    settings = gatherSettings(values, before);
    const own = gatherSettings(values, {});
    for (const key of KEYS) {
      if (settings[key] === undefined) delete origin[key];
      else if (own[key] === settings[key]) origin[key] = source;
    }
  }
  const unknown = given.flatMap(({ source, values }) =>
    source === "environment"
      ? []
      : Object.keys(values)
          .filter((name) => !KEYS.some((key) => key === name))
          .map((name) => ({ name, file: source })),
  );
  const unreadable = given.flatMap(({ source, wrong }) => wrong.map((line) => ({ file: source, line })));
  return { settings, from: origin, unknown, unreadable };
}

interface Source {
  readonly values: NodeJS.Dict<string>;
  /** The numbers of the lines that cannot be read. */
  readonly wrong: readonly number[];
}

function readSource(cli: Pick<Cli, "env" | "folder">, source: string): Source {
  if (source === "environment") return { values: cli.env, wrong: [] };
  const path = resolve(cli.folder, source);
  if (!existsSync(path)) return { values: {}, wrong: [] };
  try {
    // Editors on Windows begin a file with a byte order mark, which would be a part of the first key.
    return readLines(readFileSync(path, "utf8").replace(/^\uFEFF/, ""));
  } catch (error) {
    const why = systemCode(error) ?? "an unknown error";
    throw new CliError(`${source} cannot be read: ${why}`, "It is to hold the function's secrets, as KEY=value lines.");
  }
}

/** A value that begins with a quote, to where that quote comes again: it may go over several lines. */
const QUOTED = /^([^#=\n]*=[ \t]*)(["'`])[\s\S]*?\2/gm;

/** parseEnv takes a line without "=" for the beginning of the next one's key. */
function readLines(text: string): Source {
  const plain = text.replace(QUOTED, (quoted) => quoted.replaceAll(/[^\n]+/g, "="));
  const wrong = plain.split("\n").flatMap((line, index) => (/^\s*(?:$|#)|=/.test(line) ? [] : [index + 1]));
  const lines = text.split("\n").map((line, index) => (wrong.includes(index + 1) ? "" : line));
  return { values: parseEnv(lines.join("\n")), wrong };
}
