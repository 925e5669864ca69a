import type { Colours } from "../terminal.ts";
import { type Check, GROUPS, type State } from "./check.ts";

/** The checks for people: a line for each, and below it what to do. */
export function checksText(checks: readonly Check[], colours: Colours): string {
  const marks: Readonly<Record<State, string>> = {
    ok: colours.green("✓"),
    warning: colours.yellow("!"),
    unknown: colours.yellow("?"),
    wrong: colours.red("✗"),
    skipped: colours.dim("–"),
  };
  const groups = GROUPS.map((group) => ({ group, own: checks.filter((check) => check.group === group) }));
  const texts = groups
    .filter(({ own }) => own.length > 0)
    .map(({ group, own }) => {
      const lines = own.flatMap(({ name, state, message, mend = "" }) => [
        `  ${marks[state]} ${name}: ${message}`,
        ...(mend === "" ? [] : mend.split("\n").map((line) => colours.dim(`      ${line}`))),
      ]);
      return [colours.bold(group), ...lines].join("\n");
    });
  return [...texts, summaryOf(checks)].join("\n\n");
}

const WORDS: Readonly<Record<State, string>> = {
  wrong: "wrong",
  warning: "could be better",
  unknown: "could not be checked",
  ok: "as it should be",
  skipped: "left out",
};

const STATES: readonly State[] = ["wrong", "warning", "unknown", "ok", "skipped"];

/** How many checks have each state. */
export function countsOf(checks: readonly Check[]): Readonly<Record<string, number>> {
  return Object.fromEntries(STATES.map((state) => [state, checks.filter((check) => check.state === state).length]));
}

function summaryOf(checks: readonly Check[]): string {
  const counts = countsOf(checks);
  const told = STATES.filter((state) => state === "wrong" || counts[state] !== 0);
  return `${told.map((state) => `${counts[state]} ${WORDS[state]}`).join(", ")}.`;
}
