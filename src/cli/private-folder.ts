import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/**
 * Works in a new folder that only this user can read (mkdtemp creates it with mode 0700). Always removes the folder, also if
 * the work fails or a signal ends the process. On a signal, `interrupted` is aborted, so that a program that uses the folder
 * can be ended too; then the process ends by the same signal.
 */
export async function inPrivateFolder<T>(work: (folder: string, interrupted: AbortSignal) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "ec2-audit-"));
  const interruption = new AbortController();
  const onSignal = (signal: NodeJS.Signals) => {
    interruption.abort();
    release();
    process.kill(process.pid, signal);
  };
  // A visible spinner handles the signal first, and ends the process itself.
  const onExit = () => {
    interruption.abort();
    release();
  };
  const release = () => {
    for (const signal of SIGNALS) process.removeListener(signal, onSignal);
    process.removeListener("exit", onExit);
    rmSync(folder, { recursive: true, force: true });
  };
  for (const signal of SIGNALS) process.once(signal, onSignal);
  process.once("exit", onExit);
  try {
    return await work(folder, interruption.signal);
  } finally {
    release();
  }
}
