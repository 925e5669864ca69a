import { CliError } from "../cli.ts";
import { askHealth, notOurs, TIMED_OUT } from "../health-document.ts";
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
  const answer = await askHealth(url, TIMEOUT_MS);
  if ("failed" in answer) {
    const told = FOR_ALL[answer.failed];
    if (told !== undefined) throw new CliError(`${shown} is not subscribed: ${told}`, HINT);
    const why = answer.failed === TIMED_OUT ? `not within ${TIMEOUT_MS / 1_000} s` : answer.failed;
    return `${shown} does not answer this machine (${why}): SNS has to reach it.`;
  }
  if (answer.document !== null) return null;
  throw new CliError(`${shown} is not subscribed: it answers ${notOurs(answer.status)}`, HINT);
}

const HINT = "Is it the URL that ec2-audit deploy webtask printed, and is the function deployed? Then run setup again.";
