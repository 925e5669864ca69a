/** The function under test, in this process, behind both of its faces; and what must hold of it whatever it is given. */
import { isDeepStrictEqual } from "node:util";
import { NodeHttpHandler } from "@smithy/node-http-handler";
import { KEYS } from "../../../src/config.ts";
import { fetchedCertificates } from "../../../src/sns/certificate.ts";
import { callFunctionUrl, callWebtask, type HttpResponse } from "../../support/hosts.ts";
import { contextWith } from "../../support/lambda.ts";
import { makeSigner, SIGNED_IN_CONFIRMATION, SIGNED_IN_NOTIFICATION } from "../../support/sns.ts";
import { fromSource } from "../../support/test-stack.ts";
import type { FuzzCase, World } from "./cases.ts";
import { answerAsAws, breaksTheRules } from "./stand-in-aws.ts";

const ACCOUNT = "123456789012";
const TOPIC = `arn:aws:sns:us-east-1:${ACCOUNT}:launches-of-zebra`;
const CERTIFICATE = /^https:\/\/sns\.us-east-1\.amazonaws\.com\/SimpleNotificationService-[0-9a-f]{32}\.pem$/;
const CERTIFICATE_URL =
  "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-f3ecfb7224c7233fe7bb5f59f96de52f.pem";

const SETTINGS = {
  AWS_REGION: "us-east-1",
  AWS_ACCESS_KEY_ID: "AKIAIOSFODNN7ZEBRA00",
  AWS_SECRET_ACCESS_KEY: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYzebra-key",
  AWS_SESSION_TOKEN: "IQoJb3JpZ2luX2VjEJr//////////zebra-session-token",
  AWS_ENDPOINT_URL: "http://endpoint-of-zebra.invalid",
  ALERT_TOPIC_ARN: `arn:aws:sns:us-east-1:${ACCOUNT}:alerts-of-zebra`,
  LAUNCH_TOPIC_ARN: TOPIC,
  REQUIRED_TAGS: "tag-of-zebra",
  AUDIT_ROLE_NAME: "role-of-zebra",
  GRACE_SECONDS: "45",
  LOG_LEVEL: "debug",
};
const SECRETS = [SETTINGS.AWS_SECRET_ACCESS_KEY, SETTINGS.AWS_SESSION_TOKEN, "assumed-secret", "assumed-token"];
/** What no answer to an unverified delivery may hold. */
const UNTOLD = [
  ...Object.values(SETTINGS).filter((value) => value.length > 5 && value !== "us-east-1"),
  "zebra",
  ...KEYS,
];

/** What came of a case: the kind of its outcome for the tally, and what was wrong; null for nothing. */
export interface Result {
  readonly outcome: string;
  readonly violation: string | null;
  readonly milliseconds: number;
}

export interface Target {
  readonly world: World;
  run(fuzzCase: FuzzCase): Promise<Result>;
  /** Gives the network back. */
  close(): void;
}

interface Call {
  readonly action: string;
  readonly parameters: URLSearchParams;
}

/** Makes the target. Its clock stands still: the same case has the same outcome. */
export async function createTarget(): Promise<Target> {
  const signer = await makeSigner();
  const now = Date.parse("2021-11-11T21:30:54Z");
  const calls: Call[] = [];
  const lines: string[] = [];
  const certificatesRequested: string[] = [];
  const secrets = [...SECRETS, ...signer.certificate.split(/\r?\n/).filter((line) => line.length > 40)];

  const { handle } = NodeHttpHandler.prototype;
  NodeHttpHandler.prototype.handle = async ({ body }) => {
    const parameters = new URLSearchParams(String(body));
    calls.push({ action: parameters.get("Action") ?? "", parameters });
    const xml = new TextEncoder().encode(answerAsAws(parameters, ["tag-of-zebra"]));
    return { response: { statusCode: 200, headers: {}, body: xml } } as never;
  };
  const audit = fromSource(SETTINGS, {
    now: () => now,
    pause: async () => {},
    write: (line) => lines.push(line),
    certificates: fetchedCertificates(
      async (url) => {
        certificatesRequested.push(url);
        if (url !== CERTIFICATE_URL) throw new Error("status 403");
        return signer.certificate;
      },
      () => now,
    ),
  });

  const send = (fuzzCase: FuzzCase & { kind: "http" }): Promise<HttpResponse> =>
    fuzzCase.face === "function URL" ? callFunctionUrl(audit, fuzzCase) : callWebtask(audit, {}, fuzzCase);

  const runHttp = async (fuzzCase: FuzzCase & { kind: "http" }): Promise<Omit<Result, "milliseconds">> => {
    const { status, body } = await send(fuzzCase);
    const told: unknown = JSON.parse(body);
    const { outcome } = told as { outcome: string };
    const tally = `${status} ${outcome}`;
    const verified = isVerified(fuzzCase);
    const refused = [400, 403, 405, 413].includes(status) || (status === 503 && /certificate could not/.test(body));
    const violation = (): string | null => {
      if ((refused || status === 500) && isGenuine(fuzzCase)) return `lost: ${status} ${body}`;
      if (!verified && !refused) return `accepted: ${status} ${body}`;
      if (!verified && calls.length > 0) return `asked AWS for ${calls.map(({ action }) => action).join()}`;
      const tells = verified ? [] : UNTOLD.filter((value) => body.includes(value));
      return tells.length > 0 ? `tells ${tells.join()}: ${body}` : null;
    };
    return { outcome: tally, violation: violation() };
  };

  const runLambda = async ({ event }: FuzzCase & { kind: "lambda" }): Promise<Omit<Result, "milliseconds">> => {
    try {
      const answer = await audit.handler(event, contextWith());
      const whole = "statusCode" in answer || "batchItemFailures" in answer || "outcomes" in answer;
      return { outcome: Object.keys(answer)[0] ?? "nothing", violation: whole ? null : "answered something else" };
    } catch (error) {
      const name = error instanceof Error ? error.name : "no error";
      return {
        outcome: `threw ${name}`,
        violation: name.startsWith("Audit_") ? null : `threw ${error instanceof Error ? error.stack : String(error)}`,
      };
    }
  };

  return {
    world: { signer, topic: TOPIC, certificateUrl: CERTIFICATE_URL, now },
    async run(fuzzCase) {
      calls.length = 0;
      lines.length = 0;
      certificatesRequested.length = 0;
      const startedAt = performance.now();
      try {
        const result = fuzzCase.kind === "http" ? await runHttp(fuzzCase) : await runLambda(fuzzCase);
        const violation =
          result.violation ?? wrongLine(lines, secrets) ?? wrongAlert(calls) ?? wrongFetch(certificatesRequested);
        return { outcome: result.outcome, violation, milliseconds: performance.now() - startedAt };
      } catch (error) {
        const violation = `threw ${error instanceof Error ? error.stack : String(error)}`;
        return { outcome: "threw", violation, milliseconds: performance.now() - startedAt };
      }
    },
    close() {
      NodeHttpHandler.prototype.handle = handle;
    },
  };
}

/** Whether what was sent is what SNS signed, value for value: then, and only then, it may be accepted. */
function isVerified({ method, headers, body, genuine }: FuzzCase & { kind: "http" }): boolean {
  if (method !== "POST" || headers["x-amz-sns-rawdelivery"] === "true") return false;
  let sent: unknown;
  try {
    sent = JSON.parse(body.toString());
  } catch {
    return false;
  }
  if (typeof sent !== "object" || sent === null || Array.isArray(sent)) return false;
  const fields = new Map<string, unknown>(Object.entries(sent));
  const names = genuine.Type === "Notification" ? SIGNED_IN_NOTIFICATION : SIGNED_IN_CONFIRMATION;
  return names.every((name) => (fields.get(name) ?? null) === (genuine[name] ?? null));
}

/** Whether what was sent is a delivery as SNS sends it, however its JSON is written: that must not be refused. */
function isGenuine({ class: done, body, genuine }: FuzzCase & { kind: "http" }): boolean {
  if (done !== "nothing" && done !== "text after signing") return false;
  return isDeepStrictEqual(JSON.parse(body.toString()), genuine);
}

/** What no line may contain, including a line break. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;

function wrongLine(lines: readonly string[], secrets: readonly string[]): string | null {
  for (const line of lines) {
    const secret = secrets.find((value) => line.includes(value.slice(0, 16)));
    if (secret !== undefined) return `logged a secret: ${line}`;
    if (typeof JSON.parse(line) !== "object") return `logged what is no JSON object: ${line}`;
    if (UNSEEN.test(line)) return `logged what cannot be seen: ${JSON.stringify(line)}`;
  }
  return null;
}

/** Only instances that break the rules may be alerted of. */
function wrongAlert(calls: readonly Call[]): string | null {
  for (const { action, parameters } of calls) {
    if (action !== "Publish") continue;
    const { findings } = JSON.parse(JSON.parse(parameters.get("Message") ?? "").default) as {
      findings: { instanceId: string }[];
    };
    const wrong = findings.filter(({ instanceId }) => !breaksTheRules(instanceId));
    if (wrong.length > 0 || findings.length === 0) return `alerted of ${JSON.stringify(wrong)}`;
  }
  return null;
}

function wrongFetch(urls: readonly string[]): string | null {
  const wrong = urls.filter((url) => !CERTIFICATE.test(url));
  return wrong.length > 0 ? `fetched ${wrong.join()}` : null;
}
