/** Runs a program of this folder: its exit code is what `main` answers, or 2, with the error's message, when it throws. */
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

/** Reads an option that is a whole number. Throws an Error that names the option and what it takes. */
export function wholeNumber(name: string, value: string): number {
  if (!/^\d{1,9}$/.test(value)) throw new Error(`--${name} is a whole number, from 0 to 999999999`);
  return Number(value);
}

/** Reads an option that is one of some words; all of them when it is not given. Throws an Error that names them. */
export function oneOf<T extends string>(name: string, words: readonly T[], value: string | undefined): readonly T[] {
  const chosen = words.filter((word) => value === undefined || word === value);
  if (chosen.length === 0) throw new Error(`--${name} is one of ${words.join(", ")}`);
  return chosen;
}
