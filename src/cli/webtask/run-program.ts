import { spawn } from "node:child_process";
import { stripVTControlCharacters } from "node:util";
import { KEYS } from "../../config.ts";

/** How a program ended, and what it said, without colours. */
export interface Ended {
  /** Null for one that was ended by a signal. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** How to run a program. */
export interface RunOptions {
  readonly folder: string;
  readonly env: NodeJS.ProcessEnv;
  /** After how many milliseconds it is ended. */
  readonly timeoutMs: number;
  /** Ends it when aborted. */
  readonly interrupted?: AbortSignal;
}

/**
 * Runs a program without a shell and with no input, and waits for its end. The function's secrets are not in its
 * environment. Rejects with the system's error (ENOENT, EACCES) when it cannot be started.
 */
export function runProgram(command: string, args: readonly string[], options: RunOptions): Promise<Ended> {
  const { folder, timeoutMs, interrupted } = options;
  const env = Object.fromEntries(Object.entries(options.env).filter(([name]) => !KEYS.some((key) => key === name)));
  return new Promise((resolve, reject) => {
    const program = spawn(command, args, {
      cwd: folder,
      env,
      stdio: ["ignore", "pipe", "pipe"],
      timeout: timeoutMs,
      ...(interrupted && { signal: interrupted }),
    });
    const said = { stdout: "", stderr: "" };
    for (const name of ["stdout", "stderr"] as const) {
      program[name].setEncoding("utf8").on("data", (chunk: string) => {
        said[name] += stripVTControlCharacters(chunk);
      });
    }
    program.on("error", reject);
    program.on("close", (code) => resolve({ code, ...said }));
  });
}

/** The system's code of an error: ENOENT when there is no such file or program. */
export function systemCode(error: unknown): string | undefined {
  return error instanceof Error && "code" in error ? String(error.code) : undefined;
}
