import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { parseEnv } from "node:util";
import { gatherSettings, KEYS, type Key, type Settings } from "../config.ts";
import type { Cli } from "./cli.ts";
import { CliError } from "./cli-error.ts";
import { systemCode } from "./run-program.ts";

/** The default sources of the function's settings, in order of precedence. */
export const SECRETS_FROM: readonly string[] = [".env", "environment"];

/** The function's settings and the source of each, which is no secret. */
export interface FunctionSettings {
  readonly settings: Settings;
  readonly from: Readonly<Partial<Record<Key, string>>>;
  /** Names in the files that are not configuration keys. */
  readonly unknown: readonly { readonly name: string; readonly file: string }[];
  /** Lines in the files that are not `KEY=value` and are ignored. `line` starts at 1. */
  readonly unreadable: readonly { readonly file: string; readonly line: number }[];
}

/**
 * Reads the function's settings, not the operator's, from files of `KEY=value` lines and from the environment. A source is the
 * path of a file, or the word "environment". The first source that has a key wins; credentials are taken together, from the
 * source of the access key id. `file` is the first source and must exist; the files of `from` need not exist.
 * Throws CliError for a `file` that does not exist, or a file that cannot be read.
 */
export function readFunctionSettings(
  cli: Pick<Cli, "env" | "folder">,
  from = SECRETS_FROM,
  file?: string,
): FunctionSettings {
  if (file !== undefined && !existsSync(resolve(cli.folder, file))) {
    throw new CliError(`${file} does not exist`, CONTENT);
  }
  const sources = file === undefined ? from : [file, ...from];
  const read = sources.map((source) => ({ source, ...readSource(cli, source) })).reverse();
  let settings: Settings = {};
  const origins: Partial<Record<Key, string>> = {};
  for (const { source, values } of read) {
    const before = settings;
    settings = gatherSettings(values, before);
    const own = gatherSettings(values, {});
    for (const key of KEYS) {
      if (settings[key] === undefined) delete origins[key];
      else if (own[key] === settings[key]) origins[key] = source;
    }
  }
  const unknown = read.flatMap(({ source, values }) =>
    source === "environment"
      ? []
      : Object.keys(values)
          .filter((name) => !KEYS.some((key) => key === name))
          .map((name) => ({ name, file: source })),
  );
  const unreadable = read.flatMap((each) => each.unreadable.map((line) => ({ file: each.source, line })));
  return { settings, from: origins, unknown, unreadable };
}

const CONTENT = "It must contain the function's secrets, as KEY=value lines.";

interface Source {
  readonly values: NodeJS.Dict<string>;
  /** The numbers of the lines that cannot be read. */
  readonly unreadable: readonly number[];
}

function readSource(cli: Pick<Cli, "env" | "folder">, source: string): Source {
  if (source === "environment") return { values: cli.env, unreadable: [] };
  const path = resolve(cli.folder, source);
  if (!existsSync(path)) return { values: {}, unreadable: [] };
  try {
    // Editors on Windows start a file with a byte order mark, which would become part of the first key.
    return readLines(readFileSync(path, "utf8").replace(/^\uFEFF/, ""));
  } catch (error) {
    const why = systemCode(error) ?? "an unknown error";
    throw new CliError(`${source} cannot be read: ${why}`, CONTENT);
  }
}

/** A quoted value, which may have several lines. */
const QUOTED = /^([^#=\n]*=[ \t]*)(["'`])[\s\S]*?\2/gm;

/** Removes lines without "=" first, because parseEnv takes such a line for the start of the next line's key. */
function readLines(text: string): Source {
  const plain = text.replace(QUOTED, (quoted) => quoted.replaceAll(/[^\n]+/g, "="));
  const unreadable = plain.split("\n").flatMap((line, index) => (/^\s*(?:$|#)|=/.test(line) ? [] : [index + 1]));
  const lines = text.split("\n").map((line, index) => (unreadable.includes(index + 1) ? "" : line));
  return { values: parseEnv(lines.join("\n")), unreadable };
}
