import type { Cli } from "../cli.ts";
import { askHealth, notOurs, TIMED_OUT } from "../health-document.ts";
import type { Bundle } from "./bundle.ts";

/** The health of a deployed function. */
export type Health =
  | { readonly state: "good"; readonly subscribed: string | null; readonly warnings: readonly string[] }
  /** It runs, but its secrets are not valid. */
  | { readonly state: "misconfigured"; readonly problems: readonly string[] }
  | { readonly state: "bad"; readonly reason: string }
  /** This machine cannot reach the function's host, which says nothing about the function. */
  | { readonly state: "unknown"; readonly reason: string };

const TRIES = 5;
const PAUSE_MS = 2_000;
/** The function responds within 12 s, also on its first run, which may subscribe it. */
const TIMEOUT_MS = 15_000;
/** The system's codes for a host that cannot be reached, for example without the proxy. */
const UNREACHABLE: readonly string[] = ["ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "EHOSTUNREACH", "ENETUNREACH"];

/**
 * Requests the function's health document until the health is good, at most five times, because a cluster may take a moment
 * to change to new code. Good health is status 200 from our function, with the deployed build and a valid configuration.
 * Health is unknown when no request reached the host.
 */
export async function readHealth(cli: Cli, url: string, bundle: Bundle): Promise<Health> {
  let health: Health | undefined;
  for (let attempt = 1; ; attempt += 1) {
    const now = await requestHealth(url, bundle);
    health = now.state === "unknown" ? (health ?? now) : now;
    if (health.state === "good" || attempt === TRIES) return health;
    await cli.pause(PAUSE_MS);
  }
}

async function requestHealth(url: string, { version, build }: Bundle): Promise<Health> {
  const answer = await askHealth(url, TIMEOUT_MS);
  if ("failed" in answer) {
    const { failed } = answer;
    if (UNREACHABLE.includes(failed)) return { state: "unknown", reason: failed };
    const why = failed === TIMED_OUT ? `within ${TIMEOUT_MS / 1_000} s` : failed;
    return { state: "bad", reason: `it did not respond (${why})` };
  }
  const { status, document } = answer;
  if (document === null) return { state: "bad", reason: `it responded with ${notOurs(status)}` };
  if (document.version !== version) {
    return { state: "bad", reason: `it runs version ${document.version}, but version ${version} was deployed` };
  }
  if (build !== null && document.build !== build) {
    const other = document.build === null ? "a build without a mark" : `build ${document.build}`;
    return { state: "bad", reason: `it runs ${other}, but build ${build} was deployed` };
  }
  if (document.configured === false) return { state: "misconfigured", problems: document.problems };
  if (status !== 200 || !document.configured) {
    return { state: "bad", reason: `it responded with ${status}, without "configured": true` };
  }
  return { state: "good", subscribed: document.subscribed, warnings: document.warnings };
}

/** Returns the problem of a function whose health is not good, as a predicate to follow its name; null for good health. */
export function complaint(health: Health): string | null {
  switch (health.state) {
    case "good":
      return null;
    case "misconfigured":
      return `is unhealthy: its configuration is not valid: ${health.problems.join("; ")}`;
    case "bad":
      return `is unhealthy: ${health.reason}`;
    case "unknown":
      return `cannot be reached from this machine (${health.reason}), so its health is unknown`;
  }
}

/** Returns the hint for a function that this machine cannot reach. */
export function unreachableHint(url: string): string {
  return `Check it from a machine that can reach it, or through the proxy: curl ${url}`;
}
