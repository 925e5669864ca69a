/**
 * Works, and says something when Ctrl-C ends the process meanwhile. It must begin before a spinner does, which ends the process
 * by itself.
 */
export async function tellingOfInterruption<T>(tell: () => void, work: () => Promise<T>): Promise<T> {
  const onSignal = (signal: NodeJS.Signals) => {
    tell();
    process.kill(process.pid, signal);
  };
  process.once("SIGINT", onSignal);
  try {
    return await work();
  } finally {
    process.removeListener("SIGINT", onSignal);
  }
}
