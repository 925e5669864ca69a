import { explain } from "../explain.ts";

/** The groups of checks, in the order of the output. */
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
 * warning: works, but should be changed. wrong: launches or alerts are lost, late or duplicated. unknown: could not be
 * checked. skipped: nothing to check.
 */
export type State = "ok" | "warning" | "wrong" | "unknown" | "skipped";

/** The message of a check that needs a valid configuration. */
export const INVALID_CONFIGURATION = "the configuration is not valid";

/** One check and its result. */
export interface Check {
  readonly group: Group;
  readonly name: string;
  readonly state: State;
  /** The finding, without a full stop. Contains no secret. */
  readonly message: string;
  /** How to fix it, in one or more lines. */
  readonly fix?: string;
}

/** Creates the checks of one group. */
export interface Reporter {
  ok(name: string, message: string): Check;
  skipped(name: string, message: string): Check;
  warning(name: string, message: string, fix: string): Check;
  wrong(name: string, message: string, fix: string): Check;
  unknown(name: string, message: string, fix: string): Check;
  /** Returns the checks of `work`, or one unknown check with the reason when it throws. */
  attempt(name: string, work: () => Promise<Check | readonly Check[]>): Promise<readonly Check[]>;
}

/** Returns the reporter of a group. */
export function reporter(group: Group): Reporter {
  const make =
    (state: State) =>
    (name: string, message: string, fix?: string): Check => ({ group, name, state, message, ...(fix && { fix }) });
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

/** The result of the doctor. */
export interface Examination {
  readonly region: string;
  /** The operator's account; null if AWS did not return it. */
  readonly account: string | null;
  readonly checks: readonly Check[];
}

/** wrong: a check failed. unknown: the probe was requested, but could not be sent or followed. */
export type DoctorVerdict = "ok" | "wrong" | "unknown";

/**
 * Returns the verdict over all checks. A check that could not be made does not count as wrong. Only a probe that could not be
 * sent or followed makes the verdict unknown, because the operator requested its result.
 */
export function verdictOf(checks: readonly Check[]): DoctorVerdict {
  if (checks.some(({ state }) => state === "wrong")) return "wrong";
  return checks.some(({ group, state }) => group === "probe" && state !== "ok") ? "unknown" : "ok";
}
