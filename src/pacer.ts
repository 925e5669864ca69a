/**
 * Waits for a turn. Returns true when it has come, and false when it is no longer needed, which `wanted` says.
 */
export type Turn = (wanted: () => boolean) => Promise<boolean>;

/**
 * Gives turns in the order in which they are asked for: at most `most` within `span` milliseconds. `now` is in milliseconds,
 * and `pause` waits for a number of milliseconds.
 */
export function createPacer(
  most: number,
  span: number,
  now: () => number,
  pause: (milliseconds: number) => Promise<void>,
): Turn {
  const given: number[] = [];
  let line: Promise<unknown> = Promise.resolve();
  const next: Turn = async (wanted) => {
    const earliest = given.length < most ? 0 : (given[0] ?? 0) + span;
    if (wanted() && earliest > now()) await pause(earliest - now());
    if (!wanted()) return false;
    given.push(now());
    if (given.length > most) given.shift();
    return true;
  };
  return (wanted) => {
    const turn = line.then(() => next(wanted));
    line = turn;
    return turn;
  };
}
