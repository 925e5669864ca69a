import { spawn } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { KEYS } from "../config.ts";

/** How a program ended, and its output, without colours. */
export interface Ended {
  /** The exit code; null if a timeout or a signal ended the program. */
  readonly code: number | null;
  /** The timeout or signal that ended the program; null if it exited. */
  readonly endedBy: "timeout" | NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The options of `runProgram`. */
export interface RunOptions {
  readonly folder: string;
  readonly env: NodeJS.ProcessEnv;
  /** In milliseconds; without it, there is no timeout. */
  readonly timeoutMs?: number;
  /** Ends the program when aborted. */
  readonly interrupted?: AbortSignal;
}

/**
 * Runs a program without a shell and without input, and waits until it ends. Rejects with the system's error (ENOENT, EACCES)
 * if it cannot be started.
 */
export function runProgram(command: string, args: readonly string[], options: RunOptions): Promise<Ended> {
  const { folder, env, timeoutMs, interrupted } = options;
  return new Promise((resolve, reject) => {
    const program = spawn(command, args, {
      cwd: folder,
      env,
      stdio: ["ignore", "pipe", "pipe"],
      ...(interrupted && { signal: interrupted }),
    });
    const said = { stdout: "", stderr: "" };
    for (const name of ["stdout", "stderr"] as const) {
      program[name].setEncoding("utf8").on("data", (chunk: string) => {
        said[name] += chunk;
      });
    }
    // A child of the program can outlive it, and hold its output open.
    const listenNoMore = () => {
      program.stdout.destroy();
      program.stderr.destroy();
    };
    let isLate = false;
    // spawn's own timeout is not cleared for a program that cannot be started, and would keep this process running.
    const onTime = () => {
      isLate = program.kill();
      if (!isLate) listenNoMore();
    };
    const timer = timeoutMs === undefined ? undefined : setTimeout(onTime, timeoutMs);
    program.on("error", (error) => {
      clearTimeout(timer);
      reject(error);
    });
    program.on("exit", (code) => {
      if (code === null || isLate) listenNoMore();
    });
    program.on("close", (code, signal) => {
      clearTimeout(timer);
      const stdout = stripVTControlCharacters(said.stdout);
      const stderr = stripVTControlCharacters(said.stderr);
      resolve({ code: isLate ? null : code, endedBy: isLate ? "timeout" : signal, stdout, stderr });
    });
  });
}

/** Returns the environment without the function's settings, for programs that need neither its secrets nor AWS. */
export function withoutSecrets(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !KEYS.some((key) => key === name)));
}

/** Returns the path of a program on the PATH; null if it is not found. */
export function findProgram(name: string, env: NodeJS.ProcessEnv): string | null {
  for (const folder of (env.PATH ?? "").split(delimiter)) {
    const file = join(folder, name);
    try {
      accessSync(file, constants.X_OK);
      return file;
    } catch {
      // Not in this folder.
    }
  }
  return null;
}

/** Returns the system's code of an error, such as ENOENT for a missing file or program. */
export function systemCode(error: unknown): string | undefined {
  return error instanceof Error && "code" in error ? String(error.code) : undefined;
}
