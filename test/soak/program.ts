import { progress } from "@clack/prompts";

/** Runs a program of this folder. Its exit code is the result of `main`, or 2 when `main` throws; the message is printed. */
export function runProgram(main: () => Promise<number>): void {
  main().then(
    (code) => {
      process.exitCode = code;
    },
    (error: unknown) => {
      console.error(error instanceof Error ? error.message : error);
      process.exit(2);
    },
  );
}

/** Reads a whole number from an option. Throws Error with the option and its range. */
export function wholeNumber(name: string, value: string, least = 0): number {
  if (!/^\d{1,9}$/.test(value) || Number(value) < least)
    throw new Error(`--${name} must be a whole number from ${least} to 999999999`);
  return Number(value);
}

/** Reads a word from an option; returns all words when it is not given. Throws Error with the words. */
export function oneOf<T extends string>(name: string, words: readonly T[], value: string | undefined): readonly T[] {
  const chosen = words.filter((word) => value === undefined || word === value);
  if (chosen.length === 0) throw new Error(`--${name} must be one of ${words.join(", ")}`);
  return chosen;
}

/** Shows progress from 0 to 1 on stderr: a bar on a terminal, a line for each tenth elsewhere. */
export function showProgress(name: string): (part: number) => void {
  let shown = 0;
  if (!process.stderr.isTTY) {
    return (part) => {
      if (Math.floor(part * 10) > shown) console.error(`${name}: ${Math.round(part * 100)} %`);
      shown = Math.floor(part * 10);
    };
  }
  const bar = progress({ max: 100, output: process.stderr });
  bar.start(name);
  return (part) => {
    const percent = Math.floor(part * 100);
    bar.advance(percent - shown, `${name}: ${percent} %`);
    shown = percent;
    if (part >= 1) bar.stop(`${name}: done`);
  };
}
