import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { createSecureContext } from "node:tls";
import { type Clock, systemClock } from "./clock.ts";
import { createTlsAuthority } from "./tls-authority.ts";

/**
 * The response to a request for a certificate. serve: the certificate, or 404. error: 500. slow: as serve, but later.
 * hangup: the connection is dropped. html: 200 with the page of a proxy. huge: a body without an end, until the client
 * disconnects. redirect: 302 to another host.
 */
export type CertificateBehaviour = "serve" | "error" | "slow" | "hangup" | "html" | "huge" | "redirect";

/** The host of SNS's signing certificates. */
export interface CertificateServer {
  readonly port: number;
  /** PEM of the server's certificate authority, which a client must trust. */
  readonly ca: string;
  /** The number of requests by path. */
  readonly requests: ReadonlyMap<string, number>;
  /**
   * Sets its behaviour from now on; with `times`, for that number of requests, and then it serves again. `ms` is the delay of
   * `slow`, in ms of the clock; default 1,000.
   */
  behave(behaviour: CertificateBehaviour, options?: { times?: number; ms?: number }): void;
  /** Stops it, and drops its connections. */
  close(): Promise<void>;
}

const HOST = /^sns\.[a-z0-9-]+\.amazonaws\.com(\.cn)?$/;
const HTML = "<!DOCTYPE html><html><head><title>Proxy</title></head><body><h1>Please sign in</h1></body></html>";
const CHUNK = Buffer.alloc(65_536, "A");

/**
 * Starts an HTTPS server on 127.0.0.1. It is `sns.<region>.amazonaws.com` to a client that resolves that name to it and
 * trusts its authority: it has a TLS certificate for the name of every region, and serves the certificates of
 * `source` (the embedded AWS) at their paths.
 * @throws Error of node:net when the port is taken
 */
export async function startCertificateServer(
  source: { certificateAt(path: string): string | undefined },
  { port = 0, clock = systemClock() }: { port?: number; clock?: Clock } = {},
): Promise<CertificateServer> {
  const authority = await createTlsAuthority(Date.now());
  const requests = new Map<string, number>();
  let behaviour: CertificateBehaviour = "serve";
  let [left, lateMs] = [Number.POSITIVE_INFINITY, 1000];

  function next(): CertificateBehaviour {
    if (left <= 0) return "serve";
    left -= 1;
    return behaviour;
  }

  function respond(request: IncomingMessage, response: ServerResponse): void {
    const path = request.url ?? "/";
    requests.set(path, (requests.get(path) ?? 0) + 1);
    const certificate = source.certificateAt(path);
    const serve = () => {
      if (certificate === undefined) response.writeHead(404).end("not found");
      else response.writeHead(200, { "Content-Type": "application/x-pem-file" }).end(certificate);
    };
    const how = next();
    if (how === "serve") serve();
    else if (how === "slow") clock.after(lateMs, serve);
    else FAULTS[how](response);
  }

  const SNICallback = (
    name: string,
    done: (error: Error | null, context?: ReturnType<typeof createSecureContext>) => void,
  ) => {
    if (!HOST.test(name)) return done(new Error(`${name} is not a host of SNS`));
    authority.identityOf(name).then((identity) => done(null, createSecureContext(identity)), done);
  };
  const server = createServer({ SNICallback }, respond);
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });

  return {
    port: (server.address() as AddressInfo).port,
    ca: authority.ca,
    requests,
    behave: (wanted, { times = Number.POSITIVE_INFINITY, ms = 1000 } = {}) => {
      behaviour = wanted;
      [left, lateMs] = [times, ms];
    },
    close: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}

const FAULTS: Readonly<Record<Exclude<CertificateBehaviour, "serve" | "slow">, (response: ServerResponse) => void>> = {
  error: (response) => response.writeHead(500).end("Internal Server Error"),
  hangup: (response) => response.destroy(),
  html: (response) => response.writeHead(200, { "Content-Type": "text/html" }).end(HTML),
  redirect: (response) => response.writeHead(302, { Location: "https://sns.example.com/" }).end(),
  huge: (response) => {
    response.writeHead(200, { "Content-Type": "application/x-pem-file" });
    const fill = () => {
      while (!response.destroyed && response.write(CHUNK));
    };
    response.on("drain", fill);
    fill();
  },
};
