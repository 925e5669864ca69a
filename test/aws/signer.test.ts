import { createHash, createHmac } from "node:crypto";
import { HttpRequest } from "@smithy/core/protocols";
import { SignatureV4 } from "@smithy/signature-v4";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createSigner } from "../../src/aws/signer.ts";

/** The hash that the SDK's signer asks for. */
class Sha256 {
  readonly #hash;
  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    const key = typeof secret === "string" ? secret : secret && Buffer.from(secret as ArrayBuffer);
    this.#hash = key === undefined ? createHash("sha256") : createHmac("sha256", key);
  }
  update(data: Uint8Array): void {
    this.#hash.update(data);
  }
  async digest(): Promise<Uint8Array> {
    return this.#hash.digest();
  }
  reset(): void {}
}

const requestOf = (body: unknown, more: Partial<HttpRequest> = {}) =>
  new HttpRequest({
    method: "POST",
    hostname: "ec2.us-east-1.amazonaws.com",
    path: "/",
    headers: {
      "content-type": "application/x-www-form-urlencoded",
      host: "ec2.us-east-1.amazonaws.com",
      "content-length": "7",
      "amz-sdk-request": "attempt=1; max=2",
    },
    body,
    ...more,
  });

const credentials = fc.record(
  { accessKeyId: fc.string({ minLength: 1 }), secretAccessKey: fc.string(), sessionToken: fc.string({ minLength: 1 }) },
  { requiredKeys: ["accessKeyId", "secretAccessKey"] },
);
const days = fc.date({ min: new Date("2000-01-01"), max: new Date("2099-12-31"), noInvalidDate: true });

describe("the signer", () => {
  it("signs as the SDK's own signer, for any body, credentials, path and time", async () => {
    const body = fc.string({ unit: "binary" });
    const path = fc.constantFrom("/", "/emulator", "/a/b-c_d.e~f/", "/with%20space");
    await fc.assert(
      fc.asyncProperty(
        body,
        credentials,
        path,
        fc.array(days, { minLength: 1, maxLength: 3 }),
        async (text, own, at, dates) => {
          const signer = createSigner("ec2", "us-east-1", async () => own);
          const reference = new SignatureV4({
            service: "ec2",
            region: "us-east-1",
            credentials: own,
            sha256: Sha256,
            applyChecksum: false,
          });
          for (const signingDate of dates) {
            const ours = await signer.sign(requestOf(text, { path: at }), { signingDate });
            const theirs = await reference.sign(requestOf(text, { path: at }), {
              signingDate,
              unsignableHeaders: new Set(["content-length", "amz-sdk-request"]),
            });
            expect(ours.headers).toEqual(theirs.headers);
          }
        },
      ),
    );
  });

  it("signs the name of the action of AWS's JSON protocol too", async () => {
    const headers = { "content-type": "application/x-amz-json-1.0", host: "sqs.us-east-1.amazonaws.com" };
    const request = () => requestOf("{}", { headers: { ...headers, "x-amz-target": "AmazonSQS.SendMessage" } });
    const own = { accessKeyId: "AKIAIOSFODNN7EXAMPLE", secretAccessKey: "secret", sessionToken: "token" };
    const signingDate = new Date("2026-11-29T00:00:00Z");
    const ours = await createSigner("sqs", "us-east-1", async () => own).sign(request(), { signingDate });
    const theirs = await new SignatureV4({
      ...{ service: "sqs", region: "us-east-1", credentials: own, sha256: Sha256, applyChecksum: false },
    }).sign(request(), { signingDate });
    expect(ours.headers).toEqual(theirs.headers);
  });

  it("signs again with the credentials that there are then", async () => {
    let key = "first";
    const signer = createSigner("sns", "us-east-1", async () => ({ accessKeyId: key, secretAccessKey: key }));
    const signingDate = new Date("2026-11-29T00:00:00Z");
    const request = await signer.sign(requestOf("a"), { signingDate });
    key = "second";
    expect((await signer.sign(request, { signingDate })).headers.authorization).toContain("Credential=second/");
  });

  it.each([
    ["another method", requestOf("", { method: "GET" })],
    ["a query", requestOf("", { query: { Action: "DescribeTags" } })],
    ["bytes as its body", requestOf(new Uint8Array(1))],
  ])("refuses a request with %s", async (_, request) => {
    const signer = createSigner("ec2", "us-east-1", async () => ({ accessKeyId: "a", secretAccessKey: "b" }));
    await expect(signer.sign(request, { signingDate: new Date() })).rejects.toThrow("cannot be signed");
  });
});
