/**
 * Runs over real TLS on loopback. Only the calls of this file trust the server's certificate: `get` of node:https is the
 * original with a `ca` option, so no global and no environment variable is changed.
 */
import type { RequestListener } from "node:http";
import https from "node:https";
import type { AddressInfo } from "node:net";
import { generate } from "selfsigned";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { fetchText } from "../../src/sns/fetch-text.ts";

const trust = vi.hoisted(() => ({ ca: undefined as string | undefined }));

vi.mock("node:https", async (importOriginal) => {
  const original = await importOriginal<typeof import("node:https")>();
  const get: typeof original.get = (url: unknown, options: unknown, answer?: unknown) =>
    Reflect.apply(original.get, original, [url, { ...(options as object), ca: trust.ca }, answer]);
  return { ...original, get };
});

const certificate = await generate([{ name: "commonName", value: "localhost" }], {
  algorithm: "sha256",
  extensions: [{ name: "subjectAltName", altNames: [{ type: 2, value: "localhost" }] }],
});

/** The server's response to the next request. */
let respond: RequestListener = (_, response) => response.end();
const asked: string[] = [];
const server = https.createServer({ key: certificate.private, cert: certificate.cert }, (request, response) => {
  asked.push(`${request.method} ${request.url}`);
  respond(request, response);
});

let base: string;
beforeAll(async () => {
  trust.ca = certificate.cert;
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  base = `https://localhost:${(server.address() as AddressInfo).port}`;
});
afterEach(() => {
  trust.ca = certificate.cert;
  asked.length = 0;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const KIB = 1024;
const PEM = `-----BEGIN CERTIFICATE-----\n${"A".repeat(1_500)}\n-----END CERTIFICATE-----\n`;

function respondWith(status: number, body: string, headers: Record<string, string> = {}): void {
  respond = (_, response) => response.writeHead(status, headers).end(body);
}

describe("fetchText", () => {
  it("returns the body", async () => {
    respondWith(200, PEM);
    expect(await fetchText(`${base}/certificate.pem`)).toBe(PEM);
    expect(asked).toEqual(["GET /certificate.pem"]);
  });

  it("joins chunks, even in the middle of a character", async () => {
    const bytes = Buffer.from("certificat \u00e9 \ud83d\ude00");
    respond = (_, response) => {
      for (const byte of bytes) response.write(Buffer.of(byte));
      response.end();
    };
    expect(await fetchText(base)).toBe("certificat \u00e9 \ud83d\ude00");
  });

  it("can be called repeatedly", async () => {
    respondWith(200, PEM);
    for (let time = 0; time < 5; time += 1) expect(await fetchText(base)).toBe(PEM);
    expect(await Promise.all([fetchText(base), fetchText(base), fetchText(base)])).toEqual([PEM, PEM, PEM]);
  });

  it.each([201, 204, 304, 400, 403, 404, 500, 503])("throws for status %i, with or without a body", async (status) => {
    for (const body of ["", PEM]) {
      respondWith(status, status === 204 || status === 304 ? "" : body);
      await expect(fetchText(base, 1_000)).rejects.toThrow(`status ${status}`);
    }
  });

  it.each([301, 302, 303, 307, 308])("throws for a redirect with %i, and does not follow it", async (status) => {
    respondWith(status, "", { Location: `${base}/elsewhere` });
    await expect(fetchText(`${base}/here`, 1_000)).rejects.toThrow(`status ${status}`);
    expect(asked).toEqual(["GET /here"]);
  });

  it("accepts 16 KiB", async () => {
    respondWith(200, "x".repeat(16 * KIB));
    expect(await fetchText(base)).toHaveLength(16 * KIB);
  });

  it.each([
    ["a byte more", 16 * KIB + 1],
    ["a megabyte", 1024 * KIB],
  ])("throws for a body of %s", async (_, bytes) => {
    respondWith(200, "x".repeat(bytes));
    await expect(fetchText(base, 1_000)).rejects.toThrow("too large");
  });

  it("throws for an endless body, and stops reading", async () => {
    let closed: () => void = () => {};
    const hungUp = new Promise<void>((resolve) => {
      closed = resolve;
    });
    respond = (_, response) => {
      const more = () => response.write("x".repeat(KIB), () => response.destroyed || setImmediate(more));
      response.on("close", closed);
      more();
    };
    await expect(fetchText(base, 5_000)).rejects.toThrow("too large");
    await hungUp;
  });

  it("throws if no response arrives in time", async () => {
    respond = () => {};
    await expect(fetchText(base, 100)).rejects.toThrow(/timeout|abort/i);
  });

  it("throws if the response starts but does not end in time", async () => {
    respond = (_, response) => void response.writeHead(200).write("-----BEGIN");
    await expect(fetchText(base, 100)).rejects.toThrow(/timeout|abort/i);
  });

  it("throws if the server closes the connection before or during the response", async () => {
    respond = (request) => request.socket.destroy();
    await expect(fetchText(base, 1_000)).rejects.toThrow();
    respond = (_, response) => {
      response.writeHead(200, { "Content-Length": String(PEM.length) });
      response.write(PEM.slice(0, 100), () => response.destroy());
    };
    await expect(fetchText(base, 1_000)).rejects.toThrow();
  });

  it("throws for a certificate of an unknown authority", async () => {
    trust.ca = undefined;
    respondWith(200, PEM);
    await expect(fetchText(base, 1_000)).rejects.toThrow(/self-signed certificate/);
    expect(asked).toEqual([]);
  });

  it("throws for the certificate of another host", async () => {
    respondWith(200, PEM);
    await expect(fetchText(base.replace("localhost", "127.0.0.1"), 1_000)).rejects.toThrow(/altnames/);
    expect(asked).toEqual([]);
  });

  it.each(["http://localhost/", "file:///etc/passwd", "not a URL"])(
    "throws for %s, which is not https",
    async (url) => {
      await expect(fetchText(url, 1_000)).rejects.toThrow(/protocol|Invalid URL/i);
    },
  );
});
