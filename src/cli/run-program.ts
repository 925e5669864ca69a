import { spawn } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { KEYS } from "../config.ts";

/** How a program ended, and what it said, without colours. */
export interface Ended {
  /** Null for one that did not end by itself. */
  readonly code: number | null;
  /** What ended it then: its time, or somebody's signal; null for one that ended by itself. */
  readonly endedBy: "timeout" | NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** How to run a program. */
export interface RunOptions {
  readonly folder: string;
  readonly env: NodeJS.ProcessEnv;
  /** After how many milliseconds it is ended; without it, it takes as long as it takes. */
  readonly timeoutMs?: number;
  /** Ends it when aborted. */
  readonly interrupted?: AbortSignal;
}

/**
 * Runs a program without a shell and with no input, and waits for its end. Rejects with the system's error (ENOENT, EACCES)
 * when it cannot be started.
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
    // A program that it has started itself may outlive it, and hold its output open.
    const listenNoMore = () => {
      program.stdout.destroy();
      program.stderr.destroy();
    };
    let isLate = false;
    // The timer that spawn has is not cleared for a program that cannot be started, and keeps this process waiting for it.
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

/** An environment without any key of the function's configuration, for programs that need neither its secrets nor AWS. */
export function withoutSecrets(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !KEYS.some((key) => key === name)));
}

/** Where a program is on the PATH; null when it is not there. */
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

/** The system's code of an error: ENOENT when there is no such file or program. */
export function systemCode(error: unknown): string | undefined {
  return error instanceof Error && "code" in error ? String(error.code) : undefined;
}
