import { CliError } from "../cli-error.ts";
import { askHealth, notOurs, TIMED_OUT } from "../health-document.ts";
import { shownUrl } from "../shown-url.ts";

const TIMEOUT_MS = 10_000;

/** The reason why the URL did not respond, by the error code of the system or of TLS. */
const REASONS: Readonly<Record<string, string>> = {
  ENOTFOUND: "the host does not exist",
  ECONNREFUSED: "the connection was refused",
  CERT_HAS_EXPIRED: "its certificate has expired",
  ERR_TLS_CERT_ALTNAME_INVALID: "its certificate is for another host",
  [TIMED_OUT]: `it does not respond within ${TIMEOUT_MS / 1_000} s`,
};

/**
 * Requests the function's health document before its URL is subscribed. Returns the function's warnings, one line each.
 * Throws CliError when the URL does not respond, the response is not the function's, or the function is not configured and
 * so could not confirm the subscription.
 */
export async function checkFunctionAt(url: string): Promise<readonly string[]> {
  const refused = (why: string, hint: string) => new CliError(`${shownUrl(url)} is not subscribed: ${why}`, hint);
  const response = await askHealth(url, TIMEOUT_MS);
  if ("failed" in response) throw refused(REASONS[response.failed] ?? `it does not respond (${response.failed})`, HINT);
  if (response.document === null) throw refused(`it returns ${notOurs(response.status)}`, HINT);
  const { configured, problems, warnings } = response.document;
  if (configured === false) {
    throw refused(
      "its configuration is invalid",
      [...problems, "Correct the configuration, deploy the function again, then run setup again."].join("\n"),
    );
  }
  return warnings;
}

const HINT = `Check that ec2-audit deploy webtask printed this URL and that the function is deployed. Then run setup again.
If SNS can reach the URL but this machine cannot (for example because of a proxy), add --skip-health-check:
setup then waits only for the function's confirmation.`;
