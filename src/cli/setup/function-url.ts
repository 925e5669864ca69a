import { name as ourName } from "../../../package.json";
import { isObject } from "../../json.ts";
import { CliError } from "../cli.ts";
import { systemCode } from "../run-program.ts";
import { shownUrl } from "./plan.ts";

const TIMEOUT_MS = 10_000;

/** What keeps SNS away too. Anything else, a proxy's own certificate among it, may be in this machine's way only. */
const FOR_ALL: Readonly<Record<string, string>> = {
  ENOTFOUND: "there is no such host",
  ECONNREFUSED: "nothing listens there",
  CERT_HAS_EXPIRED: "its certificate has expired",
  ERR_TLS_CERT_ALTNAME_INVALID: "its certificate is for another host",
};

/**
 * Asks a URL for the function's health document before SNS is told to call it. Answers null, or what to warn of: from here it
 * may be out of reach.
 * @throws CliError when there is no such host, nothing listens there, its certificate is no good, or something answers that
 * is not the function
 */
export async function checkFunctionAt(url: string): Promise<string | null> {
  const shown = shownUrl(url);
  let status: number;
  let text: string;
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS), redirect: "manual" });
    status = response.status;
    text = await response.text();
  } catch (error) {
    const why = whyOf(error);
    const told = FOR_ALL[why];
    if (told === undefined) return `${shown} does not answer this machine (${why}): SNS has to reach it.`;
    throw new CliError(`${shown} is not subscribed: ${told}`, HINT);
  }
  if (isOurs(text)) return null;
  throw new CliError(
    `${shown} is not subscribed: it answers ${status}, and not with the health document of ${ourName}`,
    HINT,
  );
}

const HINT = "Is it the URL that ec2-audit deploy webtask printed, and is the function deployed? Then run setup again.";

function isOurs(text: string): boolean {
  try {
    const document: unknown = JSON.parse(text);
    return isObject(document) && document.name === ourName;
  } catch {
    return false;
  }
}

/** fetch says no more than that it failed: the reason is its cause, and for several addresses the first of its causes. */
function whyOf(error: unknown): string {
  if (!(error instanceof Error)) return "an unknown error";
  if (error.name === "TimeoutError") return `not within ${TIMEOUT_MS / 1_000} s`;
  const cause: unknown = error.cause instanceof AggregateError ? error.cause.errors[0] : error.cause;
  return systemCode(cause) ?? (cause instanceof Error ? cause.message : error.message);
}
