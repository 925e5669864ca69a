import { name as ourName } from "../../package.json";
import { escapeUnseen, isObject, parseJson } from "../util/json.ts";
import { systemCode } from "./run-program.ts";

/** What the function says of itself to a GET. */
export interface HealthDocument {
  readonly version: string;
  /** Which build of that version; null for a function from before builds were marked. */
  readonly build: string | null;
  /** Undefined where it does not say. */
  readonly configured: boolean | undefined;
  /** What is wrong with its configuration, a line each. */
  readonly problems: readonly string[];
  /** In a word of the function's; null where it does not say. */
  readonly subscribed: string | null;
  /** The account of its keys; null where it is not known. */
  readonly account: string | null;
  /** What keeps it from auditing launches, though its configuration is valid, a line each. */
  readonly warnings: readonly string[];
}

/** What came of asking for it. */
export type HealthAnswer =
  | { readonly status: number; readonly document: HealthDocument }
  /** Something answers there that is not the function. */
  | { readonly status: number; readonly document: null }
  /** Nothing answered: the system's or TLS's code, or TIMED_OUT, or another reason in words. */
  | { readonly failed: string };

/** The reason of an answer that did not come in time. */
export const TIMED_OUT = "TimeoutError";

/**
 * Asks for the function's health document at a URL. Waits for at most `timeoutMs` milliseconds, and follows no redirection.
 * Never throws.
 */
export async function askHealth(url: string, timeoutMs: number): Promise<HealthAnswer> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(timeoutMs), redirect: "manual" });
    return { status: response.status, document: read(await response.text()) };
  } catch (error) {
    return { failed: causeOf(error) };
  }
}

/** What answered is not the function. */
export function notOurs(status: number): string {
  return `${status}, and not with the health document of ${ourName}`;
}

function read(text: string): HealthDocument | null {
  const document = parseJson(text);
  if (!isObject(document) || document.name !== ourName) return null;
  const { version, build, configured, problems, subscribed, account, warnings } = document;
  // Anyone may answer there, so nothing that is shown may break the line or control the terminal.
  return {
    version: escapeUnseen(String(version)),
    build: typeof build === "string" ? escapeUnseen(build) : null,
    configured: typeof configured === "boolean" ? configured : undefined,
    problems: problemTexts(problems),
    subscribed: typeof subscribed === "string" ? escapeUnseen(subscribed) : null,
    account: typeof account === "string" ? escapeUnseen(account) : null,
    warnings: problemTexts(warnings),
  };
}

function problemTexts(problems: unknown): readonly string[] {
  return Array.isArray(problems) ? problems.map((problem: unknown) => escapeUnseen(problemText(problem))) : [];
}

function problemText(problem: unknown): string {
  return isObject(problem) ? `${String(problem.key)} ${String(problem.problem)}` : String(problem);
}

/** fetch says no more than that it failed: the reason is its cause, and for several addresses the first of its causes. */
function causeOf(error: unknown): string {
  if (!(error instanceof Error)) return "an unknown error";
  if (error.name === TIMED_OUT) return TIMED_OUT;
  const cause: unknown = error.cause instanceof AggregateError ? error.cause.errors[0] : error.cause;
  return systemCode(cause) ?? (cause instanceof Error ? cause.message : error.message);
}
