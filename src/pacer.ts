/**
 * Waits for a turn. Answers true when it has come, and false as soon as it would be of no use: `wanted` is asked whether anybody
 * still waits for what is to be done.
 */
export type Turn = (wanted: () => boolean) => Promise<boolean>;

/**
 * Gives turns in the order they are asked for, at most so many within a span of milliseconds. Takes the time now in milliseconds, and
 * what waits for so many milliseconds.
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
