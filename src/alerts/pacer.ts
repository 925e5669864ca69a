/**
 * Does work as soon as the rate allows it, and returns its result. Returns null instead if `isWanted` returns false at that
 * time. Throws the error of the work.
 */
export type Paced = <T>(work: () => Promise<T>, isWanted: () => boolean) => Promise<T | null>;

/**
 * Limits the rate of work: at most `most` pieces take effect within `span` milliseconds, in the order of their requests. A
 * piece can take effect until it ends, so each begins `span` after the end of the one `most` before it. `now` returns
 * milliseconds, and `pause` waits for milliseconds.
 */
export function createPacer(
  most: number,
  span: number,
  now: () => number,
  pause: (milliseconds: number) => Promise<void>,
): Paced {
  const ends: Promise<number>[] = [];
  let queue: Promise<unknown> = Promise.resolve();
  const mayStart = async (isWanted: () => boolean): Promise<boolean> => {
    const oldest = ends.length < most ? undefined : ends.shift();
    const earliest = oldest === undefined ? 0 : (await oldest) + span;
    if (isWanted() && earliest > now()) await pause(earliest - now());
    if (isWanted()) return true;
    if (oldest !== undefined) ends.unshift(oldest);
    return false;
  };
  return async (work, isWanted) => {
    const started = queue.then(async () => {
      if (!(await mayStart(isWanted))) return null;
      // Work that throws synchronously must not stop the queue.
      const result = (async () => work())();
      ends.push(result.then(now, now));
      return { result };
    });
    queue = started;
    return (await started)?.result ?? null;
  };
}
