import { setMaxListeners } from "node:events";

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

/** Whether a command ends by itself when it is interrupted. */
let isHandled = false;

/** Returns whether `stoppable` handles Ctrl-C at present. */
export function isStoppable(): boolean {
  return isHandled;
}

/**
 * Runs `work` with a signal that the first Ctrl-C or SIGTERM aborts: `work` must then end with what it has. `onStop` is called
 * after it. The second one calls `onEnd` and ends the process. No spinner that handles signals itself may run meanwhile. Returns
 * the result of `work`, and throws its errors.
 */
export async function stoppable<T>(
  { onStop, onEnd }: { readonly onStop: () => void; readonly onEnd: () => void },
  work: (stopped: AbortSignal) => Promise<T>,
): Promise<T> {
  const stop = new AbortController();
  // Each call in flight listens.
  setMaxListeners(0, stop.signal);
  const onSignal = (signal: NodeJS.Signals) => {
    if (!stop.signal.aborted) {
      stop.abort();
      onStop();
      return;
    }
    onEnd();
    release();
    process.kill(process.pid, signal);
  };
  const release = () => {
    isHandled = false;
    for (const signal of STOPS) process.removeListener(signal, onSignal);
  };
  isHandled = true;
  for (const signal of STOPS) process.on(signal, onSignal);
  try {
    return await work(stop.signal);
  } finally {
    release();
  }
}

const STOPS = ["SIGINT", "SIGTERM"] as const;
