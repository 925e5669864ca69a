import { version as ourVersion } from "../../../package.json";
import { askHealth, type HealthDocument, notOurs } from "../health-document.ts";
import { shownUrl } from "../shown-url.ts";
import { type Check, reporter } from "./check.ts";

const { ok, skipped, unknown, warning, wrong } = reporter("function");

const TIMEOUT_MS = 10_000;

/**
 * The problem and its fix, by the error code of the system or TLS. SNS does not call an endpoint whose certificate it cannot
 * verify. https://docs.aws.amazon.com/sns/latest/dg/sns-http-https-endpoint-as-subscriber.html
 */
const CAUSES: readonly { readonly when: RegExp; readonly message: string; readonly fix: string }[] = [
  {
    when: /CERT_HAS_EXPIRED/,
    message: "its certificate has expired",
    fix: "Renew the certificate: SNS rejects it too.",
  },
  {
    when: /ALTNAME_INVALID/,
    message: "its certificate is for another host",
    fix: "Check the URL: SNS rejects the certificate too.",
  },
  {
    when: /SELF_SIGNED|UNABLE_TO_(?:VERIFY|GET)|CERT_/,
    message: "its certificate is not signed by a public authority",
    fix: "SNS calls only endpoints whose certificate chain ends at a public authority.",
  },
  {
    when: /ENOTFOUND|EAI_AGAIN/,
    message: "the host does not exist",
    fix: "Check the URL: ec2-audit deploy webtask prints it.",
  },
  {
    when: /ECONNREFUSED|ECONNRESET|EHOSTUNREACH|SOCKET|EPIPE/,
    message: "the connection failed",
    fix: "Check that this machine can reach the function. If it is not deployed: ec2-audit deploy webtask",
  },
  {
    when: /Timeout|ETIMEDOUT/,
    message: `it did not respond within ${TIMEOUT_MS / 1_000} s`,
    fix: "SNS waits 15 s. See the function's log: wt logs",
  },
];

/** Requests the function's health document and checks it. `flags` name the installation in the commands of the fixes. */
export async function checkHealth(url: string, flags: string): Promise<readonly Check[]> {
  const name = shownUrl(url);
  // fetch rejects such a URL, and its error contains the password.
  if (URL.canParse(url) && new URL(url).username !== "") {
    const message = "its URL contains a user and a password, which the doctor does not send";
    return [unknown(name, message, "Request its health document with a GET from another program.")];
  }
  const answer = await askHealth(url, TIMEOUT_MS);
  if ("failed" in answer) {
    const cause = CAUSES.find(({ when }) => when.test(answer.failed));
    return [wrong(name, cause?.message ?? `it does not respond: ${answer.failed}`, cause?.fix ?? "Check the URL.")];
  }
  const { status, document } = answer;
  if (document !== null) return judge(name, status, document, flags);
  return [wrong(name, `responds with ${notOurs(status)}`, "Check the URL: ec2-audit deploy webtask prints it.")];
}

function judge(name: string, status: number, document: HealthDocument, flags: string): readonly Check[] {
  const { version, build, configured, subscribed, problems, account, warnings } = document;
  const release =
    version === ourVersion
      ? ok("version", build === null ? ourVersion : `${ourVersion}, build ${build}`)
      : warning(
          "version",
          `the function has version ${version}, this command ${ourVersion}`,
          "ec2-audit deploy webtask",
        );
  if (configured !== true) {
    const messages = problems.length > 0 ? problems : [`it responds with ${status}`];
    return [ok(name, "responds"), release, ...messages.map((each) => wrong("configured", each, CORRECT_SETTINGS))];
  }
  return [
    ok(name, "responds"),
    release,
    ok("configured", "all settings are valid"),
    account === null
      ? skipped("account", "the function does not know the account of its credentials")
      : ok("account", `its credentials belong to ${account}`),
    ...warnings.map((each) => wrong("function warning", each, CORRECT_SETTINGS)),
    judgeSubscribed(subscribed, `ec2-audit setup${flags} --url ${name}`),
  ];
}

const CORRECT_SETTINGS = "Correct the settings, then: ec2-audit deploy webtask";

/** Checks the state of the subscription as the function reports it. A container that has just started may not know it yet. */
function judgeSubscribed(state: string | null, subscribe: string): Check {
  const name = "subscribed";
  if (state === "confirmed") return ok(name, state);
  if (state === "not configured") {
    return skipped(name, "FUNCTION_URL is not set, and SNS has not called the function yet");
  }
  if (state?.startsWith("failed: ")) {
    const fix =
      "Check that the launch topic exists and that the function's user may call sns:Subscribe on it. See its log: wt logs";
    return wrong(name, state, fix);
  }
  if (state === "unsubscribed") return wrong(name, "SNS reported that the function was unsubscribed", subscribe);
  return warning(name, state ?? "not reported", "Check again in a minute. See its log: wt logs");
}
