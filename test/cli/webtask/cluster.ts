import { randomUUID } from "node:crypto";
import { writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createRequire } from "node:module";
import { join } from "node:path";
import { isObject } from "../../../src/util/json.ts";
import { serveOnLoopback } from "../../support/loopback.ts";

/** A webtask on the cluster. */
export interface Webtask {
  readonly code: string;
  readonly secrets: Readonly<Record<string, string>>;
  readonly host: Server;
}

/** The functions of webtask-runtime that this file uses. */
interface Runtime {
  compile(code: string, options: object, done: (error: unknown, webtask: unknown) => void): void;
  createServer(webtask: unknown, options: object): Server;
}

/** wt-cli 11's two kinds of accounts: with an opaque token, and signed in by OpenID. */
export type Account = "opaque token" | "OpenID";

/** The parts of a webtask cluster's HTTP API that wt-cli 11 uses to create, show and remove webtasks, on loopback. */
export interface Cluster {
  readonly url: string;
  readonly container: string;
  /** The webtasks by name. */
  readonly webtasks: ReadonlyMap<string, Webtask>;
  /** How many times a webtask was created or replaced. */
  created(): number;
  /** Writes wt-cli's profile for an account into a home folder. The cluster refuses another token. */
  logIn(home: string, account?: Account, token?: string): void;
  close(): Promise<void>;
}

const CONTAINER = "wt-0123456789abcdef-0";

/** https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html */
const CALLER_IDENTITY = `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>
  <Account>123456789012</Account><Arn>arn:aws:iam::123456789012:user/function</Arn><UserId>AIDAEXAMPLE</UserId>
</GetCallerIdentityResult></GetCallerIdentityResponse>`;

const runtime: Runtime = createRequire(import.meta.url)("webtask-runtime");

/** Starts a cluster with one container. */
export async function startCluster(): Promise<Cluster> {
  const webtasks = new Map<string, Webtask>();
  const tokens: Record<Account, string> = { "opaque token": randomUUID(), OpenID: jwt({ sub: "operator" }) };
  let created = 0;
  let url = "";

  const put = async (name: string, code: unknown, secrets: unknown): Promise<Record<string, unknown>> => {
    if (typeof code !== "string") throw new Error("the request has no code");
    const given = isObject(secrets) ? (secrets as Webtask["secrets"]) : {};
    // No test may call AWS itself, so the cluster responds to the function's GetCallerIdentity.
    webtasks.set(name, { code, secrets: given, host: await hostOf(code, { AWS_ENDPOINT_URL: url, ...given }) });
    created += 1;
    return { name, container: CONTAINER, token: jwt({ jtn: name, ten: CONTAINER }), webtask_url: urlOf(name) };
  };
  const urlOf = (name: string) => `${url}/api/run/${CONTAINER}/${name}`;
  const isKnown = ({ headers }: IncomingMessage) =>
    Object.values(tokens).some((token) => headers.authorization === `Bearer ${token}`);

  const respond = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const path = new URL(request.url ?? "", "http://cluster").pathname;
    if (path === "/") return void response.end(CALLER_IDENTITY);
    const running = /^\/api\/run\/([^/]+)\/([^/]+)$/.exec(path);
    if (running) {
      const webtask = running[1] === CONTAINER ? webtasks.get(running[2] ?? "") : undefined;
      return webtask ? void webtask.host.emit("request", request, response) : send(response, 404, { code: 404 });
    }
    if (!isKnown(request)) return send(response, 401, { code: 401, message: "Unauthorized" });
    if (request.method === "POST" && path === "/api/tokens/issue") {
      const claims = await bodyOf(request);
      if (claims.ten !== CONTAINER) return send(response, 403, { code: 403, message: "Forbidden" });
      const { token } = await put(String(claims.jtn), claims.code, claims.ectx);
      response.writeHead(200, { "Content-Type": "text/plain", Location: urlOf(String(claims.jtn)) });
      return void response.end(token);
    }
    const [, container, name] = /^\/api\/webtask\/([^/]+)\/([^/]+)$/.exec(path) ?? [];
    if (container !== CONTAINER || name === undefined) return send(response, 403, { code: 403, message: "Forbidden" });
    if (request.method === "PUT") {
      const { code, secrets } = await bodyOf(request);
      return send(response, 200, await put(name, code, secrets));
    }
    if (request.method === "DELETE") return send(response, webtasks.delete(name) ? 204 : 404, {});
    return send(response, 405, { code: 405 });
  };

  const server = createServer((request, response) => {
    respond(request, response).catch((error: unknown) => send(response, 400, { code: 400, message: String(error) }));
  });
  const served = await serveOnLoopback(server);
  url = served.url;

  return {
    ...served,
    container: CONTAINER,
    webtasks,
    created: () => created,
    logIn(home, account = "opaque token", token = tokens[account]) {
      const openid = { valid_until: new Date(Date.now() + 86_400_000).toISOString(), scopes: [], scope: "" };
      const profile = { url, token, container: CONTAINER, ...(account === "OpenID" && { openid }) };
      writeFileSync(join(home, ".webtask"), JSON.stringify({ default: profile }));
    },
  };
}

/** As on a cluster, code that throws when it is loaded responds to every request with 400. */
function hostOf(code: string, secrets: Webtask["secrets"]): Promise<Server> {
  const logger = { info: () => {}, warn: () => {}, error: () => {} };
  return new Promise((resolve) => {
    runtime.compile(code, { logger }, (error, webtask) => {
      if (!error) return resolve(runtime.createServer(webtask, { secrets, logger }));
      resolve(createServer((_, response) => send(response, 400, { code: 400, error: "Script returned an error." })));
    });
  });
}

async function bodyOf(request: IncomingMessage): Promise<Readonly<Record<string, unknown>>> {
  let text = "";
  for await (const chunk of request.setEncoding("utf8")) text += chunk;
  const body: unknown = JSON.parse(text);
  if (!isObject(body)) throw new Error("the body is not an object");
  return body;
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "Content-Type": "application/json" });
  response.end(status === 204 ? undefined : JSON.stringify(body));
}

/** wt-cli reads the claims, and does not verify the signature. */
function jwt(claims: Readonly<Record<string, unknown>>): string {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
  return `${part({ alg: "HS256", typ: "JWT" })}.${part(claims)}.${randomUUID().replaceAll("-", "")}`;
}
