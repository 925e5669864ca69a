import { name as ourName, version as ourVersion } from "../../../package.json";
import { isObject } from "../../json.ts";
import { shownUrl } from "../setup/plan.ts";
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

/** Asks the function for its health document, and says what is in it. `flags` say in the next command which installation it is. */
export async function checkHealth(url: string, flags: string): Promise<readonly Check[]> {
  const name = shownUrl(url);
  // fetch refuses such a URL, and its error has the password in it.
  if (URL.canParse(url) && new URL(url).username !== "") {
    const told = "its URL has a user and a password, which are not sent from here";
    return [unknown(name, told, "Ask it for its health with a GET by another program.")];
  }
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS), redirect: "manual" });
    return judge(name, response.status, await response.text(), flags);
  } catch (error) {
    const told = causeOf(error);
    const cause = CAUSES.find(({ when }) => when.test(told));
    return [wrong(name, cause?.message ?? `it does not answer: ${told}`, cause?.mend ?? "Is the URL right?")];
  }
}

function judge(name: string, status: number, text: string, flags: string): readonly Check[] {
  const document = parse(text);
  if (!isObject(document) || document.name !== ourName) {
    const told = `answers ${status}, and not with the health document of ${ourName}`;
    return [wrong(name, told, "Is it the function's URL? After ec2-audit deploy webtask it is.")];
  }
  const { version, configured, subscribed, problems } = document;
  const release =
    version === ourVersion
      ? ok("version", ourVersion)
      : warning("version", `it is ${String(version)}, and this command ${ourVersion}`, "ec2-audit deploy webtask");
  if (configured !== true) {
    const told = Array.isArray(problems) ? problems.map(problemText) : [`it answers ${status}`];
    const mend = "Put the settings right, and: ec2-audit deploy webtask";
    return [ok(name, "answers"), release, ...told.map((each) => wrong("configured", each, mend))];
  }
  return [
    ok(name, "answers"),
    release,
    ok("configured", "its whole configuration is valid"),
    judgeSubscribed(subscribed, `ec2-audit setup${flags} --url ${name}`),
  ];
}

/** What the function itself says of its subscription; a container that has just begun may not know yet. */
function judgeSubscribed(state: unknown, subscribe: string): Check {
  const name = "subscribes itself";
  const told = String(state);
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

function problemText(problem: unknown): string {
  return isObject(problem) ? `${String(problem.key)} ${String(problem.problem)}` : String(problem);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** fetch says no more than that it failed: the reason is its cause, and for several addresses the first of its causes. */
function causeOf(error: unknown): string {
  if (!(error instanceof Error)) return "an unknown error";
  const cause = error.cause instanceof AggregateError ? error.cause.errors[0] : error.cause;
  if (cause instanceof Error) return "code" in cause ? String(cause.code) : cause.message;
  return error.name === "TypeError" ? error.message : error.name;
}
