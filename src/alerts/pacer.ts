/**
 * Does the work when its turn comes, and returns its result; or null when it is no longer needed then, which `wanted` says.
 * Throws what the work throws.
 */
export type Paced = <T>(work: () => Promise<T>, wanted: () => boolean) => Promise<T | null>;

/**
 * Gives turns in the order in which they are asked for. At most `most` works fall within `span` milliseconds: each begins at
 * least that long after the end of the one `most` before it, because a work may take effect at any time until its end. `now` is
 * in milliseconds, and `pause` waits for a number of milliseconds.
 */
export function createPacer(
  most: number,
  span: number,
  now: () => number,
  pause: (milliseconds: number) => Promise<void>,
): Paced {
  const ends: Promise<number>[] = [];
  let line: Promise<unknown> = Promise.resolve();
  const turn = async (wanted: () => boolean): Promise<boolean> => {
    const oldest = ends.length < most ? undefined : ends.shift();
    const earliest = oldest === undefined ? 0 : (await oldest) + span;
    if (wanted() && earliest > now()) await pause(earliest - now());
    if (wanted()) return true;
    if (oldest !== undefined) ends.unshift(oldest);
    return false;
  };
  return async (work, wanted) => {
    const started = line.then(async () => {
      if (!(await turn(wanted))) return null;
      // A work that throws at once must not end the line.
      const result = (async () => work())();
      ends.push(result.then(now, now));
      return { result };
    });
    line = started;
    return (await started)?.result ?? null;
  };
}
