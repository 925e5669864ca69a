import { existsSync } from "node:fs";
import type { Server } from "node:http";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { type Served, serveOnLoopback } from "./loopback.ts";

/** The deployed file. `npm test` builds it before; a test run by hand has to be told. */
export const BUILT_FILE = fileURLToPath(new URL("../../dist/audit.js", import.meta.url));

const require = createRequire(import.meta.url);

/** What the deployed file exports. */
export type Built = ((context: unknown, request: unknown, response: unknown) => unknown) & {
  handler(event: unknown, context: { getRemainingTimeInMillis(): number }): Promise<unknown>;
};

/** Loads the deployed file as for the first time: a container that has just been started. */
export function loadBuilt(): Built {
  if (!existsSync(BUILT_FILE)) throw new Error("dist/audit.js is not there: npm run build");
  delete require.cache[BUILT_FILE];
  return require(BUILT_FILE);
}

/**
 * Serves a webtask with the public webtask-runtime on loopback; the URL ends with a slash. Takes the webtask or its source
 * text, and the secrets; the object is read again at each request, as a host does.
 */
export async function serve(
  webtaskOrCode: unknown,
  secrets: Readonly<Record<string, string>>,
  options: Readonly<Record<string, unknown>> = {},
): Promise<Served> {
  const server: Server = require("webtask-runtime").createServer(webtaskOrCode, { secrets, ...options });
  const { url, close } = await serveOnLoopback(server);
  return { url: `${url}/`, close };
}

/** An answer, taken in. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Readonly<Record<string, unknown>>;
}

/** Posts a body as SNS does. */
export async function post(url: string, body: string, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
  const response = await fetch(url, {
    method: "POST",
    headers: { "Content-Type": "text/plain; charset=UTF-8", ...headers },
    body,
  });
  return { status: response.status, headers: response.headers, body: (await response.json()) as Answer["body"] };
}
