import { CliError } from "../cli-error.ts";
import { askHealth, notOurs, TIMED_OUT } from "../health-document.ts";
import { shownUrl } from "../shown-url.ts";

const TIMEOUT_MS = 10_000;

/** Why nothing answered, in words, by the code of the system or of TLS. */
const REASONS: Readonly<Record<string, string>> = {
  ENOTFOUND: "there is no such host",
  ECONNREFUSED: "nothing listens there",
  CERT_HAS_EXPIRED: "its certificate has expired",
  ERR_TLS_CERT_ALTNAME_INVALID: "its certificate is for another host",
  [TIMED_OUT]: `it does not answer within ${TIMEOUT_MS / 1_000} s`,
};

/**
 * Asks a URL for the function's health document before it is subscribed. Returns what keeps the function from auditing
 * launches although it can be called, a line each.
 * @throws CliError when nothing answers, something answers that is not the function, or the function is not configured: it
 * could not confirm the subscription
 */
export async function checkFunctionAt(url: string): Promise<readonly string[]> {
  const refused = (why: string, hint: string) => new CliError(`${shownUrl(url)} is not subscribed: ${why}`, hint);
  const response = await askHealth(url, TIMEOUT_MS);
  if ("failed" in response) throw refused(REASONS[response.failed] ?? `it does not answer (${response.failed})`, HINT);
  if (response.document === null) throw refused(`it answers ${notOurs(response.status)}`, HINT);
  const { configured, problems, warnings } = response.document;
  if (configured === false) {
    throw refused(
      "its configuration is not valid",
      [...problems, "Correct it, deploy it again, and run setup again."].join("\n"),
    );
  }
  return warnings;
}

const HINT = `Is it the URL that ec2-audit deploy webtask printed, and is the function deployed? Then run setup again.
If SNS can reach it and this machine cannot (a proxy in between), add --skip-health-check: setup then
waits for the function's confirmation, and nothing else.`;
