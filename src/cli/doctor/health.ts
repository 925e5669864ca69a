import { version as ourVersion } from "../../../package.json";
import { askHealth, type HealthDocument, notOurs } from "../health-document.ts";
import { shownUrl } from "../shown-url.ts";
import { type Check, reporter } from "./check.ts";

const { ok, skipped, unknown, warning, wrong } = reporter("function");

const TIMEOUT_MS = 10_000;

/** What is wrong when nothing answers, by the system's or TLS's code. SNS does not call an endpoint whose certificate it cannot
 * verify. https://docs.aws.amazon.com/sns/latest/dg/sns-http-https-endpoint-as-subscriber.html */
const CAUSES: readonly { readonly when: RegExp; readonly message: string; readonly mend: string }[] = [
  {
    when: /CERT_HAS_EXPIRED/,
    message: "its certificate has expired",
    mend: "Renew the certificate: SNS does not call it either.",
  },
  {
    when: /ALTNAME_INVALID/,
    message: "its certificate is for another host",
    mend: "Is the URL right? SNS does not call it either.",
  },
  {
    when: /SELF_SIGNED|UNABLE_TO_(?:VERIFY|GET)|CERT_/,
    message: "its certificate is not of a public authority",
    mend: "SNS calls only endpoints whose certificate a public authority has signed, with its chain.",
  },
  {
    when: /ENOTFOUND|EAI_AGAIN/,
    message: "there is no such host",
    mend: "Is the URL right? deploy webtask prints it.",
  },
  {
    when: /ECONNREFUSED|ECONNRESET|EHOSTUNREACH|SOCKET|EPIPE/,
    message: "nothing answers there",
    mend: "Is the function deployed, and may this machine reach it? ec2-audit deploy webtask",
  },
  {
    when: /Timeout|ETIMEDOUT/,
    message: `it did not answer within ${TIMEOUT_MS / 1_000} s`,
    mend: "SNS waits for 15 s. Look into its log: wt logs",
  },
];

/**
 * Asks the function for its health document, and says what is in it. `flags` say in the next command which installation it
 * is.
 */
export async function checkHealth(url: string, flags: string): Promise<readonly Check[]> {
  const name = shownUrl(url);
  // fetch refuses such a URL, and its error has the password in it.
  if (URL.canParse(url) && new URL(url).username !== "") {
    const told = "its URL has a user and a password, which are not sent from here";
    return [unknown(name, told, "Ask it for its health with a GET by another program.")];
  }
  const answer = await askHealth(url, TIMEOUT_MS);
  if ("failed" in answer) {
    const cause = CAUSES.find(({ when }) => when.test(answer.failed));
    return [wrong(name, cause?.message ?? `it does not answer: ${answer.failed}`, cause?.mend ?? "Is the URL right?")];
  }
  const { status, document } = answer;
  if (document !== null) return judge(name, status, document, flags);
  return [wrong(name, `answers ${notOurs(status)}`, "Is it the function's URL? After ec2-audit deploy webtask it is.")];
}

function judge(name: string, status: number, document: HealthDocument, flags: string): readonly Check[] {
  const { version, build, configured, subscribed, problems, account, warnings } = document;
  const release =
    version === ourVersion
      ? ok("version", build === null ? ourVersion : `${ourVersion}, build ${build}`)
      : warning("version", `it is ${version}, and this command ${ourVersion}`, "ec2-audit deploy webtask");
  if (configured !== true) {
    const told = problems.length > 0 ? problems : [`it answers ${status}`];
    const mend = "Put the settings right, and: ec2-audit deploy webtask";
    return [ok(name, "answers"), release, ...told.map((each) => wrong("configured", each, mend))];
  }
  return [
    ok(name, "answers"),
    release,
    ok("configured", "its whole configuration is valid"),
    account === null
      ? skipped("account", "it does not know the account of its keys")
      : ok("account", `its keys belong to ${account}`),
    ...warnings.map((each) => wrong("able to audit", each, "Correct the settings, and: ec2-audit deploy webtask")),
    judgeSubscribed(subscribed, `ec2-audit setup${flags} --url ${name}`),
  ];
}

/** What the function itself says of its subscription; a container that has just begun may not know yet. */
function judgeSubscribed(state: string | null, subscribe: string): Check {
  const name = "subscribed";
  const told = state ?? "it does not say";
  if (state === "confirmed") return ok(name, told);
  if (state === "not configured") return skipped(name, "it has no FUNCTION_URL, and has not been called yet");
  if (told.startsWith("failed")) {
    return wrong(
      name,
      told,
      "May its user do sns:Subscribe on the launch topic, and is the topic there? Its log says more: wt logs",
    );
  }
  if (state === "unsubscribed") return wrong(name, "SNS has told it that it was unsubscribed", subscribe);
  return warning(name, told, "Ask again in a minute; its log says more: wt logs");
}
