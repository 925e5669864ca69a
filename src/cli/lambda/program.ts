import { spawn } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import type { Ended } from "../webtask/run-program.ts";

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

/**
 * Runs a program in a folder, without a shell and with no input, and waits for its end. It has the operator's environment:
 * unlike what webtask's programs get, the credentials in it are those to deploy with. Rejects with the system's error
 * (ENOENT, EACCES) when it cannot be started.
 */
export function run(file: string, args: readonly string[], folder: string, env: NodeJS.ProcessEnv): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const program = spawn(file, args, { cwd: folder, env, stdio: ["ignore", "pipe", "pipe"] });
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
