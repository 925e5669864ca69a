/**
 * The function under attack, on both of its HTTP hosts and as a Lambda handler, with an AWS on loopback and SNS's certificate
 * host over TLS on loopback. `https.get` only connects to another address: it still checks the host name.
 */
import { once } from "node:events";
import type https from "node:https";
import { createRequire, syncBuiltinESMExports } from "node:module";
import type { AddressInfo } from "node:net";
import { generate } from "selfsigned";
import { type Call, cannedResponse, startCannedAws } from "../support/canned-aws.ts";
import { type AuditFunction, callFunctionUrl, callWebtask, type HttpResponse, loadBuilt } from "../support/hosts.ts";
import { contextWith } from "../support/lambda.ts";
import { watchRequests } from "../support/test-stack.ts";
import type { Configuration, Keys } from "./configuration.ts";
import { CERTIFICATE_NUMBERS, type Delivery } from "./corpus/case.ts";

/** A host of the function that takes HTTP requests. */
export interface Host {
  readonly name: "webtask" | "function URL";
  send(delivery: Delivery, configuration: Configuration): Promise<HttpResponse>;
}

/** The function's effects besides its response. */
export interface Effects {
  /** The calls to AWS. */
  readonly calls: readonly Call[];
  /** The URLs of the certificates that it fetched. */
  readonly certificates: readonly string[];
  /** Every HTTP request of this process, by any client, as its method and host. */
  readonly requests: readonly string[];
  /** The lines that it logged. */
  readonly lines: readonly string[];
}

export interface Target {
  /** The URL of the AWS on loopback. */
  readonly endpoint: string;
  readonly hosts: readonly [webtask: Host, functionUrl: Host];
  /** Calls the Lambda handler with an event. */
  invoke(event: unknown, configuration: Configuration): Promise<unknown>;
  /** Returns the effects since the last call of this method. */
  effects(): Effects;
  close(): Promise<void>;
}

/** The options of a target. */
interface Parts {
  readonly keys: Keys;
  /** The regions of the certificate host. */
  readonly regions: readonly string[];
  /** The tags of a compliant instance. */
  readonly tagKeys: readonly string[];
  /** Returns the function. Default: loads the deployed file. */
  readonly load?: () => AuditFunction;
}

/** Starts a target. */
export async function startTarget({ keys, regions, tagKeys, load = loadBuilt }: Parts): Promise<Target> {
  const aws = await startCannedAws((call) => cannedResponse(call, tagKeys));
  const certificates = await startCertificateHost(keys, regions);
  const watch = watchRequests();
  const lines: string[] = [];
  const { write } = process.stdout;
  process.stdout.write = (text) => lines.push(String(text)) > 0;
  const audit = load();
  return {
    endpoint: aws.url,
    hosts: [
      { name: "webtask", send: (delivery, { settings }) => callWebtask(audit, settings, delivery) },
      {
        name: "function URL",
        send: (delivery, { settings }) => withEnvironment(settings, () => callFunctionUrl(audit, delivery)),
      },
    ],
    invoke: (event, { settings }) => withEnvironment(settings, () => audit.handler(event, contextWith())),
    effects: () => ({
      calls: aws.calls.splice(0),
      certificates: certificates.requested.splice(0),
      requests: watch.requests.splice(0),
      lines: lines.splice(0),
    }),
    async close() {
      process.stdout.write = write;
      watch.stop();
      await aws.close();
      await certificates.close();
    },
  };
}

/** Calls the function on Lambda with settings as its environment variables, which it reads at each call. */
async function withEnvironment<T>(settings: Configuration["settings"], call: () => Promise<T>): Promise<T> {
  Object.assign(process.env, settings);
  try {
    return await call();
  } finally {
    for (const key of Object.keys(settings)) delete process.env[key];
  }
}

/** Starts SNS's certificate host, with valid certificates and every kind of bad response. */
async function startCertificateHost(keys: Keys, regions: readonly string[]) {
  const client: typeof https = createRequire(import.meta.url)("node:https");
  const altNames = regions.map((region) => ({ type: 2 as const, value: `sns.${region}.amazonaws.com` }));
  const tls = await generate([{ name: "commonName", value: "sns" }], {
    algorithm: "sha256",
    extensions: [{ name: "subjectAltName", altNames }],
  });
  const requested: string[] = [];
  const pems: Readonly<Record<number, string>> = {
    [CERTIFICATE_NUMBERS.sns]: keys.sns.certificate,
    [CERTIFICATE_NUMBERS.expired]: keys.expired.certificate,
    [CERTIFICATE_NUMBERS.notYet]: keys.notYet.certificate,
    [CERTIFICATE_NUMBERS.elliptic]: keys.elliptic.certificate,
    [CERTIFICATE_NUMBERS.page]: "<!DOCTYPE html><html><body>Welcome &amp; log in</body></html>",
    [CERTIFICATE_NUMBERS.huge]: keys.other.certificate.padEnd(100_000, "\n"),
  };
  const server = client.createServer({ key: tls.private, cert: tls.cert }, (request, response) => {
    requested.push(`https://${request.headers.host}${request.url}`);
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
  const useGet = (replacement: unknown) => {
    Object.assign(client, { get: replacement });
    syncBuiltinESMExports();
  };
  useGet((url: string, options: https.RequestOptions, callback: Parameters<typeof get>[2]) => {
    const { hostname, pathname, search } = new URL(url);
    const address = { host: "127.0.0.1", port, path: pathname + search };
    const asHost = { servername: hostname, headers: { host: hostname }, ca: tls.cert };
    return get({ ...options, ...address, ...asHost }, callback);
  });
  return {
    requested,
    async close() {
      useGet(get);
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
