import { explain } from "../explain.ts";

/** What is looked at together, in the order in which it is told. */
export const GROUPS = [
  "configuration",
  "credentials",
  "permissions",
  "topics and policies",
  "rules and targets",
  "subscription",
  "function",
  "grace",
  "probe",
] as const;
export type Group = (typeof GROUPS)[number];

/**
 * ok: as it should be. warning: it works, and had better be otherwise. wrong: launches or alerts are lost, late or doubled.
 * unknown: could not be checked. skipped: there is nothing to check.
 */
export type State = "ok" | "warning" | "wrong" | "unknown" | "skipped";

/** One thing that was looked at. */
export interface Check {
  readonly group: Group;
  readonly name: string;
  readonly state: State;
  /** What was found, as a sentence without its full stop. No secret is in it. */
  readonly message: string;
  /** What to do, in one line or several. */
  readonly mend?: string;
}

/** Makes the checks of one group. */
export interface Reporter {
  ok(name: string, message: string): Check;
  skipped(name: string, message: string): Check;
  warning(name: string, message: string, mend: string): Check;
  wrong(name: string, message: string, mend: string): Check;
  unknown(name: string, message: string, mend: string): Check;
  /** What `work` finds; that it could not be checked, and why, when it throws. */
  attempt(name: string, work: () => Promise<Check | readonly Check[]>): Promise<readonly Check[]>;
}

/** The checks of a group begin here. */
export function reporter(group: Group): Reporter {
  const make =
    (state: State) =>
    (name: string, message: string, mend?: string): Check => ({ group, name, state, message, ...(mend && { mend }) });
  return {
    ok: make("ok"),
    skipped: make("skipped"),
    warning: make("warning"),
    wrong: make("wrong"),
    unknown: make("unknown"),
    async attempt(name, work) {
      try {
        return [await work()].flat();
      } catch (error) {
        const { message, hint } = explain(error);
        return [make("unknown")(name, message, hint)];
      }
    },
  };
}

/** What was examined, and what was found. */
export interface Examination {
  readonly region: string;
  /** The operator's account; null where AWS did not report it. */
  readonly account: string | null;
  readonly checks: readonly Check[];
}

/** wrong: a check failed. unknown: the probe was requested, but could not be made or followed. */
export type Verdict = "ok" | "wrong" | "unknown";

/**
 * The verdict of a whole examination. A check that could not be made does not count as wrong. Only a probe that could not be
 * made or followed makes the verdict unknown, because the operator asked for its answer.
 */
export function verdictOf(checks: readonly Check[]): Verdict {
  if (checks.some(({ state }) => state === "wrong")) return "wrong";
  return checks.some(({ group, state }) => group === "probe" && state !== "ok") ? "unknown" : "ok";
}
