import { type ChildProcess, execFileSync, fork, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

/** The function in a process of its own. */
export interface Child {
  /** Empty for Lambda. */
  readonly url: string;
  /** Returns the CPU time in microseconds since the last message; for Lambda that of the events in this one. */
  cpu(events?: readonly unknown[]): Promise<number>;
  stop(): void;
}

/** Starts the function of a file as a webtask with these secrets. Its log is discarded. */
export function startWebtask(file: string, secrets: Readonly<Record<string, string>>): Promise<Child> {
  return start([file, JSON.stringify(secrets)], {});
}

/** Starts the function of a file on Lambda with this environment. Its log is discarded. */
export function startLambda(file: string, env: Readonly<Record<string, string>>): Promise<Child> {
  return start([file], env);
}

async function start(args: readonly string[], env: Readonly<Record<string, string>>): Promise<Child> {
  const child: ChildProcess = fork(fileURLToPath(new URL("./host.ts", import.meta.url)), args, {
    env: { ...process.env, ...env },
    // webtask-runtime 2.0.0 reads a constant through a circular import, and Node warns about it at every request.
    execArgv: [...process.execArgv, "--disable-warning=Warning"],
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  const [{ url }] = await once(child, "message");
  return {
    url,
    async cpu(events = []) {
      child.send([...events]);
      const [{ microseconds }] = await once(child, "message");
      return Number(microseconds);
    },
    stop: () => child.disconnect(),
  };
}

/** Returns how long `node file args` runs, in milliseconds. Takes the path of Node. Throws Error for another exit code. */
export async function timeToRun(
  node: string,
  file: string,
  args: readonly string[] = [],
  exitCode = 0,
): Promise<number> {
  const startedAt = performance.now();
  // Asynchronous: the canned AWS that it calls is in this process.
  const stderr = exitCode === 0 ? "inherit" : "ignore";
  const child = spawn(node, ["--no-warnings", file, ...args], { stdio: ["ignore", "ignore", stderr] });
  const [code] = await once(child, "exit");
  if (code !== exitCode) throw new Error(`${file} ended with exit code ${code}`);
  return performance.now() - startedAt;
}

/** Returns the version of Node at a path: `v24.1.0`. */
export function versionOf(node: string): string {
  return execFileSync(node, ["--version"], { encoding: "utf8" }).trim();
}

/** Returns the median; the upper one of the two middle values. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
