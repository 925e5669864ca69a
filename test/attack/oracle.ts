/** The oracle: decides whether the function responded to a delivery, or to a call of its handler, as it must. */

import { KEYS } from "../../src/config.ts";
import { DIGEST_SCHEMA } from "../../src/fleet/digest-document.ts";
import { type Call, isTagged } from "../support/canned-aws.ts";
import type { HttpResponse } from "../support/hosts.ts";
import type { Configuration, Keys } from "./configuration.ts";
import type { Effects } from "./target.ts";

/** The required response to a delivery. Any response is allowed to a signed delivery of an event that was changed. */
export type Expected =
  | { readonly kind: "refused"; readonly status?: number; readonly reason?: RegExp }
  | { readonly kind: "accepted" }
  | { readonly kind: "any" };

/** The configuration and the keys of the function that was attacked. */
export interface Attacked {
  readonly configuration: Configuration;
  readonly keys: Keys;
}

/** The statuses of a delivery that is not accepted, whatever AWS does. */
const REFUSALS: readonly number[] = [400, 403, 405, 413];

/** The only reason that a refused delivery is given. */
export const NOT_VERIFIED = "the delivery could not be verified";

/** Returns the problems of a response to a delivery, each as a sentence; none for a correct response. */
export function problemsOf(expected: Expected, response: HttpResponse, effects: Effects, attacked: Attacked): string[] {
  const { status, body } = response;
  const { outcome, reason }: { outcome: string; reason: string } = JSON.parse(body);
  // The canned AWS never fails, so a failure is that of the certificate.
  const refused = REFUSALS.includes(status) || (status === 503 && outcome === "failed");
  const problems = effectProblems(effects, attacked);
  if (expected.kind === "accepted" && (refused || status === 500)) problems.push(`lost: ${status} ${body}`);
  if (expected.kind !== "refused") return problems;

  if (expected.status === undefined ? !refused : status !== expected.status)
    problems.push(`responded ${status}, not ${expected.status ?? "a refusal"}: ${body}`);
  if (effects.calls.length > 0) problems.push(`called ${effects.calls.map(({ action }) => action).join()}`);
  if (effects.requests.length !== effects.certificates.length) problems.push(`requested ${effects.requests.join()}`);
  const text = JSON.stringify(response.headers) + body;
  const disclosed = [...attacked.configuration.values, ...KEYS].filter((value) => text.includes(value));
  if (disclosed.length > 0) problems.push(`disclosed ${disclosed.join()}: ${body}`);
  const wrongReason = expected.reason
    ? !expected.reason.test(reason)
    : expected.status === 403 && reason !== NOT_VERIFIED;
  if (wrongReason) problems.push(`gave the reason ${reason}`);
  return problems;
}

/** Returns the problems of what the function did beside responding, whatever it was given. */
export function effectProblems({ calls, certificates, lines }: Effects, attacked: Attacked): string[] {
  return [
    ...lines.flatMap((line) => lineProblems(line.replace(/\n$/, ""), secretsOf(attacked))),
    ...calls.flatMap(alertProblems),
    ...certificates
      .filter((url) => !CERTIFICATE_URL.test(url) || !url.includes(`.${attacked.configuration.region}.`))
      .map((url) => `fetched ${url}`),
  ];
}

const CERTIFICATE_URL = /^https:\/\/sns\.[a-z0-9-]+\.amazonaws\.com\/SimpleNotificationService-[0-9a-f]{32}\.pem$/;

function secretsOf({ configuration: { settings }, keys }: Attacked): (string | undefined)[] {
  const certificate = keys.sns.certificate.split(/\r?\n/).filter((line) => line.length > 40);
  const { AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN } = settings;
  return [AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, "assumed-secret", "assumed-token", ...certificate];
}

/** Line breaks and other characters that cannot be seen. */
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;

function lineProblems(line: string, secrets: readonly (string | undefined)[]): string[] {
  // Sixteen characters of a secret disclose it.
  if (secrets.some((secret) => secret !== undefined && line.includes(secret.slice(0, 16))))
    return [`logged a secret: ${line}`];
  if (INVISIBLE.test(line)) return [`logged invisible characters: ${JSON.stringify(line)}`];
  return typeof JSON.parse(line) === "object" ? [] : [`logged a line that is not a JSON object: ${line}`];
}

/** Only instances that violate the rules may be in an alert. */
function alertProblems({ action, parameters }: Call): string[] {
  if (action !== "Publish") return [];
  const message = JSON.parse(parameters.get("Message") ?? "");
  const { schema, findings }: { schema: string; findings: { instanceId: string }[] } = JSON.parse(message.default);
  // The digest of a sweep names no instance of an event.
  if (schema === DIGEST_SCHEMA) return [];
  const wrong = findings.filter(({ instanceId }) => isTagged(instanceId));
  return wrong.length > 0 || findings.length === 0 ? [`sent an alert about ${JSON.stringify(wrong)}`] : [];
}
