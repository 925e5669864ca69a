import { type ChildProcess, fork, spawnSync } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

/** A child process of the benchmark: it tells its port when it is ready, and answers each message with one. */
export interface Child {
  readonly port: number;
  ask(message: unknown): Promise<Record<string, unknown>>;
  stop(): void;
}

/** Starts one of this folder's processes. Its log goes nowhere. */
export async function start(name: string, args: readonly string[], env: Record<string, string> = {}): Promise<Child> {
  const file = fileURLToPath(new URL(`./${name}.ts`, import.meta.url));
  const child: ChildProcess = fork(file, args, {
    env: { ...process.env, ...env },
    // webtask-runtime 2.0.0 reads a constant through a circular import, of which Node warns at every request.
    execArgv: [...process.execArgv, "--disable-warning=Warning"],
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  const [ready] = await once(child, "message");
  return {
    port: Number(ready.port),
    async ask(message) {
      child.send(message as object);
      const [answer] = await once(child, "message");
      return answer;
    },
    stop: () => child.disconnect(),
  };
}

/** How long `node file args` takes from start to end, in milliseconds. Takes the binary of Node to use. */
export function timeToRun(node: string, file: string, args: readonly string[] = []): number {
  const startedAt = process.hrtime.bigint();
  const { status, stderr } = spawnSync(node, ["--no-warnings", file, ...args]);
  if (status !== 0) throw new Error(`${file} does not run: ${stderr}`);
  return Number(process.hrtime.bigint() - startedAt) / 1e6;
}

/** The version of a binary of Node, `v24.1.0`. */
export function versionOf(node: string): string {
  return spawnSync(node, ["--version"], { encoding: "utf8" }).stdout.trim();
}

/** The middle one of the values; the upper one of two. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
