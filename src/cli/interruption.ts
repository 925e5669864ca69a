/**
 * Does the work, and calls `tell` if Ctrl-C ends the process before the work is done. Must begin before a spinner, because a
 * spinner ends the process itself.
 */
export async function onInterruption<T>(onInterrupt: () => void, work: () => Promise<T>): Promise<T> {
  const onSignal = (signal: NodeJS.Signals) => {
    onInterrupt();
    process.kill(process.pid, signal);
  };
  process.once("SIGINT", onSignal);
  try {
    return await work();
  } finally {
    process.removeListener("SIGINT", onSignal);
  }
}
