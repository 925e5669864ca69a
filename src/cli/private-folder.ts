import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/**
 * Works in a fresh folder that nobody else on this machine can look into (mkdtemp makes it with mode 0700), and removes it
 * in every case: also when the work fails, and when the process is told to end. `interrupted` is aborted then, so that
 * whatever is at work with the folder's files can be ended too; the process ends by the same signal.
 */
export async function inPrivateFolder<T>(work: (folder: string, interrupted: AbortSignal) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "ec2-audit-"));
  const interruption = new AbortController();
  const onSignal = (signal: NodeJS.Signals) => {
    interruption.abort();
    release();
    process.kill(process.pid, signal);
  };
  // A spinner that is shown takes the signal first, and ends the process by itself.
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
