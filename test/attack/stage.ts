/**
 * The deployed file under attack: both of its faces, an AWS on loopback that counts, and SNS's certificate host over real
 * TLS on loopback. Only where `https.get` connects to is changed: the name is still checked against the certificate.
 */
import { once } from "node:events";
import { createServer } from "node:http";
import type https from "node:https";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { generate } from "selfsigned";
import { vi } from "vitest";
import { type AuditFunction, callFunctionUrl, callWebtask, type HttpResponse, loadBuilt } from "../support/hosts.ts";
import { watchRequests } from "../support/test-stack.ts";
import { CERTIFICATE_NUMBERS } from "./corpus/case.ts";
import { answerAsAws } from "./fuzz/stand-in-aws.ts";
import type { House, Keys } from "./house.ts";

/** A request of an attacker. */
export interface Attack {
  readonly method?: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Buffer;
}

/** One of the deployed file's faces. */
export interface Face {
  readonly face: string;
  send(attack: Attack, house: House): Promise<HttpResponse>;
}

export interface Stage {
  readonly endpoint: string;
  readonly faces: readonly Face[];
  /** The function itself, as Lambda calls it. */
  readonly handler: AuditFunction["handler"];
  /** The actions that AWS was asked for. */
  readonly awsCalls: string[];
  /** The certificates that were asked for. */
  readonly certificatesRequested: string[];
  /** The lines that the function has logged. */
  readonly lines: string[];
  /** Every request that this process has started, by any client. */
  readonly requests: readonly string[];
  close(): Promise<void>;
}

const nodeRequire = createRequire(import.meta.url);

/** Takes the keys, the regions whose certificate host is served, and the tag keys of a compliant instance. */
export async function openStage(keys: Keys, regions: readonly string[], tagKeys: readonly string[]): Promise<Stage> {
  const awsCalls: string[] = [];
  const aws = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const parameters = new URLSearchParams(Buffer.concat(chunks).toString());
    awsCalls.push(parameters.get("Action") ?? `${request.method} ${request.url}`);
    response.writeHead(200, { "Content-Type": "text/xml" }).end(answerAsAws(parameters, tagKeys));
  });
  aws.listen(0, "127.0.0.1");
  await once(aws, "listening");
  const certificates = await startCertificateHost(keys, regions);
  const watch = watchRequests();
  const lines: string[] = [];
  const write = vi.spyOn(process.stdout, "write").mockImplementation((text) => lines.push(String(text)) > 0);
  const built = loadBuilt();
  return {
    endpoint: `http://127.0.0.1:${(aws.address() as AddressInfo).port}`,
    faces: [webtaskOf(built), functionUrlOf(built)],
    handler: built.handler,
    awsCalls,
    certificatesRequested: certificates.asked,
    lines,
    requests: watch.requests,
    async close() {
      write.mockRestore();
      watch.stop();
      aws.closeAllConnections();
      aws.close();
      await certificates.close();
    },
  };
}

function webtaskOf(built: AuditFunction): Face {
  return {
    face: "webtask",
    send: (attack, { settings }) => callWebtask(built, settings, attack),
  };
}

function functionUrlOf(built: AuditFunction): Face {
  return {
    face: "function URL",
    async send(attack, { settings }) {
      // The function reads the environment anew at each call.
      Object.assign(process.env, settings);
      const response = await callFunctionUrl(built, attack);
      for (const key of Object.keys(settings)) delete process.env[key];
      return response;
    },
  };
}

/** SNS's host for certificates: the good ones, and every kind of bad answer. */
async function startCertificateHost(keys: Keys, regions: readonly string[]) {
  const client: typeof https = nodeRequire("node:https");
  const altNames = regions.map((region) => ({ type: 2 as const, value: `sns.${region}.amazonaws.com` }));
  const tls = await generate([{ name: "commonName", value: "sns" }], {
    algorithm: "sha256",
    extensions: [{ name: "subjectAltName", altNames }],
  });
  const asked: string[] = [];
  const pems: Readonly<Record<number, string>> = {
    [CERTIFICATE_NUMBERS.sns]: keys.sns.certificate,
    [CERTIFICATE_NUMBERS.expired]: keys.expired.certificate,
    [CERTIFICATE_NUMBERS.notYet]: keys.notYet.certificate,
    [CERTIFICATE_NUMBERS.elliptic]: keys.elliptic.certificate,
    [CERTIFICATE_NUMBERS.page]: "<!DOCTYPE html><html><body>Welcome &amp; log in</body></html>",
    [CERTIFICATE_NUMBERS.huge]: keys.other.certificate.padEnd(100_000, "\n"),
  };
  const server = client.createServer({ key: tls.private, cert: tls.cert }, (request, response) => {
    asked.push(`https://${request.headers.host}${request.url}`);
    const number = Number(/([0-9]+)\.pem$/.exec(request.url ?? "")?.[1]);
    const pem = pems[number];
    if (pem !== undefined) response.writeHead(200, { "Content-Type": "binary/octet-stream" }).end(pem);
    else if (number === CERTIFICATE_NUMBERS.redirect)
      response.writeHead(302, { Location: "/SimpleNotificationService-00000000000000000000000000000001.pem" }).end();
    else if (number === CERTIFICATE_NUMBERS.hangUp) request.socket.destroy();
    else response.writeHead(403, { "Content-Type": "application/xml" }).end("<Error><Code>AccessDenied</Code></Error>");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;

  const { get } = client;
  const redirected = (url: string, options: https.RequestOptions, answer: Parameters<typeof get>[2]) => {
    const { hostname, pathname, search } = new URL(url);
    const where = {
      host: "127.0.0.1",
      port,
      path: pathname + search,
      servername: hostname,
      headers: { host: hostname },
      ca: tls.cert,
    };
    return get({ ...options, ...where }, answer);
  };
  Object.assign(client, { get: redirected });
  return {
    asked,
    async close() {
      Object.assign(client, { get });
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
