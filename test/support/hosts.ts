/** The two hosts of the function in this process: a webtask in the public webtask-runtime, and Lambda. */
import { existsSync } from "node:fs";
import type { Server } from "node:http";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import type { WebtaskFunction } from "webtask-tools";
import type { LambdaContext, LambdaResult } from "../../src/adapters/lambda.ts";
import { contextWith, urlEvent } from "./lambda.ts";
import { type Served, serveOnLoopback } from "./loopback.ts";

const require = createRequire(import.meta.url);

/** The part of the public webtask-runtime that is used here; the package has no types of its own. */
interface WebtaskRuntime {
  simulate(task: unknown, options: Readonly<Record<string, unknown>>, done: (response: Simulated) => void): void;
  createServer(task: unknown, options: Readonly<Record<string, unknown>>): Server;
}

interface Simulated {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly payload: string;
}

export const runtime: WebtaskRuntime = require("webtask-runtime");

/** The deployed file. `npm test` builds it first; `npx vitest` does not. */
export const BUILT_FILE = fileURLToPath(new URL("../../dist/audit.js", import.meta.url));

/** The function as both hosts load it: a webtask that carries the Lambda handler. */
export type AuditFunction = WebtaskFunction & {
  handler(event: unknown, context: LambdaContext): Promise<LambdaResult>;
};

/** Loads the deployed file anew, as a cold container does. */
export function loadBuilt(): AuditFunction {
  if (!existsSync(BUILT_FILE)) throw new Error("dist/audit.js does not exist: npm run build");
  delete require.cache[BUILT_FILE];
  return require(BUILT_FILE);
}

export type Settings = Readonly<Record<string, string>>;

export interface HttpRequest {
  /** Default: POST. */
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

export interface HttpResponse {
  readonly status: number;
  /** With names in lower case, without the date that the HTTP server adds. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Sends a request to a webtask, without a socket. Takes its secrets. */
export function callWebtask(task: unknown, secrets: Settings, request: HttpRequest): Promise<HttpResponse> {
  const { method = "POST", headers = {}, body } = request;
  const simulation = { method, headers, secrets, parseBody: 0, ...(body !== undefined && { payload: body }) };
  return new Promise((resolve) => {
    runtime.simulate(task, simulation, ({ statusCode, headers: sent, payload }) => {
      resolve({ status: statusCode, headers: lowerCased(sent), body: payload });
    });
  });
}

/** Sends a request to the function URL of a Lambda function. Throws Error when the handler returns no HTTP response. */
export async function callFunctionUrl(
  { handler }: Pick<AuditFunction, "handler">,
  request: HttpRequest,
): Promise<HttpResponse> {
  const response = await handler(urlEvent(request), contextWith());
  if (!("statusCode" in response)) throw new Error("the handler returned no HTTP response");
  return { status: response.statusCode, headers: lowerCased(response.headers), body: response.body };
}

function lowerCased(headers: Readonly<Record<string, unknown>>): Record<string, string> {
  const entries = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), String(value)] as const);
  return Object.fromEntries(entries.filter(([name]) => name !== "date"));
}

/**
 * Serves a webtask on loopback; the URL ends with a slash. Takes the webtask or its source text, and the secrets; the
 * runtime reads the object again at each request, as a host does.
 */
export async function serve(
  webtaskOrCode: unknown,
  secrets: Settings,
  options: Readonly<Record<string, unknown>> = {},
): Promise<Served> {
  const { url, close } = await serveOnLoopback(runtime.createServer(webtaskOrCode, { secrets, ...options }));
  return { url: `${url}/`, close };
}

/** Posts a body as SNS does; returns the response with its JSON parsed. */
export async function post(url: string, body: string, headers: Readonly<Record<string, string>> = {}) {
  const response = await fetch(url, {
    method: "POST",
    headers: { "Content-Type": "text/plain; charset=UTF-8", ...headers },
    body,
  });
  const parsed = (await response.json()) as Readonly<Record<string, unknown>>;
  return { status: response.status, headers: response.headers, body: parsed };
}
