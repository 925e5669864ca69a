import { randomBytes } from "node:crypto";
import { closeSync, existsSync, openSync, readdirSync, realpathSync, rmSync, type Stats, statSync } from "node:fs";
import { type FileHandle, open, rename } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { quote } from "../../util/json.ts";
import { CliError } from "../cli-error.ts";
import { systemCode } from "../run-program.ts";

/** A file that is written beside its target, so that the target is replaced as a whole or not at all. */
export interface OutputFile {
  /** The name that the operator gave. */
  readonly name: string;
  readonly target: string;
  readonly temporary: string;
}

/** The files of a run. */
export interface Outputs {
  readonly files: readonly OutputFile[];
  /** Returns whether a name is that of a file of the run, and the file does not exist yet. */
  isNew(name: string): boolean;
  /** Creates a file that only this user can read, and that is removed at the end. Returns its path. */
  scratch(): string;
  /** Puts every file in the place of its target. Throws CliError for one that cannot be written. */
  commit(): Promise<void>;
  /** Removes the files that are not in the place of their target. */
  discard(): void;
}

/**
 * Creates the files of a run, empty and beside their targets, and removes those that a killed run left there. Names are relative
 * to `folder`. Throws CliError for a target that is named twice, is not a file, or cannot be written.
 */
export function openOutputs(folder: string, names: readonly string[]): Outputs {
  const created: string[] = [];
  const discard = () => {
    for (const path of created.splice(0)) rmSync(path, { force: true });
  };
  const create = (path: string, mode: number) => {
    const temporary = createBeside(path, mode);
    created.push(temporary);
    return temporary;
  };
  try {
    const files: OutputFile[] = [];
    for (const name of names) {
      const { target, mode } = targetOf(folder, name);
      const other = files.find((file) => file.target === target);
      if (other) throw new CliError(`--out names the same file twice: ${other.name}, ${name}`, "Remove one of them.");
      files.push({ name, target, temporary: named(name, () => create(target, mode)) });
    }
    return {
      files,
      isNew: (name) => {
        const path = resolve(folder, name);
        return !existsSync(path) && files.some((file) => resolve(folder, file.name) === path);
      },
      scratch: () => {
        const path = join(tmpdir(), "ec2-audit-report.jsonl");
        return named(path, () => create(path, 0o600));
      },
      commit: async () => {
        for (const { name, temporary } of files) await written(name, flush(temporary));
        for (const { name, temporary, target } of files) await written(name, rename(temporary, target));
        discard();
      },
      discard,
    };
  } catch (error) {
    discard();
    throw error;
  }
}

/** Returns the path of a target, through symbolic links, and the mode of its file. */
function targetOf(folder: string, name: string): { readonly target: string; readonly mode: number } {
  const path = resolve(folder, name);
  const stats = named(name, () => statSync(path, { throwIfNoEntry: false }));
  if (stats?.isDirectory()) throw new CliError(`${name} is a folder`, "Give --out the name of a file.");
  if (stats && !stats.isFile()) throw new CliError(`${name} is not a regular file`, "Give --out another name.");
  const target = stats
    ? realpathSync(path)
    : join(
        named(name, () => realpathSync(dirname(path))),
        basename(path),
      );
  return { target, mode: modeOf(stats) };
}

function modeOf(stats: Stats | undefined): number {
  return stats ? stats.mode & 0o777 : 0o666;
}

/** Does something with a file. Throws CliError with the file's name for an error of the system. */
function named<T>(name: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw unwritable(name, error);
  }
}

/** Waits until a file is written. Rejects with CliError with the file's name for an error of the system. */
export async function written(name: string, work: Promise<void>): Promise<void> {
  try {
    await work;
  } catch (error) {
    throw unwritable(name, error);
  }
}

/** Returns an error of the system as one that tells what to do. */
function unwritable(name: string, error: unknown): unknown {
  const code = systemCode(error);
  switch (code) {
    case undefined:
      return error;
    case "ENOENT":
    case "ENOTDIR":
      return new CliError(`${quote(name)} cannot be written: its folder does not exist`, WRITABLE);
    case "ENOSPC":
    case "EDQUOT":
      return new CliError(
        `${quote(name)} cannot be written: the disk is full`,
        "Free some space, or use another disk: --out names the files, and TMPDIR the folder of temporary ones.",
      );
    default:
      return new CliError(`${quote(name)} cannot be written: ${code}`, WRITABLE);
  }
}

const WRITABLE =
  "Give --out a file in a folder that you can write. Without a .jsonl file, TMPDIR must name such a folder too.";

/** The end of a temporary file's name, after that of its target. It has the id of the process that writes the file. */
const TEMPORARY = /^\.(\d+)-[\da-f]{8}\.tmp$/;

function createBeside(path: string, mode: number): string {
  const [folder, prefix] = [dirname(path), `.${basename(path)}`];
  removeLeftovers(folder, prefix);
  const temporary = join(folder, `${prefix}.${process.pid}-${randomBytes(4).toString("hex")}.tmp`);
  closeSync(openSync(temporary, "wx", mode));
  return temporary;
}

/** Removes the temporary files of processes that have ended. */
function removeLeftovers(folder: string, prefix: string): void {
  for (const name of readdirSync(folder)) {
    const [, pid] = (name.startsWith(prefix) && TEMPORARY.exec(name.slice(prefix.length))) || [];
    if (pid === undefined) continue;
    const path = join(folder, name);
    try {
      if (!isRunning(Number(pid), statSync(path).mtimeMs)) rmSync(path, { force: true });
    } catch {
      // It belongs to another user, or is gone.
    }
  }
}

/** Returns whether the process that wrote a file runs. In a container, an earlier process can have had this process's id. */
function isRunning(pid: number, writtenAt: number): boolean {
  if (pid === process.pid) return writtenAt >= Date.now() - process.uptime() * 1000;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return systemCode(error) !== "ESRCH";
  }
}

async function flush(path: string): Promise<void> {
  const file = await open(path, "r+");
  try {
    await file.datasync();
  } finally {
    await file.close();
  }
}

/** Text is written to a file in pieces of at least this many characters. */
const PIECE = 64 * 1024;

/** A file that is written from its start. */
export interface TextFile {
  /** Appends text. Await it before the next text, so that memory stays bounded. Rejects with CliError if it cannot be written. */
  write(text: string): Promise<void>;
  /** Writes what is left, and closes the file. */
  close(): Promise<void>;
}

/** Opens an existing file for writing. */
export async function writeText(path: string): Promise<TextFile> {
  const file: FileHandle = await open(path, "r+");
  let texts: string[] = [];
  let size = 0;
  let writing: Promise<void> = Promise.resolve();
  const flushTexts = (): Promise<void> => {
    const piece = texts.join("");
    [texts, size] = [[], 0];
    writing = written(
      path,
      writing.then(() => file.writeFile(piece)),
    );
    return writing;
  };
  return {
    write: async (text) => {
      texts.push(text);
      size += text.length;
      if (size >= PIECE) await flushTexts();
    },
    close: async () => {
      try {
        await flushTexts();
      } finally {
        await file.close();
      }
    },
  };
}
