import type { Cli } from "../cli.ts";
import { askHealth, notOurs, TIMED_OUT } from "../health-document.ts";
import type { Bundle } from "./bundle.ts";

/** What a deployed function answers about itself. */
export type Health =
  | { readonly state: "good"; readonly subscribed: string | null; readonly warnings: readonly string[] }
  /** It runs, and does not take its secrets. */
  | { readonly state: "misconfigured"; readonly problems: readonly string[] }
  | { readonly state: "bad"; readonly reason: string }
  /** Its host cannot be reached from here, which says nothing about the function. */
  | { readonly state: "unknown"; readonly reason: string };

const TRIES = 5;
const PAUSE_MS = 2_000;
/** The function itself answers within 12 s, also on its first run, which may subscribe it. */
const TIMEOUT_MS = 15_000;
/** What keeps us from a host before it could answer anything, such as a proxy that we are to go through. */
const OUT_OF_REACH: readonly string[] = ["ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "EHOSTUNREACH", "ENETUNREACH"];

/**
 * Asks the function at a URL for its health document until it is good, five times at most: a cluster may take a moment to
 * change to new code. Good is 200 from our function, in the build that was deployed, with its whole configuration. Unknown is
 * one whose host could not be reached at any time.
 */
export async function checkHealth(cli: Cli, url: string, bundle: Bundle): Promise<Health> {
  let health: Health | undefined;
  for (let attempt = 1; ; attempt += 1) {
    const now = await ask(url, bundle);
    health = now.state === "unknown" ? (health ?? now) : now;
    if (health.state === "good" || attempt === TRIES) return health;
    await cli.pause(PAUSE_MS);
  }
}

async function ask(url: string, { version, build }: Bundle): Promise<Health> {
  const answer = await askHealth(url, TIMEOUT_MS);
  if ("failed" in answer) {
    const { failed } = answer;
    if (OUT_OF_REACH.includes(failed)) return { state: "unknown", reason: failed };
    const why = failed === TIMED_OUT ? `within ${TIMEOUT_MS / 1_000} s` : failed;
    return { state: "bad", reason: `it did not answer (${why})` };
  }
  const { status, document } = answer;
  if (document === null) return { state: "bad", reason: `it answered ${notOurs(status)}` };
  if (document.version !== version) {
    return { state: "bad", reason: `it answers as version ${document.version}, and ${version} was deployed` };
  }
  if (build !== null && document.build !== build) {
    const other = document.build === null ? "a build without a mark" : `build ${document.build}`;
    return { state: "bad", reason: `it answers as ${other}, and build ${build} was deployed` };
  }
  if (document.configured === false) return { state: "misconfigured", problems: document.problems };
  if (status !== 200 || !document.configured) {
    return { state: "bad", reason: `it answered ${status}, and does not say that it is configured` };
  }
  return { state: "good", subscribed: document.subscribed, warnings: document.warnings };
}

/** What is to be said of a function that is not known to be well, to follow its name; null for one that is well. */
export function complaint(health: Health): string | null {
  switch (health.state) {
    case "good":
      return null;
    case "misconfigured":
      return `is not well: it does not take its secrets: ${health.problems.join("; ")}`;
    case "bad":
      return `is not well: ${health.reason}`;
    case "unknown":
      return `could not be asked for its health from here (${health.reason})`;
  }
}

/** How to ask a function for its health from another place than here. */
export function askElsewhere(url: string): string {
  return `Ask it from where it can be reached, or through the proxy: curl ${url}`;
}
