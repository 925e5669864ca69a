import { verify, X509Certificate } from "node:crypto";
import { type RequestOptions, request } from "node:https";
import { PublishCommand } from "@aws-sdk/client-sns";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  type CertificateBehaviour,
  type CertificateServer,
  startCertificateServer,
} from "../../src/local/aws/certificate-server.ts";
import { aws, clock, confirmed, newTopic, sns, useSns } from "./sns-over-http.ts";

useSns();

/** Returns whether a Notification is signed with the key of the certificate at its own URL. */
function holds(envelope: Record<string, string>): boolean {
  const keys = ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"].filter((key) => key in envelope);
  const text = keys.map((key) => `${key}\n${envelope[key]}\n`).join("");
  const { publicKey } = new X509Certificate(aws.certificateAt(envelope.SigningCertURL ?? "") ?? "");
  return verify("RSA-SHA1", Buffer.from(text), publicKey, Buffer.from(envelope.Signature ?? "", "base64"));
}

describe("Rotating the signing certificate", () => {
  it("signs with another key under another URL, and both certificates are available", async () => {
    const [url, certificate] = [aws.signingCertUrl("eu-west-1"), aws.signingCert];
    await aws.rotateSigningCertificate();
    const next = aws.signingCertUrl("eu-west-1");
    expect(next).toMatch(/^https:\/\/sns\.eu-west-1\.amazonaws\.com\/SimpleNotificationService-[0-9a-f]{32}\.pem$/);
    expect(next).not.toBe(url);
    expect(aws.signingCert).not.toBe(certificate);
    expect(aws.certificateAt(url)).toBe(certificate);
    expect(aws.certificateAt(new URL(next).pathname)).toBe(aws.signingCert);
    expect(aws.certificateAt(aws.signingCertUrl("cn-north-1"))).toBe(aws.signingCert);
    expect(aws.certificateAt(next.replace("sns.", "sns.evil."))).toBeUndefined();
    expect(aws.certificateAt("/SimpleNotificationService-0.pem")).toBeUndefined();
  });

  it("a retried message keeps its signature; the next message has the new one", async () => {
    const TopicArn = await newTopic();
    const subscriber = await confirmed(TopicArn, {}, 503, 200);
    await sns().send(new PublishCommand({ TopicArn, Message: "first" }));
    await aws.idle();
    const old = aws.signingCertUrl("eu-west-1");
    await aws.rotateSigningCertificate();
    await clock.advance(20_000);
    expect(subscriber.received).toHaveLength(3);
    expect(subscriber.last()).toMatchObject({ Message: "first", SigningCertURL: old });
    expect(holds(subscriber.last())).toBe(true);
    await sns().send(new PublishCommand({ TopicArn, Message: "second" }));
    await aws.idle();
    expect(subscriber.last()).toMatchObject({ SigningCertURL: aws.signingCertUrl("eu-west-1") });
    expect(holds(subscriber.last())).toBe(true);
    expect(holds({ ...subscriber.last(), SigningCertURL: old })).toBe(false);
  });
});

describe("The certificate server", () => {
  let server: CertificateServer;
  beforeEach(async () => {
    server = await startCertificateServer(aws, { clock });
  });
  afterEach(() => server.close());

  /** Fetches from the server as if the URL's host resolved to it. Returns the status and at most `limit` bytes of the body. */
  function get(url: string, limit = Number.POSITIVE_INFINITY, options: RequestOptions = {}) {
    const { hostname, pathname } = new URL(url);
    return new Promise<{ status: number | undefined; location: string | undefined; body: string }>(
      (resolve, reject) => {
        const asked = request(
          {
            host: "127.0.0.1",
            port: server.port,
            path: pathname,
            servername: hostname,
            headers: { host: hostname },
            ca: server.ca,
            ...options,
          },
          (response) => {
            let body = "";
            const end = () =>
              resolve({ status: response.statusCode, location: response.headers.location, body: body.slice(0, limit) });
            response.on("data", (chunk) => {
              body += chunk;
              if (body.length < limit) return;
              asked.destroy();
              end();
            });
            response.on("end", end);
            response.on("error", reject);
          },
        );
        asked.on("error", reject);
        asked.end();
      },
    );
  }

  it.each(["us-east-1", "us-gov-west-1", "cn-north-1"])(
    "serves every certificate at its path, as SNS's host in %s, and counts",
    async (region) => {
      const old = aws.signingCertUrl(region);
      await aws.rotateSigningCertificate();
      expect(await get(old)).toMatchObject({ status: 200, body: aws.certificateAt(old) });
      expect(await get(aws.signingCertUrl(region))).toMatchObject({ status: 200, body: aws.signingCert });
      const unknown = new URL("/SimpleNotificationService-00000000000000000000000000000000.pem", old);
      expect(await get(unknown.href)).toMatchObject({ status: 404 });
      expect(server.requests).toEqual(
        new Map([old, aws.signingCertUrl(region), unknown.href].map((url) => [new URL(url).pathname, 1])),
      );
    },
  );

  it("is trusted by its own authority only, and for no other host", async () => {
    const url = aws.signingCertUrl("us-east-1");
    await expect(get(url, undefined, { ca: [] })).rejects.toThrow();
    await expect(get(url.replace("sns.", "sqs."))).rejects.toThrow();
    expect(server.requests.size).toBe(0);
  });

  it.each<[CertificateBehaviour, object]>([
    ["error", { status: 500 }],
    ["html", { status: 200, body: expect.stringContaining("<html>") }],
    ["redirect", { status: 302, location: expect.stringMatching(/^https:/) }],
  ])("%s, so often as told, and then it serves again", async (behaviour, expected) => {
    const url = aws.signingCertUrl("us-east-1");
    server.behave(behaviour, { times: 2 });
    expect([await get(url), await get(url), await get(url)]).toMatchObject([expected, expected, { status: 200 }]);
    server.behave(behaviour);
    for (const _ of [1, 2, 3]) expect(await get(url)).toMatchObject(expected);
    server.behave("serve");
    expect(await get(url)).toMatchObject({ status: 200, body: aws.signingCert });
  });

  it("hangup drops the connection", async () => {
    server.behave("hangup");
    await expect(get(aws.signingCertUrl("us-east-1"))).rejects.toThrow(/socket hang up|ECONNRESET/);
  });

  it("huge sends data until the client disconnects", async () => {
    server.behave("huge", { times: 1 });
    const url = aws.signingCertUrl("us-east-1");
    expect((await get(url, 5_000_000)).body).toHaveLength(5_000_000);
    expect(await get(url)).toMatchObject({ status: 200, body: aws.signingCert });
  });

  it("slow responds when the time has passed, and not before", async () => {
    server.behave("slow", { ms: 5_000 });
    let body: string | undefined;
    const asked = get(aws.signingCertUrl("us-east-1")).then((answer) => {
      body = answer.body;
    });
    while (server.requests.size === 0) await clock.advance(0);
    await clock.advance(4_999);
    expect(body).toBeUndefined();
    await clock.advance(1);
    await asked;
    expect(body).toBe(aws.signingCert);
  });
});
