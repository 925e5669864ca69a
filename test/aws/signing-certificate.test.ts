import { X509Certificate } from "node:crypto";
import { generate } from "selfsigned";
import { describe, expect, it } from "vitest";
import { readCertificate } from "../../src/aws/signing-certificate.ts";
import { makeSigner, OTHER_SIGNER, SNS_SIGNER } from "../support/sns.ts";

describe("readCertificate", () => {
  it("returns the key and the validity period", () => {
    const { key, validFrom, validTo } = readCertificate(SNS_SIGNER.certificate);
    expect(key.export({ type: "spki", format: "pem" })).toBe(
      new X509Certificate(SNS_SIGNER.certificate).publicKey.export({ type: "spki", format: "pem" }),
    );
    expect(new Date(validFrom).toISOString()).toBe("2021-01-01T00:00:00.000Z");
    expect(new Date(validTo).toISOString()).toBe("2022-01-01T00:00:00.000Z");
  });

  it("throws for a key that is not RSA", async () => {
    const { certificate } = await makeSigner({ keyType: "ec" });
    expect(() => readCertificate(certificate)).toThrow("not RSA");
  });

  const certificateOf = async (keySize: number) =>
    (await generate([{ name: "commonName", value: "sns.amazonaws.com" }], { keySize, algorithm: "sha256" })).cert;

  it.each([1024, 2047])("throws for an RSA key of %i bits", async (keySize) => {
    const pem = await certificateOf(keySize);
    expect(() => readCertificate(pem)).toThrow("under 2048 bits");
  });

  it.each([2048, 3072])("accepts an RSA key of %i bits", async (keySize) => {
    const { key } = readCertificate(await certificateOf(keySize));
    expect(key.asymmetricKeyDetails?.modulusLength).toBe(keySize);
  });

  it("reads the first certificate of a chain, which is the signer's own", () => {
    const { key } = readCertificate(`${SNS_SIGNER.certificate}\n${OTHER_SIGNER.certificate}`);
    expect(key.equals(new X509Certificate(SNS_SIGNER.certificate).publicKey)).toBe(true);
  });

  it.each([
    ["nothing", ""],
    ["a web page", "<html><body>Not found</body></html>"],
    ["a private key", SNS_SIGNER.privateKey],
    ["half a certificate", SNS_SIGNER.certificate.slice(0, SNS_SIGNER.certificate.length / 2)],
  ])("throws for %s", (_, pem) => {
    expect(() => readCertificate(pem)).toThrow();
  });
});
