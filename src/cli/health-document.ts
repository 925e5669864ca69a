import { name as ourName } from "../../package.json";
import { escapeUnseen, isObject, parseJson } from "../util/json.ts";
import { systemCode } from "./run-program.ts";

/** The function's response to a GET. */
export interface HealthDocument {
  readonly version: string;
  /** The build of that version; null for a function older than build marks. */
  readonly build: string | null;
  /** Undefined if the document does not contain it. */
  readonly configured: boolean | undefined;
  /** The errors in its configuration, one line each. */
  readonly problems: readonly string[];
  /** The function's `SubscriptionState`; null if the document does not contain it. */
  readonly subscribed: string | null;
  /** The account of its credentials; null if it is not known. */
  readonly account: string | null;
  /** The reasons why it cannot audit launches although its configuration is valid, one line each. */
  readonly warnings: readonly string[];
}

/** The result of the request for the health document. */
export type HealthAnswer =
  | { readonly status: number; readonly document: HealthDocument }
  /** A response that is not the function's. */
  | { readonly status: number; readonly document: null }
  /** No response: the error code of the system or TLS, TIMED_OUT, or an error message where there is no code. */
  | { readonly failed: string };

/** The `failed` of a request that timed out. */
export const TIMED_OUT = "TimeoutError";

/** Requests the function's health document. Waits at most `timeoutMs` milliseconds. Follows no redirects. Never throws. */
export async function askHealth(url: string, timeoutMs: number): Promise<HealthAnswer> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(timeoutMs), redirect: "manual" });
    return { status: response.status, document: read(await response.text()) };
  } catch (error) {
    return { failed: causeOf(error) };
  }
}

/** Describes a response that is not the function's, to follow a verb: "responds with …". */
export function notOurs(status: number): string {
  return `${status}, but without the health document of ${ourName}`;
}

function read(text: string): HealthDocument | null {
  const document = parseJson(text);
  if (!isObject(document) || document.name !== ourName) return null;
  const { version, build, configured, problems, subscribed, account, warnings } = document;
  // Any server may respond, so the text is escaped: it must not break the line or control the terminal.
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

/** The reason why fetch failed is in the error's cause; for several addresses, in the first of its causes. */
function causeOf(error: unknown): string {
  if (!(error instanceof Error)) return "an unknown error";
  if (error.name === TIMED_OUT) return TIMED_OUT;
  const cause: unknown = error.cause instanceof AggregateError ? error.cause.errors[0] : error.cause;
  return systemCode(cause) ?? (cause instanceof Error ? cause.message : error.message);
}
