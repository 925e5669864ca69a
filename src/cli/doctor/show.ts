import type { Colours } from "../terminal.ts";
import { type Check, GROUPS, type State } from "./check.ts";

/** Returns the checks as text: one line each, followed by its fix. */
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
      const lines = own.flatMap(({ name, state, message, fix = "" }) => [
        `  ${marks[state]} ${name}: ${message}`,
        ...(fix === "" ? [] : fix.split("\n").map((line) => colours.dim(`      ${line}`))),
      ]);
      return [colours.bold(group), ...lines].join("\n");
    });
  return [...texts, summaryOf(checks)].join("\n\n");
}

const WORDS: Readonly<Record<State, string>> = {
  wrong: "failed",
  warning: "with a warning",
  unknown: "could not be checked",
  ok: "ok",
  skipped: "skipped",
};

const STATES: readonly State[] = ["wrong", "warning", "unknown", "ok", "skipped"];

/** Returns the number of checks in each state. */
export function countsOf(checks: readonly Check[]): Readonly<Record<string, number>> {
  return Object.fromEntries(STATES.map((state) => [state, checks.filter((check) => check.state === state).length]));
}

function summaryOf(checks: readonly Check[]): string {
  const counts = countsOf(checks);
  const shown = STATES.filter((state) => state === "wrong" || counts[state] !== 0);
  return `${shown.map((state) => `${counts[state]} ${WORDS[state]}`).join(", ")}.`;
}
