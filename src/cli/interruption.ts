/**
 * Runs `work`, and calls `onInterrupt` if Ctrl-C ends the process before it completes. Must start before a spinner, because a
 * spinner ends the process itself. Returns the result of `work`, and throws its errors.
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
